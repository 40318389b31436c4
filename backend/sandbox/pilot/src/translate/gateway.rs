//! The ways in: listeners of a gateway's servers, and the routes of VirtualServices bound to it.

use super::authorization::{self, Layer};
use super::destinations::fits;
use super::matches::{Way, same_gateway};
use super::observe::{self, Side};
use super::{Resources, Target, endpoints, http, outbound, routes};
use crate::registry::{Config, selects};
use mesh::istio::{Gateway, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Bound<'a> = Vec<(&'a Config<Gateway>, &'a Server)>;

/// One bound listener per port that a Gateway opens on this workload.
pub(crate) fn listeners(target: &Target<'_>, resources: &mut Resources) {
    let mut ports: BTreeMap<u16, Bound<'_>> = BTreeMap::new();
    for gateway in &target.registry.gateways {
        if gateway.spec.selector.is_empty() || !selects(&gateway.spec.selector, &target.workload.labels) {
            continue;
        }
        for server in gateway.spec.servers.iter().filter(|server| is_plain_http(server)) {
            if let Ok(port) = u16::try_from(server.port.number) {
                ports.entry(port).or_default().push((gateway, server));
            }
        }
    }
    for (port, servers) in ports {
        let inside = workload_port(target, port);
        let Some(real) = target.workload.real_port(&inside.to_string()) else { continue };
        let name = format!("http.{port}");
        let manager = http::manager(
            target,
            Side::Outbound,
            &format!("outbound_0.0.0.0_{inside}"),
            ("rds", outbound::rds(&name)),
            authorization::filters(target, inside, Layer::Http),
        );
        resources.listeners.push(json!({
            "@type": super::Kind::Listener.type_url(),
            "name": format!("0.0.0.0_{inside}"),
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": real}},
            "traffic_direction": "OUTBOUND",
            "filter_chains": [{"filters": [manager]}],
            "access_log": observe::refused_logs(target, Side::Outbound),
        }));
        resources.routes.push(routes::configuration(target, &name, virtual_hosts(target, port, &servers)));
    }
}

/// Other protocols are named by `support.rs`.
pub(crate) fn is_plain_http(server: &Server) -> bool {
    matches!(server.port.protocol.as_str(), "HTTP" | "HTTP2" | "GRPC")
        && server.tls.as_ref().is_none_or(|tls| !tls.https_redirect)
}

/// The workload's port behind a port of the gateway's Service (80 is 8080 inside); the port itself without a Service.
fn workload_port(target: &Target<'_>, port: u16) -> u16 {
    let mut services = target.registry.services_of(target.workload);
    services.find_map(|service| endpoints::workload_port(service.port(port)?, target.workload)).unwrap_or(port)
}

fn virtual_hosts(target: &Target<'_>, port: u16, servers: &Bound<'_>) -> Vec<Value> {
    let mut hosts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (gateway, server) in servers {
        let id = format!("{}/{}", gateway.namespace, gateway.name);
        for config in &target.registry.virtual_services {
            let way = Way { gateway: &id, namespace: &config.namespace, port };
            if !config.spec.gateways.iter().any(|name| same_gateway(name, &way)) {
                continue;
            }
            for host in config.spec.hosts.iter().filter_map(|host| served(&server.hosts, host, &config.namespace)) {
                let found = routes::rules(target, config, &way, None);
                let known = hosts.entry(host).or_default();
                known.extend(found.into_iter().filter(|route| !known.contains(route)).collect::<Vec<_>>());
            }
        }
    }
    if hosts.is_empty() {
        // As istiod: a port that leads nowhere answers 404.
        return vec![json!({"name": format!("blackhole:{port}"), "domains": ["*"]})];
    }
    let host = |(host, found): (String, Vec<Value>)| {
        let domains = if host == "*" { vec![host.clone()] } else { vec![host.clone(), format!("{host}:*")] };
        json!({"name": format!("{host}:{port}"), "domains": domains, "routes": found, "include_request_attempt_count": true})
    };
    hosts.into_iter().map(host).collect()
}

/// The narrower of a VirtualService's host and the server's hosts, if they meet; `ns/host` holds for one namespace.
fn served(server_hosts: &[String], host: &str, namespace: &str) -> Option<String> {
    server_hosts.iter().find_map(|entry| {
        let (scope, pattern) = entry.split_once('/').unwrap_or(("*", entry));
        if scope != "*" && scope != namespace && scope != "." {
            return None;
        }
        if fits(pattern, host) {
            return Some(host.to_owned());
        }
        fits(host, pattern).then(|| pattern.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrower_host_is_served() {
        let at = |servers: &[&str], host: &str| {
            served(&servers.iter().map(ToString::to_string).collect::<Vec<_>>(), host, "bookinfo").unwrap_or_default()
        };
        assert_eq!(at(&["*"], "shop.example"), "shop.example");
        assert_eq!(at(&["shop.example"], "*"), "shop.example");
        assert_eq!(at(&["other/*"], "shop.example"), "");
        assert_eq!(at(&["bookinfo/*.example"], "shop.example"), "shop.example");
        assert_eq!(at(&["a.example"], "b.example"), "");
    }
}
