//! What istiod's webhook would refuse, objects that fit their schema and still make no sense, and what it would warn of;
//! and what Kubernetes itself refuses in its [own kinds](built_in).

pub(crate) mod built_in;
mod destination;
mod edge;
mod entries;
mod envoy_filter;
mod faults;
pub(crate) mod names;
mod reports;
mod routing;
mod security;
mod sidecar;
mod tls;
mod unused;
mod values;

use serde_json::Value;

use crate::kinds::Kind;

/// What is warned of; or why the object is refused, in istiod's words, where several reasons stand under each other.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<Vec<String>, String> {
    if !kind.group.ends_with("istio.io") {
        return Ok(Vec::new());
    }
    let nothing = Value::Null;
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let subject = Subject {
        name: text("/metadata/name"),
        namespace: text("/metadata/namespace"),
        spec: object.get("spec").unwrap_or(&nothing),
    };
    let mut problems = Problems::default();
    security::dry_run(kind, object, &mut problems);
    match kind.kind.as_str() {
        "VirtualService" => routing::virtual_service(&subject, &mut problems),
        "DestinationRule" => destination::destination_rule(&subject, &mut problems),
        "Gateway" => edge::gateway(&subject, &mut problems),
        "ServiceEntry" => entries::service_entry(&subject, &mut problems),
        "WorkloadEntry" => entries::workload_entry(subject.spec, None, true, &mut problems),
        "WorkloadGroup" => entries::workload_group(subject.spec, &mut problems),
        "EnvoyFilter" => envoy_filter::envoy_filter(subject.spec, &mut problems),
        "Sidecar" => sidecar::sidecar(&subject, &mut problems),
        "PeerAuthentication" => security::peer_authentication(subject.spec, &mut problems),
        "AuthorizationPolicy" => security::authorization_policy(&subject, &mut problems),
        "RequestAuthentication" => security::request_authentication(subject.spec, &mut problems),
        "Telemetry" => reports::telemetry(subject.spec, &mut problems),
        "WasmPlugin" => reports::wasm_plugin(subject.spec, &mut problems),
        "TrafficExtension" => reports::traffic_extension(subject.spec, &mut problems),
        "ProxyConfig" => reports::proxy_config(subject.spec, &mut problems),
        _ => {}
    }
    problems.said()
}

/// The object that is looked at.
struct Subject<'a> {
    name: &'a str,
    namespace: &'a str,
    spec: &'a Value,
}

/// What was found wrong so far.
#[derive(Default)]
struct Problems {
    refused: Vec<String>,
    warned: Vec<String>,
}

impl Problems {
    fn add(&mut self, words: impl Into<String>) {
        let words = words.into();
        if !self.refused.contains(&words) {
            self.refused.push(words);
        }
    }

    /// Adds the words when the thing that must hold does not.
    fn unless(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds {
            self.add(words());
        }
    }

    /// Adds what an examination found, if anything.
    fn note(&mut self, found: Result<(), String>) {
        if let Err(words) = found {
            self.add(words);
        }
    }

    fn warn(&mut self, words: impl Into<String>) {
        let words = words.into();
        if !self.warned.contains(&words) {
            self.warned.push(words);
        }
    }

    fn warn_if(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if holds {
            self.warn(words());
        }
    }

    fn said(self) -> Result<Vec<String>, String> {
        match self.refused.as_slice() {
            [] => Ok(self.warned),
            [only] => Err(only.clone()),
            many => {
                let lines: Vec<String> = many.iter().map(|words| format!("\t* {words}")).collect();
                Err(format!("{} errors occurred:\n{}\n\n", many.len(), lines.join("\n")))
            }
        }
    }
}

#[cfg(test)]
mod tests;
