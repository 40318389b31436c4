//! What the mesh consists of: services, workloads and Istio's resources, read once from the API objects of a
//! world.
//!
//! What its parts mean together is found out afterwards, by `read.rs`.

pub(crate) mod config;
pub(crate) mod gateway_api;
pub(crate) mod locality;
pub(crate) mod mesh_config;
pub(crate) mod secrets;
pub(crate) mod service;
pub(crate) mod untranslated;
pub(crate) mod workload;

pub use config::Config;
pub use locality::Locality;
pub use service::{FixedEndpoint, Port, Resolution, Service, TargetPort, alias, allocated};
pub use untranslated::Untranslated;
pub(crate) use untranslated::title;
pub use workload::{ProxyKind, Workload};

use crate::identity::ROOT_NAMESPACE;
use crate::world::World;
use config::read;
use gateway_api::GatewayApi;
use istio::Object;
use istio::Selects;
use istio::mtls::Policies;
use istio::precedence::by_age;
use istio::views::envoy_filter::EnvoyFilter;
use istio::views::{
    AuthorizationPolicy, DestinationRule, Gateway, PeerAuthentication, RequestAuthentication, ServiceEntry,
    Sidecar, Telemetry, VirtualService, WorkloadEntry,
};
use locality::UNKNOWN;
use mesh_config::MeshConfig;
use secrets::Credential;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

/// What was read before.
#[derive(Default)]
pub(crate) struct Known {
    /// Pods, by where their object is kept; the object is held so that no other can take its place.
    pods: HashMap<usize, (Arc<Value>, Option<Arc<Workload>>)>,
    /// The mesh's settings, which hold until there are others that can be read.
    mesh_config: MeshConfig,
}

/// Everything that translation reads.
#[derive(Debug, Default)]
pub struct Registry {
    /// The revision of the world that it was read from.
    pub revision: u64,
    /// Mesh-wide settings.
    pub mesh_config: MeshConfig,
    /// By host.
    pub services: Vec<Service>,
    /// The services that are other names, with what they are names of in the end.
    pub aliases: BTreeMap<String, String>,
    /// By namespace and name.
    pub workloads: Vec<Arc<Workload>>,
    /// Where each Node stands, by its name.
    pub nodes: BTreeMap<String, Locality>,
    /// Oldest first.
    pub virtual_services: Vec<Config<VirtualService>>,
    /// Oldest first.
    pub destination_rules: Vec<Config<DestinationRule>>,
    /// Oldest first.
    pub gateways: Vec<Config<Gateway>>,
    /// Oldest first.
    pub sidecars: Vec<Config<Sidecar>>,
    /// Oldest first; their hosts are among the services.
    pub service_entries: Vec<Config<ServiceEntry>>,
    /// Machines outside of Kubernetes; oldest first.
    pub workload_entries: Vec<Config<WorkloadEntry>>,
    /// Certificates and keys in Secrets, by namespace and name.
    pub(crate) credentials: BTreeMap<(String, String), Credential>,
    /// Oldest first.
    pub peer_authentications: Vec<Config<PeerAuthentication>>,
    mtls: OnceLock<Policies<'static, Config<PeerAuthentication>>>,
    /// Oldest first.
    pub authorization_policies: Vec<Config<AuthorizationPolicy>>,
    /// Oldest first.
    pub envoy_filters: Vec<Config<EnvoyFilter>>,
    /// Oldest first.
    pub request_authentications: Vec<Config<RequestAuthentication>>,
    /// The Gateway API's resources.
    pub gateway_api: GatewayApi,
    /// Oldest first.
    pub telemetries: Vec<Config<Telemetry>>,
    /// What was understood only in part, or not at all.
    pub untranslated: Vec<Untranslated>,
}

