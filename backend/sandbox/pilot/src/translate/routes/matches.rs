//! Which requests a VirtualService's rule takes: paths, headers, methods, query parameters, ports, callers.

use crate::translate::security::jwt;
use istio::route::claim;
use istio::views::{HttpMatch, StringMatch};
use serde_json::{Value, json};

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
        Some(jwt::route_match(&claim(name)?, matcher(rule).as_ref(), without))
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
    let own = |name: &&String| claim(name).is_none();
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
