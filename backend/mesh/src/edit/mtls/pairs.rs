//! How two workloads speak: what a caller's proxy sends, and what the called one takes of it.

use super::moved::with;
use super::{Mode, Says, Scope, plan};
use crate::model::{Configured, Policies};
use crate::plan::Plan;
use crate::{Mesh, Service, Workload};
use istio::destination::{self, Called, Client, Defaults, Settings};
use istio::views::{self, PeerAuthentication};

/// How calls of one workload reach another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speak {
    /// Over mutual TLS of the mesh.
    Mutual,
    /// In plain text.
    Plain,
    /// They do not: what one sends the other does not take.
    Refused,
    /// It depends on the port, or on what is called there.
    Depends,
    /// Policies may not be read.
    Unknown,
}

/// How calls of one workload reach another, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// How.
    pub speak: Speak,
    /// "mutual TLS is PERMISSIVE, the caller has no proxy".
    pub why: String,
}

/// Every caller with every called one; rows as the callers, cells as the called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    /// As it is.
    pub now: Vec<Vec<Heard>>,
    /// As it would be with a draft; as it is where the draft changes nothing.
    pub would: Vec<Vec<Heard>>,
}

/// Who speaks how, with a scope's draft.
pub fn pairs(
    mesh: &Mesh,
    (callers, called): (&[&Workload], &[&Workload]),
    scope: &Scope,
    wanted: &Says,
) -> Pairs {
    let all = |policies: &Policies<'_>| -> Vec<Vec<Heard>> {
        let of =
            |caller: &&Workload| called.iter().map(|called| heard(mesh, policies, caller, called)).collect();
        callers.iter().map(of).collect()
    };
    let now = all(&mesh.mtls_policies());
    let mut made = Plan::new(mesh);
    plan(&mut made, scope, wanted);
    let step = made.change().ok().flatten().and_then(|mut change| change.steps.pop());
    let Some(step) = step else { return Pairs { would: now.clone(), now } };
    let view = step.after.as_ref().and_then(|object| views::read::<PeerAuthentication>(object).ok());
    let then = step.after.as_ref().zip(view.as_ref());
    let then = then.map(|(object, spec)| Configured { at: &step.at, created: object.created(), spec });
    Pairs { would: all(&with(mesh, &step.at, then)), now }
}

fn heard(mesh: &Mesh, policies: &Policies<'_>, caller: &Workload, called: &Workload) -> Heard {
    for kind in [&istio::kinds::PEER_AUTHENTICATION, &istio::kinds::DESTINATION_RULE] {
        let near = [&*called.namespace, mesh.root_namespace()];
        if let Some(why) = near.iter().find_map(|namespace| mesh.unseen(kind, namespace)) {
            return Heard { speak: Speak::Unknown, why: why.why.clone() };
        }
    }
    let leads = |service: &&Service| mesh.workloads_of(service).any(|one| std::ptr::eq(one, called));
    let mut found: Vec<Heard> = Vec::new();
    for service in mesh.services().filter(leads) {
        for port in &service.ports {
            let sent = sent(mesh, caller, service, port.number);
            let target = u16::try_from(port.target).unwrap_or_default();
            let (mode, _) = policies.mode_at(&called.namespace, &called.labels, target);
            found.push(meet(&sent, has_proxy(called), mode));
        }
    }
    if found.is_empty() {
        // No service names it: it is called by its address, at which nobody tells proxies of certificates.
        let (mode, _) = policies.mode(&called.namespace, &called.labels);
        let sent = Sent { way: Way::Plain, why: "no service names it".to_owned() };
        found.push(meet(&sent, has_proxy(called), mode));
    }
    match found.split_first() {
        Some((first, more)) if more.iter().all(|other| other.speak == first.speak) => first.clone(),
        _ => Heard { speak: Speak::Depends, why: "depends on the port".to_owned() },
    }
}

/// What a caller's proxy sends.
enum Way {
    Plain,
    Mutual,
    /// What the called one takes best.
    Auto,
    /// TLS with other certificates than the mesh's.
    Own,
}

struct Sent {
    way: Way,
    why: String,
}

/// What a caller sends to a port of a service: as a DestinationRule says, else by itself.
fn sent(mesh: &Mesh, caller: &Workload, service: &Service, port: u32) -> Sent {
    if !has_proxy(caller) {
        return Sent { way: Way::Plain, why: "the caller has no proxy".to_owned() };
    }
    let client = Client { namespace: &caller.namespace, labels: &caller.labels };
    let called = Called { host: &service.host, namespace: &service.namespace };
    let defaults = Defaults { root: mesh.root_namespace(), export_to: &[] };
    let objects = mesh.objects();
    let all = mesh.destination_rules().filter_map(|(at, spec)| Configured::of(objects, at, spec));
    let all: Vec<_> = all.collect();
    let rule = destination::rule(all.iter(), client, called, defaults);
    let port = u16::try_from(port).unwrap_or_default();
    let mode = rule.as_ref().and_then(|merged| {
        let tls = Settings::of(merged.rule.traffic_policy.as_ref(), None, port).tls?;
        Some((tls.mode.clone(), merged.from.first()?.at))
    });
    let Some((mode, at)) = mode.filter(|(mode, _)| !mode.is_empty()) else {
        return Sent { way: Way::Auto, why: String::new() };
    };
    let way = match mode.as_str() {
        "ISTIO_MUTUAL" => Way::Mutual,
        "DISABLE" => Way::Plain,
        _ => Way::Own,
    };
    Sent { way, why: format!("{at} says TLS {mode}") }
}

/// What becomes of what is sent. A pod without a proxy asks for nothing, and takes no mutual TLS.
fn meet(sent: &Sent, proxy: bool, mode: Mode) -> Heard {
    let asked =
        if proxy { format!("mutual TLS is {mode}") } else { "the called one has no proxy".to_owned() };
    let mode = if proxy { mode } else { Mode::Disable };
    let speak = match (&sent.way, mode) {
        (Way::Plain, Mode::Strict) | (Way::Mutual, Mode::Disable) | (Way::Own, Mode::Strict) => {
            Speak::Refused
        }
        (Way::Plain, _) | (Way::Auto, Mode::Disable) => Speak::Plain,
        (Way::Mutual | Way::Auto, _) => Speak::Mutual,
        (Way::Own, _) => Speak::Depends,
    };
    let why = if sent.why.is_empty() { asked } else { format!("{asked}, {}", sent.why) };
    Heard { speak, why }
}

fn has_proxy(workload: &Workload) -> bool {
    workload.pods.is_empty() || workload.pods.iter().any(|pod| pod.sidecar)
}
