//! What a VirtualService changes in requests and answers: redirects, rewrites, headers, CORS, answers of its
//! own.

use crate::translate::envoy::seconds;
use istio::api_routes::PREFIX;
use istio::views::{DirectResponse, HeaderOperations, Headers, Redirect, Rewrite};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An answer that sends the caller elsewhere.
pub(crate) fn redirect(rule: &Redirect, port: u16) -> Value {
    let code = match rule.redirect_code {
        Some(302) => "FOUND",
        Some(303) => "SEE_OTHER",
        Some(307) => "TEMPORARY_REDIRECT",
        Some(308) => "PERMANENT_REDIRECT",
        _ => "MOVED_PERMANENTLY",
    };
    let mut redirect = json!({"response_code": code});
    match rule.uri.as_deref().map(|uri| (uri, uri.strip_prefix(PREFIX))) {
        Some((_, Some(prefix))) => redirect["prefix_rewrite"] = json!(prefix),
        Some((uri, None)) => redirect["path_redirect"] = json!(uri),
        None => {}
    }
    if let Some(authority) = &rule.authority {
        redirect["host_redirect"] = json!(authority);
    }
    if let Some(scheme) = &rule.scheme {
        redirect["scheme_redirect"] = json!(scheme);
    }
    let port = rule
        .port
        .or_else(|| (rule.derive_port.as_deref() == Some("FROM_REQUEST_PORT")).then(|| u32::from(port)));
    // The scheme's own port is left out.
    let own = if rule.scheme.as_deref() == Some("https") { 443 } else { 80 };
    if let Some(port) = port.filter(|port| *port != own) {
        redirect["port_redirect"] = json!(port);
    }
    redirect
}

/// An answer without any service.
pub(crate) fn direct_response(rule: &DirectResponse) -> Value {
    let mut response = json!({"status": rule.status});
    let body = rule.body.as_ref();
    if let Some(text) = body.and_then(|body| body["string"].as_str()) {
        response["body"] = json!({"inline_string": text});
    } else if let Some(bytes) = body.and_then(|body| body["bytes"].as_str()) {
        response["body"] = json!({"inline_bytes": bytes});
    }
    response
}

/// Another path or host for the service.
pub(crate) fn rewrite(action: &mut Value, rule: &Rewrite) {
    if let Some(regex) = &rule.uri_regex_rewrite {
        action["regex_rewrite"] = json!({"pattern": {"regex": regex.r#match}, "substitution": regex.rewrite});
    } else if let Some(uri) = &rule.uri {
        action["prefix_rewrite"] = json!(uri);
    }
    if let Some(authority) = &rule.authority {
        action["host_rewrite_literal"] = json!(authority);
    }
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

/// What Envoy lets nobody add or remove as a header.
fn is_internal(name: &str) -> bool {
    name.starts_with(':') || is_host(name)
}

/// Envoy changes the host by a rewrite only.
pub(crate) fn host_header(into: &mut Value, headers: Option<&Headers>) {
    let Some(request) = headers.and_then(|headers| headers.request.as_ref()) else { return };
    if let Some((_, host)) = request.set.iter().chain(&request.add).find(|(name, _)| is_host(name)) {
        into["host_rewrite_literal"] = json!(host);
    }
}

/// Adds, sets and removes headers on a route or on one destination of it.
pub(crate) fn headers(into: &mut Value, headers: Option<&Headers>) {
    let Some(headers) = headers else { return };
    for (side, operations) in [("request", &headers.request), ("response", &headers.response)] {
        let Some(operations) = operations else { continue };
        let removed = operations.remove.iter().filter(|name| !is_internal(name)).map(|name| json!(name));
        extend(into, &format!("{side}_headers_to_add"), added(operations));
        extend(into, &format!("{side}_headers_to_remove"), removed.collect());
    }
}

fn extend(into: &mut Value, key: &str, more: Vec<Value>) {
    if more.is_empty() {
        return;
    }
    match into.get_mut(key).and_then(Value::as_array_mut) {
        Some(list) => list.extend(more),
        None => into[key] = json!(more),
    }
}

fn added(operations: &HeaderOperations) -> Vec<Value> {
    let each = |headers: &BTreeMap<String, String>, action: &str| -> Vec<Value> {
        let headers = headers.iter().filter(|(name, _)| !is_internal(name));
        headers
            .map(|(name, value)| json!({"header": {"key": name, "value": value}, "append_action": action}))
            .collect()
    };
    [each(&operations.set, "OVERWRITE_IF_EXISTS_OR_ADD"), each(&operations.add, "APPEND_IF_EXISTS_OR_ADD")]
        .concat()
}

/// Which pages of other sites may ask.
pub(crate) fn cors(policy: &Value) -> Value {
    let list = |key: &str| {
        policy[key].as_array().map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
    };
    let origins = policy["allowOrigins"].as_array().into_iter().flatten().map(|origin| match origin["regex"]
        .as_str()
    {
        Some(regex) => json!({"safe_regex": {"regex": regex}}),
        None => origin.clone(),
    });
    let old = policy["allowOrigin"].as_array().into_iter().flatten().map(|origin| json!({"exact": origin}));
    let mut cors = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": origins.chain(old).collect::<Vec<_>>(),
        "filter_enabled": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
        "forward_not_matching_preflights": policy["unmatchedPreflights"] != "IGNORE",
    });
    let texts = [
        ("allowMethods", "allow_methods"),
        ("allowHeaders", "allow_headers"),
        ("exposeHeaders", "expose_headers"),
    ];
    for (key, name) in texts {
        if let Some(text) = list(key) {
            cors[name] = json!(text);
        }
    }
    if let Some(age) = policy["maxAge"].as_str().and_then(seconds) {
        cors["max_age"] = json!(age.trim_end_matches('s').split('.').next());
    }
    if let Some(yes) = policy["allowCredentials"].as_bool() {
        cors["allow_credentials"] = json!(yes);
    }
    cors
}
