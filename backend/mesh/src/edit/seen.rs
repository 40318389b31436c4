//! Access by what is seen: in a namespace, the calls that were measured are let in and no others. Each service
//! gets an ALLOW policy with its callers' service accounts and its ports, and the namespace one without a rule,
//! which lets nobody in besides. As a dry run first, all of them only count. Where access logs are read, methods
//! and paths count, too.

mod logged;
mod paths;

pub use logged::{By, Logged, Looked, Stays, logged, logs_of};
pub use paths::MOST as MOST_PATHS;

use super::access::{Policy, evidence, write};
use super::mtls::selector;
use crate::access::{measured, ports};
use crate::plan::Plan;
use crate::traffic::{Path, Protocol, Traffic};
use crate::{Mesh, Object, Ref, Service, Workload};
use istio::admit::{Action, Identity};
use istio::kinds::AUTHORIZATION_POLICY;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The policy of a service is called so behind the service's name.
const SEEN: &str = "-seen";
/// The policy of a namespace that lets nobody in besides.
const ONLY: &str = "only-seen";

/// How much it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// There are no such policies.
    #[default]
    Off,
    /// What is not seen is counted, and let in.
    DryRun,
    /// What is not seen is refused.
    Enforced,
}

/// Who may call one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allowed {
    /// The service; without one the workload.
    pub service: String,
    /// Labels of the pods that are called.
    pub labels: BTreeMap<String, String>,
    /// Rules of the policy, as they are written.
    pub rules: Vec<Value>,
}

/// The policies of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Whether they count.
    pub mode: Mode,
    /// One for each service that is called, by name.
    pub allowed: Vec<Allowed>,
}

/// What was seen in a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What would be let in.
    pub allowed: Vec<Allowed>,
    /// Callers that nobody can name, with whom they call and requests (or connections) per second: their calls
    /// would be refused.
    pub nobody: BTreeMap<(String, String), f64>,
    /// Workloads with a proxy that nobody was seen to call: nobody could.
    pub silent: Vec<String>,
}

impl Seen {
    /// What a namespace has.
    pub fn of(mesh: &Mesh, namespace: &str) -> Self {
        let of = mesh.objects().of_kind(&AUTHORIZATION_POLICY).filter(|(at, _)| *at.namespace == *namespace);
        let mut seen = Self::default();
        for (at, object) in of {
            if *at.name == *ONLY {
                seen.mode = if Policy::of(object).dry_run { Mode::DryRun } else { Mode::Enforced };
            } else if let Some(service) = at.name.strip_suffix(SEEN) {
                let (service, labels) = (service.to_owned(), labels(object));
                seen.allowed.push(Allowed { service, labels, rules: Policy::of(object).rules });
            }
        }
        seen.allowed.sort_by(|one, other| one.service.cmp(&other.service));
        seen
    }
}

fn labels(object: &Object) -> BTreeMap<String, String> {
    istio::object::strings(object.spec().pointer("/selector/matchLabels"))
}

/// What was seen to be called in a namespace, in the window and in the last hour.
pub fn found(mesh: &Mesh, traffic: &Traffic, namespace: &str) -> Found {
    let (calls, mut found) = measured_calls(mesh, traffic, namespace);
    found.allowed =
        calls.into_iter().filter_map(|(called, callers)| called.allowed(callers.rules())).collect();
    found
}

