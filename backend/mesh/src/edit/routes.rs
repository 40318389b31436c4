//! The rules of a VirtualService as a whole: what each of them makes proxies do with the calls that it takes.

use super::split::destinations;
use crate::evidence::{Claim, Want, route, routes};
use crate::plan::Plan;
use crate::{Mesh, Ref, Service};
use istio::views::{HeaderOperations, HttpRoute, Redirect, VirtualService};
use serde_json::{Map, Value, json};

const CORS: &str = "/typed_per_filter_config/envoy.filters.http.cors";

/// VirtualServices that route calls of a service, the one in force inside the mesh first.
pub fn routing(mesh: &Mesh, service: &Service) -> Vec<Ref> {
    let mut all: Vec<Ref> = service.virtual_services.first().cloned().into_iter().collect();
    let through = super::rules(mesh, service).into_iter().filter_map(|rule| rule.at.virtual_service);
    for at in through {
        if !all.contains(&at) {
            all.push(at);
        }
    }
    all
}

/// Says what proxies show of all rules of a VirtualService, as they will be.
pub fn claims(plan: &mut Plan<'_>, at: &Ref) {
    let side = |view: Option<VirtualService>| {
        let Some(view) = view else { return vec![routes(at).absent()] };
        let rules = view.http.iter().enumerate().filter(|(_, http)| http.delegate.is_none());
        let each = rules.flat_map(|(index, http)| of_rule(&route(at, index), http, &at.namespace));
        std::iter::once(routes(at)).chain(each).collect()
    };
    let now = side(plan.object_after(at).is_some().then(|| plan.after(at).unwrap_or_default()));
    let was = side(plan.mesh().objects().contains(at).then(|| plan.before(at).unwrap_or_default()));
    plan.claims(now, was);
}

fn of_rule(place: &Claim, http: &HttpRoute, namespace: &str) -> Vec<Claim> {
    let at = |path: &str| place.clone().at(path);
    let mut claims = vec![
        match &http.redirect {
            Some(redirect) => at("/redirect").is(redirected(redirect)),
            None => at("/redirect").absent(),
        },
        match &http.direct_response {
            Some(answer) => at("/direct_response/status").is(answer.status),
            None => at("/direct_response").absent(),
        },
    ];
    if http.redirect.is_some() || http.direct_response.is_some() {
        return claims;
    }
    claims.push(place.clone().weights(destinations(&http.route, namespace)));
    let rewrite = http.rewrite.as_ref();
    let regex = rewrite.and_then(|rewrite| rewrite.uri_regex_rewrite.as_ref());
    let uri = rewrite.and_then(|rewrite| rewrite.uri.as_deref()).filter(|_| regex.is_none());
    claims.push(text(at("/route/prefix_rewrite"), uri));
    claims.push(text(at("/route/regex_rewrite/pattern/regex"), regex.map(|regex| &*regex.r#match)));
    claims.push(text(at("/route/regex_rewrite/substitution"), regex.map(|regex| &*regex.rewrite)));
    let alone = http.route.iter().all(|row| row.headers.is_none());
    let headers = http.headers.as_ref();
    for (side, operations) in [
        ("request", headers.and_then(|headers| headers.request.as_ref())),
        ("response", headers.and_then(|headers| headers.response.as_ref())),
    ] {
        let none = HeaderOperations::default();
        let operations = operations.unwrap_or(&none);
        // Those of destinations stand beside them, in an order of their own.
        if alone {
            claims.push(list(at(&format!("/{side}_headers_to_add")), added(operations)));
            claims.push(list(at(&format!("/{side}_headers_to_remove")), removed(operations)));
        }
    }
    let host = headers.and_then(|headers| headers.request.as_ref()).is_some_and(|operations| {
        operations.set.keys().chain(operations.add.keys()).any(|name| is_host(name))
    });
    if alone && !host {
        claims.push(text(
            at("/route/host_rewrite_literal"),
            rewrite.and_then(|rewrite| rewrite.authority.as_deref()),
        ));
    }
    claims.extend(cors(place, http.cors_policy.as_ref()));
    claims
}

fn text(place: Claim, value: Option<&str>) -> Claim {
    value.map_or_else(|| place.clone().absent(), |value| place.clone().is(value))
}

fn list(place: Claim, rows: Vec<Value>) -> Claim {
    if rows.is_empty() { place.absent() } else { place.is(rows) }
}

fn redirected(redirect: &Redirect) -> Value {
    let mut shown = Map::new();
    for (key, value) in [
        ("path_redirect", &redirect.uri),
        ("host_redirect", &redirect.authority),
        ("scheme_redirect", &redirect.scheme),
    ] {
        shown.extend(value.as_deref().map(|value| (key.to_owned(), value.into())));
    }
    let code = match redirect.redirect_code {
        Some(302) => Some("FOUND"),
        Some(303) => Some("SEE_OTHER"),
        Some(307) => Some("TEMPORARY_REDIRECT"),
        Some(308) => Some("PERMANENT_REDIRECT"),
        _ => None, // 301 is the first of the enum, which is left out
    };
    shown.extend(code.map(|code| ("response_code".to_owned(), code.into())));
    let own = if redirect.scheme.as_deref() == Some("https") { 443 } else { 80 };
    let port = redirect.port.filter(|port| *port != own);
    shown.extend(port.map(|port| ("port_redirect".to_owned(), port.into())));
    shown.into()
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

fn added(operations: &HeaderOperations) -> Vec<Value> {
    let all = operations.set.iter().chain(&operations.add).filter(|(name, _)| !is_host(name));
    all.map(|(name, value)| json!({ "header": { "key": name, "value": value } })).collect()
}

fn removed(operations: &HeaderOperations) -> Vec<Value> {
    operations.remove.iter().filter(|name| !is_host(name)).map(|name| name.as_str().into()).collect()
}

fn cors(place: &Claim, policy: Option<&Value>) -> Vec<Claim> {
    let Some(policy) = policy else { return vec![place.clone().at(CORS).absent()] };
    let at = |key: &str| place.clone().at(&format!("{CORS}/{key}"));
    let mut claims = vec![place.clone().at(CORS).wants(Want::Present)];
    for (key, shown) in [
        ("allowMethods", "allow_methods"),
        ("allowHeaders", "allow_headers"),
        ("exposeHeaders", "expose_headers"),
    ] {
        let words = policy[key]
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","));
        claims.push(text(at(shown), words.as_deref()));
    }
    let origins = policy["allowOrigins"].as_array().into_iter().flatten();
    let origins = origins.map(|origin| match origin["regex"].as_str() {
        Some(regex) => json!({ "safe_regex": { "regex": regex } }),
        None => origin.clone(),
    });
    claims.push(list(at("allow_origin_string_match"), origins.collect()));
    if let Some(yes) = policy["allowCredentials"].as_bool() {
        claims.push(at("allow_credentials").is(yes));
    }
    claims
}
