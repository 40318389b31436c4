//! Services.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    found::{Found, items, text},
    labels, probes,
};
use crate::{names, store::node_ports};

pub(super) fn service(object: &Value, found: &mut Found) {
    let spec = &object["spec"];
    let kind = text(spec, "type");
    let headless = text(spec, "clusterIP") == "None";
    let ports = items(spec, "ports").count();
    if ports == 0 && !headless && kind != "ExternalName" {
        found.required("spec.ports", "");
    }
    match kind {
        "NodePort" | "LoadBalancer" if headless => {
            found.invalid(
                "spec.clusterIPs[0]",
                &json!("None"),
                format!("may not be set to 'None' for {kind} services"),
            );
        }
        "ExternalName" => external_name(spec, found),
        _ => {}
    }
    let mut seen = Seen::default();
    for (index, one) in items(spec, "ports") {
        port(one, &format!("spec.ports[{index}]"), ports > 1, kind, &mut seen, found);
    }
    labels::labels(&spec["selector"], "spec.selector", found);
    found.one_of("spec.sessionAffinity", &spec["sessionAffinity"], &["ClientIP", "None"]);
    found.one_of("spec.type", &spec["type"], &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    for field in ["internalTrafficPolicy", "externalTrafficPolicy"] {
        found.one_of(format!("spec.{field}"), &spec[field], &["Cluster", "Local"]);
    }
    let address = text(spec, "clusterIP");
    if !address.is_empty() && !headless && address.parse::<std::net::IpAddr>().is_err() {
        found.invalid(
            "spec.clusterIPs[0]",
            &json!(address),
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        );
    }
}

fn external_name(spec: &Value, found: &mut Found) {
    let name = text(spec, "externalName");
    if !text(spec, "clusterIP").is_empty() {
        found.forbidden("spec.clusterIPs", "may not be set for ExternalName services");
    }
    if name.is_empty() {
        found.required("spec.externalName", "");
    } else {
        found.each("spec.externalName", name, names::subdomain(name.strip_suffix('.').unwrap_or(name)));
    }
}

/// What no two ports of a Service may share.
#[derive(Default)]
struct Seen<'a> {
    names: BTreeSet<&'a str>,
    ports: BTreeSet<(i64, &'a str)>,
    node_ports: BTreeSet<(i64, &'a str)>,
}

fn port<'a>(port: &'a Value, at: &str, several: bool, kind: &str, seen: &mut Seen<'a>, found: &mut Found) {
    let (name, protocol) = (text(port, "name"), text(port, "protocol"));
    if name.is_empty() {
        if several {
            found.required(format!("{at}.name"), "");
        }
    } else {
        let wrong = names::label(name);
        if wrong.is_empty() && !seen.names.insert(name) {
            found.duplicate(format!("{at}.name"), &json!(name));
        }
        found.each(format!("{at}.name"), name, wrong);
    }
    let number = port["port"].as_i64().unwrap_or(0);
    found.port(format!("{at}.port"), number);
    found.one_of(format!("{at}.protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]);
    probes::optional_target(port, at, found);
    if !seen.ports.insert((number, protocol)) {
        // As the real server writes the key that it compares by.
        let key = json!({"Name": "", "Protocol": protocol, "AppProtocol": null, "Port": number,
            "TargetPort": 0, "NodePort": 0});
        found.duplicate(at, &key);
    }
    let Some(node) = port["nodePort"].as_i64().filter(|node| *node != 0) else { return };
    let field = format!("{at}.nodePort");
    if matches!(kind, "ClusterIP" | "ExternalName") {
        found.forbidden(field, &format!("may not be used when `type` is '{kind}'"));
    } else if !node_ports::RANGE.contains(&node) {
        let why = "provided port is not in the valid range. The range of valid ports is 30000-32767";
        found.invalid(field, &json!(node), why);
    } else if !seen.node_ports.insert((node, protocol)) {
        found.duplicate(field, &json!(node));
    }
}
