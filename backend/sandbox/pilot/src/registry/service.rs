//! What can be called: Kubernetes' Services and the hosts of ServiceEntries.

use super::config::Config;
use super::locality::Locality;
use super::workload::Workload;
use istio::hosts::of_service;
pub use istio::route::alias;
use istio::views::{ServiceEntry, ServicePort, WorkloadEntry};
use istio::{Object, Protocol};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// One port of a service.
#[derive(Clone, Debug)]
pub struct Port {
    /// The service's own port.
    pub number: u16,
    /// Its name, "" when it has none.
    pub name: String,
    /// From its name or `appProtocol`; where they say nothing, it is taken as bytes.
    pub protocol: Protocol,
    /// The workload's port: a number, or the name of a container's port.
    pub target: TargetPort,
}

impl Port {
    /// The port at which a workload serves it, as inside the pod.
    pub(crate) fn at(&self, workload: &Workload) -> Option<u16> {
        match &self.target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => workload.named_ports.get(name).copied(),
        }
    }
}

/// `targetPort`.
#[derive(Clone, Debug)]
pub enum TargetPort {
    /// By number.
    Number(u16),
    /// By the name of a container's port.
    Name(String),
}

/// How a proxy finds a service's endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// It is told them.
    #[default]
    Static,
    /// It looks all of them up.
    Dns,
    /// It looks one of them up, anew for new connections.
    DnsRoundRobin,
    /// It goes where the client meant to.
    Passthrough,
}

/// A Kubernetes Service or a host of a ServiceEntry.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// `reviews.bookinfo.svc.cluster.local`, or the ServiceEntry's host.
    pub host: String,
    /// `reviews`, or the ServiceEntry's host.
    pub name: String,
    /// Where it was defined.
    pub namespace: String,
    /// Its virtual addresses; some may be subnets.
    pub addresses: Vec<String>,
    /// It has no address of its own: its clients call its pods by theirs.
    pub headless: bool,
    /// Kubernetes Services of type ExternalName that are other names of it.
    pub aliases: Vec<String>,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Which pods and WorkloadEntries belong to it.
    pub selector: BTreeMap<String, String>,
    /// Endpoints written by hand: those of a ServiceEntry.
    pub fixed: Vec<FixedEndpoint>,
    /// How its endpoints are found.
    pub resolution: Resolution,
    /// Outside of the mesh: no mutual TLS.
    pub external: bool,
    /// A ServiceEntry's host, not a Kubernetes Service.
    pub entry: bool,
    /// Which endpoints it prefers: `spec.trafficDistribution`.
    pub distribution: Option<String>,
    /// Names that the endpoints' certificates must have.
    pub subject_alt_names: Vec<String>,
    /// Namespaces that may see it; empty for the mesh's default.
    pub export_to: Vec<String>,
    /// RFC 3339, for "the oldest wins".
    pub created: String,
}

/// An endpoint of a ServiceEntry, or a WorkloadEntry.
#[derive(Clone, Debug)]
pub struct FixedEndpoint {
    /// An IP address, or a name to look up.
    pub address: String,
    /// Ports that differ from the service's, by port name.
    pub ports: BTreeMap<String, u16>,
    /// For subsets.
    pub labels: BTreeMap<String, String>,
    /// Relative share, at least 1.
    pub weight: u32,
    /// Who it is, when it has a sidecar.
    pub service_account: String,
    /// Where it stands.
    pub locality: Locality,
}

impl FixedEndpoint {
    /// Reads an endpoint; `None` without an address.
    pub(crate) fn of(entry: &WorkloadEntry) -> Option<Self> {
        let ports =
            entry.ports.iter().filter_map(|(name, port)| Some((name.clone(), u16::try_from(*port).ok()?)));
        Some(Self {
            address: entry
                .address
                .clone()
                .filter(|address| !address.is_empty() && !address.starts_with("unix:"))?,
            ports: ports.collect(),
            labels: entry.labels.clone(),
            weight: entry.weight.unwrap_or(1).max(1),
            service_account: entry.service_account.clone().unwrap_or_default(),
            locality: entry.locality.as_deref().map(Locality::parse).unwrap_or_default(),
        })
    }

