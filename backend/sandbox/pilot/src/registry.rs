//! What the mesh consists of: services, workloads and Istio's resources, read once from the API objects of a world.

use crate::World;
use crate::mesh_config::MeshConfig;
use crate::translate::gateway_api::{self, GatewayApi};
use crate::workload::Workload;
use mesh::Object;
use mesh::envoy_filter::EnvoyFilter;
use mesh::istio::RequestAuthentication;
use mesh::istio::{self, AuthorizationPolicy, DestinationRule, Gateway, PeerAuthentication, ServiceEntry, VirtualService};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// The namespace whose policies hold for the whole mesh.
pub const ROOT_NAMESPACE: &str = "istio-system";
/// The mesh's trust domain.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// How a port is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2, gRPC included.
    Http2,
    /// Bytes.
    Tcp,
}

impl Protocol {
    /// `appProtocol` first, then the port's name up to its first dash, as Istio reads them.
    pub fn of(app_protocol: Option<&str>, name: &str) -> Self {
        let word = app_protocol.unwrap_or_else(|| name.split('-').next().unwrap_or_default());
        match word.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "http2" | "grpc" | "kubernetes.io/h2c" => Self::Http2,
            // "grpc-web" loses its second half when it is a port name; both speak HTTP/1.1 to a sidecar.
            _ if app_protocol == Some("grpc-web") => Self::Http,
            _ => Self::Tcp,
        }
    }

    /// Whether a port says how it is spoken to; Istio would look at the first bytes of one that does not.
    pub fn is_said(app_protocol: Option<&str>, name: &str) -> bool {
        const WORDS: [&str; 11] =
            ["http", "http2", "grpc", "https", "tcp", "tls", "mongo", "mysql", "redis", "udp", "kubernetes.io/h2c"];
        let word = app_protocol.unwrap_or_else(|| name.split('-').next().unwrap_or_default()).to_ascii_lowercase();
        WORDS.contains(&word.as_str()) || word == "grpc-web"
    }

    /// Whether requests, not only bytes, can be seen.
    pub fn is_http(self) -> bool {
        self != Self::Tcp
    }

    /// As istiod's debug pages write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Http2 => "HTTP2",
            Self::Tcp => "TCP",
        }
    }
}

/// One port of a service.
#[derive(Clone, Debug)]
pub struct Port {
    /// The service's own port.
    pub number: u16,
    /// Its name, "" when it has none.
    pub name: String,
    /// From its name or `appProtocol`.
    pub protocol: Protocol,
    /// The workload's port: a number, or the name of a container's port.
    pub target: Target,
}

/// `targetPort`.
#[derive(Clone, Debug)]
pub enum Target {
    /// By number.
    Number(u16),
    /// By the name of a container's port.
    Name(String),
}

/// A Kubernetes Service or a host of a ServiceEntry.
#[derive(Clone, Debug)]
pub struct Service {
    /// `reviews.bookinfo.svc.cluster.local`, or the ServiceEntry's host.
    pub host: String,
    /// `reviews`, or the ServiceEntry's host.
    pub name: String,
    /// Where it was defined.
    pub namespace: String,
    /// Its virtual addresses.
    pub addresses: Vec<String>,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Which pods belong to it.
    pub selector: BTreeMap<String, String>,
    /// Endpoints written by hand: those of a ServiceEntry.
    pub fixed: Vec<FixedEndpoint>,
    /// Outside of the mesh: no mutual TLS.
    pub external: bool,
    /// RFC 3339, for "the oldest wins".
    pub created: String,
}

/// An endpoint of a ServiceEntry.
#[derive(Clone, Debug)]
pub struct FixedEndpoint {
    /// An IP address.
    pub address: String,
    /// Ports that differ from the service's, by port name.
    pub ports: BTreeMap<String, u16>,
    /// For subsets.
    pub labels: BTreeMap<String, String>,
    /// Relative share, at least 1.
    pub weight: u32,
}