impl Registry {
    /// Reads all objects of a world, but for those pods that have not changed; what cannot be read is named
    /// in `untranslated`.
    pub(crate) fn read(world: &World, known: &mut Known) -> Self {
        let mut registry = Self { revision: world.revision, ..Self::default() };
        let before = std::mem::take(&mut known.pods);
        for object in world.objects.iter().map(|object| Object(object.clone())) {
            if object.kind() == "Pod" {
                let at = Arc::as_ptr(&object.0) as usize;
                let same = before.get(&at).filter(|(pod, _)| Arc::ptr_eq(pod, &object.0));
                let workload = same
                    .map_or_else(|| Workload::of(&object).map(Arc::new), |(_, workload)| workload.clone());
                registry.workloads.extend(workload.clone());
                known.pods.insert(at, (object.0, workload));
            } else {
                registry.take(&object, &known.mesh_config);
            }
        }
        known.mesh_config.clone_from(&registry.mesh_config);
        registry.allocate(world);
        // A Kubernetes Service before a ServiceEntry of the same host, then the oldest. Each namespace may
        // have its own.
        registry.services.sort_by(|a, b| (&a.host, a.entry, &a.created).cmp(&(&b.host, b.entry, &b.created)));
        registry.merge_hosts();
        registry.follow_aliases();
        registry.workloads.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        registry.virtual_services.sort_by(by_age);
        registry.destination_rules.sort_by(by_age);
        registry.gateways.sort_by(by_age);
        registry.sidecars.sort_by(by_age);
        registry.workload_entries.sort_by(by_age);
        registry.peer_authentications.sort_by(by_age);
        registry.authorization_policies.sort_by(by_age);
        registry.envoy_filters.sort_by(by_age);
        registry.request_authentications.sort_by(by_age);
        registry.telemetries.sort_by(by_age);
        registry.service_entries.sort_by(by_age);
        registry
    }

    fn take(&mut self, object: &Object, last: &MeshConfig) {
        if gateway_api::is_ours(object) {
            return self.gateway_api.take(object, &mut self.untranslated);
        }
        match object.kind() {
            "Namespace" => self.gateway_api.namespace(object),
            "Service" => {
                self.services.extend(service::kubernetes(object));
                self.aliases.extend(service::alias(object));
            }
            "ServiceEntry" => {
                let entry = read::<ServiceEntry>(object, &mut self.untranslated);
                self.services.extend(entry.iter().flat_map(service::of_entry));
                self.service_entries.extend(entry);
            }
            "Node" => drop(self.nodes.insert(object.name().to_owned(), Locality::of_node(&object.labels()))),
            "VirtualService" => self.virtual_services.extend(read(object, &mut self.untranslated)),
            "DestinationRule" => self.destination_rules.extend(read(object, &mut self.untranslated)),
            "Gateway"
                if object.0["apiVersion"]
                    .as_str()
                    .is_some_and(|version| version.starts_with("networking.istio.io/")) =>
            {
                self.gateways.extend(read(object, &mut self.untranslated));
            }
            "Sidecar" => self.sidecars.extend(read(object, &mut self.untranslated)),
            "WorkloadEntry" => self.workload_entries.extend(read(object, &mut self.untranslated)),
            "Secret" => {
                let name = (object.namespace().to_owned(), object.name().to_owned());
                self.credentials.extend(Credential::of(object).map(|credential| (name, credential)));
            }
            "PeerAuthentication" => self.peer_authentications.extend(read(object, &mut self.untranslated)),
            "AuthorizationPolicy" => self.authorization_policies.extend(read(object, &mut self.untranslated)),
            "EnvoyFilter" => self.envoy_filters.extend(read(object, &mut self.untranslated)),
            "RequestAuthentication" => {
                self.request_authentications.extend(read(object, &mut self.untranslated));
            }
            "Telemetry" => self.telemetries.extend(read(object, &mut self.untranslated)),
            "ConfigMap" => match MeshConfig::of(object) {
                Some(Ok(read)) => {
                    let reasons = read.without_effect().into_iter();
                    self.untranslated
                        .extend(reasons.map(|reason| Untranslated { object: title(object), reason }));
                    self.mesh_config = read;
                }
                // As istiod: what was last read stays in force.
                Some(Err(why)) => {
                    let reason =
                        format!("data.mesh cannot be read, and the settings before it stay in force: {why}");
                    self.untranslated.push(Untranslated { object: title(object), reason });
                    self.mesh_config.clone_from(last);
                }
                None => {}
            },
            _ => {}
        }
    }

