//! What can be called, and by which names.

use super::world::Item;
use crate::hosts::{self, Closeness, of_service};
use crate::object::{Object, strings};
use crate::precedence::Config;
use crate::protocol::Protocol;
use crate::refs::Ref;
use crate::select::Labels;
use crate::views::{ServiceEntry, ServicePort};
use serde_json::Value;

/// One port of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// The service's own.
    pub number: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// The port inside of the pods; `None` where it has a name there.
    pub target: Option<u16>,
}

/// A Service of Kubernetes, or a host of a ServiceEntry.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its object.
    pub at: Ref,
    /// Its full host.
    pub host: String,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Its addresses; some may be subnets.
    pub addresses: Vec<String>,
    /// Other hosts that stand for it.
    pub aliases: Vec<String>,
    /// Which pods belong to it.
    pub selector: Labels,
    /// It has no address; its pods have names below its own.
    pub headless: bool,
    /// It is a ServiceEntry's.
    pub entry: bool,
    /// It is outside of the mesh.
    pub external: bool,
    /// Who may see it.
    pub export_to: Vec<String>,
    /// How old it is.
    pub created: String,
}

/// The host of a Service that is only another name, and the host that it stands for.
pub fn alias(object: &Object) -> Option<(String, String)> {
    let spec = object.spec();
    let target = spec["externalName"].as_str().filter(|_| spec["type"] == "ExternalName")?;
    let target = target.trim_end_matches('.').to_ascii_lowercase();
    Some((of_service(object.name(), object.namespace()), target))
}

fn number(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|value| u16::try_from(value).ok())
}

impl Service {
    /// Reads a Service of Kubernetes; one that is only another name is none.
    pub(super) fn of_kubernetes(object: &Object) -> Option<Self> {
        let spec = object.spec();
        let port = |port: &Value| {
            let own = number(&port["port"])?;
            let name = port["name"].as_str().unwrap_or_default();
            let transport = port["protocol"].as_str().unwrap_or("TCP");
            let target = match &port["targetPort"] {
                Value::Null => Some(own),
                Value::String(text) => text.parse().ok(),
                value => number(value),
            };
            let protocol = Protocol::of_service(transport, port["appProtocol"].as_str(), name, own);
            (transport == "TCP").then_some(Port { number: own, protocol, target })
        };
        let address = spec["clusterIP"].as_str().filter(|address| !matches!(*address, "" | "None"));
        let export_to = object.annotation("networking.istio.io/exportTo").unwrap_or_default().split(',');
        Some(Self {
            at: object.at()?,
            host: of_service(object.name(), object.namespace()),
            ports: spec["ports"].as_array().into_iter().flatten().filter_map(port).collect(),
            addresses: address.map(str::to_owned).into_iter().collect(),
            aliases: Vec::new(),
            selector: strings(spec.get("selector")),
            headless: spec["clusterIP"] == "None",
            entry: false,
            external: false,
            export_to: export_to.map(str::trim).filter(|to| !to.is_empty()).map(str::to_owned).collect(),
            created: object.created().to_owned(),
        })
    }

    /// The hosts of a ServiceEntry.
    pub(super) fn of_entry(entry: &Item<ServiceEntry>) -> Vec<Self> {
        let spec = &entry.spec;
        let port = |port: &ServicePort| {
            let number = u16::try_from(port.number).ok()?;
            let target = port.target_port.and_then(|target| u16::try_from(target).ok());
            let protocol = match port.protocol.as_deref().filter(|said| !said.is_empty()) {
                Some(said) => Protocol::named(said),
                None => Protocol::of_service("TCP", None, &port.name, number),
            };
            Some(Port {
                number,
                protocol,
                target: Some(target.filter(|target| *target != 0).unwrap_or(number)),
            })
        };
        let service = |host: &String| Self {
            at: entry.at.clone(),
            host: host.clone(),
            ports: spec.ports.iter().filter_map(port).collect(),
            addresses: spec.addresses.clone(),
            aliases: Vec::new(),
            selector: spec.workload_selector.as_ref().map(|it| it.labels.clone()).unwrap_or_default(),
            headless: false,
            entry: true,
            external: spec.location.as_deref() != Some("MESH_INTERNAL"),
            export_to: spec.export_to.clone(),
            created: entry.created().to_owned(),
        };
        spec.hosts.iter().map(service).collect()
    }

    /// Its port of this number.
    pub fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.number == number)
    }

    /// How closely a name that a client in `from` asks for names it.
    pub(super) fn named(&self, asked: &str, from: &str) -> Option<Closeness> {
        if self.is_called(asked, from) {
            return Some(Closeness::EXACT);
        }
        // Pods of a headless Service have names below its own.
        let below = |(at, _): (usize, &str)| self.is_called(&asked[at + 1..], from);
        if self.headless && asked.match_indices('.').any(below) {
            return Closeness::of(&format!("*.{}", self.host), &format!("a.{}", self.host));
        }
        hosts::is_wildcard(&self.host).then(|| Closeness::of(&self.host, asked)).flatten()
    }

    fn is_called(&self, asked: &str, from: &str) -> bool {
        let by = |host: &str| {
            let own = |of: &str| host != self.host || *of == *self.at.namespace;
            asked == host
                || hosts::service(host).is_some_and(|(name, of)| own(of) && short(asked, name, of, from))
        };
        by(&self.host)
            || self.aliases.iter().any(|host| by(host))
            || self.addresses.iter().any(|address| address == asked)
    }
}

/// Whether a name is a short one of a Service: `reviews` in its own namespace, `reviews.shop`,
/// `reviews.shop.svc`.
fn short(asked: &str, name: &str, of: &str, from: &str) -> bool {
    match asked.strip_prefix(name) {
        Some("") => of == from,
        Some(rest) => {
            let rest = rest.strip_prefix('.').unwrap_or_default();
            rest == of || rest.strip_suffix(".svc") == Some(of)
        }
        None => false,
    }
}
