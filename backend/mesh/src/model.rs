//! One revision of everything: services, workloads, pods and the configuration that touches them.

mod calls;
mod config;
mod configured;
mod hosts;
mod mtls;
mod objects;
mod part;
mod read;
mod revision;
mod services;
mod unseen;
mod workloads;
pub(crate) use workloads::{is_ready, waits};

pub(crate) use configured::Configured;
pub(crate) use mtls::Policies;
pub use objects::Objects;
pub use part::Part;
pub use read::root_namespace;
pub use revision::Revision;
pub(crate) use services::natural;
pub use unseen::{Hidden, Unseen};

use config::Config;
use istio::mtls::Mode;
use istio::{ClusterId, Kind, Problem, Protocol, Ref, ServiceId, WorkloadId, views};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A service port.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// "http".
    pub name: String,
    /// Port of the service.
    pub number: u32,
    /// Port of the pod (numbers only; a named target port is looked up in the pods).
    pub target: u32,
    /// From `appProtocol` or the port's name.
    pub protocol: Protocol,
}

/// A version of a service, told by its pods' `version` labels or by a DestinationRule.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// Name of the subset; for a version that no DestinationRule names, the version itself.
    pub name: String,
    /// Labels that select its pods.
    pub labels: BTreeMap<String, String>,
    /// Whether a DestinationRule declares it.
    pub declared: bool,
    /// The workloads behind it.
    pub workloads: Vec<WorkloadId>,
}

/// A Kubernetes service or a ServiceEntry host.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// "bookinfo"; of a ServiceEntry, the entry's.
    pub namespace: Arc<str>,
    /// "reviews"; of a ServiceEntry, the host.
    pub name: Arc<str>,
    /// Fully qualified host.
    pub host: String,
    /// Its object.
    pub at: Ref,
    /// Ports.
    pub ports: Vec<Port>,
    /// Pod selector.
    pub selector: BTreeMap<String, String>,
    /// Versions, in the order v1, v2, v10.
    pub subsets: Vec<Subset>,
    /// The workloads behind it.
    pub workloads: Vec<WorkloadId>,
    /// VirtualServices that route calls to it inside the mesh, the one in force first.
    pub virtual_services: Vec<Ref>,
    /// DestinationRules that apply to it.
    pub destination_rules: Vec<Ref>,
    /// ServiceEntries that have its host, the oldest first.
    pub entries: Vec<Ref>,
    /// True for a ServiceEntry.
    pub external: bool,
}

/// One pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its name.
    pub name: Arc<str>,
    /// Ready condition.
    pub ready: bool,
    /// How it is, in Kubernetes' words: "Running", "Terminating", "CrashLoopBackOff".
    pub phase: String,
    /// How often its containers were started again.
    pub restarts: u32,
    /// Whether it has a proxy (container or native sidecar `istio-proxy`).
    pub sidecar: bool,
}

/// A workload: the pods of one Deployment (or of any other owner).
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Namespace.
    pub namespace: Arc<str>,
    /// "reviews-v1".
    pub name: Arc<str>,
    /// Owner's kind: "Deployment", "StatefulSet", "Pod", …
    pub owner: String,
    /// Canonical service (`service.istio.io/canonical-name`, `app.kubernetes.io/name`, `app`, else the name).
    pub app: String,
    /// Canonical revision (`service.istio.io/canonical-revision`, `app.kubernetes.io/version`, `version`,
    /// else "latest").
    pub version: String,
    /// Pod labels.
    pub labels: BTreeMap<String, String>,
    /// Service account.
    pub service_account: String,
    /// Its pods.
    pub pods: Vec<Pod>,
    /// Wanted replicas, where the owner says so.
    pub wanted: Option<u32>,
    /// True when it is an ingress or egress gateway.
    pub gateway: bool,
    /// Mutual TLS mode in force on its inbound side, and the object that says so (`None`: Istio's default).
    pub mtls: (Mode, Option<Ref>),
}

/// One revision of everything. Namespaces and kinds of which nothing changed are shared with the revision
/// before.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    cluster: ClusterId,
    revision: Revision,
    objects: Objects,
    namespaces: Arc<[Arc<str>]>,
    parts: BTreeMap<Arc<str>, Arc<Part>>,
    config: Config,
    root_namespace: Arc<str>,
    unseen: Arc<Unseen>,
}

