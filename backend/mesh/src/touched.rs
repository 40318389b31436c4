//! Whom a change concerns: the proxies that would take it, and who makes the calls that go through them, as
//! far as calls were measured in the last hour.

use crate::change::{Change, Step};
use crate::evidence::{Owner, Probe};
use crate::model::natural;
use crate::traffic::{Coverage, Path, Peer, Traffic};
use crate::{Mesh, Workload};
use istio::{Ref, fqdn, kinds};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Whom a change concerns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Touched {
    /// How many proxies would take it; `None` where nothing tells.
    pub proxies: Option<usize>,
    /// The calls that it concerns; `None` where nothing is known of them.
    pub calls: Option<Calls>,
}

/// Calls, by who makes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Calls {
    /// Who makes them, the most calls first.
    pub callers: Vec<Caller>,
    /// How many there are, per second.
    pub rps: f64,
    /// How many there are to the same services, from whomever.
    pub of: f64,
    /// When they were counted.
    pub over: Over,
}

/// One who calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// "productpage v1".
    pub name: String,
    /// Requests per second.
    pub rps: f64,
}

/// Over which time calls were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The last hour, as far as calls were counted in it.
    Hour,
    /// So many seconds, where nothing is known of the hour yet.
    Secs(u64),
}

/// A workload: namespace and name.
type Key<'a> = (&'a str, &'a str);

/// Which calls a change concerns.
#[derive(Default)]
struct Concerned<'a> {
    /// Calls to a host: from these workloads, or from whomever.
    to: BTreeMap<String, Option<BTreeSet<Key<'a>>>>,
    /// Calls that arrive at these workloads.
    at: BTreeSet<Key<'a>>,
    /// Calls that come in through these gateways, which are known by what the gateways ask for themselves.
    through: BTreeSet<Key<'a>>,
}

impl Touched {
    /// Whom a change concerns, in a mesh with this traffic.
    pub fn of(mesh: &Mesh, traffic: Option<&Traffic>, change: &Change) -> Self {
        let evidence = &change.evidence;
        let proxies: BTreeSet<&str> = evidence
            .probes
            .iter()
            .chain(&evidence.was)
            .flat_map(|probe| probe.proxies.iter())
            .map(|name| &**name)
            .collect();
        let concerned = Concerned::by(mesh, change);
        let known = traffic.filter(|traffic| traffic.coverage != Coverage::Nothing);
        Self {
            proxies: (!proxies.is_empty()).then_some(proxies.len()),
            calls: concerned.zip(known).map(|(concerned, traffic)| concerned.calls(traffic)),
        }
    }
}

impl<'a> Concerned<'a> {
    /// By what shows a change; by its objects where nothing does. `None` where neither tells.
    fn by(mesh: &'a Mesh, change: &Change) -> Option<Self> {
        let workloads: BTreeMap<String, &Workload> = mesh
            .workloads()
            .flat_map(|workload| workload.proxies().map(move |proxy| (proxy, workload)))
            .collect();
        let mut concerned = Self::default();
        for probe in change.evidence.probes.iter().chain(&change.evidence.was) {
            let of = probe.proxies.iter().filter_map(|proxy| workloads.get(proxy)).copied();
            concerned.take(mesh, change, probe, of.collect());
        }
        if concerned.is_nobody() {
            let hosts = change.steps.iter().flat_map(hosts);
            concerned.to = hosts.map(|host| (host, None)).collect();
        }
        (!concerned.is_nobody()).then_some(concerned)
    }

    fn is_nobody(&self) -> bool {
        self.to.is_empty() && self.at.is_empty() && self.through.is_empty()
    }

    fn take(&mut self, mesh: &Mesh, change: &Change, probe: &Probe, of: Vec<&'a Workload>) {
        let key = |workload: &'a Workload| (&*workload.namespace, &*workload.name);
        let hosts = match &probe.owner {
            Owner::Routes { of, .. } => routed(mesh, change, of),
            Owner::Backends { .. } | Owner::Streams(_) => change.steps.iter().flat_map(self::hosts).collect(),
            Owner::Clusters { host, .. }
            | Owner::Direct { host, .. }
            | Owner::Host { host }
            | Owner::Endpoints { host, .. } => vec![host.clone()],
            Owner::Inbound { .. }
            | Owner::Filters { .. }
            | Owner::Chain { .. }
            | Owner::VirtualHost { .. } => {
                let (gateways, others): (Vec<_>, Vec<_>) =
                    of.into_iter().partition(|workload| workload.gateway);
                self.through.extend(gateways.into_iter().map(key));
                self.at.extend(others.into_iter().map(key));
                return;
            }
        };
        for host in hosts {
            let from = self.to.entry(host).or_insert_with(|| Some(BTreeSet::new()));
            if let Some(from) = from {
                from.extend(of.iter().copied().map(key));
            }
        }
    }

