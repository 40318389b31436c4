//! Dark launch: who gets copies of a rule's calls. Istio has an old form for one (`mirror`) and a list
//! (`mirrors`); what is there is edited in the form that it has, and several are always a list.

use super::rules::speaks_http;
use crate::evidence::{Claim, Measure, Want, route};
use crate::plan::{HttpRule, Part, Plan, capital, host, percent};
use crate::{Mesh, Ref, Service};
use istio::fqdn;
use istio::views::{Destination, HttpRoute};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One who gets copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mirror {
    /// Host as it is written, or fully qualified.
    pub host: String,
    /// Subset; "" is any pod.
    pub subset: String,
    /// Port of the service, where it is named.
    pub port: Option<u32>,
    /// Of how many of the calls, in percent; left out means all.
    pub percent: Option<f64>,
}

impl Mirror {
    fn of(to: &Destination, percent: Option<f64>) -> Self {
        Self {
            host: to.host.clone(),
            subset: to.subset.clone().unwrap_or_default(),
            port: to.port.as_ref().map(|port| port.number),
            percent,
        }
    }

    /// "v2 of reviews", "ratings".
    pub fn words(&self) -> String {
        let name = self.host.split('.').next().unwrap_or_default();
        if self.subset.is_empty() { name.to_owned() } else { format!("{} of {name}", self.subset) }
    }

    /// Of how many calls, where nothing is said of it.
    pub fn share(&self) -> f64 {
        self.percent.unwrap_or(100.0)
    }

    fn says(&self, part: &mut Part<'_>, destination: &str, percentage: &str) {
        part.set(&format!("{destination}/host"), self.host.as_str());
        part.set(&format!("{destination}/subset"), Some(self.subset.clone()).filter(|name| !name.is_empty()));
        part.set(&format!("{destination}/port/number"), self.port);
        part.set(&format!("{percentage}/value"), self.percent);
    }

    fn json(&self) -> Value {
        let mut row = json!({ "destination": { "host": self.host } });
        if !self.subset.is_empty() {
            row["destination"]["subset"] = self.subset.as_str().into();
        }
        if let Some(port) = self.port {
            row["destination"]["port"] = json!({ "number": port });
        }
        if let Some(percent) = self.percent {
            row["percentage"] = json!({ "value": percent });
        }
        row
    }
}

/// Who gets copies of a rule's calls now.
pub fn of(http: &HttpRoute) -> Vec<Mirror> {
    let old = http.mirror_percent.map(f64::from);
    let share = http.mirror_percentage.as_ref().map(|percent| percent.value).or(old);
    let one = http.mirror.iter().map(|to| Mirror::of(to, share));
    let more = http
        .mirrors
        .iter()
        .map(|row| Mirror::of(&row.destination, row.percentage.as_ref().map(|percent| percent.value)));
    one.chain(more).collect()
}

/// Who could get copies: versions of the service first, then every other service that speaks HTTP.
pub fn candidates(mesh: &Mesh, service: &Service) -> Vec<Mirror> {
    let of = |service: &Service, subset: &str| Mirror {
        host: service.host.clone(),
        subset: subset.to_owned(),
        ..Mirror::default()
    };
    let own = service.subsets.iter().map(|subset| of(service, &subset.name));
    let others = mesh.services().filter(|other| other.host != service.host);
    let others = others.filter(|other| speaks_http(other)).map(|other| of(other, ""));
    own.chain(others).collect()
}

/// Sends copies of a rule's calls to these, and to nobody else.
pub fn plan(plan: &mut Plan<'_>, rule: &HttpRule, wanted: &[Mirror]) {
    let mesh = plan.mesh();
    let Some(service) = rule.service(mesh) else { return plan.gone() };
    let now = rule.view(mesh).map(of).unwrap_or_default();
    if *wanted == *now {
        return;
    }
    for (index, mirror) in wanted.iter().enumerate() {
        if wanted[..index].iter().any(|other| (&other.host, &other.subset) == (&mirror.host, &mirror.subset))
        {
            return plan.not_yet(format!("Nothing to push yet: {} gets copies twice", mirror.words()));
        }
    }
    let own: Vec<&str> = wanted
        .iter()
        .filter(|mirror| fqdn(&mirror.host, &service.namespace) == service.host)
        .map(|mirror| mirror.subset.as_str())
        .collect();
    plan.subsets(service, &own);
    let listed = rule.view(mesh).is_some_and(|http| !http.mirrors.is_empty());
    write(&mut plan.rule(rule), wanted, listed);
    for mirror in wanted.iter().filter(|mirror| mirror.share() == 0.0) {
        plan.warn(format!("{} gets no copies: 0 % of calls is nothing", mirror.words()));
    }
    evidence(plan, rule);
    let told = Measure::Untold("What callers get does not change: copies show where they arrive".to_owned());
    plan.measures(Some(told.clone()), Some(told));
    let said: Vec<String> =
        wanted.iter().map(|mirror| format!("{} to {}", percent(mirror.share()), mirror.words())).collect();
    let (calls, name) = (rule.words(mesh), &service.name);
    plan.title(if said.is_empty() {
        format!("{} to {name} are copied to nobody", capital(&calls))
    } else {
        format!("Of {calls} to {name} copies go: {}", said.join(", "))
    });
}