/// Typed views of the objects of one kind, by their names.
macro_rules! views {
    ($(#[$doc:meta] $all:ident, $one:ident: $view:ty;)*) => {
        impl Mesh {
            $(
                #[$doc]
                pub fn $all(&self) -> impl Iterator<Item = (&Ref, &$view)> {
                    self.config.$all.iter().map(|(at, view)| (at, &**view))
                }
                /// One of them; `None` also when it cannot be read.
                pub fn $one(&self, at: &Ref) -> Option<&$view> {
                    self.config.$all.get(at).map(|view| &**view)
                }
            )*
        }
    };
}

views! {
    /// VirtualServices, as read from their objects.
    virtual_services, virtual_service: views::VirtualService;
    /// DestinationRules, as read from their objects.
    destination_rules, destination_rule: views::DestinationRule;
    /// Istio's Gateways, as read from their objects.
    gateways, gateway: views::Gateway;
    /// ServiceEntries, as read from their objects.
    service_entries, service_entry: views::ServiceEntry;
    /// HTTPRoutes and GRPCRoutes, as read from their objects.
    backend_routes, backend_route: views::gateway_api::Route;
    /// TLSRoutes and TCPRoutes, as read from their objects.
    stream_routes, stream_route: views::gateway_api::Route;
    /// Gateways of the Gateway API, as read from their objects.
    api_gateways, api_gateway: views::gateway_api::Gateway;
    /// PeerAuthentications, as read from their objects.
    peer_authentications, peer_authentication: views::PeerAuthentication;
}

impl Mesh {
    /// The mesh of a cluster of which nothing is known yet.
    pub fn of(cluster: ClusterId) -> Self {
        Self { cluster, ..Self::default() }
    }
    /// Names what it says: whoever keeps what was derived of all of it, keeps it by this. A change of an
    /// object that says nothing new to the model (an annotation of a pod) leaves it as it is; of Istio's own
    /// objects every change counts.
    pub fn revision(&self) -> Revision {
        self.revision
    }
    /// Names what Istio's objects say.
    pub fn config_revision(&self) -> Revision {
        self.config.revision
    }
    /// Names all services, the workloads of these namespaces, and what Istio's objects say: for whoever reads
    /// no more. Pods of other namespaces may come and go.
    pub fn revision_of<'a>(&self, namespaces: impl IntoIterator<Item = &'a str>) -> Revision {
        let parts = namespaces.into_iter().filter_map(|namespace| self.part(namespace));
        let services = self.parts.values().map(|part| part.services_revision());
        parts.map(Part::revision).chain(services).fold(self.config.revision, Revision::max)
    }
    /// All objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }
    /// Namespaces, sorted.
    pub fn namespaces(&self) -> &[Arc<str>] {
        &self.namespaces
    }
    /// What was read of one namespace; `None` when there never was a service or a workload.
    pub fn part(&self, namespace: &str) -> Option<&Part> {
        self.parts.get(namespace).map(|part| &**part)
    }
    /// What was read of each namespace.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Arc<Part>)> {
        self.parts.iter()
    }
    /// All services, by namespace and name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.parts.values().flat_map(|part| part.services()).map(|service| &**service)
    }
    /// How many services there are.
    pub fn service_count(&self) -> usize {
        self.parts.values().map(|part| part.services().len()).sum()
    }
    /// All workloads, by namespace and name.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.parts.values().flat_map(|part| part.workloads()).map(|workload| &**workload)
    }
    /// How many workloads there are.
    pub fn workload_count(&self) -> usize {
        self.parts.values().map(|part| part.workloads().len()).sum()
    }
    /// Objects that could not be read, and why.
    pub fn problems(&self) -> impl Iterator<Item = (&Ref, &Problem)> {
        self.config.problems.iter()
    }
    /// Why an object could not be read, if it could not.
    pub fn problem(&self, at: &Ref) -> Option<&Problem> {
        self.config.problems.get(at)
    }
    /// Namespace of istiod, where mesh-wide policy lives ("istio-system").
    pub fn root_namespace(&self) -> &str {
        &self.root_namespace
    }
    /// A service by namespace and name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service> {
        self.part(namespace)?.service(name).map(|service| &**service)
    }
    /// A workload by namespace and name.
    pub fn workload(&self, namespace: &str, name: &str) -> Option<&Workload> {
        self.part(namespace)?.workload(name).map(|workload| &**workload)
    }
    /// The workloads behind a service.
    pub fn workloads_of<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Workload> {
        service.workloads.iter().filter_map(|at| self.workload(&at.namespace, &at.name))
    }
    /// Why objects of a kind in a namespace are not seen, if they are not: then nothing is known of them, and
    /// nobody may say that there are none.
    pub fn unseen(&self, kind: &'static Kind, namespace: &str) -> Option<&Problem> {
        self.unseen.of(kind, namespace)
    }
    /// Why not all objects of a kind are seen, if not all are.
    pub fn unseen_anywhere(&self, kind: &'static Kind) -> Option<&Problem> {
        self.unseen.anywhere(kind)
    }
    /// The same mesh, as far as it may be read.
    #[must_use]
    pub fn seeing_all_but(mut self, unseen: &Arc<Unseen>) -> Self {
        if self.unseen != *unseen {
            self.unseen = Arc::clone(unseen);
            self.revision = Revision::fresh();
            self.config.revision = self.revision;
        }
        self
    }
    /// The cluster that it is of.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }
    /// The name of one of its services.
    pub fn service_id(&self, service: &Service) -> ServiceId {
        ServiceId::new(&self.cluster, service.namespace.clone(), service.name.clone())
    }
    /// The name of one of its workloads.
    pub fn workload_id(&self, workload: &Workload) -> WorkloadId {
        WorkloadId::new(&self.cluster, workload.namespace.clone(), workload.name.clone())
    }
    /// Names of all proxies, as istiod knows them: "productpage-v1-abc.bookinfo".
    pub fn proxies(&self) -> Vec<String> {
        self.workloads().flat_map(Workload::proxies).collect()
    }
}

impl Workload {
    /// Names of its proxies, as istiod knows them: "productpage-v1-abc.bookinfo".
    pub fn proxies(&self) -> impl Iterator<Item = String> {
        self.pods.iter().filter(|pod| pod.sidecar).map(|pod| format!("{}.{}", pod.name, self.namespace))
    }
    /// Pods that are ready.
    pub fn ready(&self) -> usize {
        self.pods.iter().filter(|pod| pod.ready).count()
    }
}

#[cfg(test)]
mod sharing_tests;
#[cfg(test)]
mod tests;
