//! Listeners for calls to a workload's own application, with the mTLS mode that holds for each port.

use super::authorization::{self, Layer};
use super::observe::{self, Side};
use super::{Resources, Target, clusters, endpoints, http, mtls, names};
use crate::registry::{Port, Protocol, Service};
use serde_json::{Value, json};

/// One bound listener and one cluster per port of the application.
pub(crate) fn listeners(target: &Target<'_>, resources: &mut Resources) {
    for port in target.workload.app_ports() {
        let (Some(bound), Some(app)) =
            (target.workload.real_port(&port.to_string()), target.workload.real_port(&format!("app/{port}")))
        else {
            continue;
        };
        let service = served(target, port);
        resources.clusters.push(clusters::inbound(service.map(|(service, _)| service), port, app));
        resources.listeners.push(listener(target, port, bound, service));
    }
}

/// The first service that leads to this port.
fn served<'a>(target: &Target<'a>, port: u16) -> Option<(&'a Service, &'a Port)> {
    target.registry.services_of(target.workload).find_map(|service| {
        let leads = |candidate: &&Port| endpoints::workload_port(candidate, target.workload) == Some(port);
        Some((service, service.ports.iter().find(leads)?))
    })
}

fn listener(target: &Target<'_>, port: u16, bound: u16, service: Option<(&Service, &Port)>) -> Value {
    let protocol = service.map_or(Protocol::Tcp, |(_, port)| port.protocol);
    let cluster = names::inbound_cluster(port);
    let guards = authorization::filters(target, port, Layer::Http);
    let filter = match service {
        Some((service, service_port)) if protocol.is_http() => {
            let routes = json!({
                "name": cluster,
                "validate_clusters": false,
                "virtual_hosts": [{
                    "name": format!("inbound|http|{}", service_port.number),
                    "domains": ["*"],
                    "routes": [{
                        "name": "default",
                        "match": {"prefix": "/"},
                        "route": {"cluster": cluster, "timeout": "0s"},
                        "decorator": {"operation": names::operation(&service.host, service_port.number)},
                    }],
                }],
            });
            http::manager(target, Side::Inbound, &format!("inbound_0.0.0.0_{port}"), ("route_config", routes), guards)
        }
        _ => http::bytes(target, Side::Inbound, &cluster),
    };
    let mut filters = if protocol.is_http() { Vec::new() } else { authorization::filters(target, port, Layer::Bytes) };
    filters.push(filter);
    let mode = mtls::mode(target.registry, target.workload, port);
    json!({
        "@type": super::Kind::Listener.type_url(),
        "name": format!("virtualInbound-{port}"),
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": bound}},
        "traffic_direction": Side::Inbound.direction(),
        "listener_filters": mtls::inspectors(mode),
        "listener_filters_timeout": "0s",
        "filter_chains": mtls::server_chains(mode, &format!("0.0.0.0_{port}"), &json!(filters)),
        "access_log": observe::refused_logs(target, Side::Inbound),
    })
}
