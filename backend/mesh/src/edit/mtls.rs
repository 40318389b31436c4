//! Mutual TLS: what the inbound side of workloads asks for, for the mesh, a namespace or one workload.

use crate::change::Change;
use crate::evidence::{Claim, Connections, CountedCalls, Counting, Mark, Measure, Portion, Wanted, inbound};
use crate::model::{Configured, Policies};
use crate::plan::Plan;
use crate::{Mesh, Object, Ref, Service, Workload};
pub use istio::mtls::Mode;
use istio::views::{self, PeerAuthentication};
use istio::{Labels, Selects, kinds};
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
    /// Ports of the pod with a mode of their own.
    pub ports: BTreeMap<u16, Mode>,
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
        ports: found.map(|policy| ports(policy.spec)).unwrap_or_default(),
    })
}

/// Ports of which a policy states a mode. Only a policy that selects workloads can.
fn ports(policy: &PeerAuthentication) -> BTreeMap<u16, Mode> {
    let narrow = policy.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
    let stated = policy.port_level_mtls.iter().filter(|_| narrow);
    stated.filter_map(|(port, mtls)| Some((port.parse().ok()?, Mode::stated(Some(mtls))?))).collect()
}

/// The change that gives a scope this mode; `None` when it has it, or when its workload is gone.
pub fn mtls(mesh: &Mesh, scope: &Scope, wanted: Option<Mode>) -> Option<Change> {
    let mut made = Plan::new(mesh);
    plan(&mut made, scope, wanted);
    made.change().ok()?
}

/// Gives a scope this mode, or (`None`) takes its own policy away so that the wider scope counts. The policy
/// that is in force at the scope is edited; where there is none, one is made.
pub fn plan(plan: &mut Plan<'_>, scope: &Scope, wanted: Option<Mode>) {
    let mesh = plan.mesh();
    let Some(now) = state(mesh, scope) else { return plan.gone() };
    let policy = match (&now.policy, wanted) {
        (Some(at), Some(mode)) if now.own != wanted => {
            plan.object(at).saw("spec/selector").set("spec/mtls/mode", mode.name());
            at.clone()
        }
        (Some(at), None) => {
            unset(plan, at);
            at.clone()
        }
        (None, Some(mode)) => match fresh(plan, scope, mode) {
            Some(at) => at,
            None => return plan.gone(),
        },
        _ => return,
    };
    let Some((moved, in_force)) = moved(mesh, scope, &policy, plan.object_after(&policy)) else {
        return plan.gone();
    };
    let proxies: Vec<String> = moved.iter().flat_map(|group| group.proxies.iter().cloned()).collect();
    let object = mesh.objects().get(&policy).cloned().or_else(|| plan.object_after(&policy));
    shared(mesh, scope, &policy, object.as_ref()).into_iter().for_each(|told| plan.warn(told));
    broken(mesh, &proxies, in_force).into_iter().for_each(|told| plan.warn(told));
    let what = wanted.map_or_else(
        || format!("{} again, as the wider scope says,", in_force.name()),
        |mode| mode.name().to_owned(),
    );
    plan.title(format!("Mutual TLS of {scope} becomes {what} instead of {}", now.in_force.name()));
    evidence(plan, &moved);
}

/// Takes a policy's mode away: all of it, or only the mode where it also says something of single ports.
fn unset(plan: &mut Plan<'_>, at: &Ref) {
    let ports = plan.object(at).get("spec/portLevelMtls").and_then(Value::as_object).map_or(0, Map::len);
    if ports == 0 {
        plan.delete(at);
    } else {
        plan.object(at).remove("spec/mtls");
    }
}

fn fresh(plan: &mut Plan<'_>, scope: &Scope, mode: Mode) -> Option<Ref> {
    let mtls = json!({ "mode": mode.name() });
    let mesh = plan.mesh();
    let mut make = |namespace: &str, names: [&str; 2], spec| {
        plan.create(&kinds::PEER_AUTHENTICATION, namespace, names, spec)
    };
    match scope {
        Scope::Mesh => make(mesh.root_namespace(), ["default", "mesh"], json!({ "mtls": mtls })),
        Scope::Namespace(namespace) => make(namespace, ["default", "namespace"], json!({ "mtls": mtls })),
        Scope::Workload(namespace, workload) => {
            let labels = selector(mesh, mesh.workload(namespace, workload)?);
            let spec = json!({ "selector": { "matchLabels": labels }, "mtls": mtls });
            make(namespace, [workload, &format!("{workload}-mtls")], spec)
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

/// Proxies whose mode changes when a policy becomes another, and what is then in force at the scope.
fn moved(mesh: &Mesh, scope: &Scope, policy: &Ref, then: Option<Object>) -> Option<(Vec<Moved>, Mode)> {
    let others = mesh.peer_authentications().filter(|(at, _)| *at != policy);
    let others = others.filter_map(|(at, view)| Configured::of(mesh.objects(), at, view));
    let view = then.as_ref().and_then(|object| views::read::<PeerAuthentication>(object).ok());
    let after = then.as_ref().zip(view.as_ref());
    let after = after.map(|(object, spec)| Configured { at: policy, created: object.created(), spec });
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
        if from == to || (!except.is_empty() && takes_only(mesh, workload, &except)) {
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

/// Whether services call a workload at these ports, and at no others.
fn takes_only(mesh: &Mesh, workload: &Workload, ports: &[u32]) -> bool {
    let leads = |service: &&Service| mesh.workloads_of(service).any(|one| std::ptr::eq(one, workload));
    let mut called = mesh.services().filter(leads).flat_map(|service| &service.ports).peekable();
    called.peek().is_some() && called.all(|port| ports.contains(&port.target))
}

/// What shows that proxies take other connections than before.
fn evidence(plan: &mut Plan<'_>, moved: &[Moved]) {
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
                Portion::new("in plain text", Mark::Security("none".into()), Wanted::None)
            }
            () if all(Mode::Disable) => {
                Portion::new("over mutual TLS", Mark::Security("mutual_tls".into()), Wanted::None)
            }
            () => return None, // where both are taken, nothing tells which mode let a call in
        };
        let workloads = moved.iter().flat_map(|group| group.workloads.iter().cloned());
        Some(Measure::Counted(Counting::new(CountedCalls::At(workloads.collect()), vec![part])))
    };
    plan.claims(claims(|group| group.to), claims(|group| group.from));
    plan.measures(measure(|group| group.to), measure(|group| group.from));
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
