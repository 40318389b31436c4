//! Listeners for calls to a workload's own application, with the mTLS mode that holds for each port.

use super::http;
use crate::registry::{Port, Service};
use crate::translate::security::action::Layer;
use crate::translate::security::{authorization, mtls};
use crate::translate::target::Target;
use crate::translate::telemetry::observe;
use crate::translate::telemetry::side::Side;
use crate::translate::{clusters, names};
use crate::xds::{ResourceType, Resources};
use istio::Protocol;
use istio::views::SidecarIngress;
use serde_json::{Value, json};

/// One bound listener and one cluster per port of the application. A Sidecar's `ingress` says for a port how
/// it is spoken to, and which other port of the pod it leads to.
pub(crate) fn listeners(target: &Target<'_>, resources: &mut Resources) {
    let ingress: Vec<&SidecarIngress> =
        target.scope.sidecar.iter().flat_map(|sidecar| &sidecar.spec.ingress).collect();
    for port in target.workload.app_ports() {
        let own = ingress.iter().find(|ingress| ingress.port.number == u32::from(port));
        let behind = own.and_then(|ingress| endpoint_port(ingress)).unwrap_or(port);
        let (Some(bound), Some(app)) = (
            target.workload.real_port(&port.to_string()),
            target.workload.real_port(&format!("app/{behind}")),
        ) else {
            continue;
        };
        let service = served(target, port);
        let said = own.and_then(|ingress| ingress.port.protocol.as_deref());
        let protocol = said.map(Protocol::named);
        let protocol = protocol.or_else(|| service.map(|(_, port)| port.protocol)).unwrap_or(Protocol::Tcp);
        resources.clusters.push(clusters::inbound(service.map(|(service, _)| service), port, app));
        resources.listeners.push(listener(target, port, bound, service, protocol));
    }
}

/// The port in `defaultEndpoint`, `127.0.0.1:8080`.
pub(crate) fn endpoint_port(ingress: &SidecarIngress) -> Option<u16> {
    ingress.default_endpoint.as_deref()?.rsplit_once(':')?.1.parse().ok()
}

/// The first service that leads to this port.
fn served<'a>(target: &Target<'a>, port: u16) -> Option<(&'a Service, &'a Port)> {
    target.registry.services_of(target.workload).find_map(|service| {
        let leads = |candidate: &&Port| candidate.at(target.workload) == Some(port);
        Some((service, service.ports.iter().find(leads)?))
    })
}

fn listener(
    target: &Target<'_>,
    port: u16,
    bound: u16,
    service: Option<(&Service, &Port)>,
    protocol: Protocol,
) -> Value {
    let cluster = names::inbound_cluster(port);
    let guards = authorization::filters(target, port, Layer::Http);
    let filter = match protocol.is_http() {
        true => {
            let host =
                service.map_or_else(|| target.workload.owner.clone(), |(service, _)| service.host.clone());
            let number = service.map_or(port, |(_, port)| port.number);
            let mut action = json!({"cluster": cluster, "timeout": "0s"});
            if protocol.is_http() && !protocol.is_http2() {
                // The application may close a connection just when a request takes it.
                action["retry_policy"] = json!({"retry_on": "reset-before-request", "num_retries": 2});
            }
            let routes = json!({
                "name": cluster,
                "validate_clusters": false,
                "virtual_hosts": [{
                    "name": format!("inbound|http|{}", number),
                    "domains": ["*"],
                    "routes": [{
                        "name": "default",
                        "match": {"prefix": "/"},
                        "route": action,
                        "decorator": {"operation": names::operation(&host, number)},
                    }],
                }],
            });
            http::manager(
                target,
                Side::Inbound,
                &format!("inbound_0.0.0.0_{port}"),
                ("route_config", routes),
                guards,
            )
        }
        false => http::bytes(target, Side::Inbound, &cluster),
    };
    let mut filters =
        if protocol.is_http() { Vec::new() } else { authorization::filters(target, port, Layer::Bytes) };
    filters.push(filter);
    let mode = mtls::mode(target.registry, target.workload, port);
    json!({
        "@type": ResourceType::Listener.type_url(),
        "name": format!("virtualInbound-{port}"),
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": bound}},
        "traffic_direction": Side::Inbound.direction(),
        "listener_filters": mtls::inspectors(mode),
        "listener_filters_timeout": "0s",
        "filter_chains": mtls::server_chains(mode, &format!("0.0.0.0_{port}"), &json!(filters),
            !protocol.is_http()),
        "access_log": observe::refused_logs(target, Side::Inbound),
    })
}
