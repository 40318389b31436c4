//! Routes: a virtual host per service, and the rules of the VirtualService that holds for it.

use super::clusters::destinations::{self, Policy};
use super::envoy::seconds;
use super::names;
use super::target::Target;
use super::telemetry::observe::PEER_HEADER;
use crate::registry::{Config, Service};
use crate::xds::{ResourceType, Resources};
use istio::hosts::overlap;
use istio::route::Way;
use istio::routing::{self, in_mesh};
pub(crate) mod faults;
pub(crate) mod matches;
pub(crate) mod retries;
pub(crate) mod rewrites;
mod semantics;

use istio::views::{Destination, HttpMatch, HttpRoute, Percent, RouteDestination, VirtualService};
use matches::everything;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The port at which hosts are served that no service has, as by istiod.
const UNREGISTERED: u16 = 80;

/// The route configuration of one outbound port.
pub(crate) fn outbound(target: &Target<'_>, resources: &mut Resources, name: &str, port: u16) {
    let mut hosts: Vec<Value> = Vec::new();
    let mut taken = BTreeSet::new();
    for service in target.scope.services.iter().filter(|service| target.sees(service, port)) {
        if service.port(port).is_some_and(|port| port.protocol.is_http()) {
            let mut host = virtual_host(target, service, port);
            // A domain may stand once only: the first service keeps it.
            if let Some(domains) = host["domains"].as_array_mut() {
                domains.retain(|domain| taken.insert(domain.to_string()));
            }
            if host["domains"].as_array().is_some_and(|domains| !domains.is_empty()) {
                hosts.push(host);
            }
        }
    }
    let unregistered = if port == UNREGISTERED { unregistered(target) } else { Vec::new() };
    for (rule, host) in unregistered {
        if !taken.insert(json!(host).to_string()) {
            continue;
        }
        let found = rules(target, rule, &Way { gateway: "mesh", namespace: &rule.namespace, port });
        hosts.push(json!({
            "name": format!("{host}:{port}"),
            "domains": [host],
            "routes": found,
            "include_request_attempt_count": true,
        }));
    }
    if taken.insert(json!("*").to_string()) {
        hosts.push(catch_all(target));
    }
    resources.routes.push(configuration(target, name, hosts));
}

/// Hosts of the mesh's VirtualServices that no service has.
fn unregistered<'a>(target: &Target<'a>) -> Vec<(&'a Config<VirtualService>, String)> {
    let known = |host: &str| target.registry.services.iter().any(|service| overlap(host, &service.host));
    let mut found = Vec::new();
    for rule in target
        .scope
        .virtual_services
        .iter()
        .copied()
        .filter(|rule| in_mesh(&rule.spec.gateways) && !rule.spec.http.is_empty())
    {
        let hosts = rule.spec.hosts.iter().map(|host| istio::fqdn(host, &rule.namespace));
        found.extend(hosts.filter(|host| !known(host)).map(|host| (rule, host)));
    }
    found
}

/// A route configuration whose requests say which workload sends them.
pub(crate) fn configuration(target: &Target<'_>, name: &str, virtual_hosts: Vec<Value>) -> Value {
    json!({
        "@type": ResourceType::Route.type_url(),
        "name": name,
        "virtual_hosts": virtual_hosts,
        "validate_clusters": false,
        "ignore_port_in_host_matching": true,
        "max_direct_response_body_size_bytes": 1_048_576,
        "request_headers_to_add": [{
            "header": {"key": PEER_HEADER, "value": target.workload.id()},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }],
    })
}

fn virtual_host(target: &Target<'_>, service: &Service, port: u16) -> Value {
    let calls = target.registry.gateway_api.calls(&target.workload.namespace, service, port);
    let rule = calls.or_else(|| holding(target, &service.host));
    let routes =
        rule.map(|rule| rules(target, rule, &Way { gateway: "mesh", namespace: &rule.namespace, port }));
    // A VirtualService none of whose rules is for this caller is as good as none.
    let routes = routes
        .filter(|routes| !routes.is_empty())
        .unwrap_or_else(|| vec![default_route(target, service, port)]);
    json!({
        "name": format!("{}:{port}", service.host),
        "domains": names::domains(service, &target.workload.namespace),
        "routes": routes,
        "include_request_attempt_count": true,
    })
}

