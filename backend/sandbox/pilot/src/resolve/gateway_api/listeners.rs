//! Gateways: which pods serve them, and which of their listeners can be served.

use super::backends;
use super::names::{CONTROLLER, prefix_of};
use super::refusal::Refusal;
use crate::identity::ROOT_NAMESPACE;
use crate::registry::gateway_api::GatewayApi;
use crate::registry::{Config, Port, Registry, Service, TargetPort};
use istio::Object;
use istio::views;
use istio::views::gateway_api::{Gateway, Listener};
use serde_json::json;
use std::collections::BTreeMap;

/// A Gateway of ours, with what was found out about it.
pub(super) struct Bound<'a> {
    pub(super) gateway: &'a Config<Gateway>,
    /// The Service whose pods serve it.
    pub(super) host: String,
    selector: BTreeMap<String, String>,
    /// The pods' ports by the Service's.
    ports: BTreeMap<u32, u32>,
    /// Why nothing serves it.
    pub(super) refused: Option<Refusal>,
    pub(super) listeners: Vec<Checked<'a>>,
}

/// One listener.
pub(super) struct Checked<'a> {
    pub(super) listener: &'a Listener,
    /// Why it is not accepted.
    pub(super) refused: Option<Refusal>,
    /// Another listener before it has the same port and host.
    pub(super) conflict: Option<Refusal>,
    /// Why its certificate cannot be used.
    pub(super) unresolved: Option<Refusal>,
    /// Why no socket is opened.
    pub(super) unprogrammed: Option<Refusal>,
}

impl Checked<'_> {
    pub(super) fn serves(&self) -> bool {
        self.refused.is_none() && self.conflict.is_none()
    }

    /// The hosts that it is for.
    pub(super) fn host(&self) -> &str {
        self.listener.host()
    }
}

/// All Gateways whose class is ours.
pub(super) fn bind<'a>(api: &'a GatewayApi, registry: &Registry) -> Vec<Bound<'a>> {
    let ours = |gateway: &&Config<Gateway>| {
        let name = &gateway.spec.gateway_class_name;
        let class = api.classes.iter().find(|class| class.name == *name);
        class.map_or(name == "istio", |class| class.spec.controller_name == CONTROLLER)
    };
    api.gateways.iter().filter(ours).map(|gateway| bound(api, gateway, registry)).collect()
}

fn bound<'a>(api: &'a GatewayApi, gateway: &'a Config<Gateway>, registry: &Registry) -> Bound<'a> {
    let named = gateway.spec.addresses.iter().find(|address| address.r#type.as_deref() == Some("Hostname"));
    let named =
        named.and_then(|address| address.value.as_ref()).map(|host| istio::fqdn(host, &gateway.namespace));
    let standard = istio::hosts::of_service("istio-ingressgateway", ROOT_NAMESPACE);
    let host = named.clone().unwrap_or(standard);
    let service = registry.service(&host);
    let refused = (named.is_some() && service.is_none()).then(|| {
        Refusal::new(
            "AddressNotUsable",
            format!("Failed to assign to any requested addresses: {host} not found"),
        )
    });
    let selector = service.map_or_else(
        || [("istio".into(), "ingressgateway".into())].into(),
        |service| service.selector.clone(),
    );
    let mut listeners: Vec<Checked<'a>> = Vec::new();
    for listener in &gateway.spec.listeners {
        let mut checked = check(api, gateway, listener, service, registry);
        let same =
            |known: &&Checked<'_>| known.listener.port == listener.port && known.host() == checked.host();
        checked.conflict = listeners.iter().find(same).map(|known| {
            Refusal::new(
                "HostnameConflict",
                format!("Listener {} has the same port and host", known.listener.name),
            )
        });
        listeners.push(checked);
    }
    let inside = |port: &Port| match port.target {
        TargetPort::Number(number) => Some((u32::from(port.number), u32::from(number))),
        TargetPort::Name(_) => None,
    };
    let ports = service.iter().flat_map(|service| service.ports.iter().filter_map(inside)).collect();
    Bound { gateway, host, selector, ports, refused, listeners }
}

fn check<'a>(
    api: &GatewayApi,
    gateway: &Config<Gateway>,
    listener: &'a Listener,
    service: Option<&Service>,
    registry: &Registry,
) -> Checked<'a> {
    let refused = match listener.protocol.as_str() {
        "HTTP" => None,
        "HTTPS" if listener.terminates() => None,
        "HTTPS" => Some(Refusal::new("UnsupportedProtocol", "HTTPS needs tls with mode Terminate")),
        other => Some(Refusal::new(
            "UnsupportedProtocol",
            format!("protocol {other} is not served in the sandbox"),
        )),
    };
    let unresolved =
        (listener.protocol == "HTTPS").then(|| certificate(api, gateway, listener, registry).err()).flatten();
    let known =
        |service: &Service| u16::try_from(listener.port).is_ok_and(|port| service.port(port).is_some());
    let unprogrammed = service.filter(|service| !known(service)).map(|service| {
        let port = listener.port;
        Refusal::new(
            "Invalid",
            format!("port {port} not found for hostname {}: it is no port of that Service", service.host),
        )
    });
    Checked { listener, refused, conflict: None, unresolved, unprogrammed }
}

