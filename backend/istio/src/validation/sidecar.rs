//! Sidecars.

use super::at::At;
use super::destination_rule::connection_pool;
use super::found::{Found, rules};
use super::malformed::{
    address, fqdn, host_of_namespace, is_http, is_label, is_protocol, port_number, socket,
};
use super::shared::{destination, selector};
use super::{Subject, tls};
use std::collections::{BTreeMap, BTreeSet};

rules! {
    /// What is wrong with a Sidecar.
    Listener {
        Error EmptySidecar "sidecar: empty configuration provided";
        Error BadListenerPortName(name: String) "invalid port name: {name}";
        Error BadListenerProtocol(protocol: String) "unsupported protocol: {protocol}";
        Error TargetPortOfSidecar "targetPort has no impact on Sidecars";
        Error IngressWithoutPort "sidecar: port is required for ingress listeners";
        Error ListenerPortTwice "sidecar: ports on IP bound listeners must be unique";
        Error AltNamesOfIngress "sidecar: subjectAltNames is not supported in ingress tls";
        Error RedirectOfIngress "sidecar: httpsRedirect is not supported";
        Error CredentialOfIngress "sidecar: credentialName is not currently supported";
        Error BadModeOfIngress(mode: String)
            "configuration is invalid: cannot set mode to {mode} in sidecar ingress tls";
        Warning HttpPoolOfBytes(number: i64, name: String, protocol: String)
            "sidecar: HTTP connection pool settings are configured for port {number} (\"{name}\") but its protocol is \
             not HTTP ({protocol}); only TCP settings will apply";
        Error EndpointWithoutPort(endpoint: String) "address {endpoint}: missing port in address";
        Error BadDefaultEndpoint
            "sidecar: defaultEndpoint must be of form 127.0.0.1:<port>,0.0.0.0:<port>,[::1]:port,[::]:port,\
             unix://filepath or unset";
        Error BadEndpointPort(port: String, why: String)
            "sidecar: defaultEndpoint port ({port}) is not a number: {why}";
        Error PortlessNotLast
            "sidecar: the egress listener with empty port should be the last listener in the list";
        Error Port0WithoutSocket "sidecar: ports with 0 value must have a unix domain socket bind address";
        Error CapturedSocket "sidecar: captureMode must be DEFAULT/NONE for unix domain socket listeners";
        Error SocketTwice "sidecar: unix domain socket values for listeners must be unique";
        Error EgressWithoutHosts "sidecar: egress listener must contain at least one host";
        Warning EgressHostTwice(host: String) "duplicated egress host: {host}";
        Warning HostsBesideAll "`*/*` host select all resources, no other hosts can be added";
        Error ProxyOfRegistryOnly
            "sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode";
        Error ProxyWithoutPort "sidecar: egress_proxy port must be non-nil";
    }
}

pub(super) fn sidecar(subject: &Subject<'_>, found: &mut Found) {
    let spec = subject.spec;
    selector(spec, "workloadSelector", "labels", Some("sidecar"), found);
    let parts = ["ingress", "egress", "inboundConnectionPool", "outboundTrafficPolicy"];
    found.when(!parts.iter().any(|field| spec.has(field)), spec, Listener::EmptySidecar);
    let mut ports = BTreeSet::new();
    for one in spec.items("ingress") {
        ingress(one, &mut ports, found);
    }
    if let Some(pool) = spec.get("inboundConnectionPool") {
        connection_pool(pool, found);
    }
    egress(spec, subject.namespace, found);
    outbound(spec, found);
}

fn port_of_listener(port: At<'_>, found: &mut Found) {
    let (name, protocol) = (port.text("name"), port.text("protocol"));
    if !name.is_empty() && !is_label(name) {
        found.add(port.at("name"), Listener::BadListenerPortName { name: name.to_owned() });
    }
    if !protocol.is_empty() && !is_protocol(protocol) {
        found.add(port.at("protocol"), Listener::BadListenerProtocol { protocol: protocol.to_owned() });
    }
    found.when(port.whole("targetPort") != 0, port.at("targetPort"), Listener::TargetPortOfSidecar);
}