    /// The host itself, to be looked up.
    pub(crate) fn named(host: &str) -> Self {
        Self {
            address: host.to_owned(),
            ports: BTreeMap::new(),
            labels: BTreeMap::new(),
            weight: 1,
            service_account: String::new(),
            locality: Locality::default(),
        }
    }

    /// The port at which it serves a service's port.
    pub(crate) fn port(&self, port: &Port) -> u16 {
        let by_target = match &port.target {
            TargetPort::Name(name) => self.ports.get(name).copied(),
            TargetPort::Number(_) => None,
        };
        let target = match port.target {
            TargetPort::Number(number) => number,
            TargetPort::Name(_) => port.number,
        };
        self.ports.get(&port.name).copied().or(by_target).unwrap_or(target)
    }
}

impl Service {
    /// Its port of this number.
    pub fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.number == number)
    }

    /// Its addresses that are one address each.
    pub fn single_addresses(&self) -> impl Iterator<Item = &String> {
        self.addresses.iter().filter(|address| !address.contains('/'))
    }
}

/// Reads a Kubernetes Service; `None` for one that is only another name.
pub(crate) fn kubernetes(object: &Object) -> Option<Service> {
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
            Value::String(name) => {
                name.parse().map_or_else(|_| TargetPort::Name(name.clone()), TargetPort::Number)
            }
            value => TargetPort::Number(
                value.as_u64().and_then(|value| u16::try_from(value).ok()).unwrap_or(number),
            ),
        };
        let transport = port["protocol"].as_str().unwrap_or("TCP");
        let protocol = Protocol::of_service(transport, port["appProtocol"].as_str(), &name, number);
        (transport == "TCP").then_some(Port { number, protocol, name, target })
    });
    let export_to =
        object.annotation("networking.istio.io/exportTo").into_iter().flat_map(|text| text.split(','));
    Some(Service {
        host: of_service(object.name(), object.namespace()),
        name: object.name().to_owned(),
        namespace: object.namespace().to_owned(),
        addresses,
        headless: spec["clusterIP"] == "None",
        ports: ports.collect(),
        selector: serde_json::from_value(spec["selector"].clone()).unwrap_or_default(),
        distribution: distribution(object)
            .or_else(|| spec["trafficDistribution"].as_str().map(str::to_owned)),
        export_to: export_to.map(|to| to.trim().to_owned()).filter(|to| !to.is_empty()).collect(),
        created: object.created().to_owned(),
        ..Service::default()
    })
}

/// Istio's own way to say what `spec.trafficDistribution` says.
fn distribution(object: &Object) -> Option<String> {
    object.annotation("networking.istio.io/traffic-distribution").map(str::to_owned)
}

/// What a ServiceEntry's port speaks: what it says, else what its name says.
pub(crate) fn protocol_of(port: &ServicePort) -> Protocol {
    match port.protocol.as_deref().filter(|said| !said.is_empty()) {
        Some(said) => Protocol::named(said),
        None => Protocol::of_service("TCP", None, &port.name, u16::try_from(port.number).unwrap_or_default()),
    }
}

