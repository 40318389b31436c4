//! Listeners for the calls of a workload's own application.

use super::observe::{self, Side};
use super::{Resources, Target, http, routes, tcp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn unbound(target: &Target<'_>, name: String, address: &str, port: u16, filter: Value) -> Value {
    json!({
        "@type": super::Kind::Listener.type_url(),
        "name": name,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [{"filters": [filter]}],
        "traffic_direction": "OUTBOUND",
        "access_log": observe::refused_logs(target, Side::Outbound),
        "bind_to_port": false,
    })
}

/// `virtualOutbound`, which takes all calls, and the listeners that it hands them to.
pub(crate) fn listeners(target: &Target<'_>, resources: &mut Resources) {
    let Some(real) = target.workload.real_port("15001") else { return };
    resources.listeners.push(virtual_outbound(target, real));
    let ports = target.registry.services.iter().flat_map(|service| service.ports.iter());
    let http_ports: BTreeSet<u16> = ports.filter(|port| port.protocol.is_http()).map(|port| port.number).collect();
    for port in http_ports {
        let name = port.to_string();
        let manager = http::manager(target, Side::Outbound, &format!("outbound_0.0.0.0_{port}"), ("rds", rds(&name)), Vec::new());
        resources.listeners.push(unbound(target, format!("0.0.0.0_{port}"), "0.0.0.0", port, manager));
        routes::outbound(target, resources, &name, port);
    }
    let mut seen = BTreeSet::new();
    for service in &target.registry.services {
        for port in service.ports.iter().filter(|port| !port.protocol.is_http()) {
            for address in service.addresses.iter().filter(|address| !address.contains('/')) {
                let name = format!("{address}_{}", port.number);
                if seen.insert(name.clone()) {
                    let filter = tcp::outbound(target, service, port.number);
                    resources.listeners.push(unbound(target, name, address, port.number, filter));
                }
            }
        }
    }
}

/// Routes by name, over the stream that everything comes over.
pub(crate) fn rds(name: &str) -> Value {
    json!({
        "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
        "route_config_name": name,
    })
}

fn virtual_outbound(target: &Target<'_>, real: u16) -> Value {
    let rest = if target.registry.mesh_config.allow_any() { "PassthroughCluster" } else { "BlackHoleCluster" };
    json!({
        "@type": super::Kind::Listener.type_url(),
        "name": "virtualOutbound",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": real}},
        "use_original_dst": true,
        "traffic_direction": "OUTBOUND",
        // The application writes the destination that iptables would have kept.
        "listener_filters": [{
            "name": "envoy.filters.listener.proxy_protocol",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"},
        }],
        "filter_chains": [{"name": "virtualOutbound-catchall-tcp", "filters": [http::bytes(target, Side::Outbound, rest)]}],
        "access_log": observe::refused_logs(target, Side::Outbound),
    })
}
