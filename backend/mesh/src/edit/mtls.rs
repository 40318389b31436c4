//! Mutual TLS: what the inbound side of workloads asks for, for the mesh, a namespace, one workload or its ports;
//! and what callers send.

mod moved;
mod pairs;
pub mod sends;

use crate::change::Change;
use crate::plan::Plan;
use crate::{Mesh, Object, Ref, Workload};
pub use istio::mtls::Mode;
use istio::views::PeerAuthentication;
use istio::{Labels, Selects, kinds};
use moved::{called_at, moved, tell};
pub use pairs::{Heard, Pairs, Speak, pairs};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a policy is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All workloads.
    Mesh,
    /// All workloads of a namespace.
    Namespace(String),
    /// One workload: namespace and name.
    Workload(String, String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mesh => f.write_str("the mesh"),
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
            Self::Workload(_, name) => f.write_str(name),
        }
    }
}

/// What a scope says of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Says {
    /// Its mode; `None` leaves it to the wider scope.
    pub mode: Option<Mode>,
    /// Modes of single ports of a workload's pods, which do not follow it.
    pub ports: BTreeMap<u16, Mode>,
}

/// How mutual TLS stands for a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What the scope's own policy says.
    pub own: Says,
    /// The policy in force at exactly this scope.
    pub policy: Option<Ref>,
    /// What is in force: the own mode, else that of the wider scope.
    pub in_force: Mode,
    /// The policy that says so; `None` is Istio's default.
    pub by: Option<Ref>,
}

/// How mutual TLS stands for a scope; `None` when its workload is gone.
pub fn state(mesh: &Mesh, scope: &Scope) -> Option<State> {
    let policies = mesh.mtls_policies();
    let (found, (mode, by)) = match scope {
        Scope::Mesh => (policies.of_mesh(), policies.mode(mesh.root_namespace(), &Labels::new())),
        Scope::Namespace(namespace) => {
            (policies.of_namespace(namespace), policies.mode(namespace, &Labels::new()))
        }
        Scope::Workload(namespace, name) => {
            let workload = mesh.workload(namespace, name)?;
            (policies.of_workload(namespace, &workload.labels), policies.mode(namespace, &workload.labels))
        }
    };
    Some(State {
        own: found.map(|policy| says(policy.spec)).unwrap_or_default(),
        policy: found.map(|policy| policy.at.clone()),
        in_force: mode,
        by: by.map(|policy| policy.at.clone()),
    })
}

/// What a policy states. Only one that selects workloads can state something of ports.
fn says(policy: &PeerAuthentication) -> Says {
    let narrow = policy.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
    let stated = policy.port_level_mtls.iter().filter(|_| narrow);
    let ports = stated.filter_map(|(port, mtls)| Some((port.parse().ok()?, Mode::stated(Some(mtls))?)));
    Says { mode: Mode::stated(policy.mtls.as_ref()), ports: ports.collect() }
}

/// Ports of a scope that can have a mode of their own: those at which services call a workload, and those that
/// have one already.
pub fn ports(mesh: &Mesh, scope: &Scope) -> BTreeSet<u16> {
    let Scope::Workload(namespace, name) = scope else { return BTreeSet::new() };
    let Some(workload) = mesh.workload(namespace, name) else { return BTreeSet::new() };
    let said = state(mesh, scope).map(|now| now.own.ports).unwrap_or_default();
    let called = called_at(mesh, workload).into_iter().filter_map(|port| u16::try_from(port).ok());
    called.chain(said.into_keys()).collect()
}

/// The change that gives a scope this mode; `None` when it has it, or when its workload is gone.
pub fn mtls(mesh: &Mesh, scope: &Scope, wanted: Option<Mode>) -> Option<Change> {
    let mut made = Plan::new(mesh);
    plan(&mut made, scope, &Says { mode: wanted, ..state(mesh, scope)?.own });
    made.change().ok()?
}

