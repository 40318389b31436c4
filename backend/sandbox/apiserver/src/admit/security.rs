//! Policies that istiod refuses.

use serde_json::Value;

use super::{
    Problems,
    values::{has, is_subnet, items, text, texts},
};

pub(super) fn peer_authentication(spec: &Value, problems: &mut Problems) {
    let ports = spec.get("portLevelMtls").and_then(Value::as_object);
    if let Some(ports) = ports {
        let selected = spec.pointer("/selector/matchLabels").and_then(Value::as_object).is_some_and(|labels| !labels.is_empty());
        problems.unless(selected, || "port level mTLS requires a workload selector".into());
        problems.unless(!ports.is_empty(), || "mTLS port level settings must not be empty".into());
        for name in ports.keys() {
            let number = name.parse::<u32>().unwrap_or_default();
            problems.unless((1..=65_535).contains(&number), || format!("port number {name} must be in the range 1..65535"));
        }
    }
    selector(spec, problems);
}

fn selector(spec: &Value, problems: &mut Problems) {
    for (label, value) in spec.pointer("/selector/matchLabels").and_then(Value::as_object).into_iter().flatten() {
        problems.unless(!label.is_empty(), || "empty key is not supported in selector".into());
        let wild = label.contains('*') || value.as_str().is_some_and(|value| value.contains('*'));
        problems.unless(!wild, || {
            format!("wildcard is not supported in selector: \"{label}={}\"", value.as_str().unwrap_or_default())
        });
    }
}

pub(super) fn authorization_policy(spec: &Value, problems: &mut Problems) {
    selector(spec, problems);
    let action = text(spec, "/action");
    let provider = text(spec, "/provider/name");
    match action {
        "CUSTOM" => {
            problems.unless(has(spec, "/rules"), || "CUSTOM action without `rules` is meaningless as it will never be triggered, add an empty rule `{}` if you want it be triggered for every request".into());
            problems.unless(!provider.is_empty(), || "`provider.name` must not be empty".into());
        }
        _ => problems.unless(!has(spec, "/provider"), || "`provider` must not be with non CUSTOM action".into()),
    }
    if action == "DENY" && !has(spec, "/rules") {
        problems.add("DENY action without `rules` is meaningless as it will never be triggered, add an empty rule `{}` if you want it be triggered for every request");
    }
    for (index, rule) in items(spec, "/rules").enumerate() {
        for (list, inner) in [("from", "source"), ("to", "operation")] {
            if let Some(entries) = rule.get(list).and_then(Value::as_array) {
                problems.unless(!entries.is_empty(), || format!("`{list}` cannot be empty, found at rule {index}"));
                for entry in entries {
                    let given = entry.get(inner).and_then(Value::as_object).is_some_and(|fields| !fields.is_empty());
                    problems.unless(given, || format!("`{list}.{inner}` cannot be empty, found at rule {index}"));
                }
            }
        }
        for from in items(rule, "/from") {
            for field in ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"] {
                for block in texts(from, &format!("/source/{field}")) {
                    problems.unless(is_subnet(block), || format!("invalid IP block {block}"));
                }
            }
        }
        for to in items(rule, "/to") {
            for field in ["ports", "notPorts"] {
                for port in texts(to, &format!("/operation/{field}")) {
                    problems.unless(port.parse::<u32>().is_ok_and(|port| (1..=65_535).contains(&port)), || {
                        format!("invalid port {port}")
                    });
                }
            }
        }
        for when in items(rule, "/when") {
            condition(when, problems);
        }
    }
}

fn condition(when: &Value, problems: &mut Problems) {
    const PLAIN: &[&str] = &[
        "source.ip",
        "remote.ip",
        "source.namespace",
        "source.principal",
        "source.serviceAccount",
        "source.trustDomain",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "destination.ip",
        "destination.port",
        "connection.sni",
    ];
    let key = text(when, "/key");
    problems.unless(!key.is_empty(), || "`key` cannot be empty".into());
    let bracketed =
        ["request.headers[", "request.auth.claims[", "experimental.envoy.filters."].iter().any(|prefix| key.starts_with(prefix));
    problems.unless(key.is_empty() || bracketed || PLAIN.contains(&key), || format!("unknown attribute: {key}"));
    problems.unless(has(when, "/values") || has(when, "/notValues"), || {
        "at least one of `values` or `notValues` must be set for `when`".into()
    });
}

pub(super) fn request_authentication(spec: &Value, problems: &mut Problems) {
    selector(spec, problems);
    for rule in items(spec, "/jwtRules") {
        problems.unless(!text(rule, "/issuer").is_empty(), || "issuer must be non-empty string".into());
        problems.unless(texts(rule, "/audiences").all(|audience| !audience.is_empty()), || {
            "audience must be non-empty string".into()
        });
        for field in ["/jwksUri", "/jwks_uri"] {
            let uri = text(rule, field);
            problems.unless(uri.is_empty() || uri.starts_with("http://") || uri.starts_with("https://"), || {
                format!("URI scheme of {uri} is not supported")
            });
        }
        let jwks = text(rule, "/jwks");
        problems
            .unless(jwks.is_empty() || serde_json::from_str::<Value>(jwks).is_ok_and(|jwks| jwks.get("keys").is_some()), || {
                "failed to parse jwks".into()
            });
        for from in items(rule, "/fromHeaders") {
            problems.unless(!text(from, "/name").is_empty(), || "location header name must be non-empty string".into());
        }
    }
}