impl Service {
    /// Its port of this number.
    pub fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.number == number)
    }
}

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

/// The pods that were read before, by where their object is kept; the object is held so that no other can take its place.
#[derive(Default)]
pub(crate) struct Known(HashMap<usize, (Arc<Value>, Option<Arc<Workload>>)>);

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
    /// Oldest first.
    pub virtual_services: Vec<Config<VirtualService>>,
    /// Oldest first.
    pub destination_rules: Vec<Config<DestinationRule>>,
    /// Oldest first.
    pub gateways: Vec<Config<Gateway>>,
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
        let before = std::mem::take(&mut known.0);
        for object in world.objects.iter().map(|object| Object(object.clone())) {
            if object.kind() == "Pod" {
                let at = Arc::as_ptr(&object.0) as usize;
                let same = before.get(&at).filter(|(pod, _)| Arc::ptr_eq(pod, &object.0));
                let workload = same.map_or_else(|| Workload::of(&object).map(Arc::new), |(_, workload)| workload.clone());
                registry.workloads.extend(workload.clone());
                known.0.insert(at, (object.0, workload));
            } else {
                registry.take(&object);
            }
        }
        registry.services.sort_by(|a, b| (&a.host, &a.created).cmp(&(&b.host, &b.created)));
        registry.services.dedup_by(|later, earlier| later.host == earlier.host);
        registry.workloads.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        oldest_first(&mut registry.virtual_services);
        oldest_first(&mut registry.destination_rules);
        oldest_first(&mut registry.gateways);
        oldest_first(&mut registry.peer_authentications);
        oldest_first(&mut registry.authorization_policies);
        oldest_first(&mut registry.envoy_filters);
        oldest_first(&mut registry.request_authentications);
        crate::translate::support::find_untranslated(&mut registry);
        gateway_api::resolve(&mut registry);
        registry.untranslated.sort();
        registry.untranslated.dedup();
        registry
    }

    fn take(&mut self, object: &Object) {
        if gateway_api::is_ours(object) {
            return self.gateway_api.take(object, &mut self.untranslated);
        }
        match object.kind() {
            "Namespace" => self.gateway_api.namespace(object),
            "Service" => {
                self.untranslated.extend(crate::translate::support::unsaid_protocols(object));
                self.services.extend(kubernetes_service(object));
            }
            "ServiceEntry" => {
                let read = read::<ServiceEntry>(object, &mut self.untranslated);
                let parts = read.iter().flat_map(|entry| crate::translate::support::service_entry(&entry.spec));
                self.untranslated.extend(parts.map(|reason| Untranslated { object: title(object), reason }));
                self.services.extend(read.into_iter().flat_map(|entry| external_services(&entry)));
            }
            "VirtualService" => self.virtual_services.extend(read(object, &mut self.untranslated)),
            "DestinationRule" => self.destination_rules.extend(read(object, &mut self.untranslated)),
            "Gateway" if object.0["apiVersion"].as_str().is_some_and(|version| version.starts_with("networking.istio.io/")) => {
                self.gateways.extend(read(object, &mut self.untranslated));
            }
            "PeerAuthentication" => self.peer_authentications.extend(read(object, &mut self.untranslated)),
            "AuthorizationPolicy" => self.authorization_policies.extend(read(object, &mut self.untranslated)),
            "EnvoyFilter" => self.envoy_filters.extend(read(object, &mut self.untranslated)),
            "RequestAuthentication" => self.request_authentications.extend(read(object, &mut self.untranslated)),
            "ConfigMap" => match MeshConfig::of(object) {
                Some(Ok(read)) => {
                    let reasons = read.without_effect().into_iter();
                    self.untranslated.extend(reasons.map(|reason| Untranslated { object: title(object), reason }));
                    self.mesh_config = read;
                }
                Some(Err(reason)) => self.untranslated.push(Untranslated { object: title(object), reason }),
                None => {}
            },
            _ => self.untranslated.extend(crate::translate::support::unknown_kind(object)),
        }
    }

    /// The service of this host.
    pub fn service(&self, host: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.host == host)
    }

    /// A workload by name.
    pub fn workload(&self, namespace: &str, name: &str) -> Option<&Workload> {
        self.workloads.iter().map(Arc::as_ref).find(|workload| workload.namespace == namespace && workload.name == name)
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
    match istio::read::<T>(object) {
        Ok(spec) => Some(Config {
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            created: created(object),
            object: object.clone(),
            spec,
        }),
        Err(error) => {
            problems.push(Untranslated { object: title(object), reason: format!("it cannot be read: {error}") });
            None
        }
    }
}

