//! Routes: a virtual host per service, and the rules of the VirtualService that holds for it.

use super::destinations::fits;
use super::matches::{self, Way, everything, same_gateway};
use super::observe::PEER_HEADER;
use super::{Resources, Target, faults, names, support};
use crate::registry::{Config, Service};
use mesh::istio::{Destination, HttpRoute, RouteDestination, VirtualService};
use serde_json::{Value, json};

/// The route configuration of one outbound port.
pub(crate) fn outbound(target: &Target<'_>, resources: &mut Resources, name: &str, port: u16) {
    let mut hosts: Vec<Value> = Vec::new();
    for service in &target.registry.services {
        if service.port(port).is_some_and(|port| port.protocol.is_http()) {
            hosts.push(virtual_host(target, service, port));
        }
    }
    hosts.push(catch_all(target));
    resources.routes.push(configuration(target, name, hosts));
}

/// A route configuration whose requests say which workload sends them.
pub(crate) fn configuration(target: &Target<'_>, name: &str, virtual_hosts: Vec<Value>) -> Value {
    json!({
        "@type": super::Kind::Route.type_url(),
        "name": name,
        "virtual_hosts": virtual_hosts,
        "validate_clusters": false,
        "max_direct_response_body_size_bytes": 1_048_576,
        "request_headers_to_add": [{
            "header": {"key": PEER_HEADER, "value": target.workload.id()},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }],
    })
}

fn virtual_host(target: &Target<'_>, service: &Service, port: u16) -> Value {
    let rule = holding(target, &service.host);
    let routes = match rule {
        Some(rule) => rules(target, rule, &Way { gateway: "mesh", namespace: &rule.namespace, port }, Some(service)),
        None => vec![default_route(service, port)],
    };
    json!({
        "name": format!("{}:{port}", service.host),
        "domains": names::domains(service, port, &target.workload.namespace),
        "routes": routes,
        "include_request_attempt_count": true,
    })
}

/// The VirtualService of the mesh for a host: the most specific host wins, then the oldest.
fn holding<'a>(target: &Target<'a>, host: &str) -> Option<&'a Config<VirtualService>> {
    let covers = |rule: &Config<VirtualService>| {
        let way = Way { gateway: "mesh", namespace: &rule.namespace, port: 0 };
        let in_mesh = rule.spec.gateways.is_empty() || rule.spec.gateways.iter().any(|name| same_gateway(name, &way));
        let hosts = rule.spec.hosts.iter().map(|name| mesh::fqdn(name, &rule.namespace));
        hosts.filter(|name| in_mesh && fits(name, host)).map(|name| (!name.starts_with('*'), name.len())).max()
    };
    let mut best: Option<((bool, usize), &Config<VirtualService>)> = None;
    for rule in target.registry.virtual_services.iter().filter(|rule| !rule.spec.http.is_empty()) {
        if let Some(rank) = covers(rule).filter(|rank| best.is_none_or(|(known, _)| *rank > known)) {
            best = Some((rank, rule));
        }
    }
    best.map(|(_, rule)| rule)
}

fn catch_all(target: &Target<'_>) -> Value {
    if target.options.allow_any {
        json!({
            "name": "allow_any", "domains": ["*"], "include_request_attempt_count": true,
            "routes": [{"name": "allow_any", "match": everything(), "route": {"cluster": "PassthroughCluster", "timeout": "0s"}}],
        })
    } else {
        json!({
            "name": "block_all", "domains": ["*"], "include_request_attempt_count": true,
            "routes": [{"name": "block_all", "match": everything(), "direct_response": {"status": 502}}],
        })
    }
}

fn default_route(service: &Service, port: u16) -> Value {
    json!({
        "name": "default",
        "match": everything(),
        "route": {
            "cluster": names::outbound_cluster(port, "", &service.host),
            "timeout": "0s",
            "retry_policy": retries(None),
        },
        "decorator": {"operation": names::operation(&service.host, port)},
    })
}

/// All routes of a VirtualService for requests that come a certain way. `service` is the host that is asked for, if it
/// is a service of the mesh.
pub(crate) fn rules(
    target: &Target<'_>,
    config: &Config<VirtualService>,
    way: &Way<'_>,
    service: Option<&Service>,
) -> Vec<Value> {
    let mut routes = Vec::new();
    for rule in &config.spec.http {
        if rule.r#match.is_empty() {
            routes.extend(route(target, config, way, service, rule, None, everything()));
            return routes;
        }
        for wanted in rule.r#match.iter().filter(|wanted| matches::possible(target, way, wanted)) {
            let route_match = matches::route_match(wanted);
            let last = matches::takes_all(&route_match);
            routes.extend(route(target, config, way, service, rule, wanted.name.as_deref(), route_match));
            if last {
                return routes;
            }
        }
    }
    routes
}

