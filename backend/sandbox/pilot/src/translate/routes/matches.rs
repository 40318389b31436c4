//! Which requests a VirtualService's rule takes: paths, headers, methods, query parameters, ports, callers.

use crate::translate::security::jwt;
use crate::translate::target::Target;
use istio::Selects;
use istio::routing;
use istio::views::{HttpMatch, StringMatch};
use serde_json::{Value, json};

/// Through what a request comes, as far as matches look at it.
pub(crate) struct Way<'a> {
    /// `mesh`, or `namespace/name` of a Gateway.
    pub(crate) gateway: &'a str,
    /// The namespace of the VirtualService, in which short gateway names are meant.
    pub(crate) namespace: &'a str,
    /// The port that the request was sent to.
    pub(crate) port: u16,
}

/// Whether a request that comes this way, from this workload, can match at all. A match that names its
/// gateways asks for no caller, as in istiod.
pub(crate) fn possible(target: &Target<'_>, way: &Way<'_>, rule: &HttpMatch) -> bool {
    let from = if rule.gateways.is_empty() {
        Selects::narrowing(Some(&rule.source_labels)).takes(&target.workload.labels)
            && rule.source_namespace.as_ref().is_none_or(|namespace| *namespace == target.workload.namespace)
    } else {
        rule.gateways.iter().any(|name| same_gateway(name, way))
    };
    from && rule.port.is_none_or(|port| port == u32::from(way.port))
}

/// Whether a name in a VirtualService means this gateway: `name`, `./name`, `namespace/name`, or as it was
/// written once, `name.namespace`, with a domain or without.
pub(crate) fn same_gateway(name: &str, way: &Way<'_>) -> bool {
    match routing::gateway(name, way.namespace) {
        Some(gateway) => way.gateway.split_once('/') == Some(gateway),
        None => way.gateway == routing::MESH,
    }
}

/// Everything.
pub(crate) fn everything() -> Value {
    json!({"prefix": "/"})
}

/// `None` for an empty matcher and for the regex `*`, which mean that something is there.
fn matcher(rule: &StringMatch) -> Option<Value> {
    match (&rule.exact, &rule.prefix, rule.regex.as_deref()) {
        (Some(text), ..) => Some(json!({"exact": text})),
        (_, Some(text), _) => Some(json!({"prefix": text})),
        (.., Some(regex)) if regex != "*" => Some(json!({"safe_regex": {"regex": regex}})),
        _ => None,
    }
}

/// A header or a query parameter.
fn named(name: &str, rule: &StringMatch) -> Value {
    match matcher(rule) {
        Some(matcher) => json!({"name": name, "string_match": matcher}),
        None => json!({"name": name, "present_match": true}),
    }
}

/// What a rule wants of the claims of a request's token, which it writes as headers.
fn claims(rule: &HttpMatch) -> Vec<Value> {
    let one = |(name, rule): (&String, &StringMatch), without: bool| {
        Some(jwt::route_match(&jwt::routing_claim(name)?, matcher(rule).as_ref(), without))
    };
    let with = rule.headers.iter().filter_map(|wanted| one(wanted, false));
    with.chain(rule.without_headers.iter().filter_map(|unwanted| one(unwanted, true))).collect()
}

/// One match as Envoy's: all its parts must hold.
pub(crate) fn route_match(rule: &HttpMatch) -> Value {
    let mut route = everything();
    if let Some(uri) = &rule.uri {
        route = match (&uri.exact, &uri.prefix, &uri.regex) {
            (Some(path), ..) => json!({"path": path}),
            (_, Some(prefix), _) => json!({"prefix": prefix}),
            (.., Some(regex)) => json!({"safe_regex": {"regex": regex}}),
            _ => route,
        };
        if rule.ignore_uri_case && route.get("safe_regex").is_none() {
            route["case_sensitive"] = json!(false);
        }
    }
    let claims = claims(rule);
    if !claims.is_empty() {
        route["dynamic_metadata"] = json!(claims);
    }
    let own = |name: &&String| jwt::routing_claim(name).is_none();
    let mut headers: Vec<Value> =
        rule.headers.iter().filter(|(name, _)| own(name)).map(|(name, rule)| named(name, rule)).collect();
    headers.extend(rule.without_headers.iter().filter(|(name, _)| own(name)).map(|(name, rule)| {
        let mut without = named(name, rule);
        without["invert_match"] = json!(true);
        if without.get("string_match").is_some() {
            without["treat_missing_header_as_empty"] = json!(true);
        }
        without
    }));
    let pseudo = [(":method", &rule.method), (":authority", &rule.authority), (":scheme", &rule.scheme)];
    headers.extend(pseudo.into_iter().filter_map(|(name, rule)| Some(named(name, rule.as_ref()?))));
    if !headers.is_empty() {
        route["headers"] = json!(headers);
    }
    let parameters: Vec<Value> = rule.query_params.iter().map(|(name, rule)| named(name, rule)).collect();
    if !parameters.is_empty() {
        route["query_parameters"] = json!(parameters);
    }
    route
}

/// Whether a match takes every request, so that what comes after it is never reached.
pub(crate) fn takes_all(route: &Value) -> bool {
    route["prefix"] == "/"
        && ["headers", "query_parameters", "dynamic_metadata"].iter().all(|part| route[part].is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_named_with_and_without_their_namespace() {
        let way = Way { gateway: "shop/door", namespace: "shop", port: 0 };
        for name in ["door", "./door", "shop/door", "door.shop", "door.shop.svc.cluster.local"] {
            assert!(same_gateway(name, &way), "{name}");
        }
        for name in ["mesh", "other", "demo/door", "door.demo", "door.demo.svc.cluster.local", "shop"] {
            assert!(!same_gateway(name, &way), "{name}");
        }
        assert!(same_gateway("mesh", &Way { gateway: "mesh", namespace: "shop", port: 0 }));
    }
}
