//! The mesh by the names that telemetry uses. Tables of namespaces in which nothing changed are kept.

use super::{GraphOptions, GraphType, NodeId};
use crate::traffic::{Called, Peer};
use crate::{Mesh, Part, Service, Workload};
use istio::{ServiceId, WorkloadId, fqdn, hosts};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The mesh by the names that telemetry uses.
pub(super) struct Names {
    pub(super) mesh: Mesh,
    tables: BTreeMap<Arc<str>, Arc<Table>>,
    /// Services outside the mesh by their hosts.
    outside: HashMap<Arc<str>, Arc<Service>>,
}

/// What the names of one namespace stand for.
pub(super) struct Table {
    pub(super) part: Arc<Part>,
    /// Services in front of a workload, the one named as its app first.
    in_front: HashMap<Arc<str>, Vec<Arc<Service>>>,
    apps: HashMap<String, Vec<Arc<Workload>>>,
    /// Whether it has a proxy.
    meshed: bool,
}

impl Table {
    fn of(part: &Arc<Part>) -> Self {
        let mut in_front: HashMap<Arc<str>, Vec<Arc<Service>>> = HashMap::new();
        for service in part.services() {
            for workload in &service.workloads {
                in_front.entry(workload.name.clone()).or_default().push(Arc::clone(service));
            }
        }
        let mut apps: HashMap<String, Vec<Arc<Workload>>> = HashMap::new();
        for workload in part.workloads() {
            apps.entry(workload.app.clone()).or_default().push(Arc::clone(workload));
            if let Some(list) = in_front.get_mut(&workload.name) {
                list.sort_by_key(|service| *service.name != *workload.app);
            }
        }
        let meshed = part.workloads().any(|workload| proxied(workload));
        Self { part: Arc::clone(part), in_front, apps, meshed }
    }

    /// Whether the same names stand for the same nodes as in `other`, however those are.
    pub(super) fn names_the_same(&self, other: &Self) -> bool {
        let service = |service: &'_ Arc<Service>| {
            (service.name.clone(), service.host.clone(), service.external, service.workloads.clone())
        };
        let workload = |workload: &'_ Arc<Workload>| {
            (workload.name.clone(), workload.app.clone(), workload.version.clone(), proxied(workload))
        };
        let services = same(self.part.services(), other.part.services(), service);
        services && same(self.part.workloads(), other.part.workloads(), workload)
    }
}

/// Whether two lists are the same by what `key` says of each; what is shared is not looked at.
fn same<'a, T: 'a, K: PartialEq>(
    one: impl ExactSizeIterator<Item = &'a Arc<T>>,
    two: impl ExactSizeIterator<Item = &'a Arc<T>>,
    key: impl Fn(&Arc<T>) -> K,
) -> bool {
    one.len() == two.len() && one.zip(two).all(|(a, b)| Arc::ptr_eq(a, b) || key(a) == key(b))
}

/// Workloads of a namespace, but for those of the control plane.
pub(crate) fn in_mesh<'a>(
    mesh: &Mesh,
    namespace: &str,
    part: &'a Part,
) -> impl Iterator<Item = &'a Workload> {
    let root = *namespace == *mesh.root_namespace();
    part.workloads().map(|workload| &**workload).filter(move |workload| !root || proxied(workload))
}

fn proxied(workload: &Workload) -> bool {
    workload.pods.iter().any(|pod| pod.sidecar)
}

pub(super) fn known(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty() && *name != "unknown")
}

/// A version that says something: Istio calls pods without one "latest".
pub(super) fn version(name: &str) -> Option<&str> {
    known(name).filter(|name| *name != "latest")
}

impl Names {
    /// Of a mesh; what is as it was is taken from `before`.
    pub(super) fn of(mesh: &Mesh, before: Option<&Names>) -> Self {
        let kept = |namespace: &Arc<str>, part: &Part| {
            before?.tables.get(namespace).filter(|table| table.part.revision() == part.revision())
        };
        let table = |namespace: &Arc<str>, part: &Arc<Part>| {
            kept(namespace, part).map_or_else(|| Arc::new(Table::of(part)), Arc::clone)
        };
        let tables = mesh.parts().map(|(namespace, part)| (namespace.clone(), table(namespace, part)));
        let outside = mesh.parts().flat_map(|(_, part)| part.services()).filter(|service| service.external);
        Self {
            tables: tables.collect(),
            outside: outside.map(|service| (service.host.as_str().into(), Arc::clone(service))).collect(),
            mesh: mesh.clone(),
        }
    }

