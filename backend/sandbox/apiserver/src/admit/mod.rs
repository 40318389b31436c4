//! What istiod's webhook would refuse: objects that fit their schema and still make no sense.

mod destination;
mod edge;
mod envoy_filter;
mod routing;
mod security;
mod values;

use serde_json::Value;

use crate::kinds::Kind;

/// Why an object is refused, in istiod's words; several reasons stand under each other.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<(), String> {
    if !kind.group.ends_with("istio.io") {
        return Ok(());
    }
    let nothing = Value::Null;
    let spec = object.get("spec").unwrap_or(&nothing);
    let mut problems = Problems::default();
    match kind.kind.as_str() {
        "VirtualService" => routing::virtual_service(spec, &mut problems),
        "DestinationRule" => destination::destination_rule(spec, &mut problems),
        "Gateway" => edge::gateway(spec, &mut problems),
        "ServiceEntry" => edge::service_entry(spec, &mut problems),
        "WorkloadEntry" => edge::workload_entry(spec, &mut problems),
        "EnvoyFilter" => envoy_filter::envoy_filter(spec, &mut problems),
        "Sidecar" => edge::sidecar(spec, &mut problems),
        "PeerAuthentication" => security::peer_authentication(spec, &mut problems),
        "AuthorizationPolicy" => security::authorization_policy(spec, &mut problems),
        "RequestAuthentication" => security::request_authentication(spec, &mut problems),
        _ => {}
    }
    problems.said()
}

/// What was found wrong so far.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, words: impl Into<String>) {
        let words = words.into();
        if !self.0.contains(&words) {
            self.0.push(words);
        }
    }

    /// Adds the words when the thing that must hold does not.
    fn unless(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds {
            self.add(words());
        }
    }

    fn said(self) -> Result<(), String> {
        match self.0.as_slice() {
            [] => Ok(()),
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
