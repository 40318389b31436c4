//! Listeners for the calls of a workload's own application.

use super::{http, tcp};
use crate::translate::routes;
use crate::translate::security::mtls;
use crate::translate::target::Target;
use crate::translate::telemetry::observe;
use crate::translate::telemetry::side::Side;
use crate::xds::{ResourceType, Resources};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn unbound(target: &Target<'_>, address: &str, port: u16, chains: Vec<Value>) -> Value {
    json!({
        "@type": ResourceType::Listener.type_url(),
        "name": format!("{address}_{port}"),
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": chains,
        "traffic_direction": "OUTBOUND",
        "access_log": observe::refused_logs(target, Side::Outbound),
        "bind_to_port": false,
    })
}

/// `virtualOutbound`, which takes all calls, and the listeners that it hands them to.
pub(crate) fn listeners(target: &Target<'_>, resources: &mut Resources) {
    let Some(real) = target.workload.real_port("15001") else { return };
    resources.listeners.push(virtual_outbound(target, real));
    let known = || {
        target
            .scope
            .services
            .iter()
            .flat_map(|service| service.ports.iter().map(move |port| (*service, port)))
    };
    let known = || known().filter(|(service, port)| target.sees(service, port.number));
    let http_ports: BTreeSet<u16> =
        known().filter(|(_, port)| port.protocol.is_http()).map(|(_, port)| port.number).collect();
    for port in http_ports.iter().copied() {
        let name = port.to_string();
        let manager = http::manager(
            target,
            Side::Outbound,
            &format!("outbound_0.0.0.0_{port}"),
            ("rds", http::rds(&name)),
            Vec::new(),
        );
        resources.listeners.push(unbound(target, "0.0.0.0", port, vec![json!({"filters": [manager]})]));
        routes::outbound(target, resources, &name, port);
    }
    let mut bytes: BTreeMap<(String, u16), Vec<Value>> = BTreeMap::new();
    for (service, port) in known().filter(|(_, port)| !port.protocol.is_http()) {
        let singles: Vec<&String> = service.single_addresses().collect();
        let subnets: Vec<&String> =
            service.addresses.iter().filter(|address| address.contains('/')).collect();
        for address in &singles {
            let chains = tcp::outbound(target, service, port, &[], false);
            add(bytes.entry(((*address).clone(), port.number)).or_default(), chains);
        }
        // Who has no address of its own is told apart by subnet or by name; as istiod, HTTP of that port goes
        // first. Pods of a headless Service are called by their own addresses.
        let anywhere = singles.is_empty() && (service.entry || port.protocol.is_tls());
        if (!subnets.is_empty() || anywhere) && !http_ports.contains(&port.number) {
            let chains = tcp::outbound(target, service, port, &subnets, subnets.is_empty());
            add(bytes.entry(("0.0.0.0".to_owned(), port.number)).or_default(), chains);
        }
    }
    for ((address, port), chains) in bytes {
        let named = chains.iter().any(|chain| !chain["filter_chain_match"]["server_names"].is_null());
        let all = chains.iter().any(|chain| chain["filter_chain_match"].is_null());
        let mut listener = unbound(target, &address, port, chains);
        if named {
            listener["listener_filters"] = json!([mtls::tls_inspector()]);
            // For servers that speak first, at a port where others are told apart by name.
            listener["listener_filters_timeout"] = json!("5s");
            listener["continue_on_listener_filters_timeout"] = json!(true);
        }
        if !all {
            listener["default_filter_chain"] = rest(target);
        }
        resources.listeners.push(listener);
    }
}

/// Adds chains whose match nothing else has yet: the first counts.
fn add(known: &mut Vec<Value>, chains: Vec<Value>) {
    for chain in chains {
        if known.iter().all(|other| other["filter_chain_match"] != chain["filter_chain_match"]) {
            known.push(chain);
        }
    }
}

/// Where calls go that nothing is known about.
fn rest(target: &Target<'_>) -> Value {
    let rest = if target.scope.allow_any { "PassthroughCluster" } else { "BlackHoleCluster" };
    json!({"name": "virtualOutbound-catchall-tcp", "filters": [http::bytes(target, Side::Outbound, rest)]})
}

fn virtual_outbound(target: &Target<'_>, real: u16) -> Value {
    json!({
        "@type": ResourceType::Listener.type_url(),
        "name": "virtualOutbound",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": real}},
        "use_original_dst": true,
        "traffic_direction": "OUTBOUND",
        // The application writes the destination that iptables would have kept.
        "listener_filters": [{
            "name": "envoy.filters.listener.proxy_protocol",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"},
        }],
        "filter_chains": [rest(target)],
        "access_log": observe::refused_logs(target, Side::Outbound),
    })
}