/// Whether there is a certificate for the listener that may be used.
fn certificate(
    api: &GatewayApi,
    gateway: &Config<Gateway>,
    listener: &Listener,
    registry: &Registry,
) -> Result<(), Refusal> {
    let invalid = |words: String| Refusal::new("InvalidCertificateRef", words);
    let reference = listener.tls.as_ref().and_then(|tls| tls.certificate_refs.first());
    let reference = reference.ok_or_else(|| invalid("certificateRefs is required".into()))?;
    if reference.kind.as_deref().is_some_and(|kind| kind != "Secret") {
        return Err(invalid("a certificate is a Secret".into()));
    }
    let namespace = reference.namespace.as_deref().unwrap_or(&gateway.namespace);
    if !backends::granted(api, ("Gateway", &gateway.namespace), ("Secret", namespace, &reference.name)) {
        let words = format!(
            "Secret {namespace}/{} is not accessible to a Gateway in namespace {:?}",
            reference.name, gateway.namespace
        );
        return Err(Refusal::new("RefNotPermitted", format!("{words} (missing a ReferenceGrant?)")));
    }
    let secret = registry.credentials.get(&(namespace.to_owned(), reference.name.clone()));
    match secret {
        Some(secret) if secret.has_pair() => Ok(()),
        Some(_) => {
            Err(invalid(format!("Secret {namespace}/{} has no certificate with a key", reference.name)))
        }
        None => Err(invalid(format!("Secret {namespace}/{} with a certificate not found", reference.name))),
    }
}

impl Bound<'_> {
    pub(super) fn is(&self, gateway: &Config<Gateway>) -> bool {
        std::ptr::eq(self.gateway, gateway)
    }

    /// `ns/name` of Istio's Gateway for a listener.
    pub(super) fn id(&self, listener: &Listener) -> String {
        format!("{}/{}", self.gateway.namespace, self.name(listener))
    }

    fn name(&self, listener: &Listener) -> String {
        format!("{}{}", prefix_of(&self.gateway.name), listener.name)
    }

    /// Istio's Gateways for all listeners that can be served.
    pub(super) fn gateways(&self) -> Vec<Config<views::Gateway>> {
        let served = self.listeners.iter().filter(|checked| self.refused.is_none() && checked.serves());
        served
            .filter(|checked| checked.unresolved.is_none())
            .map(|checked| {
                let listener = checked.listener;
                let credential = listener.tls.as_ref().and_then(|tls| tls.certificate_refs.first());
                let credential = credential.map(|secret| {
                    let namespace = secret.namespace.as_deref().unwrap_or(&self.gateway.namespace);
                    format!("kubernetes-gateway://{namespace}/{}", secret.name)
                });
                let tls = (listener.protocol == "HTTPS").then(|| views::ServerTls {
                    mode: Some("SIMPLE".into()),
                    credential_name: credential,
                    ..views::ServerTls::default()
                });
                let server = views::Server {
                    port: views::ServerPort {
                        // The pods' port: Istio's own Gateways may name it so, and both share one listener.
                        number: *self.ports.get(&listener.port).unwrap_or(&listener.port),
                        name: listener.name.clone(),
                        protocol: listener.protocol.clone(),
                        target_port: None,
                    },
                    hosts: vec![format!("*/{}", checked.host())],
                    tls,
                    ..views::Server::default()
                };
                let name = self.name(listener);
                let metadata = json!({"name": name, "namespace": self.gateway.namespace,
                        "creationTimestamp": self.gateway.created});
                Config {
                    namespace: self.gateway.namespace.clone(),
                    created: self.gateway.created.clone(),
                    object: Object::from(json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
                            "metadata": metadata})),
                    spec: views::Gateway { selector: self.selector.clone(), servers: vec![server] },
                    name,
                }
            })
            .collect()
    }
}
