//! What the mesh consists of: services, workloads and Istio's resources, read once from the API objects of a world.

use crate::World;
use crate::locality::{Locality, UNKNOWN};
use crate::mesh_config::MeshConfig;
use crate::secrets::Credential;
use crate::service;
pub use crate::service::{FixedEndpoint, Port, Protocol, Resolution, Service, Target, allocated};
use crate::translate::gateway_api::{self, GatewayApi};
use crate::workload::Workload;
use istio::Object;
use istio::views::envoy_filter::EnvoyFilter;
use istio::views::{
    self, AuthorizationPolicy, DestinationRule, Gateway, PeerAuthentication, RequestAuthentication,
    ServiceEntry, Sidecar, Telemetry, VirtualService, WorkloadEntry,
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The namespace whose policies hold for the whole mesh.
pub const ROOT_NAMESPACE: &str = "istio-system";
/// The mesh's trust domain.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// One Istio resource, read.
#[derive(Clone, Debug)]
pub struct Config<T> {
    /// The object's name.
    pub name: String,
    /// The object's namespace.
    pub namespace: String,
    /// RFC 3339, for "the oldest wins".
    pub created: String,
    /// The object as it came.
    pub object: Object,
    /// Its typed view.
    pub spec: T,
}

impl<T> Config<T> {
    /// How istiod links generated configuration to the resource it came from.
    pub fn link(&self, kind: &str) -> String {
        format!("/apis/networking.istio.io/v1/namespaces/{}/{kind}/{}", self.namespace, self.name)
    }
}

/// Something in an object that this control plane does not translate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Untranslated {
    /// "VirtualService bookinfo/reviews".
    pub object: String,
    /// Which part, and why.
    pub reason: String,
}

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
    /// Machines outside of Kubernetes; oldest first.
    pub workload_entries: Vec<Config<WorkloadEntry>>,
    /// Certificates and keys in Secrets, by namespace and name.
    pub(crate) credentials: BTreeMap<(String, String), Credential>,
    /// Oldest first.
    pub peer_authentications: Vec<Config<PeerAuthentication>>,
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
    /// Reads all objects of a world; what cannot be read is named in `untranslated`.
    pub fn of(world: &World) -> Self {
        Self::read(world, &mut Known::default())
    }

    /// As [`Registry::of`], without reading those pods again that have not changed.
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
        // A Kubernetes Service before a ServiceEntry of the same host, then the oldest. Each namespace may have its own.
        registry.services.sort_by(|a, b| (&a.host, a.entry, &a.created).cmp(&(&b.host, b.entry, &b.created)));
        registry.merge_hosts();
        registry.workloads.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        oldest_first(&mut registry.virtual_services);
        crate::translate::delegates::merge(&mut registry);
        oldest_first(&mut registry.destination_rules);
        oldest_first(&mut registry.gateways);
        oldest_first(&mut registry.sidecars);
        oldest_first(&mut registry.workload_entries);
        oldest_first(&mut registry.peer_authentications);
        oldest_first(&mut registry.authorization_policies);
        oldest_first(&mut registry.envoy_filters);
        oldest_first(&mut registry.request_authentications);
        oldest_first(&mut registry.telemetries);
        crate::translate::support::find_untranslated(&mut registry);
        gateway_api::resolve(&mut registry);
        registry.untranslated.sort();
        registry.untranslated.dedup();
        registry
    }

    fn take(&mut self, object: &Object, last: &MeshConfig) {
        if gateway_api::is_ours(object) {
            return self.gateway_api.take(object, &mut self.untranslated);
        }
        match object.kind() {
            "Namespace" => self.gateway_api.namespace(object),
            "Service" => {
                self.untranslated.extend(crate::translate::support::unsaid_protocols(object));
                if object.spec()["type"] == "ExternalName" {
                    let reason =
                        "type ExternalName has no effect in the sandbox: write a ServiceEntry".to_owned();
                    self.untranslated.push(Untranslated { object: title(object), reason });
                }
                self.services.extend(service::kubernetes(object, created(object)));
            }
            "ServiceEntry" => {
                let read = read::<ServiceEntry>(object, &mut self.untranslated);
                let parts =
                    read.iter().flat_map(|entry| crate::translate::service_entry_without_effect(&entry.spec));
                self.untranslated.extend(parts.map(|reason| Untranslated { object: title(object), reason }));
                self.services.extend(read.into_iter().flat_map(|entry| service::of_entry(&entry)));
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
                Some(Err(reason)) => {
                    self.untranslated.push(Untranslated { object: title(object), reason });
                    self.mesh_config.clone_from(last);
                }
                None => {}
            },
            _ => self.untranslated.extend(crate::translate::support::unknown_kind(object)),
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

    /// The service of this host.
    pub fn service(&self, host: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.host == host)
    }

    /// A workload by name.
    pub fn workload(&self, namespace: &str, name: &str) -> Option<&Workload> {
        self.workloads
            .iter()
            .map(Arc::as_ref)
            .find(|workload| workload.namespace == namespace && workload.name == name)
    }

    /// The pods that a service selects and that take traffic.
    pub fn members<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Workload> {
        self.workloads.iter().map(Arc::as_ref).filter(|workload| {
            !service.selector.is_empty()
                && workload.namespace == service.namespace
                && workload.ready
                && selects(&service.selector, &workload.labels)
        })
    }

    /// The endpoints of a service that no pod is: its own, and WorkloadEntries that it selects.
    pub fn fixed<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = FixedEndpoint> + 'a {
        let entries = self.workload_entries.iter().filter(|entry| {
            !service.selector.is_empty()
                && entry.namespace == service.namespace
                && selects(&service.selector, &entry.spec.labels)
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
            !service.selector.is_empty()
                && workload.namespace == service.namespace
                && selects(&service.selector, &workload.labels)
        })
    }
}

/// Whether all wanted labels are there.
pub fn selects(wanted: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn oldest_first<T>(configs: &mut [Config<T>]) {
    configs.sort_by(|a, b| (&a.created, &a.namespace, &a.name).cmp(&(&b.created, &b.namespace, &b.name)));
}

fn created(object: &Object) -> String {
    object.0["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned()
}

/// "VirtualService bookinfo/reviews".
pub(crate) fn title(object: &Object) -> String {
    match object.namespace() {
        "" => format!("{} {}", object.kind(), object.name()),
        namespace => format!("{} {namespace}/{}", object.kind(), object.name()),
    }
}

pub(crate) fn read<T: serde::de::DeserializeOwned + Default>(
    object: &Object,
    problems: &mut Vec<Untranslated>,
) -> Option<Config<T>> {
    match views::read::<T>(object) {
        Ok(spec) => Some(Config {
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            created: created(object),
            object: object.clone(),
            spec,
        }),
        Err(error) => {
            problems
                .push(Untranslated { object: title(object), reason: format!("it cannot be read: {error}") });
            None
        }
    }
}
