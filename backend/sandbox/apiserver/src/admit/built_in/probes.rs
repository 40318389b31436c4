//! Probes of containers.

use serde_json::{Value, json};

use super::found::Found;
use crate::names;

/// One probe; `once`: one success is enough for it, and no other number makes sense.
pub(super) fn probe(probe: &Value, at: &str, once: bool, found: &mut Found) {
    if probe.is_null() {
        return;
    }
    let mut handlers =
        ["exec", "httpGet", "tcpSocket", "grpc"].into_iter().filter(|name| !probe[*name].is_null());
    if handlers.next().is_none() {
        found.required(at, "must specify a handler type");
    }
    for further in handlers {
        found.forbidden(format!("{at}.{further}"), "may not specify more than 1 handler type");
    }
    if probe["exec"].is_object() && probe["exec"]["command"].as_array().is_none_or(Vec::is_empty) {
        found.required(format!("{at}.exec.command"), "");
    }
    for name in ["httpGet", "tcpSocket"] {
        if !probe[name].is_null() {
            target(&probe[name]["port"], &format!("{at}.{name}.port"), found);
        }
    }
    found.one_of(format!("{at}.httpGet.scheme"), &probe["httpGet"]["scheme"], &["HTTP", "HTTPS"]);
    let numbers =
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
    for name in numbers {
        found.not_negative(probe, at, name);
    }
    if let Some(number) = probe["successThreshold"].as_i64().filter(|number| once && *number > 1) {
        found.invalid(format!("{at}.successThreshold"), &json!(number), "must be 1");
    }
}

/// A port by number or by name.
pub(super) fn target(port: &Value, at: &str, found: &mut Found) {
    match port {
        Value::String(name) => found.each(at, name, names::port(name)),
        other => found.port(at, other.as_i64().unwrap_or(0)),
    }
}

/// What a port of a Service leads to, which may be left out.
pub(super) fn optional_target(of: &Value, at: &str, found: &mut Found) {
    match &of["targetPort"] {
        Value::Null => {}
        Value::String(name) if name.is_empty() => {}
        Value::Number(number) if number.as_i64() == Some(0) => {}
        port => target(port, &format!("{at}.targetPort"), found),
    }
}
