//! Parts of a ServiceEntry that this control plane has no rules for.

use crate::registry::service::protocol_of;
use crate::registry::untranslated::not_yet;
use istio::Protocol;
use istio::views::ServiceEntry;
use std::net::IpAddr;

/// Of a ServiceEntry.
pub(super) fn service_entry(spec: &ServiceEntry) -> Vec<String> {
    let resolution = spec.resolution.as_deref().unwrap_or_default();
    let looked_up = resolution.starts_with("DNS");
    let mut found = Vec::new();
    if resolution == "DYNAMIC_DNS" {
        found.push(
            "resolution DYNAMIC_DNS is taken as NONE in the sandbox: calls go where the client meant to"
                .to_owned(),
        );
    }
    for endpoint in &spec.endpoints {
        let address = endpoint.address.as_deref().unwrap_or_default();
        if address.is_empty() || address.starts_with("unix:") {
            found.push(not_yet("an endpoint without an IP address or a name"));
        } else if !looked_up && address.parse::<IpAddr>().is_err() {
            found.push(format!("endpoint {address} is a name, which only resolution DNS looks up"));
        }
    }
    for port in &spec.ports {
        if protocol_of(port) == Protocol::Auto {
            found.push(format!(
                "port {} does not say its protocol and is taken as TCP: set protocol",
                port.number
            ));
        }
    }
    found
}
