//! Mutual TLS: what the inbound side of workloads asks for, for the mesh, a namespace or one workload.

use super::build::{Ops, create, delete, free_name, managed};
use crate::change::{Change, Step};
use crate::evidence::{Calls, Claim, Connections, Counting, Evidence, Mark, Measure, Part, Wanted, inbound};
use crate::model::{Configured, Policies};
use crate::{Mesh, Ref, Workload};
pub use istio::mtls::Mode;
use istio::views::{self, PeerAuthentication};
use istio::{Labels, Selects, kinds};
use serde_json::{Value, json};
use std::collections::BTreeSet;
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

fn connections(mode: Mode) -> Connections {
    match mode {
        Mode::Strict => Connections::Mutual,
        Mode::Permissive => Connections::Both,
        Mode::Disable => Connections::Plain,
    }
}

/// How mutual TLS stands for a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What the scope's own policy says, if it has one that says something.
    pub own: Option<Mode>,
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
        own: found.and_then(|policy| Mode::stated(policy.spec.mtls.as_ref())),
        policy: found.map(|policy| policy.at.clone()),
        in_force: mode,
        by: by.map(|policy| policy.at.clone()),
    })
}

/// The change that gives a scope this mode, or (`None`) takes its own policy away so that the wider scope counts. The
/// policy that is in force at the scope is edited; where there is none, one is made.
pub fn mtls(mesh: &Mesh, scope: &Scope, wanted: Option<Mode>) -> Option<Change> {
    let now = state(mesh, scope)?;
    if now.own == wanted && (wanted.is_some() || now.policy.is_none()) {
        return None;
    }
    let step = match (&now.policy, wanted) {
        (Some(at), Some(mode)) => set(mesh, at, mode)?,
        (Some(at), None) => unset(mesh, at)?,
        (None, Some(mode)) => fresh(mesh, scope, mode)?,
        (None, None) => return None,
    };
    let (moved, in_force) = moved(mesh, scope, &step)?;
    let proxies: Vec<String> = moved.iter().flat_map(|group| group.proxies.iter().cloned()).collect();
    let mut warnings = shared(mesh, scope, &step);
    warnings.extend(broken(mesh, &proxies, in_force));
    let steps = vec![step];
    warnings.extend(managed(&steps));
    let what = wanted.map_or_else(
        || format!("{} again, as the wider scope says,", in_force.name()),
        |mode| mode.name().to_owned(),
    );
    Some(Change {
        title: format!("Mutual TLS of {scope} becomes {what} instead of {}", now.in_force.name()),
        evidence: evidence(mesh, &steps, &moved),
        steps,
        warnings,
    })
}

fn set(mesh: &Mesh, at: &Ref, mode: Mode) -> Option<Step> {
    let object = mesh.objects().get(at)?;
    let mut ops = Ops::default();
    if let Some(selector) = object.spec().get("selector") {
        ops.saw("/spec/selector", selector);
    }
    match (object.0.get("spec"), object.spec().pointer("/mtls"), object.spec().pointer("/mtls/mode")) {
        (_, _, Some(old)) => {
            ops.saw("/spec/mtls/mode", old);
            ops.replace("/spec/mtls/mode", mode.name().into());
        }
        (_, Some(old), None) if old.is_object() => {
            ops.saw("/spec/mtls", old);
            ops.add("/spec/mtls/mode", mode.name().into());
        }
        (Some(spec), _, _) if spec.is_object() => {
            ops.saw("/spec", spec);
            ops.add("/spec/mtls", json!({ "mode": mode.name() }));
        }
        _ => {
            ops.saw("/metadata/uid", object.0.pointer("/metadata/uid").unwrap_or(&Value::Null));
            ops.add("/spec", json!({ "mtls": { "mode": mode.name() } }));
        }
    }
    ops.step(mesh, at)
}

/// Takes a policy's mode away: all of it, or only the mode where it also says something of single ports.
fn unset(mesh: &Mesh, at: &Ref) -> Option<Step> {
    let object = mesh.objects().get(at)?;
    let ports =
        object.spec().get("portLevelMtls").and_then(Value::as_object).is_some_and(|ports| !ports.is_empty());
    if !ports {
        return delete(mesh, at);
    }
    let mut ops = Ops::default();
    ops.saw("/spec/mtls", object.spec().get("mtls")?);
    ops.remove("/spec/mtls");
    ops.step(mesh, at)
}

fn fresh(mesh: &Mesh, scope: &Scope, mode: Mode) -> Option<Step> {
    let name =
        |namespace: &str, names: [&str; 2]| free_name(mesh, &kinds::PEER_AUTHENTICATION, namespace, names);
    let mtls = json!({ "mode": mode.name() });
    match scope {
        Scope::Mesh => {
            Some(create(mesh, &name(mesh.root_namespace(), ["default", "mesh"])?, json!({ "mtls": mtls })))
        }
        Scope::Namespace(namespace) => {
            Some(create(mesh, &name(namespace, ["default", "namespace"])?, json!({ "mtls": mtls })))
        }
        Scope::Workload(namespace, workload) => {
            let at = name(namespace, [workload, &format!("{workload}-mtls")])?;
            let labels = selector(mesh, mesh.workload(namespace, workload)?);
            Some(create(mesh, &at, json!({ "selector": { "matchLabels": labels }, "mtls": mtls })))
        }
    }
}