fn write(part: &mut Part<'_>, wanted: &[Mirror], listed: bool) {
    match wanted {
        [only] if !listed => {
            part.remove("mirrorPercent").remove("mirror_percent");
            only.says(part, "mirror", "mirrorPercentage");
        }
        _ => {
            for old in ["mirror", "mirrorPercentage", "mirrorPercent", "mirror_percent"] {
                part.set(old, Value::Null);
            }
            let there = part.get("mirrors").and_then(Value::as_array).map_or(0, Vec::len);
            for index in (wanted.len()..there).rev() {
                part.remove(&format!("mirrors/{index}"));
            }
            for (index, mirror) in wanted.iter().enumerate() {
                if index < there {
                    let row = format!("mirrors/{index}");
                    mirror.says(part, &format!("{row}/destination"), &format!("{row}/percentage"));
                } else {
                    part.push("mirrors", mirror.json());
                }
            }
        }
    }
}

/// Where proxies show who gets copies, and of how many calls.
fn evidence(plan: &mut Plan<'_>, rule: &HttpRule) {
    let Some((at, index)) = plan.place(rule) else { return };
    let side = |plan: &Plan<'_>, after: bool| {
        let view: Option<istio::views::VirtualService> =
            if after { plan.after(&at) } else { plan.before(&at) };
        match view.as_ref().and_then(|view| view.http.get(index)) {
            Some(http) => claims(plan.mesh(), &at, index, http),
            None => vec![route(&at, index)],
        }
    };
    let (now, was) = (side(plan, true), side(plan, false));
    plan.claims(now, was);
}

/// The same for a rule as it is given.
pub(super) fn claims(mesh: &Mesh, at: &Ref, index: usize, http: &HttpRoute) -> Vec<Claim> {
    let claim = route(at, index);
    let all = of(http).into_iter().filter(|mirror| mirror.share() > 0.0);
    let shown: Vec<Mirror> = all.collect();
    let list = "/route/request_mirror_policies";
    if shown.is_empty() {
        return vec![claim.at(list).absent()];
    }
    let clusters: Vec<Value> = shown.iter().map(|mirror| cluster(mesh, at, mirror)).collect();
    let mut claims = vec![claim.clone().at(list).is(clusters)];
    for (row, mirror) in shown.iter().enumerate() {
        let share = format!("{list}/{row}/runtime_fraction/default_value");
        claims.push(claim.clone().at(&share).wants(Want::Percent(mirror.share())));
    }
    claims
}

/// A mirror as Envoy shows it; its port only where the cluster's name can be known.
fn cluster(mesh: &Mesh, at: &Ref, mirror: &Mirror) -> Value {
    let name = fqdn(&mirror.host, &at.namespace);
    let service = mesh.services().find(|service| service.host == name);
    let only = service.and_then(|service| match service.ports.as_slice() {
        [only] => Some(only.number),
        _ => None,
    });
    match mirror.port.or(only) {
        Some(port) => json!({ "cluster": format!("outbound|{port}|{}|{name}", mirror.subset) }),
        None => json!({}),
    }
}

/// How a host is written in a service's own namespace.
pub fn written(mesh: &Mesh, mirror: &Mirror, namespace: &str) -> Mirror {
    let service = mesh.services().find(|service| service.host == mirror.host);
    let near = service.filter(|service| *service.namespace == *namespace && !service.external);
    Mirror { host: near.map_or(&*mirror.host, host).to_owned(), ..mirror.clone() }
}