fn kubernetes_service(object: &Object) -> Option<Service> {
    let spec = object.spec();
    if spec["type"] == "ExternalName" {
        return None;
    }
    let addresses = match spec["clusterIP"].as_str() {
        None | Some("" | "None") => Vec::new(),
        Some(address) => vec![address.to_owned()],
    };
    let ports = spec["ports"].as_array().into_iter().flatten().filter_map(|port| {
        let number = u16::try_from(port["port"].as_u64()?).ok()?;
        let name = port["name"].as_str().unwrap_or_default().to_owned();
        let target = match &port["targetPort"] {
            Value::String(name) => name.parse().map_or_else(|_| Target::Name(name.clone()), Target::Number),
            value => Target::Number(value.as_u64().and_then(|value| u16::try_from(value).ok()).unwrap_or(number)),
        };
        let is_tcp = port["protocol"].as_str().is_none_or(|transport| transport == "TCP");
        is_tcp.then(|| Port { number, protocol: Protocol::of(port["appProtocol"].as_str(), &name), name, target })
    });
    Some(Service {
        host: format!("{}.{}.svc.{TRUST_DOMAIN}", object.name(), object.namespace()),
        name: object.name().to_owned(),
        namespace: object.namespace().to_owned(),
        addresses,
        ports: ports.collect(),
        selector: serde_json::from_value(spec["selector"].clone()).unwrap_or_default(),
        fixed: Vec::new(),
        external: false,
        created: created(object),
    })
}

fn external_services(entry: &Config<ServiceEntry>) -> Vec<Service> {
    let spec = &entry.spec;
    let ports: Vec<Port> = spec
        .ports
        .iter()
        .filter_map(|port| {
            let number = u16::try_from(port.number).ok()?;
            let target = port.target_port.and_then(|target| u16::try_from(target).ok()).unwrap_or(number);
            let protocol = Protocol::of(port.protocol.as_deref().map(str::to_ascii_lowercase).as_deref(), &port.name);
            Some(Port { number, name: port.name.clone(), protocol, target: Target::Number(target) })
        })
        .collect();
    let fixed = spec.endpoints.iter().filter_map(|endpoint| {
        let ports = endpoint.ports.iter().filter_map(|(name, port)| Some((name.clone(), u16::try_from(*port).ok()?)));
        Some(FixedEndpoint {
            // A proxy would refuse all endpoints of all services for one that has a name instead of an address.
            address: endpoint.address.clone().filter(|address| address.parse::<IpAddr>().is_ok())?,
            ports: ports.collect(),
            labels: endpoint.labels.clone(),
            weight: endpoint.weight.unwrap_or(1).max(1),
        })
    });
    let fixed: Vec<FixedEndpoint> = fixed.collect();
    let selector = spec.workload_selector.as_ref().map(|selector| selector.labels.clone()).unwrap_or_default();
    let service = |host: &String| Service {
        host: host.clone(),
        name: host.clone(),
        namespace: entry.namespace.clone(),
        addresses: spec.addresses.clone(),
        ports: ports.clone(),
        selector: selector.clone(),
        fixed: fixed.clone(),
        external: spec.location.as_deref() != Some("MESH_INTERNAL"),
        created: entry.created.clone(),
    };
    spec.hosts.iter().map(service).collect()
}