/// The VirtualService of the mesh for a host.
fn holding<'a>(target: &Target<'a>, host: &str) -> Option<&'a Config<VirtualService>> {
    let rules = target.scope.virtual_services.iter().copied().filter(|rule| !rule.spec.http.is_empty());
    routing::holding(rules, host).into_iter().next()
}

fn catch_all(target: &Target<'_>) -> Value {
    if target.scope.allow_any {
        json!({
            "name": "allow_any", "domains": ["*"], "include_request_attempt_count": true,
            "routes": [{"name": "allow_any", "match": everything(),
                "route": {"cluster": "PassthroughCluster", "timeout": "0s"}}],
        })
    } else {
        json!({
            "name": "block_all", "domains": ["*"], "include_request_attempt_count": true,
            "routes": [{"name": "block_all", "match": everything(), "direct_response": {"status": 502}}],
        })
    }
}

fn default_route(target: &Target<'_>, service: &Service, port: u16) -> Value {
    let rule = destinations::rule(target, service);
    let hash = Policy::of(rule.as_ref(), None, port).hash_policy();
    let mut action = json!({"cluster": names::outbound_cluster(port, "", &service.host), "timeout": "0s",
        "max_grpc_timeout": "0s"});
    if let Some(policy) = retries::policy(target, None, hash.is_some()) {
        action["retry_policy"] = policy;
    }
    if let Some(hash) = hash {
        action["hash_policy"] = json!([hash]);
    }
    json!({
        "name": "default",
        "match": everything(),
        "route": action,
        "decorator": {"operation": names::operation(&service.host, port)},
    })
}

/// All routes of a VirtualService for requests that come a certain way.
pub(crate) fn rules(target: &Target<'_>, config: &Config<VirtualService>, way: &Way<'_>) -> Vec<Value> {
    let caller = target.caller();
    let mut routes = Vec::new();
    for rule in &config.spec.http {
        if rule.r#match.is_empty() {
            routes.extend(route(target, config, way, rule, None));
            return routes;
        }
        for wanted in rule.r#match.iter().filter(|wanted| way.may_match(&caller, wanted).is_ok()) {
            routes.extend(route(target, config, way, rule, Some(wanted)));
            if routes.last().is_some_and(|route| matches::takes_all(&route["match"])) {
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
    rule: &HttpRoute,
    wanted: Option<&HttpMatch>,
) -> Option<Value> {
    let mut route = json!({
        "match": wanted.map_or_else(everything, matches::route_match),
        "metadata": {"filter_metadata": {"istio": {"config": config.link("virtual-service")}}},
    });
    let name: Vec<&str> = [rule.name.as_deref(), wanted.and_then(|wanted| wanted.name.as_deref())]
        .into_iter()
        .flatten()
        .collect();
    if !name.is_empty() {
        route["name"] = json!(name.join("."));
    }
    if let Some(prefix) = wanted.and_then(|wanted| wanted.stat_prefix.as_deref()) {
        route["stat_prefix"] = json!(prefix);
    }
    if let Some(redirect) = &rule.redirect {
        route["redirect"] = rewrites::redirect(redirect, way.port);
    } else if let Some(response) = &rule.direct_response {
        route["direct_response"] = rewrites::direct_response(response);
    } else if rule.route.is_empty() {
        return None; // a delegate; support.rs says so
    } else {
        route["route"] = action(target, config, way, rule);
    }
    rewrites::headers(&mut route, rule.headers.as_ref());
    if let [only] = rule.route.as_slice() {
        rewrites::headers(&mut route, only.headers.as_ref());
    }
    let mut filters = serde_json::Map::new();
    filters.extend(
        rule.fault
            .as_ref()
            .and_then(faults::filter)
            .map(|fault| ("envoy.filters.http.fault".to_owned(), fault)),
    );
    filters.extend(
        rule.cors_policy.as_ref().map(|cors| ("envoy.filters.http.cors".to_owned(), rewrites::cors(cors))),
    );
    if !filters.is_empty() {
        route["typed_per_filter_config"] = filters.into();
    }
    semantics::settle(config, &mut route);
    route["decorator"] = json!({"operation": names::operation_of(&route, &config.name, way.port)});
    Some(route)
}

/// A destination with everything that a cluster's name needs.
pub(crate) struct Resolved {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) cluster: String,
}

