//! Endpoints and EndpointSlices.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde_json::{Value, json};

use super::found::{Found, items, text};
use crate::names;

const NO_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

pub(super) fn slice(object: &Value, found: &mut Found) {
    let kind = text(object, "addressType");
    if kind.is_empty() {
        found.required("addressType", "");
    }
    found.one_of("addressType", &object["addressType"], &["FQDN", "IPv4", "IPv6"]);
    for (index, endpoint) in items(object, "endpoints") {
        let at = format!("endpoints[{index}].addresses");
        if items(endpoint, "addresses").next().is_none() {
            found.required(at.clone(), "must contain at least 1 address");
        }
        for (index, address) in items(endpoint, "addresses") {
            let field = format!("{at}[{index}]");
            let text = address.as_str().unwrap_or_default();
            match kind {
                "IPv4" if text.parse::<Ipv4Addr>().is_err() => found.invalid(field, address, NO_ADDRESS),
                "IPv6" if text.parse::<Ipv6Addr>().is_err() => found.invalid(field, address, NO_ADDRESS),
                "IPv4" | "IPv6" => special(text, field, found),
                "FQDN" => found.each(field, text, names::subdomain(text)),
                _ => {}
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (index, port) in items(object, "ports") {
        let (at, name) = (format!("ports[{index}]"), text(port, "name"));
        if !name.is_empty() {
            found.each(format!("{at}.name"), name, names::label(name));
        }
        if !seen.insert(name) {
            found.duplicate(format!("{at}.name"), &json!(name));
        }
        found.one_of(format!("{at}.protocol"), &port["protocol"], &PROTOCOLS);
    }
}

pub(super) fn endpoints(object: &Value, found: &mut Found) {
    for (index, subset) in items(object, "subsets") {
        let at = format!("subsets[{index}]");
        let lists = ["addresses", "notReadyAddresses"];
        if lists.iter().all(|list| items(subset, list).next().is_none()) {
            found.required(at.clone(), "must specify `addresses` or `notReadyAddresses`");
        }
        for list in lists {
            for (index, address) in items(subset, list) {
                let (field, ip) = (format!("{at}.{list}[{index}].ip"), text(address, "ip"));
                match ip.parse::<IpAddr>() {
                    Ok(_) => special(ip, field, found),
                    Err(_) => found.invalid(field, &json!(ip), NO_ADDRESS),
                }
            }
        }
        let several = items(subset, "ports").count() > 1;
        for (index, port) in items(subset, "ports") {
            let (at, name) = (format!("{at}.ports[{index}]"), text(port, "name"));
            if name.is_empty() && several {
                found.required(format!("{at}.name"), "");
            } else if !name.is_empty() {
                found.each(format!("{at}.name"), name, names::label(name));
            }
            found.port(format!("{at}.port"), port["port"].as_i64().unwrap_or(0));
            found.one_of(format!("{at}.protocol"), &port["protocol"], &PROTOCOLS);
        }
    }
}

/// Addresses that lead nowhere else.
fn special(text: &str, field: String, found: &mut Found) {
    let Ok(address) = text.parse::<IpAddr>() else { return };
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let why = if address.is_unspecified() {
        format!("may not be unspecified ({address})")
    } else if address.is_loopback() {
        "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()
    } else if link_local {
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()
    } else {
        return;
    };
    found.invalid(field, &json!(text), why);
}