    /// Gives hosts of ServiceEntries without addresses those that Istio's DNS would answer.
    fn allocate(&mut self, world: &World) {
        let entries: Vec<Object> = world
            .objects
            .iter()
            .filter(|object| object["kind"] == "ServiceEntry")
            .map(|object| Object(object.clone()))
            .collect();
        let mut given = allocated(entries.iter());
        for service in
            self.services.iter_mut().filter(|service| service.entry && service.addresses.is_empty())
        {
            let address = given.remove(&(service.namespace.clone(), service.host.clone()));
            service.addresses.extend(address.map(|address| address.to_string()));
        }
    }

    /// One service per host and namespace: the first.
    fn merge_hosts(&mut self) {
        let mut merged: Vec<Service> = Vec::new();
        for service in self.services.drain(..) {
            let mut known = merged.iter().rev().take_while(|known| known.host == service.host);
            if known.any(|known| known.namespace == service.namespace) {
                let object = format!("ServiceEntry host {}/{}", service.namespace, service.host);
                let reason =
                    "it is defined more than once, and only the oldest definition counts in the sandbox"
                        .to_owned();
                self.untranslated.push(Untranslated { object, reason });
            } else {
                merged.push(service);
            }
        }
        self.services = merged;
    }

    /// Follows aliases to a service that is there, and tells it its other names. Those that lead elsewhere
    /// are left to DNS.
    fn follow_aliases(&mut self) {
        let all = std::mem::take(&mut self.aliases);
        for host in all.keys() {
            let mut target = host;
            // A row of aliases may be a ring.
            for _ in 0..all.len() {
                match all.get(target) {
                    Some(next) => target = next,
                    None => break,
                }
            }
            let from = self.services.partition_point(|service| service.host < *target);
            let named = self.services[from..].iter_mut().take_while(|service| service.host == *target);
            let mut known = false;
            named.for_each(|service| {
                known = true;
                service.aliases.push(host.clone());
            });
            if known {
                self.aliases.insert(host.clone(), target.clone());
            }
        }
    }

    /// The PeerAuthentications, to be asked for what a port takes.
    pub(crate) fn mtls(&self) -> &Policies<'static, Config<PeerAuthentication>> {
        self.mtls.get_or_init(|| Policies::new(ROOT_NAMESPACE, self.peer_authentications.iter().cloned()))
    }

    /// The service of this host.
    pub fn service(&self, host: &str) -> Option<&Service> {
        let at = self.services.partition_point(|service| service.host.as_str() < host);
        self.services.get(at).filter(|service| service.host == host)
    }

    /// A workload by name.
    pub fn workload(&self, namespace: &str, name: &str) -> Option<&Workload> {
        let named = |workload: &Arc<Workload>| {
            (workload.namespace.as_str(), workload.name.as_str()).cmp(&(namespace, name))
        };
        self.workloads.binary_search_by(named).ok().map(|at| self.workloads[at].as_ref())
    }

    /// The pods of a namespace.
    fn workloads_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Workload> {
        let from = self.workloads.partition_point(|workload| workload.namespace.as_str() < namespace);
        let rest = self.workloads[from..].iter().map(Arc::as_ref);
        rest.take_while(move |workload| workload.namespace == namespace)
    }

    /// The pods that a service selects and that take traffic.
    pub fn members<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Workload> {
        self.workloads_in(&service.namespace).filter(|workload| {
            workload.ready && Selects::gathering(&service.selector).takes(&workload.labels)
        })
    }

    /// The endpoints of a service that no pod is: its own, and WorkloadEntries that it selects.
    pub fn fixed<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = FixedEndpoint> + 'a {
        let entries = self.workload_entries.iter().filter(|entry| {
            entry.namespace == service.namespace
                && Selects::gathering(&service.selector).takes(&entry.spec.labels)
        });
        service.fixed.iter().cloned().chain(entries.filter_map(|entry| FixedEndpoint::of(&entry.spec)))
    }

    /// Where a workload stands: as its label says, else where its Node does.
    pub fn locality<'a>(&'a self, workload: &'a Workload) -> &'a Locality {
        workload.locality.as_ref().or_else(|| self.nodes.get(&workload.node)).unwrap_or(&UNKNOWN)
    }

    /// The services that select a workload.
    pub fn services_of<'a>(&'a self, workload: &'a Workload) -> impl Iterator<Item = &'a Service> {
        self.services.iter().filter(|service| {
            workload.namespace == service.namespace
                && Selects::gathering(&service.selector).takes(&workload.labels)
        })
    }
}