fn route(
    target: &Target<'_>,
    config: &Config<VirtualService>,
    way: &Way<'_>,
    service: Option<&Service>,
    rule: &HttpRoute,
    match_name: Option<&str>,
    route_match: Value,
) -> Option<Value> {
    let mut route = json!({
        "match": route_match,
        "metadata": {"filter_metadata": {"istio": {"config": config.link("virtual-service")}}},
    });
    let name: Vec<&str> = [rule.name.as_deref(), match_name].into_iter().flatten().collect();
    if !name.is_empty() {
        route["name"] = json!(name.join("."));
    }
    let first = rule.route.first().map(|split| destination(target, config, way, &split.destination));
    let operation = first.as_ref().map(|first| names::operation(&first.host, first.port));
    let operation = operation.or_else(|| service.map(|service| names::operation(&service.host, way.port)));
    if let Some(operation) = operation {
        route["decorator"] = json!({"operation": operation});
    }
    if !rule.route.is_empty() {
        route["route"] = action(target, config, way, rule);
    } else {
        return None;
    }
    if let Some(fault) = rule.fault.as_ref().and_then(faults::filter) {
        route["typed_per_filter_config"] = json!({"envoy.filters.http.fault": fault});
    }
    Some(route)
}

/// A destination with everything that a cluster's name needs.
pub(crate) struct Resolved {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) cluster: String,
}

/// The port that is named, else the service's only one, else the one that the request was sent to.
pub(crate) fn destination(target: &Target<'_>, config: &Config<VirtualService>, way: &Way<'_>, to: &Destination) -> Resolved {
    let host = mesh::fqdn(&to.host, &config.namespace);
    let named = to.port.as_ref().and_then(|port| u16::try_from(port.number).ok());
    let only = || match target.registry.service(&host).map(|service| service.ports.as_slice()) {
        Some([port]) => Some(port.number),
        _ => None,
    };
    let port = named.or_else(only).unwrap_or(way.port);
    let cluster = names::outbound_cluster(port, to.subset.as_deref().unwrap_or_default(), &host);
    Resolved { host, port, cluster }
}

fn action(target: &Target<'_>, config: &Config<VirtualService>, way: &Way<'_>, rule: &HttpRoute) -> Value {
    let timeout = rule.timeout.as_deref().and_then(support::seconds).unwrap_or_else(|| "0s".into());
    let mut action = json!({"timeout": timeout});
    let cluster = |split: &RouteDestination| destination(target, config, way, &split.destination).cluster;
    match rule.route.as_slice() {
        [only] => action["cluster"] = json!(cluster(only)),
        several => {
            // As istiod: a share of nothing is left out.
            let shares = several.iter().filter(|split| split.weight.unwrap_or(0) > 0);
            let shares: Vec<Value> = shares.map(|split| json!({"name": cluster(split), "weight": split.weight})).collect();
            action["weighted_clusters"] = json!({"clusters": shares});
        }
    }
    let policy = retries(rule.retries.as_ref());
    if !policy.is_null() {
        action["retry_policy"] = policy;
    }
    action
}

/// Istio's two retries unless the rule says otherwise; null when it wants none.
fn retries(wanted: Option<&mesh::istio::Retries>) -> Value {
    const DEFAULT_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
    let mut policy = json!({
        "num_retries": 2,
        "retry_on": DEFAULT_ON,
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }],
        "host_selection_retry_max_attempts": 5,
    });
    let Some(wanted) = wanted else { return policy };
    if wanted.attempts <= 0 {
        return Value::Null;
    }
    policy["num_retries"] = json!(wanted.attempts);
    if let Some(on) = wanted.retry_on.as_deref().filter(|on| !on.is_empty()) {
        let (codes, words): (Vec<&str>, Vec<&str>) = on.split(',').map(str::trim).partition(|word| word.parse::<u16>().is_ok());
        let mut words = words.join(",");
        if !codes.is_empty() {
            policy["retriable_status_codes"] = codes.iter().filter_map(|code| code.parse::<u16>().ok()).collect();
            words = if words.is_empty() { "retriable-status-codes".into() } else { format!("{words},retriable-status-codes") };
        }
        policy["retry_on"] = json!(words);
    }
    if let Some(timeout) = wanted.per_try_timeout.as_deref().and_then(support::seconds) {
        policy["per_try_timeout"] = json!(timeout);
    }
    if let Some(backoff) = wanted.backoff.as_deref().and_then(support::seconds) {
        policy["retry_back_off"] = json!({"base_interval": backoff});
    }
    if wanted.retry_ignore_previous_hosts == Some(false)
        && let Some(policy) = policy.as_object_mut()
    {
        policy.shift_remove("retry_host_predicate");
    }
    policy
}
