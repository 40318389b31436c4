//! One node: what it stands for, how it is, and what there is to know of it at a glance.

use super::names::{Names, version};
use super::{Badge, GraphOptions, Node, NodeId, badges};
use crate::health::judged;
use crate::lens::{self, Ends, Subject, is_whole};
use std::collections::BTreeSet;

/// The node of this name, with the calls that it got and sent.
pub(super) fn node(names: &Names, id: &NodeId, options: &GraphOptions, sides: &Sides) -> Node {
    let workloads = names.workloads(id);
    let services = names.services(id, &workloads);
    let only =
        |names: BTreeSet<&str>| names.first().filter(|_| names.len() == 1).map(|name| (*name).to_owned());
    let (namespace, name) = (id.namespace(), id.name());
    let (app, told_version) = match id {
        NodeId::App(app) => (Some(app.app.to_string()), app.version.as_deref().map(str::to_owned)),
        NodeId::Namespace(..) => (None, None),
        _ => (
            only(workloads.iter().map(|workload| &*workload.app).collect()),
            only(workloads.iter().filter_map(|workload| version(&workload.version)).collect()),
        ),
    };
    let service = match id {
        NodeId::Service(_) => Some(name.to_owned()),
        NodeId::Namespace(..) => None,
        _ => services.first().map(|service| service.name.to_string()),
    };
    let workload = match id {
        NodeId::Workload(_) => Some(name.to_owned()),
        NodeId::Namespace(..) => None,
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
    // The same service as in the detail.
    let subject = Subject::of(&names.mesh, id);
    let (pods, astray) = match sides.past {
        true => (Vec::new(), &[][..]),
        false => (judged(&names.mesh, &workloads), &subject.astray[..]),
    };
    let (health, health_reason) = lens::health(&sides.got, &sides.sent, is_whole(id), &pods, astray);
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
        rps_in: sides.got.rps(),
        error_percent_in: sides.got.error_percent().unwrap_or_default(),
        rps_out: sides.sent.rps(),
    }
}

/// Calls that a node got and sent.
#[derive(Default)]
pub(super) struct Sides {
    /// Whether they are of the past: how its pods are now says nothing of it then.
    pub(super) past: bool,
    pub(super) got: Ends,
    pub(super) sent: Ends,
}