/// The hosts of a ServiceEntry.
pub(crate) fn of_entry(entry: &Config<ServiceEntry>) -> Vec<Service> {
    let spec = &entry.spec;
    let ports: Vec<Port> = spec
        .ports
        .iter()
        .filter_map(|port| {
            let number = u16::try_from(port.number).ok()?;
            let target =
                port.target_port.and_then(|target| u16::try_from(target).ok()).filter(|target| *target != 0);
            Some(Port {
                number,
                name: port.name.clone(),
                protocol: protocol_of(port),
                target: TargetPort::Number(target.unwrap_or(number)),
            })
        })
        .collect();
    let resolution = match spec.resolution.as_deref().unwrap_or_default() {
        "STATIC" => Resolution::Static,
        "DNS" => Resolution::Dns,
        "DNS_ROUND_ROBIN" => Resolution::DnsRoundRobin,
        _ => Resolution::Passthrough, // Istio's default is NONE
    };
    let fixed: Vec<FixedEndpoint> = spec.endpoints.iter().filter_map(FixedEndpoint::of).collect();
    let selector =
        spec.workload_selector.as_ref().map(|selector| selector.labels.clone()).unwrap_or_default();
    let service = |host: &String| Service {
        host: host.clone(),
        name: host.clone(),
        namespace: entry.namespace.clone(),
        addresses: spec.addresses.clone(),
        headless: false,
        aliases: Vec::new(),
        ports: ports.clone(),
        selector: selector.clone(),
        fixed: fixed.clone(),
        resolution,
        external: spec.location.as_deref() != Some("MESH_INTERNAL"),
        entry: true,
        distribution: distribution(&entry.object),
        subject_alt_names: spec.subject_alt_names.clone(),
        export_to: spec.export_to.clone(),
        created: entry.created.clone(),
    };
    spec.hosts.iter().map(service).collect()
}

/// Whether Istio gives the hosts of this ServiceEntry addresses of its own.
fn wants_addresses(entry: &Object) -> bool {
    let spec = entry.spec();
    let given = spec["addresses"].as_array().is_some_and(|given| !given.is_empty());
    let found = !matches!(spec["resolution"].as_str(), None | Some("" | "NONE"));
    !given && found && entry.label("networking.istio.io/enable-autoallocate-ip") != Some("false")
}

/// The addresses, of 240.240.0.0/16, that hosts of ServiceEntries get which have none of their own: what
/// Istio's DNS answers. By namespace and host.
pub fn allocated<'a>(entries: impl Iterator<Item = &'a Object>) -> BTreeMap<(String, String), Ipv4Addr> {
    let mut wanted: BTreeMap<(String, String), Option<Ipv4Addr>> = BTreeMap::new();
    for entry in entries.filter(|entry| wants_addresses(entry)) {
        let hosts = entry.spec()["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str);
        wanted.extend(
            hosts
                .filter(|host| !host.contains('*'))
                .map(|host| ((entry.namespace().to_owned(), host.to_owned()), None)),
        );
    }
    let mut taken = std::collections::BTreeSet::new();
    let choose = |(namespace, host): (String, String)| {
        // The same host gets the same address whatever else there is, unless two collide.
        let mut slot = hash(&format!("{namespace}/{host}")) % (254 * 254);
        while !taken.insert(slot) {
            slot = (slot + 1) % (254 * 254);
        }
        let byte = |number: u32| u8::try_from(number + 1).unwrap_or(1);
        ((namespace, host), Ipv4Addr::new(240, 240, byte(slot / 254), byte(slot % 254)))
    };
    wanted.into_keys().map(choose).collect()
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(2_166_136_261, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hosts_without_addresses_get_lasting_ones() {
        let entry = |name: &str, more: Value| {
            let mut spec = json!({"hosts": [format!("{name}.example")], "resolution": "DNS"});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Object::from(json!({"kind": "ServiceEntry", "metadata": {"name": name, "namespace": "demo"},
                    "spec": spec}))
        };
        let own = entry("own", json!({"addresses": ["10.1.1.1"]}));
        let none = entry("none", json!({"resolution": "NONE"}));
        let many: Vec<Object> =
            (0..500).map(|number| entry(&format!("pay{number}"), json!({}))).chain([own, none]).collect();
        let all = allocated(many.iter());
        assert_eq!(all.len(), 500);
        let different: std::collections::BTreeSet<_> = all.values().collect();
        assert_eq!(different.len(), 500, "everyone has an own one");
        assert!(all.values().all(|address| address.octets()[..2] == [240, 240] && address.octets()[3] != 0));
        let alone = allocated(many[7..8].iter());
        assert_eq!(alone.values().next(), all.get(&("demo".into(), "pay7.example".into())));
    }
}
