//! What rules take, in words, as they are written.

use crate::plan::List;
use serde_json::Value;

fn rows<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Of a rule of `tcp` or `tls`: "connections to port 7000", "TLS to a.example".
pub(super) fn stream(rule: &Value, list: List) -> String {
    let word = if list == List::Tls { "TLS" } else { "connections" };
    let every = if list == List::Tls { "all TLS" } else { "all connections" };
    let listed = |one: &Value, key: &str| {
        let all: Vec<&str> = rows(one, key).iter().filter_map(Value::as_str).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    let one = |one: &Value| {
        let mut parts = Vec::new();
        parts.extend(listed(one, "sniHosts").map(|names| format!("to {names}")));
        parts.extend(one.get("port").and_then(Value::as_u64).map(|port| format!("to port {port}")));
        parts.extend(listed(one, "destinationSubnets").map(|subnets| format!("to {subnets}")));
        let labels = one.get("sourceLabels").and_then(Value::as_object).into_iter().flatten();
        parts.extend(labels.map(|(key, value)| format!("from {key}={}", value.as_str().unwrap_or_default())));
        let namespace = text(one, "sourceNamespace");
        parts.extend((!namespace.is_empty()).then(|| format!("from {namespace}")));
        parts.extend(listed(one, "gateways").map(|names| format!("by gateway {names}")));
        parts.join(" ")
    };
    let all: Vec<String> = rows(rule, "match").iter().map(one).collect();
    if all.is_empty() || all.iter().any(String::is_empty) {
        return every.to_owned();
    }
    format!("{word} {}", all.join(", or "))
}

/// Of a rule of an HTTPRoute or a GRPCRoute: "calls with path = /api… and x = y".
pub(super) fn calls(rule: &Value) -> String {
    let how = |name: &str, one: &Value| match text(one, "type") {
        "RegularExpression" => format!("{name} like {}", text(one, "value")),
        _ => format!("{name} = {}", text(one, "value")),
    };
    let one = |one: &Value| {
        let mut parts = Vec::new();
        if let Some(path) = one.get("path") {
            let begins = !matches!(text(path, "type"), "Exact" | "RegularExpression");
            let everything = begins && matches!(text(path, "value"), "" | "/");
            let more = if begins { "…" } else { "" };
            parts.extend((!everything).then(|| how("path", path) + more));
        }
        match one.get("method") {
            Some(Value::String(method)) => parts.push(format!("method = {method}")),
            Some(method) => {
                let called = [text(method, "service"), text(method, "method")];
                let called = called.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
                parts.extend((!called.is_empty()).then(|| format!("method = {}", called.join("/"))));
            }
            None => {}
        }
        parts.extend(rows(one, "headers").iter().map(|one| how(text(one, "name"), one)));
        parts.extend(rows(one, "queryParams").iter().map(|one| how(&format!("?{}", text(one, "name")), one)));
        parts.join(" and ")
    };
    let all: Vec<String> = rows(rule, "matches").iter().map(one).collect();
    if all.is_empty() || all.iter().any(String::is_empty) {
        return "all calls".to_owned();
    }
    format!("calls with {}", all.join(", or "))
}
