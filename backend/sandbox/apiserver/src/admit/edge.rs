//! Gateways, entries and Sidecars that istiod refuses.

use serde_json::Value;

use super::{
    Problems,
    values::{export_to, has, is_address, is_host, is_label, is_subnet, items, port, protocol, text, texts},
};

pub(super) fn gateway(spec: &Value, problems: &mut Problems) {
    problems.unless(items(spec, "/servers").next().is_some(), || "gateway must have at least one server".into());
    let mut names = Vec::new();
    for server in items(spec, "/servers") {
        let Some(of) = server.get("port") else {
            problems.add("port is required");
            continue;
        };
        named_port(of, problems);
        let name = text(of, "/name");
        problems.unless(!names.contains(&name), || format!("port names in servers must be unique: duplicate name {name}"));
        names.push(name);
        problems.unless(items(server, "/hosts").next().is_some(), || "server config must contain at least one host".into());
        for host in texts(server, "/hosts") {
            let (namespace, host) = host.split_once('/').map_or(("*", host), |(namespace, host)| (namespace, host));
            problems
                .unless(matches!(namespace, "*" | ".") || is_label(namespace), || format!("namespace \"{namespace}\" invalid"));
            problems.unless(is_host(host), || format!("domain name \"{host}\" invalid"));
        }
        server_tls(server, &text(of, "/protocol").to_ascii_uppercase(), problems);
    }
}

fn server_tls(server: &Value, protocol: &str, problems: &mut Problems) {
    let secured = matches!(protocol, "HTTPS" | "TLS");
    let Some(tls) = server.get("tls") else {
        problems.unless(!secured, || format!("server must have TLS settings for HTTPS/TLS protocols: {server}"));
        return;
    };
    let redirect = tls.get("httpsRedirect").and_then(Value::as_bool) == Some(true);
    problems.unless(!(redirect && protocol == "HTTPS"), || "tls.httpsRedirect should only be used with http servers".into());
    problems
        .unless(secured || redirect || !has(tls, "/mode"), || "server cannot have TLS settings for non HTTPS/TLS ports".into());
    let mode = text(tls, "/mode");
    let named = has(tls, "/credentialName") || has(tls, "/credentialNames") || has(tls, "/tlsCertificates");
    if secured && matches!(mode, "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL") && !named {
        let words = mode.to_ascii_lowercase().replace('_', " ");
        problems.unless(!text(tls, "/serverCertificate").is_empty(), || format!("{words} TLS requires a server certificate"));
        problems.unless(!text(tls, "/privateKey").is_empty(), || format!("{words} TLS requires a private key"));
        problems.unless(mode == "SIMPLE" || !text(tls, "/caCertificates").is_empty(), || {
            format!("{words} TLS requires a client CA bundle")
        });
    }
    problems.unless(!(secured && mode == "ISTIO_MUTUAL" && named), || {
        "ISTIO_MUTUAL TLS cannot have associated credentialName".into()
    });
}

fn named_port(of: &Value, problems: &mut Problems) {
    problems.unless(!text(of, "/name").is_empty(), || format!("port name must be set: {of}"));
    protocol(text(of, "/protocol"), problems);
    port(of, "/number", problems);
    port(of, "/targetPort", problems);
}

pub(super) fn service_entry(spec: &Value, problems: &mut Problems) {
    problems.unless(items(spec, "/hosts").next().is_some(), || "service entry must have at least one host".into());
    let resolution = text(spec, "/resolution");
    for host in texts(spec, "/hosts") {
        problems.unless(host != "*", || "invalid host *".into());
        problems.unless(is_host(host), || format!("domain name \"{host}\" invalid"));
        let looked_up = matches!(resolution, "DNS" | "DNS_ROUND_ROBIN") && !has(spec, "/endpoints");
        problems.unless(!(looked_up && host.contains('*')), || {
            format!("hosts must be FQDN if no endpoints are provided for resolution mode {resolution}")
        });
    }
    for address in texts(spec, "/addresses") {
        problems.unless(is_subnet(address), || format!("invalid address {address}"));
    }
    problems.unless(items(spec, "/ports").next().is_some(), || "ports must be set".into());
    let mut names = Vec::new();
    for of in items(spec, "/ports") {
        named_port(of, problems);
        let name = text(of, "/name");
        problems.unless(!names.contains(&name), || format!("service entry port name \"{name}\" already defined"));
        names.push(name);
    }
    for endpoint in items(spec, "/endpoints") {
        let address = text(endpoint, "/address");
        match resolution {
            "STATIC" => {
                problems.unless(is_address(address) || address.starts_with("unix://"), || format!("invalid address {address}"));
            }
            "DNS" | "DNS_ROUND_ROBIN" => {
                problems.unless(is_address(address) || (is_host(address) && !address.contains('*')), || {
                    format!("endpoint address \"{address}\" is not a valid FQDN or an IP address")
                });
            }
            _ => {}
        }
        for (name, number) in endpoint.get("ports").and_then(Value::as_object).into_iter().flatten() {
            problems.unless(names.contains(&name.as_str()) || address.starts_with("unix://"), || {
                format!("endpoint port {} is not defined by the service entry", name)
            });
            port(number, "", problems);
        }
    }
    problems.unless(resolution != "DNS_ROUND_ROBIN" || items(spec, "/endpoints").count() <= 1, || {
        "there must only be 0 or 1 endpoint for resolution mode DNS_ROUND_ROBIN".into()
    });
    export_to(spec, problems);
}

pub(super) fn workload_entry(spec: &Value, problems: &mut Problems) {
    let address = text(spec, "/address");
    problems.unless(!address.is_empty() || has(spec, "/network"), || "address is required".into());
    problems.unless(address.is_empty() || is_address(address) || is_host(address) || address.starts_with("unix:///"), || {
        format!("endpoint address \"{address}\" is not a valid FQDN or an IP address")
    });
    for (_, number) in spec.get("ports").and_then(Value::as_object).into_iter().flatten() {
        port(number, "", problems);
    }
}

pub(super) fn sidecar(spec: &Value, problems: &mut Problems) {
    let given = ["ingress", "egress", "inboundConnectionPool", "outboundTrafficPolicy"]
        .iter()
        .any(|field| has(spec, &format!("/{field}")));
    problems.unless(given, || "sidecar: empty configuration provided".into());
    let mut seen = Vec::new();
    for ingress in items(spec, "/ingress") {
        match ingress.pointer("/port/number").and_then(Value::as_i64) {
            None => problems.add("sidecar: port is required for ingress listeners"),
            Some(number) => {
                problems
                    .unless(!seen.contains(&number), || format!("sidecar: ports on IP bound listeners must be unique: {number}"));
                seen.push(number);
            }
        }
        port(ingress, "/port/number", problems);
    }
    for egress in items(spec, "/egress") {
        problems.unless(items(egress, "/hosts").next().is_some(), || {
            "sidecar: egress listener must contain at least one host".into()
        });
        for host in texts(egress, "/hosts") {
            let Some((namespace, host)) = host.split_once('/') else {
                problems.add("sidecar: host must be of form namespace/dnsName");
                continue;
            };
            problems.unless(matches!(namespace, "*" | "." | "~") || is_label(namespace), || {
                format!("sidecar: namespace {namespace} invalid")
            });
            problems.unless(is_host(host), || format!("sidecar: domain name \"{host}\" invalid"));
        }
    }
}
