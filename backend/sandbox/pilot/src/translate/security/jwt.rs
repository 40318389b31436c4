//! RequestAuthentication: whose tokens are believed, where in a request they are looked for, and what becomes
//! of their claims. A request without a token passes, one with a token that is not believed is answered 401.
//!
//! Keys are those that the rule itself holds (`jwks`). `jwksUri` is followed by the proxy, as with istiod's
//! `PILOT_JWT_ENABLE_REMOTE_JWKS`, where it leads by plain HTTP to a service of the mesh or to this machine;
//! of other issuers no token is believed, as if their keys could not be fetched.

use super::text::text;
use crate::registry::untranslated::not_yet;
use crate::registry::{Config, Registry};
use crate::resolve::attach;
use crate::translate::envoy::{merge, seconds, typed};
use crate::translate::names;
use crate::translate::target::Target;
use crate::xds::Resources;
use base64::Engine;
use istio::views::{JwtRule, RequestAuthentication};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

const FILTER: &str = "envoy.filters.http.jwt_authn";
/// Where the filter keeps a token's claims.
const PAYLOAD: &str = "payload";

/// A key that nobody has: tokens are held against it where there are no others. Envoy refuses to hold them
/// against none.
static NOBODYS: LazyLock<String> = LazyLock::new(|| {
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let key = rcgen::KeyPair::generate().map(|key| {
        let (x, y) = key.public_key_raw()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": encoded(x), "y": encoded(y)})
    });
    json!({"keys": key.ok().as_slice()}).to_string()
});

/// The rules that hold for a workload with the namespace that each comes from, by issuer.
fn rules<'a>(target: &Target<'a>) -> Vec<(&'a str, &'a JwtRule)> {
    let holding = target
        .registry
        .request_authentications
        .iter()
        .filter(|config| config.holds(target.registry, target.workload));
    let mut rules: Vec<_> = holding
        .flat_map(|config| config.spec.jwt_rules.iter().map(|rule| (config.namespace.as_str(), rule)))
        .collect();
    rules.sort_by(|(_, one), (_, other)| one.issuer.cmp(&other.issuer));
    rules
}

/// The filter that checks tokens; `None` when nobody asks for it.
pub(crate) fn filter(target: &Target<'_>) -> Option<Value> {
    let rules = rules(target);
    if rules.is_empty() {
        return None;
    }
    let name = |index: usize| format!("origins-{index}");
    let providers: Map<String, Value> = rules
        .iter()
        .enumerate()
        .map(|(index, (namespace, rule))| (name(index), provider(target, namespace, rule)))
        .collect();
    let by = |index: usize| json!({"provider_name": name(index)});
    let or_missing =
        |index: usize| json!({"requires_any": {"requirements": [by(index), {"allow_missing": {}}]}});
    let all: Vec<Value> = (0..rules.len()).map(or_missing).collect();
    let requires = match all.as_slice() {
        [only] => only.clone(),
        // One of the issuers is believed, or there is no token of any.
        _ => {
            let mut one_of: Vec<Value> = (0..rules.len()).map(by).collect();
            one_of.push(json!({"requires_all": {"requirements": all}}));
            json!({"requires_any": {"requirements": one_of}})
        }
    };
    Some(json!({
        "name": FILTER,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": requires}],
            "bypass_cors_preflight": true,
        },
    }))
}

fn provider(target: &Target<'_>, namespace: &str, rule: &JwtRule) -> Value {
    let headers = rule.from_headers.iter().map(|from| match from.prefix.as_deref() {
        None | Some("") => json!({"name": from.name}),
        Some(prefix) => json!({"name": from.name, "value_prefix": prefix}),
    });
    let claims = rule
        .output_claim_to_headers
        .iter()
        .map(|to| json!({"header_name": to.header, "claim_name": to.claim}));
    // Always understood as lists, whatever the rule adds.
    let spaced =
        ["scope", "permission"].into_iter().chain(rule.space_delimited_claims.iter().map(String::as_str));
    let mut provider = json!({
        "issuer": rule.issuer,
        "audiences": rule.audiences,
        "from_headers": headers.collect::<Vec<_>>(),
        "from_params": rule.from_params,
        "from_cookies": rule.from_cookies,
        "forward": rule.forward_original_token,
        "payload_in_metadata": PAYLOAD,
        "normalize_payload_in_metadata": {"space_delimited_claims": spaced.collect::<Vec<_>>()},
        "claim_to_headers": claims.collect::<Vec<_>>(),
        // The way on may depend on a claim.
        "clear_route_cache": target.is_gateway(),
    });
    if let Some(header) = rule.output_payload_to_header.as_deref().filter(|header| !header.is_empty()) {
        provider["forward_payload_header"] = json!(header);
    }
    match Keys::of(target.registry, namespace, rule) {
        Keys::Here(keys) => provider["local_jwks"] = json!({"inline_string": keys}),
        Keys::At { uri, cluster, .. } => {
            let timeout = rule.timeout.as_deref().and_then(seconds).unwrap_or_else(|| "5s".into());
            let uri = json!({"uri": uri, "cluster": cluster, "timeout": timeout});
            provider["remote_jwks"] = json!({"http_uri": uri, "cache_duration": "1200s"});
        }
        Keys::Nowhere(_) => provider["local_jwks"] = json!({"inline_string": NOBODYS.as_str()}),
    }
    provider
}

