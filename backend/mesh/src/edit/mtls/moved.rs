//! Whose mode changes when a policy becomes another, and what shows it.

use super::{Mode, Scope, says};
use crate::evidence::{Claim, Connections, CountedCalls, Counting, Mark, Measure, Portion, Wanted, inbound};
use crate::model::{Configured, Policies};
use crate::plan::Plan;
use crate::{Mesh, Object, Ref, Service, Workload};
use istio::Labels;
use istio::views::{self, PeerAuthentication};
use std::collections::{BTreeMap, BTreeSet};

/// Proxies whose mode changes in the same way.
pub(super) struct Moved {
    pub(super) proxies: Vec<String>,
    /// Namespace and name of their workloads.
    workloads: Vec<(String, String)>,
    /// The port whose own mode it is, or becomes; `None` is the mode of the workload.
    port: Option<u16>,
    from: Mode,
    to: Mode,
    /// Ports with a mode of their own.
    except: Vec<u32>,
}

/// What a workload's own policies say: its mode, and those of ports.
type Modes = (Mode, BTreeMap<u16, Mode>);

/// Proxies whose mode changes when a policy becomes another, and what is then in force at the scope.
pub(super) fn moved(
    mesh: &Mesh,
    scope: &Scope,
    policy: &Ref,
    then: Option<Object>,
) -> Option<(Vec<Moved>, Mode)> {
    let view = then.as_ref().and_then(|object| views::read::<PeerAuthentication>(object).ok());
    let after = then.as_ref().zip(view.as_ref());
    let after = after.map(|(object, spec)| Configured { at: policy, created: object.created(), spec });
    let (old, new) = (mesh.mtls_policies(), with(mesh, policy, after));
    let mut groups: Vec<Moved> = Vec::new();
    for workload in mesh.workloads().filter(|workload| !workload.gateway) {
        let (old, new) = (modes(&old, workload), modes(&new, workload));
        for group in of_workload(mesh, workload, &old, &new) {
            let same = |other: &&mut Moved| {
                (other.port, other.from, other.to, &other.except)
                    == (group.port, group.from, group.to, &group.except)
            };
            match groups.iter_mut().find(same) {
                Some(known) => {
                    known.proxies.extend(group.proxies);
                    known.workloads.extend(group.workloads);
                }
                None => groups.push(group),
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

/// The policies of a mesh with one of them as it would be, or without it.
pub(super) fn with<'a>(
    mesh: &'a Mesh,
    policy: &Ref,
    then: Option<Configured<'a, PeerAuthentication>>,
) -> Policies<'a> {
    let others = mesh.peer_authentications().filter(|(at, _)| *at != policy);
    let others = others.filter_map(|(at, view)| Configured::of(mesh.objects(), at, view));
    Policies::new(mesh.root_namespace(), others.chain(then))
}

fn modes(policies: &Policies<'_>, workload: &Workload) -> Modes {
    let own = policies.of_workload(&workload.namespace, &workload.labels);
    let (mode, _) = policies.mode(&workload.namespace, &workload.labels);
    (mode, own.map(|policy| says(policy.spec).ports).unwrap_or_default())
}

fn of_workload(mesh: &Mesh, workload: &Workload, old: &Modes, new: &Modes) -> Vec<Moved> {
    let own: BTreeSet<u16> = old.1.keys().chain(new.1.keys()).copied().collect();
    let except: Vec<u32> = own.iter().copied().map(u32::from).collect();
    let called = if own.is_empty() { BTreeSet::new() } else { called_at(mesh, workload) };
    let all_apart = !called.is_empty() && called.iter().all(|port| except.contains(port));
    let whole = (!all_apart).then_some((None, old.0, new.0));
    // Of a port that nothing calls proxies have nothing to show.
    let ports = own.into_iter().filter(|port| called.contains(&u32::from(*port))).map(|port| {
        let at = |modes: &Modes| modes.1.get(&port).copied().unwrap_or(modes.0);
        (Some(port), at(old), at(new))
    });
    let differ = whole.into_iter().chain(ports).filter(|(_, from, to)| from != to);
    let moved = |(port, from, to): (Option<u16>, Mode, Mode)| Moved {
        proxies: workload.proxies().collect(),
        workloads: vec![(workload.namespace.to_string(), workload.name.to_string())],
        except: if port.is_none() { except.clone() } else { Vec::new() },
        port,
        from,
        to,
    };
    differ.map(moved).collect()
}

/// Ports of its pods at which services call a workload.
pub(super) fn called_at(mesh: &Mesh, workload: &Workload) -> BTreeSet<u32> {
    let leads = |service: &&Service| mesh.workloads_of(service).any(|one| std::ptr::eq(one, workload));
    mesh.services().filter(leads).flat_map(|service| &service.ports).map(|port| port.target).collect()
}

/// Says what shows that proxies take other connections than before.
pub(super) fn tell(plan: &mut Plan<'_>, moved: &[Moved]) {
    let claims = |mode: fn(&Moved) -> Mode| -> Vec<Claim> {
        let claim = |group: &Moved| {
            let all = inbound(group.proxies.iter().cloned());
            let ports = match group.port {
                Some(port) => all.port(port.into()),
                None => all.except(group.except.clone()),
            };
            ports.takes(connections(mode(group)))
        };
        moved.iter().map(claim).collect()
    };
    plan.claims(claims(|group| group.to), claims(|group| group.from));
    plan.measures(measure(moved, |group| group.to), measure(moved, |group| group.from));
}

fn connections(mode: Mode) -> Connections {
    match mode {
        Mode::Strict => Connections::Mutual,
        Mode::Permissive => Connections::Both,
        Mode::Disable => Connections::Plain,
    }
}

fn measure(moved: &[Moved], mode: fn(&Moved) -> Mode) -> Option<Measure> {
    if moved.iter().any(|group| group.port.is_some()) {
        return Some(Measure::Untold("Telemetry does not tell at which port of a pod calls came".to_owned()));
    }
    let all = |wanted| moved.iter().all(|group| mode(group) == wanted);
    let part = match () {
        () if moved.is_empty() => return None,
        () if all(Mode::Strict) => Portion::new("in plain text", Mark::Security("none".into()), Wanted::None),
        () if all(Mode::Disable) => {
            Portion::new("over mutual TLS", Mark::Security("mutual_tls".into()), Wanted::None)
        }
        () => return None, // where both are taken, nothing tells which mode let a call in
    };
    let workloads = moved.iter().flat_map(|group| group.workloads.iter().cloned());
    Some(Measure::Counted(Counting::new(CountedCalls::At(workloads.collect()), vec![part])))
}
