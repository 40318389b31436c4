//! What istiod's webhook refuses of Istio's resources, and what it warns of: objects that fit their schema
//! and still make no sense.
//!
//! Each file has the rules of its kind in a table, with istiod's words, beside the code that looks for them.

mod at;
mod authorization;
mod balancing;
mod destination_rule;
mod envoy_filter;
mod extensions;
mod faults;
mod found;
mod gateway;
mod headers;
mod http;
mod l4;
mod malformed;
mod policies;
mod retries;
mod service_entry;
mod shared;
mod sidecar;
mod telemetry;
mod tls;
mod unused;
mod virtual_service;
mod workloads;

pub use found::{Finding, Severity};
pub use shared::{is_label_key, is_label_value};

use at::At;
use found::{Found, Rule};
use serde_json::Value;

/// The object that is looked at.
struct Subject<'a> {
    name: &'a str,
    namespace: &'a str,
    object: At<'a>,
    spec: At<'a>,
}

/// Everything wrong with an object of one of Istio's kinds; nothing of another group's.
pub fn validate(group: &str, kind: &str, object: &Value) -> Vec<Finding> {
    let mut found = Found::default();
    if group.ends_with("istio.io") {
        of_kind(kind, At::object(object), &mut found);
    }
    found.all()
}

fn of_kind(kind: &str, object: At<'_>, found: &mut Found) {
    let (name, namespace) = (object.text("metadata/name"), object.text("metadata/namespace"));
    let subject = Subject { name, namespace, object, spec: object.at("spec") };
    policies::dry_run(kind, object, found);
    match kind {
        "VirtualService" => virtual_service::virtual_service(&subject, found),
        "DestinationRule" => destination_rule::destination_rule(&subject, found),
        "Gateway" => gateway::gateway(&subject, found),
        "ServiceEntry" => service_entry::service_entry(&subject, found),
        "WorkloadEntry" => workloads::workload_entry(subject.spec, None, true, found),
        "WorkloadGroup" => workloads::workload_group(subject.spec, found),
        "EnvoyFilter" => envoy_filter::envoy_filter(subject.spec, found),
        "Sidecar" => sidecar::sidecar(&subject, found),
        "PeerAuthentication" => policies::peer_authentication(subject.spec, found),
        "AuthorizationPolicy" => authorization::authorization_policy(&subject, found),
        "RequestAuthentication" => policies::request_authentication(subject.spec, found),
        "Telemetry" => telemetry::telemetry(subject.spec, found),
        "WasmPlugin" => extensions::wasm_plugin(subject.spec, found),
        "TrafficExtension" => extensions::traffic_extension(subject.spec, found),
        "ProxyConfig" => extensions::proxy_config(subject.spec, found),
        _ => {}
    }
}

/// Every rule: its code, and how bad it is to break it.
pub fn rules() -> Vec<(&'static str, Severity)> {
    [
        malformed::Malformed::ALL,
        shared::Shared::ALL,
        virtual_service::Whole::ALL,
        http::Http::ALL,
        headers::Header::ALL,
        faults::Fault::ALL,
        retries::Retry::ALL,
        l4::Route::ALL,
        unused::Unused::ALL,
        destination_rule::Policy::ALL,
        balancing::Balance::ALL,
        tls::Tls::ALL,
        gateway::Server::ALL,
        service_entry::Entry::ALL,
        workloads::Address::ALL,
        workloads::Group::ALL,
        sidecar::Listener::ALL,
        policies::Attachment::ALL,
        policies::Peer::ALL,
        policies::Token::ALL,
        authorization::Authorization::ALL,
        telemetry::Report::ALL,
        extensions::Extension::ALL,
        envoy_filter::Patch::ALL,
    ]
    .concat()
}

#[cfg(test)]
mod tests;