/// Where an issuer's keys are.
enum Keys<'a> {
    Here(&'a str),
    At { uri: &'a str, cluster: String, address: Option<SocketAddr> },
    Nowhere(String),
}

impl<'a> Keys<'a> {
    fn of(registry: &Registry, namespace: &str, rule: &'a JwtRule) -> Self {
        if let Some(keys) = rule.jwks.as_deref().filter(|keys| !keys.is_empty()) {
            let read: Option<Value> = serde_json::from_str(keys).ok();
            let some = read.is_some_and(|read| read["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
            let none = || {
                Self::Nowhere(format!("jwks of issuer {} holds no key: its tokens are refused", rule.issuer))
            };
            return if some { Self::Here(keys) } else { none() };
        }
        let Some(uri) = rule.jwks_uri.as_deref().filter(|uri| !uri.is_empty()) else {
            return Self::Nowhere(format!(
                "issuer {} has neither jwks nor jwksUri: its tokens are refused",
                rule.issuer
            ));
        };
        let nowhere = || {
            let why = "only plain HTTP to a service of the mesh or to this machine is";
            Self::Nowhere(format!(
                "jwksUri {uri} is not followed in the sandbox ({why}): its tokens are refused; write jwks"
            ))
        };
        let Some(rest) = uri.strip_prefix("http://") else { return nowhere() };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let Ok(port) = port.parse::<u16>() else { return nowhere() };
        if let Some(address) = host.parse::<IpAddr>().ok().filter(IpAddr::is_loopback) {
            let cluster = names::outbound_cluster(port, "", host);
            return Self::At { uri, cluster, address: Some(SocketAddr::new(address, port)) };
        }
        let full = istio::hosts::dialled(host, namespace);
        match registry.service(&full).filter(|service| service.port(port).is_some()) {
            Some(service) => {
                Self::At { uri, cluster: names::outbound_cluster(port, "", &service.host), address: None }
            }
            None => nowhere(),
        }
    }
}

/// Clusters of keys that are on this machine but at no service.
pub(crate) fn clusters(target: &Target<'_>, resources: &mut Resources) {
    for (namespace, rule) in rules(target) {
        let Keys::At { cluster: name, address: Some(address), .. } =
            Keys::of(target.registry, namespace, rule)
        else {
            continue;
        };
        if resources.clusters.iter().any(|known| known["name"] == name) {
            continue;
        }
        let mut cluster = typed(&name, "STATIC");
        let at =
            json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
        let endpoints = json!([{"lb_endpoints": [{"endpoint": {"address": at}}]}]);
        merge(&mut cluster, json!({"load_assignment": {"cluster_name": name, "endpoints": endpoints}}));
        resources.clusters.push(cluster);
    }
}

/// What of a resource has no effect.
pub(crate) fn without_effect(registry: &Registry, config: &Config<RequestAuthentication>) -> Vec<String> {
    let mut found = attach::without_effect(&config.attached());
    for rule in &config.spec.jwt_rules {
        if let Keys::Nowhere(why) = Keys::of(registry, &config.namespace, rule) {
            found.push(why);
        }
        if rule.issuer.is_empty() {
            found.push(not_yet("a rule without an issuer"));
        }
        // The schema has it; istiod's own translation reads it nowhere.
        if rule.presence == "REQUIRED" {
            found.push(format!(
                "{}; an AuthorizationPolicy can ask for a token",
                not_yet("presence: REQUIRED")
            ));
        }
    }
    found
}

fn metadata(path: &[&str], value: &Value) -> Value {
    let path = [PAYLOAD].iter().chain(path).map(|key| json!({"key": key}));
    json!({"filter": FILTER, "path": path.collect::<Vec<_>>(), "value": value})
}

/// A claim, or a member of a claim that is a list.
fn claim_value(matcher: &Value) -> Value {
    let one_of = json!({"list_match": {"one_of": {"string_match": matcher}}});
    json!({"or_match": {"value_matchers": [{"string_match": matcher}, one_of]}})
}

/// Callers with such a claim.
pub(crate) fn claim(path: &[&str], matcher: &Value) -> Value {
    json!({"metadata": metadata(path, &claim_value(matcher))})
}

/// Callers whose token is of `issuer/subject`. Both may have slashes, so each may be the one between them.
pub(crate) fn principal(value: &str) -> Value {
    let is = |name: &str, matcher: &Value| {
        json!({"metadata": metadata(&[name],
        &json!({"string_match": matcher}))})
    };
    let both = |issuer: &Value, subject: &Value| {
        json!({"and_ids": {"ids": [is("iss", issuer), is("sub",
        subject)]}})
    };
    let anything = text("*", false);
    let (open, inner, end) = match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(""), _) => return both(&anything, &anything),
        (Some(rest), _) => ("*", rest, ""),
        (_, Some(rest)) => ("", rest, "*"),
        _ => ("", value, ""),
    };
    let splits = inner.match_indices('/').map(|(at, _)| (&inner[..at], &inner[at + 1..]));
    let mut ways: Vec<Value> = splits
        .map(|(issuer, subject)| {
            both(&text(&format!("{open}{issuer}"), false), &text(&format!("{subject}{end}"), false))
        })
        .collect();
    match (open, end) {
        ("*", _) => ways.push(both(&anything, &text(value, false))),
        (_, "*") => ways.push(both(&text(value, false), &anything)),
        _ if ways.is_empty() => return json!({"not_id": {"any": true}}),
        _ => {}
    }
    json!({"or_ids": {"ids": ways}})
}

/// Requests whose token has such a claim, or `without` it.
pub(crate) fn route_match(claim: &[&str], matcher: Option<&Value>, without: bool) -> Value {
    let value = matcher.map_or_else(|| json!({"present_match": true}), claim_value);
    let mut found = metadata(claim, &value);
    if without {
        found["invert"] = json!(true);
    }
    found
}
