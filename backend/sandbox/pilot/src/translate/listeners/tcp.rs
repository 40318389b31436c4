//! TCP and TLS routes: which service or version the bytes go to, told apart by port, subnet, caller and
//! server name.

use super::http;
use crate::registry::{Config, Port, Service};
use crate::translate::clusters::destinations::{self, Policy};
use crate::translate::envoy::{put, time};
use crate::translate::target::Target;
use crate::translate::telemetry::side::Side;
use crate::translate::{names, routes};
use istio::route::Way;
use istio::routing;
use istio::views::{L4Match, RouteDestination, TlsMatch, VirtualService};
use serde_json::{Value, json};

/// A filter chain for connections to these subnets and server names; for all when there are none.
pub(crate) fn chain(subnets: &[&String], server_names: &[String], filter: Value) -> Value {
    let mut matching = json!({});
    let ranges: Vec<Value> = subnets.iter().filter_map(|subnet| range(subnet)).collect();
    if !ranges.is_empty() {
        matching["prefix_ranges"] = json!(ranges);
    }
    let named: Vec<&String> = server_names.iter().filter(|name| *name != "*").collect();
    if !named.is_empty() && named.len() == server_names.len() {
        matching["server_names"] = json!(named);
    }
    let mut chain = json!({"filters": [filter]});
    if matching.as_object().is_some_and(|matching| !matching.is_empty()) {
        chain["filter_chain_match"] = matching;
    }
    chain
}

fn range(subnet: &str) -> Option<Value> {
    let (address, length) =
        subnet.split_once('/').unwrap_or((subnet, if subnet.contains(':') { "128" } else { "32" }));
    address.parse::<std::net::IpAddr>().ok()?;
    Some(json!({"address_prefix": address, "prefix_len": length.parse::<u32>().ok()?}))
}

/// The filter chains for a service's port, which is reached by `subnets` of its own or, when `by_name`, only
/// by its name: those of the VirtualServices that hold for it, and one for everything else.
pub(crate) fn outbound(
    target: &Target<'_>,
    service: &Service,
    port: &Port,
    subnets: &[&String],
    by_name: bool,
) -> Vec<Value> {
    let rules = routing::holding(target.scope.virtual_services.iter().copied(), &service.host);
    let mut chains = Vec::new();
    for config in rules {
        let way = Way { gateway: "mesh", namespace: &config.namespace, port: port.number };
        let rules = Rules { target, config, way: &way, subnets };
        chains.extend(if port.protocol.is_tls() { by_server_name(&rules) } else { by_connection(&rules) });
    }
    let plain =
        || http::bytes(target, Side::Outbound, &names::outbound_cluster(port.number, "", &service.host));
    if port.protocol.is_tls() {
        if chains.is_empty() {
            let name = if by_name { std::slice::from_ref(&service.host) } else { &[] };
            chains.push(chain(subnets, name, plain()));
        }
    } else {
        let ours = chain(subnets, &[], Value::Null);
        if chains.iter().all(|chain| chain["filter_chain_match"] != ours["filter_chain_match"]) {
            chains.push(chain(subnets, &[], plain()));
        }
    }
    limits(target, service, port.number, &mut chains);
    chains
}

/// How long a connection may live and rest, and whether the caller's address decides where it goes: the
/// DestinationRule's.
fn limits(target: &Target<'_>, service: &Service, port: u16, chains: &mut [Value]) {
    let Some(rule) = destinations::rule(target, service) else { return };
    let policy = Policy::of(Some(&rule), None, port);
    let none = Value::Null;
    let tcp = policy.connection_pool.map_or(&none, |pool| &pool["tcp"]);
    for chain in chains {
        let config = &mut chain["filters"][0]["typed_config"];
        put(config, "idle_timeout", time(tcp, "idleTimeout"));
        put(config, "max_downstream_connection_duration", time(tcp, "maxConnectionDuration"));
        put(config, "hash_policy", policy.hashes_by_source().then(|| json!([{"source_ip": {}}])));
    }
}

/// A VirtualService whose rules become chains, and where they hold.
pub(crate) struct Rules<'a> {
    pub(crate) target: &'a Target<'a>,
    pub(crate) config: &'a Config<VirtualService>,
    pub(crate) way: &'a Way<'a>,
    /// Where the service is reached; everywhere when there are none.
    pub(crate) subnets: &'a [&'a String],
}

/// The chains of a VirtualService's `tls` rules.
pub(crate) fn by_server_name(rules: &Rules<'_>) -> Vec<Value> {
    let Rules { target, config, way, subnets } = *rules;
    let mut chains = Vec::new();
    for rule in &config.spec.tls {
        for wanted in
            rule.r#match.iter().filter(|wanted| way.may_connect(&target.caller(), &common(wanted)).is_ok())
        {
            let own: Vec<&String> = wanted.destination_subnets.iter().collect();
            let subnets = if own.is_empty() { subnets } else { &own };
            chains.push(chain(subnets, &wanted.sni_hosts, split(target, config, way, &rule.route)));
        }
    }
    chains
}

/// The chains of a VirtualService's `tcp` rules, until one takes everything.
pub(crate) fn by_connection(rules: &Rules<'_>) -> Vec<Value> {
    let Rules { target, config, way, subnets } = *rules;
    let mut chains = Vec::new();
    for rule in &config.spec.tcp {
        let filter = split(target, config, way, &rule.route);
        if rule.r#match.is_empty() {
            chains.push(chain(subnets, &[], filter));
            return chains;
        }
        for wanted in rule.r#match.iter().filter(|wanted| way.may_connect(&target.caller(), wanted).is_ok()) {
            let own: Vec<&String> = wanted.destination_subnets.iter().collect();
            let narrowed = !own.is_empty();
            chains.push(chain(if narrowed { &own } else { subnets }, &[], filter.clone()));
            if !narrowed {
                return chains;
            }
        }
    }
    chains
}

/// Bytes to one destination, or to several by their shares.
fn split(
    target: &Target<'_>,
    config: &Config<VirtualService>,
    way: &Way<'_>,
    route: &[RouteDestination],
) -> Value {
    let cluster = |to| routes::destination(target, config, way, to).cluster;
    let shares: Vec<&RouteDestination> = match route {
        [only] => return http::bytes(target, Side::Outbound, &cluster(&only.destination)),
        // As istiod: a share of nothing is left out.
        several => several.iter().filter(|split| split.weight.unwrap_or(0) > 0).collect(),
    };
    let first =
        shares.first().map(|split| cluster(&split.destination)).unwrap_or_else(|| "BlackHoleCluster".into());
    let mut filter = http::bytes(target, Side::Outbound, &first);
    if let (Some(config), [_, _, ..]) = (filter["typed_config"].as_object_mut(), shares.as_slice()) {
        let shares: Vec<Value> = shares
            .iter()
            .map(|split| json!({"name": cluster(&split.destination), "weight": split.weight}))
            .collect();
        config.shift_remove("cluster");
        config.insert("weighted_clusters".into(), json!({"clusters": shares}));
    }
    filter
}

/// What a `tls` match has in common with a `tcp` match.
fn common(wanted: &TlsMatch) -> L4Match {
    L4Match {
        destination_subnets: wanted.destination_subnets.clone(),
        port: wanted.port,
        source_labels: wanted.source_labels.clone(),
        gateways: wanted.gateways.clone(),
        source_namespace: wanted.source_namespace.clone(),
    }
}
