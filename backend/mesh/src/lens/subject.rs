//! What a node stands for in the mesh: its service, its workloads; and which calls are its own.

use super::is_node;
use crate::graph::{self, NodeId};
use crate::health::{self, Astray};
use crate::traffic::Path;
use crate::{KINDS, Mesh, Part, Ref, Service, Workload};
use istio::{Selects, WorkloadId, fqdn, hosts, kinds};

/// A node, looked up in the mesh.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Its name.
    pub id: NodeId,
    /// The service, if it is one or if one leads to it.
    pub service: Option<&'a Service>,
    /// The workloads behind it.
    pub workloads: Vec<&'a Workload>,
    /// All services in it, where it is all of a namespace.
    inside: Vec<&'a Service>,
    /// Whether the service itself is meant, and not only what stands behind it.
    pub is_service: bool,
    /// What rules send to versions of the service without a ready pod.
    pub astray: Vec<Astray>,
    /// Its workloads of which the pods are known.
    pub judged: Vec<&'a Workload>,
}

impl<'a> Subject<'a> {
    /// Looks a node up. One that is gone, or outside the mesh, stands for its name alone.
    pub fn of(mesh: &'a Mesh, id: &NodeId) -> Self {
        let (service, workloads) = match id {
            NodeId::Service(id) => {
                let service = mesh.service(&id.namespace, &id.name);
                (service, service.into_iter().flat_map(|service| mesh.workloads_of(service)).collect())
            }
            NodeId::Workload(id) => {
                let workload = mesh.workload(&id.namespace, &id.name);
                (workload.and_then(|workload| leading_to(mesh, workload)), workload.into_iter().collect())
            }
            NodeId::App(id) => {
                let fits = |workload: &&Workload| {
                    *workload.app == *id.app
                        && id.version.as_ref().is_none_or(|version| *workload.version == **version)
                };
                let near = mesh
                    .part(&id.namespace)
                    .into_iter()
                    .flat_map(Part::workloads)
                    .map(|workload| &**workload);
                let workloads: Vec<&Workload> = near.filter(fits).collect();
                let service = workloads.iter().find_map(|workload| leading_to(mesh, workload));
                (service.or_else(|| mesh.service(&id.namespace, &id.app)), workloads)
            }
            NodeId::Namespace(_, namespace) => {
                let part = mesh.part(namespace).into_iter();
                (None, part.flat_map(|part| graph::in_mesh(mesh, namespace, part)).collect())
            }
            NodeId::External(_) | NodeId::Unknown => (None, Vec::new()),
        };
        let is_service = service.is_some() && matches!(id, NodeId::Service(_));
        let astray = service.map(|service| health::astray(mesh, service)).unwrap_or_default();
        let judged = health::judged(mesh, &workloads);
        let inside = match id {
            NodeId::Namespace(_, namespace) => mesh.part(namespace).into_iter().flat_map(Part::services),
            _ => None.into_iter().flat_map(Part::services),
        };
        let inside = inside.map(|service| &**service).collect();
        Self { id: id.clone(), service, workloads, inside, is_service, astray, judged }
    }

    /// Whether it stands for a service, or an app, with all its versions.
    pub fn is_whole(&self) -> bool {
        is_whole(&self.id)
    }

    /// Whether it is all of a namespace.
    pub fn is_namespace(&self) -> bool {
        matches!(self.id, NodeId::Namespace(..))
    }

    /// Whether nothing in the mesh stands behind it.
    pub fn is_only_a_name(&self) -> bool {
        self.service.is_none() && self.workloads.is_empty()
    }

    /// Whether these calls are for it. Calls that reached nobody (an injected abort, no route) belong to whom
    /// they were for, if that is the only one who could have taken them.
    pub fn called_by(&self, path: &Path) -> bool {
        if self.is_namespace() {
            return self.has_inside(path);
        }
        if self.is_only_a_name() {
            return is_node(&self.id, &path.destination, Some(path));
        }
        let aimed = || self.service.is_some_and(|service| aimed_at(path, service));
        if self.is_service {
            return aimed();
        }
        let is_here = |workload: &&Workload| {
            *path.destination.workload == *workload.name && *path.destination.namespace == *workload.namespace
        };
        if known(&path.destination.workload) {
            self.workloads.iter().any(is_here)
        } else {
            self.stands_alone() && aimed()
        }
    }

    /// Whether all calls of its service can only go to it.
    pub fn stands_alone(&self) -> bool {
        let is_here = |at: &WorkloadId| {
            let same = |workload: &&Workload| at.namespace == workload.namespace && at.name == workload.name;
            self.workloads.iter().any(same)
        };
        self.service
            .is_some_and(|service| !service.workloads.is_empty() && service.workloads.iter().all(is_here))
    }

    /// Whether calls went into a namespace, or were for one of its services and reached nobody. What its
    /// ServiceEntries name is outside of it.
    fn has_inside(&self, path: &Path) -> bool {
        let (namespace, service) = (self.id.namespace(), &path.service);
        if known(&path.destination.workload) {
            return *path.destination.namespace == *namespace;
        }
        if known(&service.namespace) {
            let outside = |other: &&Service| other.external && *other.name == *service.name;
            return *service.namespace == *namespace && !self.inside.iter().any(outside);
        }
        self.inside.iter().any(|service| !service.external && aimed_at(path, service))
    }