/// Has a scope say this, or, when it says nothing, takes its own policy away so that the wider scope counts. The
/// policy that is in force at the scope is edited; where there is none, one is made.
pub fn plan(plan: &mut Plan<'_>, scope: &Scope, wanted: &Says) {
    let mesh = plan.mesh();
    let Some(now) = state(mesh, scope) else { return plan.gone() };
    // Ports are those of a workload's pods.
    let narrow = matches!(scope, Scope::Workload(..));
    let wanted = &if narrow { wanted.clone() } else { Says { mode: wanted.mode, ..Says::default() } };
    let policy = match &now.policy {
        _ if now.own == *wanted => return,
        Some(at) => {
            write(plan, at, &now.own, wanted);
            at.clone()
        }
        None => match fresh(plan, scope, wanted) {
            Some(at) => at,
            None => return plan.gone(),
        },
    };
    let Some((moved, in_force)) = moved(mesh, scope, &policy, plan.object_after(&policy)) else {
        return plan.gone();
    };
    let proxies: Vec<String> = moved.iter().flat_map(|group| group.proxies.iter().cloned()).collect();
    let object = mesh.objects().get(&policy).cloned().or_else(|| plan.object_after(&policy));
    shared(mesh, scope, &policy, object.as_ref()).into_iter().for_each(|told| plan.warn(told));
    broken(mesh, &proxies, in_force).into_iter().for_each(|told| plan.warn(told));
    if in_force == now.in_force && wanted.ports == now.own.ports {
        plan.warn(format!("{in_force} is in force there already: for callers nothing changes"));
    }
    plan.title(title(scope, &now, wanted, in_force));
    tell(plan, &moved);
}

fn title(scope: &Scope, now: &State, wanted: &Says, in_force: Mode) -> String {
    let becomes = |own: Option<Mode>, follows: Mode, was: Mode, whom: &str| match own {
        Some(mode) if mode == was => format!("stays {was}, which it now says itself"),
        None if follows == was => format!("stays {was}, as {whom} says"),
        Some(mode) => format!("becomes {mode} instead of {was}"),
        None => format!("becomes {follows} again, as {whom} says, instead of {was}"),
    };
    let mut told = Vec::new();
    if now.own.mode != wanted.mode {
        told.push(becomes(wanted.mode, in_force, now.in_force, "the wider scope"));
    }
    let ports: BTreeSet<&u16> = now.own.ports.keys().chain(wanted.ports.keys()).collect();
    let moved: Vec<String> = ports
        .into_iter()
        .filter(|port| now.own.ports.get(port) != wanted.ports.get(port))
        .map(|port| {
            let was = now.own.ports.get(port).copied().unwrap_or(now.in_force);
            let becomes = becomes(wanted.ports.get(port).copied(), in_force, was, "the workload");
            format!("port {port} {becomes}")
        })
        .collect();
    match (told.pop(), moved.is_empty()) {
        (Some(whole), true) => format!("Mutual TLS of {scope} {whole}"),
        (Some(whole), false) => format!("Mutual TLS of {scope} {whole}, {}", moved.join(", ")),
        (None, _) => format!("Mutual TLS of {scope}: {}", moved.join(", ")),
    }
}

/// Writes what differs; a policy that says nothing any more is taken away.
fn write(plan: &mut Plan<'_>, at: &Ref, now: &Says, wanted: &Says) {
    let mut object = plan.object(at);
    let ports = object.get("spec/portLevelMtls").and_then(Value::as_object).map_or(0, Map::len);
    if *wanted == Says::default() && ports == now.ports.len() {
        return plan.delete(at);
    }
    object.saw("spec/selector");
    match wanted.mode {
        mode if mode == now.mode => {}
        Some(mode) => drop(object.set("spec/mtls/mode", mode.name())),
        None => drop(object.remove("spec/mtls")),
    }
    for port in now.ports.keys().filter(|port| !wanted.ports.contains_key(port)) {
        object.remove(&format!("spec/portLevelMtls/{port}"));
    }
    for (port, mode) in wanted.ports.iter().filter(|(port, mode)| now.ports.get(port) != Some(mode)) {
        object.set(&format!("spec/portLevelMtls/{port}/mode"), mode.name());
    }
}

