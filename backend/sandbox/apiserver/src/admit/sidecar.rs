//! Sidecars that istiod refuses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Problems, Subject,
    destination::connection_pool,
    tls,
    values::{
        address, destination, flag, fqdn, has, host_of_namespace, is_http, is_label, is_protocol, items,
        port_number, selector, socket, text, texts, whole,
    },
};

pub(super) fn sidecar(subject: &Subject<'_>, problems: &mut Problems) {
    let spec = subject.spec;
    selector(spec, "/workloadSelector", "/labels", "sidecar", problems);
    let given = ["ingress", "egress", "inboundConnectionPool", "outboundTrafficPolicy"]
        .iter()
        .any(|field| has(spec, &format!("/{field}")));
    problems.unless(given, || "sidecar: empty configuration provided".into());
    let mut ports = BTreeSet::new();
    for one in items(spec, "/ingress") {
        ingress(one, &mut ports, problems);
    }
    if let Some(pool) = spec.get("inboundConnectionPool") {
        connection_pool(pool, problems);
    }
    egress(spec, subject.namespace, problems);
    outbound(spec, problems);
}

fn port_of_listener(port: &Value, problems: &mut Problems) {
    let (name, protocol) = (text(port, "/name"), text(port, "/protocol"));
    problems.unless(name.is_empty() || is_label(name), || format!("invalid port name: {name}"));
    problems
        .unless(protocol.is_empty() || is_protocol(protocol), || format!("unsupported protocol: {protocol}"));
    problems.unless(whole(port, "/targetPort") == 0, || "targetPort has no impact on Sidecars".into());
}

fn ingress(one: &Value, seen: &mut BTreeSet<i64>, problems: &mut Problems) {
    let Some(port) = one.get("port") else {
        return problems.add("sidecar: port is required for ingress listeners");
    };
    port_of_listener(port, problems);
    problems.note(port_number(whole(port, "/number")));
    if !text(one, "/bind").is_empty() {
        problems.note(address(text(one, "/bind")));
    }
    problems.unless(seen.insert(whole(port, "/number")), || {
        "sidecar: ports on IP bound listeners must be unique".into()
    });
    default_endpoint(text(one, "/defaultEndpoint"), problems);
    if let Some(settings) = one.get("tls") {
        problems.unless(!has(settings, "/subjectAltNames"), || {
            "sidecar: subjectAltNames is not supported in ingress tls".into()
        });
        problems
            .unless(!flag(settings, "/httpsRedirect"), || "sidecar: httpsRedirect is not supported".into());
        problems.unless(!has(settings, "/credentialName"), || {
            "sidecar: credentialName is not currently supported".into()
        });
        let mode = text(settings, "/mode");
        problems.unless(!matches!(mode, "ISTIO_MUTUAL" | "AUTO_PASSTHROUGH"), || {
            format!("configuration is invalid: cannot set mode to {mode} in sidecar ingress tls")
        });
        tls::server(settings, problems);
    }
    if let Some(pool) = one.get("connectionPool") {
        connection_pool(pool, problems);
        problems.warn_if(has(pool, "/http") && !is_http(text(port, "/protocol")), || {
            format!(
                "sidecar: HTTP connection pool settings are configured for port {} (\"{}\") but its protocol is not HTTP ({}); only TCP settings will apply",
                whole(port, "/number"),
                text(port, "/name"),
                text(port, "/protocol")
            )
        });
    }
}

fn default_endpoint(endpoint: &str, problems: &mut Problems) {
    if endpoint.is_empty() {
        return;
    }
    if let Some(path) = endpoint.strip_prefix("unix://") {
        return problems.note(socket(path));
    }
    let Some((host, port)) = endpoint.rsplit_once(':') else {
        return problems.add(format!("address {endpoint}: missing port in address"));
    };
    problems.unless(matches!(host, "" | "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]"), || {
        "sidecar: defaultEndpoint must be of form 127.0.0.1:<port>,0.0.0.0:<port>,[::1]:port,[::]:port,unix://filepath or unset".into()
    });
    match port.parse() {
        Ok(number) => problems.note(port_number(number)),
        Err(error) => {
            problems.add(format!("sidecar: defaultEndpoint port ({port}) is not a number: {error}"));
        }
    }
}

fn egress(spec: &Value, namespace: &str, problems: &mut Problems) {
    let last = items(spec, "/egress").count();
    let (mut ports, mut sockets) = (BTreeSet::new(), BTreeSet::new());
    for (index, one) in items(spec, "/egress").enumerate() {
        let bind = text(one, "/bind");
        match one.get("port") {
            None => problems.unless(index + 1 == last, || {
                "sidecar: the egress listener with empty port should be the last listener in the list".into()
            }),
            Some(port) if whole(port, "/number") == 0 => {
                port_of_listener(port, problems);
                match bind.strip_prefix("unix://") {
                    None => problems
                        .add("sidecar: ports with 0 value must have a unix domain socket bind address"),
                    Some(path) => problems.note(socket(path)),
                }
                problems.unless(text(one, "/captureMode") != "IPTABLES", || {
                    "sidecar: captureMode must be DEFAULT/NONE for unix domain socket listeners".into()
                });
                problems.unless(sockets.insert(bind), || {
                    "sidecar: unix domain socket values for listeners must be unique".into()
                });
            }
            Some(port) => {
                port_of_listener(port, problems);
                problems.note(port_number(whole(port, "/number")));
                if !bind.is_empty() {
                    problems.note(address(bind));
                }
                problems.unless(ports.insert(whole(port, "/number")), || {
                    "sidecar: ports on IP bound listeners must be unique".into()
                });
            }
        }
        hosts(one, namespace, problems);
    }
}

fn hosts(one: &Value, namespace: &str, problems: &mut Problems) {
    problems.unless(texts(one, "/hosts").next().is_some(), || {
        "sidecar: egress listener must contain at least one host".into()
    });
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for host in texts(one, "/hosts") {
        problems.note(host_of_namespace(host, false));
        let Some((of, name)) = host.split_once('/') else { continue };
        let known = seen.entry(if of == "." { namespace } else { of }).or_default();
        let twice = if name == "*" { !known.is_empty() } else { known.contains(name) || known.contains("*") };
        problems.warn_if(twice, || format!("duplicated egress host: {host}"));
        known.insert(name);
    }
    let all = seen.get("*").is_some_and(|names| names.contains("*"));
    problems.warn_if(all && seen.len() > 1, || {
        "`*/*` host select all resources, no other hosts can be added".into()
    });
}

fn outbound(spec: &Value, problems: &mut Problems) {
    let Some(proxy) = spec.pointer("/outboundTrafficPolicy/egressProxy") else { return };
    // The mode that is not said is REGISTRY_ONLY.
    if text(spec, "/outboundTrafficPolicy/mode") != "ALLOW_ANY" {
        return problems
            .add("sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode");
    }
    problems.note(fqdn(text(proxy, "/host")));
    if !has(proxy, "/port") {
        return problems.add("sidecar: egress_proxy port must be non-nil");
    }
    destination(proxy, problems);
}
