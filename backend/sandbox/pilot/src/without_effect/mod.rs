//! What is not translated: found, named and logged, never silently ignored.

mod destination_rules;
mod gateways;
mod service_entries;
mod sidecars;
mod telemetry;

use crate::identity::ROOT_NAMESPACE;
use crate::registry::service::alias;
use crate::registry::untranslated::parts;
use crate::registry::{Config, Port, Registry, Service, Untranslated, title};
use crate::translate::security::{authorization, jwt};
use crate::world::World;
use istio::routing::in_mesh;
use istio::views::{HttpRoute, PeerAuthentication, VirtualService};
use istio::{Object, Protocol};
use serde_json::Value;

/// Istio's and the Gateway API's kinds that this control plane has no rules for.
const UNKNOWN_KINDS: &[&str] =
    &["WasmPlugin", "TrafficExtension", "WorkloadGroup", "ProxyConfig", "TCPRoute", "TLSRoute"];

/// An object of a kind that has no effect here.
fn unknown_kind(object: &Object) -> Option<Untranslated> {
    let version = object.0["apiVersion"].as_str().unwrap_or_default();
    let of_mesh = version.contains("istio.io/") || version.starts_with("gateway.networking.k8s.io/");
    (of_mesh && UNKNOWN_KINDS.contains(&object.kind())).then(|| Untranslated {
        object: title(object),
        reason: match object.kind() {
            "WasmPlugin" | "TrafficExtension" => {
                format!("{} is stored, but its extension is not run by the sandbox's proxies", object.kind())
            }
            kind => format!("{kind} is stored, but has no effect in the sandbox"),
        },
    })
}

/// Ports of a Service whose protocol is not said.
fn unsaid_protocols(object: &Object) -> Vec<String> {
    let ports = object.spec()["ports"].as_array().into_iter().flatten();
    let unsaid = ports.filter(|port| {
        let name = port["name"].as_str().unwrap_or_default();
        let transport = port["protocol"].as_str().unwrap_or("TCP");
        let number = port["port"].as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or_default();
        Protocol::of_service(transport, port["appProtocol"].as_str(), name, number) == Protocol::Auto
    });
    let reason = |port: &Value| {
        format!(
            "port {} does not say its protocol and is taken as TCP: name it http-… or set appProtocol",
            port["port"]
        )
    };
    unsaid.map(reason).collect()
}

/// A Service's parts without effect.
fn service(registry: &Registry, object: &Object) -> Vec<String> {
    let Some((host, target)) = alias(object) else { return unsaid_protocols(object) };
    if registry.aliases.contains_key(&host) {
        return Vec::new();
    }
    vec![format!("externalName {target} is no service of the mesh: calls to it are those to an unknown host")]
}

/// Names the kinds that have no effect, and the parts of known kinds that have none.
pub(crate) fn find(registry: &mut Registry, world: &World) {
    let mut found: Vec<Untranslated> = Vec::new();
    for object in world.objects.iter().map(|object| Object(object.clone())) {
        found.extend(unknown_kind(&object));
        if object.kind() == "Service" {
            found.extend(
                service(registry, &object)
                    .into_iter()
                    .map(|reason| Untranslated { object: title(&object), reason }),
            );
        }
    }
    let mut add = |object: &Object, parts: Vec<String>| {
        found.extend(parts.into_iter().map(|reason| Untranslated { object: title(object), reason }));
    };
    for config in &registry.service_entries {
        add(&config.object, service_entries::service_entry(&config.spec));
    }
    for config in &registry.virtual_services {
        add(&config.object, virtual_service(&config.spec));
        add(&config.object, taken_as_bytes(registry, config));
    }
    for config in &registry.destination_rules {
        add(&config.object, destination_rules::destination_rule(&config.object, &config.spec));
        add(&config.object, destination_rules::passthrough(registry, config));
    }
    for config in &registry.peer_authentications {
        add(&config.object, peer_authentication(&config.spec));
    }
    for config in &registry.authorization_policies {
        add(&config.object, authorization::without_effect(registry, config));
    }
    for config in &registry.request_authentications {
        add(&config.object, jwt::without_effect(registry, config));
    }
    for config in &registry.sidecars {
        add(&config.object, sidecars::sidecar(registry, config));
    }
    for config in &registry.gateways {
        add(&config.object, gateways::gateway(registry, config));
    }
    for config in &registry.telemetries {
        add(&config.object, telemetry::without_effect(registry, &config.spec));
    }
    let mesh = format!("ConfigMap {ROOT_NAMESPACE}/istio");
    let of_mesh = telemetry::of_mesh(registry).into_iter();
    found.extend(of_mesh.map(|reason| Untranslated { object: mesh.clone(), reason }));
    registry.untranslated.extend(found);
}

fn virtual_service(spec: &VirtualService) -> Vec<String> {
    let mut found = Vec::new();
    for (index, rule) in spec.http.iter().enumerate() {
        found.extend(http_rule(rule).into_iter().map(|part| format!("http[{index}]: {part}")));
    }
    if in_mesh(&spec.gateways) {
        let wanted = spec.http.iter().flat_map(|rule| &rule.r#match);
        let names = wanted.flat_map(|wanted| wanted.headers.keys().chain(wanted.without_headers.keys()));
        let claims = names.filter(|name| istio::route::claim(name).is_some());
        found.extend(claims.map(|name| format!("{name} matches at gateways only, as in Istio")));
    }
    found
}

/// HTTP rules for a service none of whose ports is known to speak it. Istio would find out from the first
/// bytes.
fn taken_as_bytes(registry: &Registry, config: &Config<VirtualService>) -> Vec<String> {
    let spec = &config.spec;
    if spec.http.is_empty() || !in_mesh(&spec.gateways) {
        return Vec::new();
    }
    let hosts: Vec<String> = spec.hosts.iter().map(|host| istio::fqdn(host, &config.namespace)).collect();
    let meant = registry.services.iter().filter(|service| hosts.contains(&service.host));
    let silent = meant.filter(|service| !service.ports.iter().any(|port| port.protocol.is_http()));
    let ports = silent.flat_map(|service| {
        service.ports.iter().filter(|port| port.protocol == Protocol::Auto).map(move |port| (service, port))
    });
    let reason = |(service, port): (&Service, &Port)| {
        format!(
            "port {} of {} does not say its protocol and is taken as TCP, so that http rules have no effect \
                there: name it http-… or set appProtocol",
            port.number, service.name
        )
    };
    ports.map(reason).collect()
}

fn http_rule(rule: &HttpRoute) -> Vec<String> {
    let delay = rule.fault.as_ref().and_then(|fault| fault.delay.as_ref());
    let abort = rule.fault.as_ref().and_then(|fault| fault.abort.as_ref());
    parts(&[
        (delay.is_some_and(|delay| delay.fixed_delay.is_none()), "a delay without fixedDelay"),
        (abort.is_some_and(|abort| abort.http2_error.is_some()), "http2Error"),
    ])
}

fn peer_authentication(spec: &PeerAuthentication) -> Vec<String> {
    let selects = spec.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
    parts(&[(!spec.port_level_mtls.is_empty() && !selects, "portLevelMtls without a selector")])
}