fn ingress(one: At<'_>, seen: &mut BTreeSet<i64>, found: &mut Found) {
    let Some(port) = one.get("port") else { return found.add(one, Listener::IngressWithoutPort) };
    port_of_listener(port, found);
    found.note(port.at("number"), port_number(port.whole("number")));
    if one.says("bind") {
        found.note(one.at("bind"), address(one.text("bind")));
    }
    let twice = !seen.insert(port.whole("number"));
    found.when(twice, port.at("number"), Listener::ListenerPortTwice);
    default_endpoint(one.at("defaultEndpoint"), found);
    if let Some(settings) = one.get("tls") {
        let names = settings.has("subjectAltNames");
        found.when(names, settings.at("subjectAltNames"), Listener::AltNamesOfIngress);
        let redirects = settings.flag("httpsRedirect");
        found.when(redirects, settings.at("httpsRedirect"), Listener::RedirectOfIngress);
        let credential = settings.has("credentialName");
        found.when(credential, settings.at("credentialName"), Listener::CredentialOfIngress);
        let mode = settings.text("mode");
        if matches!(mode, "ISTIO_MUTUAL" | "AUTO_PASSTHROUGH") {
            found.add(settings.at("mode"), Listener::BadModeOfIngress { mode: mode.to_owned() });
        }
        tls::server(settings, found);
    }
    if let Some(pool) = one.get("connectionPool") {
        connection_pool(pool, found);
        if pool.has("http") && !is_http(port.text("protocol")) {
            let [name, protocol] = ["name", "protocol"].map(|field| port.text(field).to_owned());
            let number = port.whole("number");
            found.add(pool.at("http"), Listener::HttpPoolOfBytes { number, name, protocol });
        }
    }
}

fn default_endpoint(at: At<'_>, found: &mut Found) {
    let endpoint = at.str();
    if endpoint.is_empty() {
        return;
    }
    if let Some(path) = endpoint.strip_prefix("unix://") {
        return found.note(at, socket(path));
    }
    let Some((host, port)) = endpoint.rsplit_once(':') else {
        return found.add(at, Listener::EndpointWithoutPort { endpoint: endpoint.to_owned() });
    };
    let good = matches!(host, "" | "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]");
    found.when(!good, at, Listener::BadDefaultEndpoint);
    match port.parse::<i64>() {
        Ok(number) => found.note(at, port_number(number)),
        Err(error) => {
            found.add(at, Listener::BadEndpointPort { port: port.to_owned(), why: error.to_string() });
        }
    }
}

fn egress(spec: At<'_>, namespace: &str, found: &mut Found) {
    let last = spec.items("egress").len();
    let (mut ports, mut sockets) = (BTreeSet::new(), BTreeSet::new());
    for (index, one) in spec.items("egress").enumerate() {
        let bind = one.text("bind");
        match one.get("port") {
            None => found.when(index + 1 < last, one, Listener::PortlessNotLast),
            Some(port) if port.whole("number") == 0 => {
                port_of_listener(port, found);
                match bind.strip_prefix("unix://") {
                    None => found.add(port.at("number"), Listener::Port0WithoutSocket),
                    Some(path) => found.note(one.at("bind"), socket(path)),
                }
                let captured = one.text("captureMode") == "IPTABLES";
                found.when(captured, one.at("captureMode"), Listener::CapturedSocket);
                let twice = !sockets.insert(bind.to_owned());
                found.when(twice, one.at("bind"), Listener::SocketTwice);
            }
            Some(port) => {
                port_of_listener(port, found);
                found.note(port.at("number"), port_number(port.whole("number")));
                if !bind.is_empty() {
                    found.note(one.at("bind"), address(bind));
                }
                let twice = !ports.insert(port.whole("number"));
                found.when(twice, port.at("number"), Listener::ListenerPortTwice);
            }
        }
        hosts(one, namespace, found);
    }
}

fn hosts(one: At<'_>, namespace: &str, found: &mut Found) {
    found.when(one.texts("hosts").next().is_none(), one, Listener::EgressWithoutHosts);
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for at in one.items("hosts") {
        let Some(host) = at.value().as_str() else { continue };
        found.note(at, host_of_namespace(host, false));
        let Some((of, name)) = host.split_once('/') else { continue };
        let known = seen.entry(if of == "." { namespace } else { of }).or_default();
        let twice = if name == "*" { !known.is_empty() } else { known.contains(name) || known.contains("*") };
        if twice {
            found.add(at, Listener::EgressHostTwice { host: host.to_owned() });
        }
        known.insert(name);
    }
    let all = seen.get("*").is_some_and(|names| names.contains("*"));
    found.when(all && seen.len() > 1, one.at("hosts"), Listener::HostsBesideAll);
}

fn outbound(spec: At<'_>, found: &mut Found) {
    let Some(proxy) = spec.get("outboundTrafficPolicy/egressProxy") else { return };
    // The mode that is not said is REGISTRY_ONLY.
    if spec.text("outboundTrafficPolicy/mode") != "ALLOW_ANY" {
        return found.add(proxy, Listener::ProxyOfRegistryOnly);
    }
    found.note(proxy.at("host"), fqdn(proxy.text("host")));
    if !proxy.has("port") {
        return found.add(proxy, Listener::ProxyWithoutPort);
    }
    destination(proxy, found);
}