    /// Whether calls of a path are meant, and whether they go where those go.
    fn has(&self, path: &Path) -> (bool, bool) {
        let key = |peer: &Peer| (peer.namespace.to_string(), peer.workload.to_string());
        let (source, destination) = (key(&path.source), key(&path.destination));
        let is =
            |set: &BTreeSet<Key<'_>>, key: &(String, String)| set.contains(&(key.0.as_str(), key.1.as_str()));
        let arrives = is(&self.at, &destination) || is(&self.through, &source);
        match self.to.get(&*path.service.host) {
            Some(None) => (true, true),
            Some(Some(from)) => (arrives || is(from, &source), true),
            None => (arrives, arrives),
        }
    }

    fn calls(&self, traffic: &Traffic) -> Calls {
        let hour = traffic.hour.as_ref().filter(|hour| !hour.is_empty());
        // What carries no requests (TCP) is known of the window only.
        let window = traffic.flows.iter().filter(|(_, flow)| flow.carries());
        let rates: BTreeMap<Path, f64> = match hour {
            Some(hour) => {
                let bytes = window.filter(|(_, flow)| flow.rps() == 0.0).map(|(path, _)| (path.clone(), 0.0));
                let usual = hour.iter().filter(|(_, usual)| usual.rps > 0.0);
                bytes.chain(usual.map(|(path, usual)| (path.clone(), usual.rps))).collect()
            }
            None => window.map(|(path, flow)| (path.clone(), flow.rps())).collect(),
        };
        let (mut callers, mut of): (BTreeMap<String, f64>, f64) = (BTreeMap::new(), 0.0);
        for (path, rps) in &rates {
            let (meant, there) = self.has(path);
            if there {
                of += rps;
            }
            if meant {
                *callers.entry(name(path)).or_default() += rps;
            }
        }
        let rps = callers.values().sum::<f64>() + 0.0;
        let mut callers: Vec<Caller> = callers.into_iter().map(|(name, rps)| Caller { name, rps }).collect();
        callers.sort_by(|one, other| {
            other.rps.total_cmp(&one.rps).then_with(|| natural(&one.name, &other.name))
        });
        let over = match (hour, traffic.coverage) {
            (Some(_), _) => Over::Hour,
            (None, Coverage::Warming { secs, .. }) => Over::Secs(secs),
            (None, _) => Over::Secs(traffic.window_secs),
        };
        Calls { callers, rps, of, over }
    }
}

/// Who makes the calls of a path.
fn name(path: &Path) -> String {
    let Path { source, .. } = path;
    let known = |word: &str| !matches!(word, "" | "unknown");
    match (&*source.app, &*source.version, &*source.workload) {
        (app, version, _) if known(app) && known(version) && version != "latest" => {
            format!("{app} {version}")
        }
        (app, ..) if known(app) => app.to_owned(),
        (.., workload) if known(workload) => workload.to_owned(),
        _ => "callers without a proxy".to_owned(),
    }
}

/// The hosts of a VirtualService and those that it leads to, as it is and as it will be.
fn routed(mesh: &Mesh, change: &Change, at: &Ref) -> Vec<String> {
    match change.steps.iter().find(|step| step.at == *at) {
        Some(step) => hosts(step).collect(),
        None => mesh.objects().get(at).map(|object| named(at, object.spec())).unwrap_or_default(),
    }
}

fn hosts(step: &Step) -> impl Iterator<Item = String> {
    let all: BTreeSet<String> =
        step.before.iter().chain(&step.after).flat_map(|object| named(&step.at, object.spec())).collect();
    all.into_iter()
}

/// The hosts that a spec names.
fn named(at: &Ref, spec: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(|host| fqdn(host, &at.namespace));
    let at_ref = |of: &Value| {
        let namespace = of["namespace"].as_str().unwrap_or(&at.namespace);
        of["name"].as_str().map(|name| fqdn(name, namespace))
    };
    match at.kind {
        kind if kind == &kinds::DESTINATION_RULE => text(&spec["host"]).into_iter().collect(),
        kind if kind == &kinds::VIRTUAL_SERVICE || kind == &kinds::SERVICE_ENTRY => {
            let routes = ["http", "tcp", "tls"]
                .into_iter()
                .flat_map(|part| spec[part].as_array().into_iter().flatten());
            let to = routes.flat_map(|rule| rule["route"].as_array().into_iter().flatten());
            let to = to.filter_map(|row| text(&row["destination"]["host"]));
            spec["hosts"].as_array().into_iter().flatten().filter_map(text).chain(to).collect()
        }
        kind if kind == &kinds::HTTP_ROUTE || kind == &kinds::GRPC_ROUTE => {
            // Of gateways' routes, what they lead to: calls are counted there.
            let backends = rows(spec, "rules").flat_map(|rule| rows(rule, "backendRefs"));
            rows(spec, "parentRefs")
                .filter(|of| of["kind"] == "Service")
                .chain(backends)
                .filter_map(at_ref)
                .collect()
        }
        _ => Vec::new(),
    }
}

