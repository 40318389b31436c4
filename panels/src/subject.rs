//! What a selection stands for in the mesh.

use crate::selection::Selected;
use istio::{ServiceId, WorkloadId};
use mesh::Mesh;
use mesh::graph::NodeId;
pub use mesh::lens::Subject;

/// What is selected, looked up in the mesh; `None` when it is gone, or when it stands for nothing there. Of
/// an edge, the called end.
pub fn of<'a>(mesh: &'a Mesh, selected: &Selected) -> Option<Subject<'a>> {
    let found = Subject::of(mesh, &node(mesh, selected)?);
    (!found.is_only_a_name()).then_some(found)
}

/// What editors are for: also a host outside of the mesh, as the service that a ServiceEntry makes of it, else
/// as a name.
pub fn of_editors<'a>(mesh: &'a Mesh, selected: &Selected) -> Option<Subject<'a>> {
    let id = node(mesh, selected)?;
    let host = match &id {
        NodeId::External(host) => host,
        // What is edited is one service, or one workload.
        NodeId::Namespace(..) => return None,
        _ => return of(mesh, selected),
    };
    let mut services = mesh.services();
    let known = services.find(|service| service.external && *service.host == **host);
    let id = known.map_or(id, |service| NodeId::Service(mesh.service_id(service)));
    Some(Subject::of(mesh, &id))
}

/// The node that a selection means: see [`of`].
pub fn node(mesh: &Mesh, selected: &Selected) -> Option<NodeId> {
    let cluster = mesh.cluster();
    Some(match selected {
        Selected::Service(namespace, name) => {
            NodeId::Service(ServiceId::new(cluster, namespace.as_str(), name.as_str()))
        }
        Selected::Workload(namespace, name) => {
            NodeId::Workload(WorkloadId::new(cluster, namespace.as_str(), name.as_str()))
        }
        Selected::App(namespace, app, version) => NodeId::app(cluster, namespace, app, version.as_deref()),
        Selected::Edge(_, target) => target.clone(),
        Selected::Node(node) => node.clone(),
        Selected::Object(_) => return None,
    })
}