    /// Tables that are not those of `before`, each with what it was; `None` when some namespace came or went.
    pub(super) fn changed<'a>(&'a self, before: &'a Self) -> Option<Vec<(&'a Table, &'a Table)>> {
        let same = self.tables.len() == before.tables.len() && self.tables.keys().eq(before.tables.keys());
        let pairs = self.tables.values().zip(before.tables.values());
        let changed = pairs.filter(|(now, was)| !Arc::ptr_eq(now, was));
        same.then(|| changed.map(|(now, was)| (&**now, &**was)).collect())
    }

    fn in_front(&self, namespace: &str, workload: &str) -> &[Arc<Service>] {
        let table = self.tables.get(namespace);
        table.and_then(|table| table.in_front.get(workload)).map_or(&[], Vec::as_slice)
    }

    /// The node of one end of a flow; `called` is what was asked for at the far end, and from which
    /// namespace.
    pub(super) fn peer(&self, peer: &Peer, graph_type: GraphType, called: Option<(&Called, &str)>) -> NodeId {
        if let (Some((called, from)), GraphType::Service) = (called, graph_type) {
            return self.called(called, from);
        }
        let Some(workload) = known(&peer.workload) else {
            // Calls that reached nobody belong to whom they were for, if there is only one.
            return called.map_or(NodeId::Unknown, |(called, from)| {
                self.alone(called, from, graph_type).unwrap_or_else(|| self.called(called, from))
            });
        };
        self.key(&peer.namespace, workload, known(&peer.app), version(&peer.version), graph_type)
    }

    fn key(
        &self,
        namespace: &str,
        workload: &str,
        app: Option<&str>,
        version: Option<&str>,
        graph_type: GraphType,
    ) -> NodeId {
        let cluster = self.mesh.cluster();
        let itself = || NodeId::Workload(WorkloadId::new(cluster, namespace, workload));
        match (graph_type, app) {
            (GraphType::Service, _) => match self.in_front(namespace, workload).first() {
                Some(service) => NodeId::Service(self.mesh.service_id(service)),
                None => itself(),
            },
            (GraphType::VersionedApp, Some(app)) => NodeId::app(cluster, namespace, app, version),
            (GraphType::App, Some(app)) => NodeId::app(cluster, namespace, app, None),
            _ => itself(),
        }
    }

    fn called(&self, called: &Called, from: &str) -> NodeId {
        if let Some(service) = self.meant(called, from) {
            return if service.external {
                NodeId::External(service.host.as_str().into())
            } else {
                NodeId::Service(self.mesh.service_id(service))
            };
        }
        match (known(&called.namespace), known(&called.name), known(&called.host)) {
            (Some(namespace), Some(name), _) => {
                NodeId::Service(ServiceId::new(self.mesh.cluster(), namespace, name))
            }
            // Passthrough and the like: the cluster's name says more than whatever host was asked for.
            (_, Some(name), _) if name.ends_with("Cluster") => NodeId::External(name.into()),
            (_, _, Some(host)) | (_, Some(host), None) => NodeId::External(host.into()),
            _ => NodeId::Unknown,
        }
    }

    /// The service that was asked for. Calls that never left their proxy (no route, an injected fault) may be
    /// told only by the host as the caller wrote it, perhaps with a port.
    fn meant(&self, called: &Called, from: &str) -> Option<&Service> {
        if let Some(service) = self.mesh.service(&called.namespace, &called.name) {
            return Some(service);
        }
        if known(&called.namespace).is_some() {
            return None;
        }
        let (host, _) = hosts::host_and_port(&called.host);
        let meant = [fqdn(host, from), hosts::dialled(host, from)];
        meant.iter().find_map(|host| self.by_host(host))
    }

    fn by_host(&self, host: &str) -> Option<&Service> {
        let inside = hosts::service(host).and_then(|(name, namespace)| self.mesh.service(namespace, name));
        inside.or_else(|| self.outside.get(host).map(|service| &**service))
    }

    /// The only node behind a service, if there is just one.
    fn alone(&self, called: &Called, from: &str, graph_type: GraphType) -> Option<NodeId> {
        let behind = self.mesh.workloads_of(self.meant(called, from)?);
        let mut nodes = behind.map(|workload| self.of_workload(workload, graph_type));
        let first = nodes.next()?;
        nodes.all(|other| other == first).then_some(first)
    }

    /// The node that a workload is, or is part of.
    pub(super) fn of_workload(&self, workload: &Workload, graph_type: GraphType) -> NodeId {
        let (app, version) = (known(&workload.app), version(&workload.version));
        self.key(&workload.namespace, &workload.name, app, version, graph_type)
    }

    /// All nodes that may tell something of a workload: itself, its app with and without its version, and its
    /// services, which calls that reached nobody were for.
    pub(super) fn about<'a>(&'a self, workload: &'a Workload) -> impl Iterator<Item = NodeId> + 'a {
        let (cluster, namespace, app) = (self.mesh.cluster(), &*workload.namespace, &*workload.app);
        let itself = NodeId::Workload(self.mesh.workload_id(workload));
        let apps =
            [None, version(&workload.version)].map(|version| NodeId::app(cluster, namespace, app, version));
        let in_front = self.in_front(namespace, &workload.name);
        let services = in_front.iter().map(|service| NodeId::Service(self.mesh.service_id(service)));
        services.chain(apps).chain([itself])
    }

    /// Everything that could have traffic.
    pub(super) fn quiet(&self, options: &GraphOptions) -> Vec<NodeId> {
        let wanted = |(namespace, table): &(&Arc<str>, &Arc<Table>)| {
            if options.namespaces.is_empty() {
                table.meshed
            } else {
                options.namespaces.iter().any(|name| **name == ***namespace)
            }
        };
        let mut all = Vec::new();
        for (namespace, table) in self.tables.iter().filter(wanted) {
            let workloads = in_mesh(&self.mesh, namespace, &table.part);
            all.extend(workloads.map(|workload| self.of_workload(workload, options.graph_type)));
            let outside = table.part.services().filter(|service| service.external);
            all.extend(outside.map(|service| NodeId::External(service.host.as_str().into())));
        }
        all
    }

    /// Workloads that a node stands for.
    pub(super) fn workloads(&self, id: &NodeId) -> Vec<&Workload> {
        match id {
            NodeId::App(app) => {
                let table = self.tables.get(&app.namespace);
                let all = table.and_then(|table| table.apps.get(&*app.app)).into_iter().flatten();
                let wanted = app.version.as_deref();
                let fits = |workload: &&Workload| wanted.is_none() || version(&workload.version) == wanted;
                all.map(|workload| &**workload).filter(fits).collect()
            }
            NodeId::Workload(id) => self.mesh.workload(&id.namespace, &id.name).into_iter().collect(),
            NodeId::Service(id) => {
                let service = self.mesh.service(&id.namespace, &id.name);
                service.into_iter().flat_map(|service| self.mesh.workloads_of(service)).collect()
            }
            NodeId::Namespace(_, namespace) => {
                let table = self.tables.get(namespace).into_iter();
                table.flat_map(|table| in_mesh(&self.mesh, namespace, &table.part)).collect()
            }
            NodeId::External(_) | NodeId::Unknown => Vec::new(),
        }
    }

    /// Services that lead to a node.
    pub(super) fn services(&self, id: &NodeId, workloads: &[&Workload]) -> Vec<&Service> {
        let own = match id {
            NodeId::Service(id) => self.mesh.service(&id.namespace, &id.name),
            _ => None,
        };
        let mut services: Vec<&Service> = own.into_iter().collect();
        let in_front = workloads.iter().flat_map(|at| self.in_front(&at.namespace, &at.name));
        for service in in_front {
            if !services.iter().any(|known| known.at == service.at) {
                services.push(service);
            }
        }
        services
    }
}