/// The port that is named, else the service's only one, else the one that the request was sent to.
pub(crate) fn destination(
    target: &Target<'_>,
    config: &Config<VirtualService>,
    way: &Way<'_>,
    to: &Destination,
) -> Resolved {
    let host = istio::fqdn(&to.host, &config.namespace);
    let host = target.registry.aliases.get(&host).cloned().unwrap_or(host);
    let named = to.port.as_ref().and_then(|port| u16::try_from(port.number).ok());
    let only = || match target.scope.service(&host).map(|service| service.ports.as_slice()) {
        Some([port]) => Some(port.number),
        _ => None,
    };
    let port = named.or_else(only).unwrap_or(way.port);
    let cluster = names::outbound_cluster(port, to.subset.as_deref().unwrap_or_default(), &host);
    Resolved { host, port, cluster }
}

fn action(target: &Target<'_>, config: &Config<VirtualService>, way: &Way<'_>, rule: &HttpRoute) -> Value {
    let timeout = rule.timeout.as_deref().and_then(seconds).unwrap_or_else(|| "0s".into());
    let mut action = json!({"timeout": timeout, "max_grpc_timeout": timeout});
    let cluster = |split: &RouteDestination| destination(target, config, way, &split.destination).cluster;
    match rule.route.as_slice() {
        [only] => action["cluster"] = json!(cluster(only)),
        several => {
            // As istiod: a share of nothing is left out.
            let shares = several.iter().filter(|split| split.weight.unwrap_or(0) > 0);
            let share = |split: &RouteDestination| {
                let mut share = json!({"name": cluster(split), "weight": split.weight});
                rewrites::headers(&mut share, split.headers.as_ref());
                rewrites::host_header(&mut share, split.headers.as_ref());
                share
            };
            let shares: Vec<Value> = shares.map(share).collect();
            if shares.is_empty() {
                // Envoy would refuse the whole configuration; nobody gets a share, and nobody an answer.
                action["cluster"] = json!("BlackHoleCluster");
            } else {
                action["weighted_clusters"] = json!({"clusters": shares});
            }
        }
    }
    let hashes: Vec<Value> =
        rule.route.iter().filter_map(|split| hash_policy(target, config, way, &split.destination)).collect();
    let hashed = rule.route.len() == 1 && !hashes.is_empty();
    if let Some(policy) = retries::policy(target, rule.retries.as_ref(), hashed) {
        action["retry_policy"] = policy;
    }
    if !hashes.is_empty() {
        action["hash_policy"] = json!(hashes);
    }
    // Of several wishes for the host the outermost holds.
    if let [only] = rule.route.as_slice() {
        rewrites::host_header(&mut action, only.headers.as_ref());
    }
    rewrites::host_header(&mut action, rule.headers.as_ref());
    if let Some(rewrite) = &rule.rewrite {
        rewrites::rewrite(&mut action, rewrite);
    }
    let older = rule.mirror_percent.map(|percent| Percent { value: f64::from(percent) });
    let old = rule.mirror.iter().map(|mirror| (mirror, rule.mirror_percentage.as_ref().or(older.as_ref())));
    let new = rule.mirrors.iter().map(|mirror| (&mirror.destination, mirror.percentage.as_ref()));
    let mirrors = old.chain(new).filter(|(_, percent)| percent.is_none_or(|percent| percent.value > 0.0));
    let mirrors: Vec<Value> = mirrors
        .map(|(to, percent)| {
            json!({
                "cluster": destination(target, config, way, to).cluster,
                "runtime_fraction": {"default_value": percent.map_or_else(faults::all, faults::fraction)},
                "trace_sampled": false,
                "disable_shadow_host_suffix_append": true,
            })
        })
        .collect();
    if !mirrors.is_empty() {
        action["request_mirror_policies"] = json!(mirrors);
    }
    action
}

/// What requests to a destination are hashed by, if its DestinationRule asks for it.
fn hash_policy(
    target: &Target<'_>,
    config: &Config<VirtualService>,
    way: &Way<'_>,
    to: &Destination,
) -> Option<Value> {
    let found = destination(target, config, way, to);
    let rule = destinations::rule(target, target.scope.service(&found.host)?)?;
    let subset = rule.spec.subsets.iter().find(|subset| Some(&subset.name) == to.subset.as_ref());
    Policy::of(Some(&rule), subset, found.port).hash_policy()
}
