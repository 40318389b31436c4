//! The call that goes with what is selected: where an explanation begins.

use crate::selection::Selected;
use crate::subject;
use mesh::graph::NodeId;
use mesh::lens::Subject;
use mesh::why::{From, SeenCall};
use mesh::{Mesh, Scene};

/// The call that goes with a selection, as far as it says who calls whom; `None` where it says neither. A service
/// is called by whom it was called most.
pub(crate) fn of(scene: &Scene, selected: &Selected) -> Option<SeenCall> {
    let mesh = &*scene.mesh;
    let caller = |node: &NodeId| {
        let subject = Subject::of(mesh, node);
        let first = subject.workloads.first()?;
        // Gateways send on what comes in from outside.
        Some(match first.gateway {
            true => From::Outside,
            false => From::Workload { namespace: first.namespace.to_string(), name: first.name.to_string() },
        })
    };
    let to = |node: Option<NodeId>| node.and_then(|node| called(mesh, &node)).unwrap_or_default();
    let seen = match selected {
        Selected::Edge(source, target) => SeenCall {
            from: Some(caller(source).unwrap_or(From::Outside)),
            to: to(Some(target.clone())),
            ..SeenCall::default()
        },
        Selected::Service(..) | Selected::App(..) => {
            let node = subject::node(mesh, selected);
            let from = node.as_ref().and_then(|node| most(scene, node));
            SeenCall { from, to: to(node), ..SeenCall::default() }
        }
        Selected::Workload(namespace, name) => SeenCall {
            from: Some(From::Workload { namespace: namespace.clone(), name: name.clone() }),
            ..SeenCall::default()
        },
        Selected::Node(_) | Selected::Object(_) => return None,
    };
    (seen.from.is_some() || !seen.to.is_empty()).then_some(seen)
}

/// Who calls a node most.
fn most(scene: &Scene, node: &NodeId) -> Option<From> {
    let service = Subject::of(&scene.mesh, node).service?;
    let (name, namespace) = (&service.name, &service.namespace);
    let traffic = scene.traffic.value()?;
    let called = traffic
        .flows
        .iter()
        .filter(|(path, _)| path.service.name == *name && path.service.namespace == *namespace);
    let (path, _) = called.max_by(|(_, one), (_, other)| one.rps().total_cmp(&other.rps()))?;
    let caller = scene.mesh.workload(&path.source.namespace, &path.source.workload)?;
    Some(match caller.gateway {
        true => From::Outside,
        false => From::Workload { namespace: caller.namespace.to_string(), name: caller.name.to_string() },
    })
}

/// The host of a node, as it is called, with its port where it has several.
fn called(mesh: &Mesh, node: &NodeId) -> Option<String> {
    if let NodeId::External(host) = node {
        return Some(host.to_string());
    }
    let service = Subject::of(mesh, node).service?;
    let host = match istio::hosts::service(&service.host) {
        Some((name, namespace)) => format!("{name}.{namespace}"),
        None => service.host.clone(),
    };
    let port =
        service.ports.iter().find(|port| port.protocol.may_be_http()).or_else(|| service.ports.first());
    Some(port.map_or(host.clone(), |port| format!("{host}:{}", port.number)))
}