/// The callers of each that is called, and what is told besides.
fn measured_calls(mesh: &Mesh, traffic: &Traffic, namespace: &str) -> (BTreeMap<Called, Callers>, Found) {
    let mut calls: BTreeMap<Called, Callers> = BTreeMap::new();
    let mut found = Found::default();
    let now = traffic.flows.iter().filter(|(_, flow)| flow.carries());
    let now = now.map(|(path, flow)| (path, flow.rps(), flow.mutual_tls > 0.0, flow.plaintext > 0.0));
    let hour = traffic.hour.iter().flat_map(|hour| hour.iter());
    // Of the hour, nobody tells how much came in plain text and how much not.
    let hour = hour.map(|(path, usual)| (path, usual.rps, usual.rps > 0.0, usual.plaintext > 0.0));
    for (path, rps, encrypted, plain) in now.chain(hour) {
        let to = &path.destination;
        if *to.namespace != *namespace {
            continue;
        }
        let callee = mesh.workload(namespace, &to.workload).filter(|callee| has_proxy(callee));
        let Some(callee) = callee else { continue };
        let callers = calls.entry(Called::of(mesh, callee)).or_default();
        if callee.gateway {
            callers.everyone = true;
            continue;
        }
        if let (true, (Identity::Account { namespace, account }, domain)) =
            (encrypted || !plain, measured(mesh, path, callee, false))
        {
            let caller = callers.of.entry(format!("{domain}/ns/{namespace}/sa/{account}")).or_default();
            let ports = if path.protocol == Protocol::Tcp { &mut caller.tcp } else { &mut caller.http };
            ports.extend(asked(mesh, path, callee));
        } else {
            let from = path.source.workload.to_string();
            let rate = found.nobody.entry((from, callee.name.to_string())).or_default();
            *rate = rate.max(rps);
        }
    }
    let in_it = mesh.workloads().filter(|workload| *workload.namespace == *namespace && has_proxy(workload));
    found.silent = in_it
        .filter(|workload| !calls.contains_key(&Called::of(mesh, workload)))
        .map(|workload| workload.name.to_string())
        .collect();
    calls.retain(|_, callers| callers.everyone || !callers.of.is_empty());
    (calls, found)
}

fn has_proxy(workload: &Workload) -> bool {
    workload.pods.iter().any(|pod| pod.sidecar) || workload.gateway
}

/// What is called: all versions of a service, else a workload.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Called {
    service: String,
    labels: BTreeMap<String, String>,
}

impl Called {
    fn allowed(self, rules: Vec<Value>) -> Option<Allowed> {
        (!rules.is_empty()).then_some(Allowed { service: self.service, labels: self.labels, rules })
    }

    fn of(mesh: &Mesh, workload: &Workload) -> Self {
        let mut services = mesh.part(&workload.namespace).into_iter().flat_map(|part| part.services());
        let leads = |service: &&std::sync::Arc<Service>| {
            let mut behind = service.workloads.iter();
            !service.selector.is_empty() && behind.any(|at| at.name == workload.name)
        };
        match services.find(leads) {
            Some(service) => Self { service: service.name.to_string(), labels: service.selector.clone() },
            None => Self { service: workload.name.to_string(), labels: selector(mesh, workload) },
        }
    }
}

/// Who calls it.
#[derive(Default)]
struct Callers {
    /// It is a way in: who comes from outside has no identity of the mesh.
    everyone: bool,
    /// By principal.
    of: BTreeMap<String, Ports>,
    /// What logs say of them, where they were read.
    logged: Option<logged::Lines>,
}

/// The ports that somebody calls; none where they are not known.
#[derive(Default)]
struct Ports {
    http: BTreeSet<u32>,
    tcp: BTreeSet<u32>,
}

/// What of a rule's operations; everything where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Operation {
    ports: BTreeSet<u32>,
    methods: BTreeSet<String>,
    paths: BTreeSet<String>,
}

impl Operation {
    fn at(ports: BTreeSet<u32>) -> Self {
        Self { ports, ..Self::default() }
    }

    fn written(&self) -> Value {
        let mut operation = json!({});
        let ports = self.ports.iter().map(u32::to_string).collect();
        let methods = self.methods.iter().cloned().collect();
        let paths = self.paths.iter().cloned().collect();
        for (name, values) in [("ports", ports), ("methods", methods), ("paths", paths)] {
            let values: Vec<String> = values;
            if !values.is_empty() {
                operation[name] = json!(values);
            }
        }
        json!({ "operation": operation })
    }
}

impl Callers {
    /// By caller and port.
    fn rules(&self) -> Vec<Value> {
        self.rules_by(|_, ports| vec![ports.operation()])
    }

    /// The same, with more said of what each may do.
    fn rules_by(&self, may: impl Fn(&str, &Ports) -> Vec<Operation>) -> Vec<Value> {
        if self.everyone {
            return vec![json!({})];
        }
        let mut alike: BTreeMap<Vec<Operation>, Vec<&str>> = BTreeMap::new();
        for (principal, ports) in &self.of {
            alike.entry(may(principal, ports)).or_default().push(principal);
        }
        let rule = |(may, principals): (Vec<Operation>, Vec<&str>)| {
            let mut rule = json!({ "from": [{ "source": { "principals": principals } }] });
            if !may.contains(&Operation::default()) {
                rule["to"] = may.iter().map(Operation::written).collect();
            }
            rule
        };
        alike.into_iter().map(rule).collect()
    }
}

