//! The ways in: listeners of a gateway's servers, and the routes of VirtualServices bound to it.

use super::{http, tcp};
use crate::registry::workload::{ProxyKind, Workload};
use crate::registry::{Config, Registry};
use crate::resolve::gateway_api::names::made;
use crate::translate::routes;
use crate::translate::routes::matches::takes_all;
use crate::translate::security::action::Layer;
use crate::translate::security::{authorization, mtls, tls};
use crate::translate::target::Target;
use crate::translate::telemetry::observe;
use crate::translate::telemetry::side::Side;
use crate::xds::{ResourceType, Resources};
use istio::Selects;
use istio::route::{Taking, Way};
use istio::routing::served;
use istio::views::{Gateway, Server, ServerTls, VirtualService};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A server and the Gateway that opens it.
type Opened<'a> = (&'a Config<Gateway>, &'a Server);

/// Whether a Gateway is for this workload: it is a gateway, with the labels that are asked for.
pub(crate) fn holds(gateway: &Config<Gateway>, workload: &Workload) -> bool {
    workload.proxy == Some(ProxyKind::Router)
        && Selects::narrowing(Some(&gateway.spec.selector)).takes(&workload.labels)
}

/// One bound listener per port that a Gateway opens on this workload.
pub(crate) fn listeners(target: &Target<'_>, resources: &mut Resources) {
    let mut ports: BTreeMap<u16, Vec<Opened<'_>>> = BTreeMap::new();
    for gateway in target.registry.gateways.iter().filter(|gateway| holds(gateway, target.workload)) {
        for server in &gateway.spec.servers {
            // The Service's port and the pod's may be named for the same.
            let inside = workload_port(target.registry, target.workload, number(server));
            ports.entry(inside).or_default().push((gateway, server));
        }
    }
    for (inside, servers) in ports {
        let port = servers.iter().map(|(_, server)| number(server)).min().unwrap_or(inside);
        let Some(real) = target.workload.real_port(&inside.to_string()) else { continue };
        let chains = chains(target, resources, port, inside, &servers);
        if chains.is_empty() {
            continue; // no route leads on from here: as istiod, it is not even opened
        }
        let encrypted =
            servers.iter().any(|(_, server)| !matches!(Taking::of(server), Taking::Http | Taking::Bytes));
        resources.listeners.push(json!({
            "@type": ResourceType::Listener.type_url(),
            "name": format!("0.0.0.0_{inside}"),
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": real}},
            "traffic_direction": "OUTBOUND",
            "listener_filters": if encrypted { vec![mtls::tls_inspector()] } else { Vec::new() },
            "filter_chains": chains,
            "access_log": observe::refused_logs(target, Side::Outbound),
        }));
    }
}

/// The port that a server is opened at, as its Gateway names it.
fn number(server: &Server) -> u16 {
    u16::try_from(server.port.number).unwrap_or_default()
}

