//! What a gateway opens: servers of Istio's Gateways, and listeners of the Gateway API's.

use super::Place;
use super::scope::Scope;
use super::way::Caller;
use super::world::{Item, World};
use crate::attach::GATEWAY_NAME;
use crate::precedence::Config;
use crate::select::Selects;
use crate::views::gateway_api::{self, Listener};
use crate::views::{Gateway, Server};

/// How a server takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// HTTP in plain text.
    Http,
    /// HTTP behind TLS that ends here.
    Https,
    /// Bytes behind TLS that ends here.
    Tls,
    /// TLS that is passed on as it is, by the name that is asked for.
    Passthrough,
    /// Bytes.
    Bytes,
}

impl Taking {
    /// Of a server of Istio's Gateway.
    pub fn of(server: &Server) -> Self {
        let protocol = server.port.protocol.to_ascii_uppercase();
        let mode = server.tls.as_ref().map_or("", |tls| tls.mode.as_deref().unwrap_or("PASSTHROUGH"));
        match (protocol.as_str(), mode) {
            ("HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB", _) => Self::Http,
            ("HTTPS" | "TLS", "" | "PASSTHROUGH" | "AUTO_PASSTHROUGH") => Self::Passthrough,
            ("HTTPS", _) => Self::Https,
            ("TLS", _) => Self::Tls,
            _ => Self::Bytes,
        }
    }

    fn of_listener(listener: &Listener) -> Option<Self> {
        Some(match listener.protocol.as_str() {
            "HTTP" => Self::Http,
            "HTTPS" if listener.terminates() => Self::Https,
            _ => return None,
        })
    }

    /// Whether requests are read.
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// Whether a Gateway is for this gateway's pods.
pub fn serves(gateway: &Gateway, caller: &Caller<'_>) -> bool {
    caller.gateway && Selects::narrowing(Some(&gateway.selector)).takes(caller.labels)
}

/// Whether a Gateway of the Gateway API is for these pods: they have its name, or belong to the Service that
/// its address names. Where no pods are made for Gateways, those of the ingress gateway serve them.
fn serves_api(world: &World, gateway: &Item<gateway_api::Gateway>, caller: &Caller<'_>) -> bool {
    let class = &gateway.spec.gateway_class_name;
    if !caller.gateway || !class.starts_with("istio") || class.contains("waypoint") {
        return false;
    }
    let own = *gateway.at.namespace == *caller.namespace;
    if own && caller.labels.get(GATEWAY_NAME).is_some_and(|name| name == gateway.name()) {
        return true;
    }
    let named = gateway.spec.addresses.iter().find(|address| address.r#type.as_deref() == Some("Hostname"));
    let host = match named.and_then(|address| address.value.as_deref()) {
        Some(host) => crate::fqdn(host, gateway.namespace()),
        None if world.settings.gateways_share => {
            crate::hosts::of_service("istio-ingressgateway", world.settings.root())
        }
        None => return false,
    };
    let mut services = world.of_host(&host).filter(|service| *service.at.namespace == *caller.namespace);
    services.any(|service| Selects::gathering(&service.selector).takes(caller.labels))
}

/// A server, or a listener.
pub(super) struct Opened<'w> {
    /// Its place.
    pub(super) place: Place,
    /// `namespace/name` of its Gateway.
    pub(super) id: String,
    pub(super) namespace: &'w str,
    /// The port that it says.
    pub(super) number: u16,
    pub(super) taking: Taking,
    /// Hosts, as Istio's Gateways write them.
    pub(super) hosts: Vec<String>,
    pub(super) redirects: bool,
    /// Where it is one of the Gateway API.
    pub(super) listener: Option<(&'w Item<gateway_api::Gateway>, &'w Listener)>,
}

/// The pods' port behind a port of the gateway's Service (80 is 8080 inside); the port itself without a Service.
fn inside(scope: &Scope<'_>, port: u16) -> u16 {
    let caller = &scope.caller;
    let own = scope.world.services.iter().filter(|service| {
        *service.at.namespace == *caller.namespace
            && Selects::gathering(&service.selector).takes(caller.labels)
    });
    own.filter_map(|service| service.port(port)?.target).next().unwrap_or(port)
}

fn number(port: u32) -> u16 {
    u16::try_from(port).unwrap_or_default()
}

/// All that the gateway opens at a port, which may be the Service's or the pods'.
pub(super) fn at<'w>(scope: &Scope<'w>, port: u16) -> Vec<Opened<'w>> {
    let world: &'w World = scope.world;
    let wanted = inside(scope, port);
    let mut all = Vec::new();
    for gateway in world.gateways.iter().filter(|gateway| serves(&gateway.spec, &scope.caller)) {
        for (index, server) in gateway.spec.servers.iter().enumerate() {
            let number = number(server.port.number);
            if inside(scope, number) == wanted {
                all.push(Opened {
                    place: Place::at(&gateway.at, format!("spec.servers[{index}]")),
                    id: format!("{}/{}", gateway.namespace(), gateway.name()),
                    namespace: gateway.namespace(),
                    number,
                    taking: Taking::of(server),
                    hosts: server.hosts.clone(),
                    redirects: server.tls.as_ref().is_some_and(|tls| tls.https_redirect),
                    listener: None,
                });
            }
        }
    }
    for gateway in world.api_gateways.iter().filter(|gateway| serves_api(world, gateway, &scope.caller)) {
        for (index, listener) in gateway.spec.listeners.iter().enumerate() {
            let (number, taking) = (number(listener.port), Taking::of_listener(listener));
            // Of two for one host and port the first counts.
            let same = |other: &Listener| other.port == listener.port && other.host() == listener.host();
            let first = !gateway.spec.listeners[..index].iter().any(same);
            if let (Some(taking), true) = (taking, first && inside(scope, number) == wanted) {
                all.push(Opened {
                    place: Place::at(&gateway.at, format!("spec.listeners[{index}]")),
                    id: format!("{}/{}", gateway.namespace(), gateway.name()),
                    namespace: gateway.namespace(),
                    number,
                    taking,
                    hosts: vec![format!("*/{}", listener.host())],
                    redirects: false,
                    listener: Some((gateway, listener)),
                });
            }
        }
    }
    all
}

/// `shop.example` of `bookinfo/shop.example`.
pub(super) fn without_scope(host: &str) -> &str {
    host.split_once('/').map_or(host, |(_, host)| host)
}