impl Ports {
    /// All of them.
    fn operation(&self) -> Operation {
        Operation::at(self.http.union(&self.tcp).copied().collect())
    }
}

/// The ports of a workload that such calls come to: metrics do not name them, so those of the service that
/// speak the protocol.
fn asked(mesh: &Mesh, path: &Path, callee: &Workload) -> Vec<u32> {
    let http = path.protocol != Protocol::Tcp;
    let speaks = |protocol: istio::Protocol| protocol == istio::Protocol::Auto || protocol.is_http() == http;
    match mesh.service(&path.service.namespace, &path.service.name) {
        Some(service) => {
            service.ports.iter().filter(|port| speaks(port.protocol)).map(|port| port.target).collect()
        }
        None => ports(mesh, callee).into_iter().filter(|(_, is)| *is == http).map(|(port, _)| port).collect(),
    }
}

/// Makes the policies of a namespace say this.
pub fn plan(plan: &mut Plan<'_>, namespace: &str, was: &Seen, wanted: &Seen) {
    if was == wanted {
        return;
    }
    let at = |name: &str| Ref::new(&AUTHORIZATION_POLICY, namespace, name);
    let off = wanted.mode == Mode::Off;
    let stays = |of: &Allowed| !off && wanted.allowed.iter().any(|other| other.service == of.service);
    for gone in was.allowed.iter().filter(|of| !stays(of)) {
        take_away(plan, &at(&format!("{}{SEEN}", gone.service)));
    }
    if off {
        if was.mode != Mode::Off {
            take_away(plan, &at(ONLY));
        }
        plan.title(format!("Namespace {namespace}: calls that were not seen are let in again"));
        return;
    }
    let dry_run = wanted.mode == Mode::DryRun;
    let policy = |rules: &[Value]| Policy { dry_run, rules: rules.to_vec(), ..Policy::new(Action::Allow) };
    for allowed in &wanted.allowed {
        put(plan, &at(&format!("{}{SEEN}", allowed.service)), Some(&allowed.labels), &policy(&allowed.rules));
    }
    // It comes last: until then nobody is refused who was seen.
    put(plan, &at(ONLY), None, &policy(&[]));
    let services = match wanted.allowed.len() {
        1 => "1 service".to_owned(),
        count => format!("{count} services"),
    };
    let dry = if dry_run { ", as a dry run" } else { "" };
    plan.title(format!("Namespace {namespace}: only calls that were seen are let in, to {services}{dry}"));
}

fn take_away(plan: &mut Plan<'_>, at: &Ref) {
    let was = plan.mesh().objects().get(at).cloned();
    plan.delete(at);
    evidence(plan, at, was.as_ref());
}

fn put(plan: &mut Plan<'_>, at: &Ref, chooses: Option<&BTreeMap<String, String>>, wanted: &Policy) {
    let there = plan.mesh().objects().get(at).cloned();
    match &there {
        Some(object) => {
            let was = Policy::of(object);
            let selects = chooses.is_some_and(|labels| *labels != self::labels(object));
            if was == *wanted && !selects {
                return;
            }
            write(plan, at, &was, wanted);
            if let Some(labels) = chooses.filter(|_| selects) {
                plan.object(at).set("spec/selector/matchLabels", json!(labels));
            }
        }
        None => {
            let mut spec = json!({ "action": wanted.action });
            if let Some(labels) = chooses {
                spec["selector"] = json!({ "matchLabels": labels });
            }
            if !wanted.rules.is_empty() {
                spec["rules"] = wanted.rules.clone().into();
            }
            if plan.create(&AUTHORIZATION_POLICY, &at.namespace, [&at.name, &at.name], spec).is_none() {
                return;
            }
            if wanted.dry_run {
                plan.object(at).set("metadata/annotations/istio.io~1dry-run", "true");
            }
        }
    }
    evidence(plan, at, there.as_ref());
}

#[cfg(test)]
mod tests;