/// The filter chains of one port: one for all plain HTTP, and those of each other server.
fn chains(
    target: &Target<'_>,
    resources: &mut Resources,
    port: u16,
    inside: u16,
    servers: &[Opened<'_>],
) -> Vec<Value> {
    let mut made = Vec::new();
    let manager = |name: &str| {
        let guards = authorization::filters(target, inside, Layer::Http);
        http::manager(
            target,
            Side::Outbound,
            &format!("outbound_0.0.0.0_{inside}"),
            ("rds", http::rds(name)),
            guards,
        )
    };
    let plain: Vec<Opened<'_>> =
        servers.iter().copied().filter(|(_, server)| Taking::of(server) == Taking::Http).collect();
    if !plain.is_empty() {
        let name = format!("http.{port}");
        made.push(tcp::chain(&[], &[], manager(&name)));
        resources.routes.push(routes::configuration(target, &name, virtual_hosts(target, &plain)));
    }
    for (gateway, server) in servers.iter().copied() {
        let names: Vec<String> = server.hosts.iter().map(|host| without_scope(host).to_owned()).collect();
        let none = ServerTls::default();
        let settings = server.tls.as_ref().unwrap_or(&none);
        match Taking::of(server) {
            Taking::Http => {}
            Taking::Https => {
                let name = format!(
                    "https.{}.{}.{}.{}",
                    number(server),
                    server.port.name,
                    gateway.name,
                    gateway.namespace
                );
                let mut chain = tcp::chain(&[], &names, manager(&name));
                chain["transport_socket"] = tls::server(target, resources, settings, true);
                made.push(chain);
                let hosts = virtual_hosts(target, &[(gateway, server)]);
                resources.routes.push(routes::configuration(target, &name, hosts));
            }
            Taking::Tls => {
                for mut chain in bytes(target, inside, gateway, server) {
                    if !names.iter().any(|name| name == "*") {
                        chain["filter_chain_match"]["server_names"] = json!(names);
                    }
                    chain["transport_socket"] = tls::server(target, resources, settings, false);
                    made.push(chain);
                }
            }
            Taking::Passthrough | Taking::Bytes => made.extend(bytes(target, inside, gateway, server)),
        }
    }
    // Envoy refuses a listener with two chains for the same connections; as istiod, the oldest Gateway's
    // counts.
    let mut seen: Vec<Value> = Vec::new();
    let mut taken = BTreeSet::new();
    made.retain_mut(|chain| {
        if let Some(names) = chain["filter_chain_match"]["server_names"].as_array_mut() {
            names.retain(|name| taken.insert(name.to_string()));
            return !names.is_empty();
        }
        let fresh = !seen.contains(&chain["filter_chain_match"]);
        seen.push(chain["filter_chain_match"].clone());
        fresh
    });
    made
}

/// The chains of a server that looks at no requests: by `tls` rules where TLS is passed on, else by `tcp`
/// rules.
fn bytes(target: &Target<'_>, inside: u16, gateway: &Config<Gateway>, server: &Server) -> Vec<Value> {
    let mut chains = Vec::new();
    let id = format!("{}/{}", gateway.namespace, gateway.name);
    for config in bound(target, &id) {
        let way = Way { gateway: &id, namespace: &config.namespace, port: number(server) };
        if !asked_for(config)
            .any(|host| served(&server.hosts, &gateway.namespace, &host, &config.namespace).is_some())
        {
            continue;
        }
        let rules = tcp::Rules { target, config, way: &way, subnets: &[] };
        chains.extend(match Taking::of(server) {
            Taking::Passthrough => tcp::by_server_name(&rules),
            _ => tcp::by_connection(&rules),
        });
    }
    for chain in &mut chains {
        if let Some(filters) = chain["filters"].as_array_mut() {
            filters.splice(0..0, authorization::filters(target, inside, Layer::Bytes));
        }
    }
    chains
}

/// The workload's port behind a port of the gateway's Service (80 is 8080 inside); the port itself without a
/// Service.
pub(crate) fn workload_port(registry: &Registry, workload: &Workload, port: u16) -> u16 {
    let mut services = registry.services_of(workload);
    services.find_map(|service| service.port(port)?.at(workload)).unwrap_or(port)
}

/// The VirtualServices that are bound to a Gateway, `namespace/name`.
fn bound<'a>(target: &Target<'a>, id: &str) -> impl Iterator<Item = &'a Config<VirtualService>> {
    target.scope.virtual_services.iter().copied().filter(|config| {
        let way = Way { gateway: id, namespace: &config.namespace, port: 0 };
        config.spec.gateways.iter().any(|name| way.is_by(name))
    })
}

/// The hosts of a VirtualService. As in istiod, a name without a dot is a service of its namespace; in the
/// Gateway API it is just that name.
fn asked_for(config: &Config<VirtualService>) -> impl Iterator<Item = String> {
    let short = |host: &str| !host.contains('.') && !made(config);
    config
        .spec
        .hosts
        .iter()
        .map(move |host| if short(host) { istio::fqdn(host, &config.namespace) } else { host.clone() })
}

fn virtual_hosts(target: &Target<'_>, servers: &[Opened<'_>]) -> Vec<Value> {
    let port = servers.iter().map(|(_, server)| number(server)).min().unwrap_or_default();
    let mut hosts: BTreeMap<String, (bool, Vec<Value>)> = BTreeMap::new();
    for (gateway, server) in servers {
        let redirects = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
        let id = format!("{}/{}", gateway.namespace, gateway.name);
        for config in bound(target, &id) {
            let way = Way { gateway: &id, namespace: &config.namespace, port: number(server) };
            for host in asked_for(config)
                .filter_map(|host| served(&server.hosts, &gateway.namespace, &host, &config.namespace))
            {
                let found = routes::rules(target, config, &way);
                let (redirected, known) = hosts.entry(host).or_default();
                *redirected |= redirects;
                known.extend(found.into_iter().filter(|route| !known.contains(route)).collect::<Vec<_>>());
            }
        }
        // Who only redirects needs no rules.
        for host in server.hosts.iter().filter(|_| redirects) {
            hosts.entry(without_scope(host).to_owned()).or_default().0 = true;
        }
    }
    if hosts.is_empty() {
        // As istiod: a port that leads nowhere answers 404.
        return vec![json!({"name": format!("blackhole:{port}"), "domains": ["*"]})];
    }
    let host = |(host, (redirected, mut found)): (String, (bool, Vec<Value>))| {
        // What takes everything would hide the rules of a younger VirtualService: as in istiod, it comes
        // last.
        found.sort_by_key(|route| takes_all(&route["match"]));
        json!({
            "name": format!("{host}:{port}"),
            "domains": [host],
            "routes": found,
            "include_request_attempt_count": true,
            "require_tls": if redirected { "ALL" } else { "NONE" },
        })
    };
    hosts.into_iter().map(host).collect()
}

/// `shop.example` of `bookinfo/shop.example`.
fn without_scope(host: &str) -> &str {
    host.split_once('/').map_or(host, |(_, host)| host)
}