    /// Whether it makes these calls.
    pub fn calls(&self, path: &Path) -> bool {
        if self.is_namespace() {
            return known(&path.source.workload) && *path.source.namespace == *self.id.namespace();
        }
        if self.is_only_a_name() {
            return is_node(&self.id, &path.source, None);
        }
        self.workloads.iter().any(|workload| {
            *path.source.workload == *workload.name && *path.source.namespace == *workload.namespace
        })
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        let of_workload = || self.workloads.first().map(|workload| &*workload.namespace);
        self.service.map(|service| &*service.namespace).or_else(of_workload).unwrap_or_default()
    }

    /// What people call it: its service, else its app; where nothing in the mesh stands behind it, its name.
    pub fn name(&self) -> &str {
        let first = self.workloads.first().filter(|_| !self.is_namespace());
        let of_workload = || first.map(|workload| workload.app.as_str());
        self.service.map(|service| &*service.name).or_else(of_workload).unwrap_or_else(|| self.id.name())
    }

    /// Objects of Istio that touch it, in the order of their kinds' importance.
    pub fn config(&self, mesh: &Mesh) -> Vec<Ref> {
        let mut found: Vec<Ref> = Vec::new();
        if let Some(service) = self.service {
            found.extend(service.virtual_services.iter().cloned());
            found.extend(service.destination_rules.iter().cloned());
            found.extend(service.entries.iter().cloned());
        }
        for workload in &self.workloads {
            found.extend(workload.mtls.1.clone());
        }
        let kinds = KINDS.iter().copied().filter(|kind| kind.editable && kind.chooses.is_some());
        let found_by_service = [&kinds::DESTINATION_RULE, &kinds::SERVICE_ENTRY];
        for kind in kinds.filter(|kind| !found_by_service.contains(kind)) {
            for (at, object) in mesh.objects().of_kind(kind) {
                let selects = kind.selects(object);
                // In the root namespace, one that selects is for the workloads there.
                let only_there =
                    kind == &kinds::PEER_AUTHENTICATION && selects.as_ref().is_some_and(Selects::is_narrow);
                let mut chosen = self.workloads.iter().filter(|workload| {
                    let may = workload.gateway || kind != &kinds::GATEWAY;
                    may && (!only_there || workload.namespace == at.namespace)
                        && selects.as_ref().is_some_and(|selects| selects.takes(&workload.labels))
                });
                if self.in_reach(mesh, at) && chosen.next().is_some() {
                    found.push(at.clone());
                }
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|at| seen.insert(at.clone()));
        found
    }

    /// Whether an object of this namespace can select the subject's workloads.
    fn in_reach(&self, mesh: &Mesh, at: &Ref) -> bool {
        *at.namespace == *mesh.root_namespace()
            || self.workloads.iter().any(|workload| workload.namespace == at.namespace)
            || at.kind == &kinds::GATEWAY
    }
}

/// Whether a node stands for a service, or an app, with all its versions.
pub(crate) fn is_whole(id: &NodeId) -> bool {
    match id {
        NodeId::Service(_) => true,
        NodeId::App(id) => id.version.is_none(),
        NodeId::Namespace(..) | NodeId::Workload(_) | NodeId::External(_) | NodeId::Unknown => false,
    }
}

fn known(name: &str) -> bool {
    !name.is_empty() && name != "unknown"
}

/// Whether calls were made to this service. Calls that never left their proxy are told only by the host as
/// the caller wrote it, perhaps with a port.
pub fn aimed_at(path: &Path, service: &Service) -> bool {
    let called = &path.service;
    if *called.host == *service.host
        || (*called.name == *service.name && *called.namespace == *service.namespace)
    {
        return true;
    }
    let (host, _) = hosts::host_and_port(&called.host);
    let from = &path.source.namespace;
    !known(&called.namespace)
        && (fqdn(host, from) == service.host || hosts::dialled(host, from) == service.host)
}

/// The service that calls were made to, if the mesh has it.
pub fn asked_for<'a>(mesh: &'a Mesh, path: &Path) -> Option<&'a Service> {
    if let Some(service) = mesh.service(&path.service.namespace, &path.service.name) {
        return Some(service);
    }
    let (host, _) = hosts::host_and_port(&path.service.host);
    let full = hosts::dialled(host, &path.source.namespace);
    let (name, namespace) = hosts::service(&full)?;
    mesh.service(namespace, name).filter(|service| aimed_at(path, service))
}

/// The service that leads to a workload; one that leads to it alone comes last.
fn leading_to<'a>(mesh: &'a Mesh, workload: &Workload) -> Option<&'a Service> {
    let services = mesh.part(&workload.namespace)?.services().map(|service| &**service);
    services
        .filter(|service| service.workloads.iter().any(|at| at.name == workload.name))
        .max_by_key(|service| (service.workloads.len(), std::cmp::Reverse(service.name.clone())))
}