/// Labels that tell a workload from its neighbours: its Deployment's selector, else app and version, else all.
fn selector(mesh: &Mesh, workload: &Workload) -> Labels {
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

/// Proxies whose mode changes in the same way.
struct Moved {
    proxies: Vec<String>,
    /// Namespace and name of their workloads.
    workloads: Vec<(String, String)>,
    from: Mode,
    to: Mode,
    /// Ports with a mode of their own.
    except: Vec<u32>,
}

/// Proxies whose mode changes by a step, and what is then in force at the scope.
fn moved(mesh: &Mesh, scope: &Scope, step: &Step) -> Option<(Vec<Moved>, Mode)> {
    let others = mesh.peer_authentications().filter(|(at, _)| **at != step.at);
    let others = others.filter_map(|(at, view)| Configured::of(mesh.objects(), at, view));
    let after = step.after.as_ref().map(|object| (object, views::read::<PeerAuthentication>(object)));
    let after = after.as_ref().and_then(|(object, view)| {
        Some(Configured { at: &step.at, created: object.created(), spec: view.as_ref().ok()? })
    });
    let (old, new) = (mesh.mtls_policies(), Policies::new(mesh.root_namespace(), others.chain(after)));
    let mut groups: Vec<Moved> = Vec::new();
    for workload in mesh.workloads().filter(|workload| !workload.gateway) {
        let of = |policies: &Policies<'_>| {
            let own = policies.of_workload(&workload.namespace, &workload.labels);
            let ports = own.into_iter().flat_map(|policy| policy.spec.port_level_mtls.keys());
            let (mode, _) = policies.mode(&workload.namespace, &workload.labels);
            (mode, ports.filter_map(|port| port.parse().ok()).collect::<BTreeSet<u32>>())
        };
        let ((from, mut except), (to, more)) = (of(&old), of(&new));
        except.extend(more);
        let except: Vec<u32> = except.into_iter().collect();
        if from == to {
            continue;
        }
        let at = (workload.namespace.to_string(), workload.name.to_string());
        let same = |group: &&mut Moved| (group.from, group.to, &group.except) == (from, to, &except);
        match groups.iter_mut().find(same) {
            Some(group) => {
                group.proxies.extend(workload.proxies());
                group.workloads.push(at);
            }
            None => {
                let proxies = workload.proxies().collect();
                groups.push(Moved { proxies, workloads: vec![at], from, to, except });
            }
        }
    }
    let none = Labels::new();
    let (mode, _) = match scope {
        Scope::Mesh => new.mode(mesh.root_namespace(), &none),
        Scope::Namespace(namespace) => new.mode(namespace, &none),
        Scope::Workload(namespace, name) => new.mode(namespace, &mesh.workload(namespace, name)?.labels),
    };
    Some((groups, mode))
}

/// What shows that proxies take other connections than before.
fn evidence(mesh: &Mesh, steps: &[Step], moved: &[Moved]) -> Evidence {
    let claims = |mode: fn(&Moved) -> Mode| -> Vec<Claim> {
        let claim = |group: &Moved| {
            let ports = inbound(group.proxies.iter().cloned()).except(group.except.clone());
            ports.takes(connections(mode(group)))
        };
        moved.iter().map(claim).collect()
    };
    let measure = |mode: fn(&Moved) -> Mode| {
        let all = |wanted| moved.iter().all(|group| mode(group) == wanted);
        let part = match () {
            () if moved.is_empty() => return None,
            () if all(Mode::Strict) => {
                Part::new("in plain text", Mark::Security("none".into()), Wanted::None)
            }
            () if all(Mode::Disable) => {
                Part::new("over mutual TLS", Mark::Security("mutual_tls".into()), Wanted::None)
            }
            () => return None, // where both are taken, nothing tells which mode let a call in
        };
        let workloads = moved.iter().flat_map(|group| group.workloads.iter().cloned());
        Some(Measure::Counted(Counting::new(Calls::At(workloads.collect()), vec![part])))
    };
    Evidence {
        measure: measure(|group| group.to),
        was_measure: measure(|group| group.from),
        ..Evidence::of(mesh, steps, &claims(|group| group.to), &claims(|group| group.from))
    }
}

/// Other workloads that a workload's policy is for too.
fn shared(mesh: &Mesh, scope: &Scope, step: &Step) -> Vec<String> {
    let Scope::Workload(namespace, name) = scope else { return Vec::new() };
    let object = step.before.as_ref().or(step.after.as_ref());
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
    vec![format!("{} is also for {}", step.at, others.join(", "))]
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
