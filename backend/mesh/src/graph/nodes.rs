//! One node: what it stands for, how it is, and what there is to know of it at a glance.

use super::names::{Names, version};
use super::{Badge, GraphOptions, Health, Node, NodeId, badges};
use crate::Workload;
use crate::health::{Calls, of_workload, worse};
use crate::traffic::Protocol;
use std::collections::{BTreeMap, BTreeSet};

/// The node of this name, with the calls that it got and sent.
pub(super) fn node(names: &Names, id: &NodeId, options: &GraphOptions, sides: &Sides) -> Node {
    let workloads = names.workloads(id);
    let services = names.services(id, &workloads);
    let only =
        |names: BTreeSet<&str>| names.first().filter(|_| names.len() == 1).map(|name| (*name).to_owned());
    let (namespace, name) = (id.namespace(), id.name());
    let (app, told_version) = match id {
        NodeId::App(app) => (Some(app.app.to_string()), app.version.as_deref().map(str::to_owned)),
        _ => (
            only(workloads.iter().map(|workload| &*workload.app).collect()),
            only(workloads.iter().filter_map(|workload| version(&workload.version)).collect()),
        ),
    };
    let service = match id {
        NodeId::Service(_) => Some(name.to_owned()),
        _ => services.first().map(|service| service.name.to_string()),
    };
    let workload = match id {
        NodeId::Workload(_) => Some(name.to_owned()),
        _ => only(workloads.iter().map(|workload| &*workload.name).collect()),
    };
    let mut badges = badges::of(&names.mesh, &services, &workloads);
    if sides.got.is_empty() && sides.sent.is_empty() {
        badges.push(Badge::Idle);
    }
    if !options.namespaces.is_empty()
        && !namespace.is_empty()
        && !options.namespaces.iter().any(|wanted| wanted == namespace)
    {
        badges.push(Badge::Outside);
    }
    let (health, health_reason) = sides.health(&workloads);
    Node {
        id: id.clone(),
        kind: id.kind(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        app,
        version: told_version,
        service,
        workload,
        health,
        health_reason,
        badges,
        rps_in: requests(&sides.got),
        error_percent_in: error_percent(&sides.got),
        rps_out: requests(&sides.sent),
    }
}

/// Calls that a node got and sent.
#[derive(Default)]
pub(super) struct Sides {
    pub(super) got: BTreeMap<Protocol, Calls>,
    pub(super) sent: BTreeMap<Protocol, Calls>,
}

impl Sides {
    /// How well a node serves, and whether its pods are there. One that nobody calls is judged by what it
    /// calls: that is what the users of a gateway see. A failing callee degrades its caller; it does not make
    /// it fail.
    fn health(&self, workloads: &[&Workload]) -> (Health, String) {
        let of = |side: &BTreeMap<Protocol, Calls>| {
            side.values().map(Calls::health).fold((Health::Idle, String::new()), worse)
        };
        let calls = match (self.got.values().any(|calls| calls.total > 0.0), of(&self.sent)) {
            (false, sent) => sent,
            (true, (health, reason)) if health > Health::Healthy => worse(
                of(&self.got),
                (Health::Degraded, reason.replacen("of calls", "of calls that it makes", 1)),
            ),
            (true, _) => of(&self.got),
        };
        let pods =
            workloads.iter().map(|workload| of_workload(workload)).fold((Health::Idle, String::new()), worse);
        match (calls.0, pods.0) {
            (Health::Idle, Health::Healthy) => calls, // ready, and nobody calls
            _ => worse(calls, pods),
        }
    }
}

fn requests(side: &BTreeMap<Protocol, Calls>) -> f64 {
    side.iter().filter(|(protocol, _)| **protocol != Protocol::Tcp).map(|(_, calls)| calls.total).sum()
}

fn error_percent(side: &BTreeMap<Protocol, Calls>) -> f64 {
    let sum = |part: fn(&Calls) -> f64| side.values().map(part).sum::<f64>();
    let total = sum(|calls| calls.total);
    if total > 0.0 { sum(|calls| calls.failed) / total * 100.0 } else { 0.0 }
}