fn fresh(plan: &mut Plan<'_>, scope: &Scope, wanted: &Says) -> Option<Ref> {
    let mut spec = Map::new();
    if let Some(mode) = wanted.mode {
        spec.insert("mtls".into(), json!({ "mode": mode.name() }));
    }
    let mesh = plan.mesh();
    let mut make = |namespace: &str, names: [&str; 2], spec: Map<String, Value>| {
        plan.create(&kinds::PEER_AUTHENTICATION, namespace, names, Value::Object(spec))
    };
    match scope {
        Scope::Mesh => make(mesh.root_namespace(), ["default", "mesh"], spec),
        Scope::Namespace(namespace) => make(namespace, ["default", "namespace"], spec),
        Scope::Workload(namespace, workload) => {
            let labels = selector(mesh, mesh.workload(namespace, workload)?);
            let mut own = Map::from_iter([("selector".to_owned(), json!({ "matchLabels": labels }))]);
            own.append(&mut spec);
            if !wanted.ports.is_empty() {
                let ports = wanted
                    .ports
                    .iter()
                    .map(|(port, mode)| (port.to_string(), json!({ "mode": mode.name() })));
                own.insert("portLevelMtls".into(), ports.collect::<Map<_, _>>().into());
            }
            make(namespace, [workload, &format!("{workload}-mtls")], own)
        }
    }
}

/// Labels that tell a workload from its neighbours: its Deployment's selector, else app and version, else
/// all.
pub(super) fn selector(mesh: &Mesh, workload: &Workload) -> Labels {
    let deployment = Ref::new(&kinds::DEPLOYMENT, &workload.namespace, &workload.name);
    let deployment = mesh.objects().get(&deployment);
    let stated = deployment
        .map(|object| istio::object::strings(object.spec().pointer("/selector/matchLabels")))
        .unwrap_or_default();
    if Selects::gathering(&stated).takes(&workload.labels) {
        return stated;
    }
    let known = |key: &&str| workload.labels.contains_key(*key);
    let keys: Vec<&str> = ["app", "version", "app.kubernetes.io/name", "app.kubernetes.io/version"]
        .into_iter()
        .filter(known)
        .collect();
    if keys.is_empty() {
        return workload.labels.clone();
    }
    keys.into_iter().map(|key| (key.to_owned(), workload.labels[key].clone())).collect()
}

/// Other workloads that a workload's policy is for too.
fn shared(mesh: &Mesh, scope: &Scope, policy: &Ref, object: Option<&Object>) -> Vec<String> {
    let Scope::Workload(namespace, name) = scope else { return Vec::new() };
    let labels = object
        .map(|object| istio::object::strings(object.spec().pointer("/selector/matchLabels")))
        .unwrap_or_default();
    let others = mesh.workloads().filter(|other| *other.namespace == **namespace && *other.name != **name);
    let selects = Selects::gathering(&labels);
    let others: Vec<&str> =
        others.filter(|other| selects.takes(&other.labels)).map(|other| &*other.name).collect();
    if others.is_empty() {
        return Vec::new();
    }
    vec![format!("{} is also for {}", policy, others.join(", "))]
}

/// Calls that fail in a mode: from workloads without sidecar, and by rules that tell callers the opposite.
fn broken(mesh: &Mesh, proxies: &[String], mode: Mode) -> Vec<String> {
    let affected = |workload: &Workload| workload.proxies().any(|proxy| proxies.contains(&proxy));
    let mut warnings = Vec::new();
    let bare = mesh.workloads().filter(|workload| {
        *workload.namespace != *mesh.root_namespace()
            && !workload.pods.is_empty()
            && workload.pods.iter().all(|pod| !pod.sidecar)
    });
    let bare: Vec<&str> = bare.map(|workload| &*workload.name).collect();
    if mode == Mode::Strict && !bare.is_empty() && !proxies.is_empty() {
        let more = if bare.len() > 3 { format!(" and {} more", bare.len() - 3) } else { String::new() };
        let first = bare.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        warnings
            .push(format!("{first}{more} without a sidecar: plain text calls from there will be refused"));
    }
    let opposite = match mode {
        Mode::Strict => "DISABLE",
        Mode::Disable => "ISTIO_MUTUAL",
        Mode::Permissive => return warnings,
    };
    for service in mesh.services().filter(|service| mesh.workloads_of(service).any(affected)) {
        let says = |at: &&Ref| {
            let policy =
                mesh.destination_rule(at).and_then(|rule| rule.traffic_policy.as_ref()?.tls.as_ref());
            policy.is_some_and(|tls| tls.mode == opposite)
        };
        warnings.extend(service.destination_rules.iter().filter(says).map(|at| {
            format!("{at} makes callers of {} use TLS mode {opposite}: their calls will fail", service.name)
        }));
    }
    warnings
}
