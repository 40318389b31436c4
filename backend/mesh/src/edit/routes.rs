//! The rules of a VirtualService as a whole: what each of them makes proxies do with the calls that it takes.

use super::rules::fault_of;
use super::split::destinations;
use super::{fault, mirrors};
use crate::evidence::{Claim, Want, route, routes};
use crate::plan::Plan;
use crate::{Mesh, Ref, Service};
use istio::Duration;
use istio::views::{HeaderOperations, HttpRoute, Redirect, Retries, VirtualService};
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
        let each = rules.flat_map(|(index, http)| of_rule(plan.mesh(), at, index, http));
        std::iter::once(routes(at)).chain(each).collect()
    };
    let now = side(plan.object_after(at).is_some().then(|| plan.after(at).unwrap_or_default()));
    let was = side(plan.mesh().objects().contains(at).then(|| plan.before(at).unwrap_or_default()));
    plan.claims(now, was);
}

fn of_rule(mesh: &Mesh, virtual_service: &Ref, index: usize, http: &HttpRoute) -> Vec<Claim> {
    let (place, namespace) = (&route(virtual_service, index), &*virtual_service.namespace);
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
    claims.push(at("/route/timeout").is(time(http.timeout.as_deref())));
    claims.extend(tries(place, http.retries.as_ref()));
    claims.extend(fault::claims(virtual_service, index, fault_of(http)));
    claims.extend(mirrors::claims(mesh, virtual_service, index, http));
    claims
}

/// A duration; one of 0 s is as good as none.
fn time(text: Option<&str>) -> Value {
    let meant = text.filter(|text| Duration::read(text).is_some_and(|time| time.millis() != 0));
    meant.map_or(Value::Null, Value::from)
}

fn tries(place: &Claim, retries: Option<&Retries>) -> Vec<Claim> {
    let policy = |path: &str| place.clone().at(&format!("/route/retry_policy{path}"));
    let claims = |retries: &Retries, attempts: Value| {
        let words = |words: &str| {
            let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
            let (codes, mut words): (Vec<&str>, Vec<&str>) =
                words.partition(|word| word.parse::<u16>().is_ok());
            if !codes.is_empty() && !words.contains(&"retriable-status-codes") {
                words.push("retriable-status-codes");
            }
            Want::Words(words.into_iter().map(str::to_owned).collect())
        };
        let retry_on = policy("/retry_on");
        let (farther, again) = (retries.retry_remote_localities, retries.retry_ignore_previous_hosts);
        vec![
            policy("/num_retries").is(attempts),
            policy("/per_try_timeout").is(time(retries.per_try_timeout.as_deref())),
            policy("/retry_back_off/base_interval").is(time(retries.backoff.as_deref())),
            match retries.retry_on.as_deref().filter(|on| !on.is_empty()) {
                Some(on) => retry_on.wants(words(on)),
                None => retry_on.is(Value::Null),
            },
            match farther {
                Some(true) => policy("/retry_priority").wants(Want::Present),
                _ => policy("/retry_priority").is(Value::Null),
            },
            match again {
                Some(false) => policy("/retry_host_predicate").absent(),
                _ => policy("/retry_host_predicate").is(Value::Null),
            },
        ]
    };
    match retries {
        Some(Retries { attempts: 0, .. }) => vec![policy("").absent()],
        // Two are what Istio does by itself.
        Some(retries @ Retries { attempts: 2, .. }) => claims(retries, Value::Null),
        Some(retries) => claims(retries, retries.attempts.into()),
        None => {
            claims(&Retries::default(), Value::Null).into_iter().chain([policy("").is(Value::Null)]).collect()
        }
    }
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