fn rows<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    value[list].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::edit::{Mode, Scope, mtls, rules, split};
    use crate::split::Split;
    use crate::traffic::Usual;
    use serde_json::json;
    use std::sync::Arc;

    fn shares() -> Change {
        let mesh = demo::bookinfo();
        let rule = rules(&mesh, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().at;
        split(&mesh, &rule, &Split::new(["v1", "v2", "v3"].into_iter().zip([10, 10, 80])).unwrap()).unwrap()
    }

    fn told(traffic: Option<&Traffic>, change: &Change) -> String {
        let touched = Touched::of(&demo::bookinfo(), traffic, change);
        let Some(calls) = touched.calls else { return format!("not known; {:?} proxies", touched.proxies) };
        let names: Vec<String> =
            calls.callers.iter().map(|one| format!("{} {:.1}", one.name, one.rps)).collect();
        let share = format!("{:.1} of {:.1} rps {:?}", calls.rps, calls.of, calls.over);
        format!("{}: {share}; {:?} proxies", names.join(", "), touched.proxies)
    }

    #[test]
    fn a_rule_concerns_those_who_call() {
        let traffic = demo::bookinfo_traffic();
        assert_eq!(
            told(Some(&traffic), &shares()),
            "productpage v1 10.0: 10.0 of 10.0 rps Secs(60); Some(6) proxies"
        );
        assert_eq!(told(None, &shares()), "not known; Some(6) proxies");
        let none = Traffic { coverage: Coverage::Nothing, ..traffic };
        assert_eq!(told(Some(&none), &shares()), "not known; Some(6) proxies");
    }

    #[test]
    fn a_policy_concerns_those_who_call_what_it_guards() {
        let traffic = demo::bookinfo_traffic();
        let strict = mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap();
        let told = told(Some(&traffic), &strict);
        assert!(told.contains("productpage v1") && told.contains("reviews v2"), "{told}");
    }

    /// What was usual counts, also of callers that are silent just now.
    #[test]
    fn the_last_hour_counts_where_it_is_known() {
        let mut traffic = demo::bookinfo_traffic();
        let mut hour: BTreeMap<Path, Usual> = BTreeMap::new();
        for (path, flow) in &traffic.flows {
            hour.insert(path.clone(), Usual { rps: flow.rps() / 2.0, ..Usual::default() });
        }
        let mut silent = traffic.flows.keys().find(|path| &*path.service.name == "reviews").unwrap().clone();
        (silent.source.app, silent.source.version) = ("cart".into(), "v7".into());
        hour.insert(silent, Usual { rps: 1.0, ..Usual::default() });
        traffic.hour = Some(Arc::new(hour));
        assert_eq!(
            told(Some(&traffic), &shares()),
            "productpage v1 5.0, cart v7 1.0: 6.0 of 6.0 rps Hour; Some(6) proxies"
        );
    }

    /// Routes of the Gateway API concern who calls the service that they are for, or what they lead to.
    #[test]
    fn a_route_of_the_gateway_api_concerns_those_who_call() {
        let traffic = demo::bookinfo_traffic();
        let at = Ref::new(&kinds::HTTP_ROUTE, "bookinfo", "any");
        let of = |spec: Value| {
            let after = Some(json!({ "spec": spec }).into());
            let edit = crate::Edit::Create(Value::Null);
            let step = Step { at: at.clone(), api_version: String::new(), edit, before: None, after };
            told(Some(&traffic), &Change { steps: vec![step], ..Change::default() })
        };
        let callers = "productpage v1 10.0: 10.0 of 10.0 rps Secs(60); None proxies";
        assert_eq!(of(json!({ "parentRefs": [{ "kind": "Service", "name": "reviews" }] })), callers);
        let backends =
            json!([{ "backendRefs": [{ "name": "reviews", "namespace": "bookinfo", "port": 9080 }] }]);
        assert_eq!(of(json!({ "parentRefs": [{ "name": "door" }], "rules": backends })), callers);
    }

    /// Nothing of it shows in proxies: its hosts tell all the same whose calls these are.
    #[test]
    fn without_evidence_the_objects_tell() {
        let mut change = shares();
        change.evidence = crate::evidence::Evidence::default();
        let traffic = demo::bookinfo_traffic();
        assert_eq!(
            told(Some(&traffic), &change),
            "productpage v1 10.0: 10.0 of 10.0 rps Secs(60); None proxies"
        );
        let mut policy = mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap();
        policy.evidence = crate::evidence::Evidence::default();
        assert_eq!(told(Some(&traffic), &policy), "not known; None proxies");
    }
}
