//! Parts of Gateways, ServiceEntries, Sidecars and TLS settings that this control plane has no rules for.

use super::gateway::{self, Taking};
use super::support::{not_yet, parts};
use super::{inbound, scope, tls};
use crate::registry::{Config, Protocol, Registry};
use crate::secrets::CA;
use crate::workload::{ProxyKind, Workload};
use istio::views::{ClientTls, DestinationRule, Gateway, Server, ServerTls, ServiceEntry, Sidecar};
use std::net::IpAddr;

/// Of a ServiceEntry.
pub(crate) fn service_entry(spec: &ServiceEntry) -> Vec<String> {
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
        let said =
            port.protocol.as_deref().filter(|protocol| !protocol.is_empty()).map(str::to_ascii_lowercase);
        if Protocol::said(said.as_deref(), &port.name).is_none() {
            found.push(format!(
                "port {} does not say its protocol and is taken as TCP: set protocol",
                port.number
            ));
        }
    }
    found
}

/// Of a Sidecar.
pub(crate) fn sidecar(registry: &Registry, config: &Config<Sidecar>) -> Vec<String> {
    let spec = &config.spec;
    let proxied = spec.outbound_traffic_policy.as_ref().is_some_and(|policy| policy.egress_proxy.is_some());
    let bound = spec.egress.iter().any(|egress| egress.bind.as_deref().is_some_and(|bind| !bind.is_empty()));
    let captured = spec.egress.iter().any(|egress| egress.capture_mode.as_deref() == Some("NONE"));
    let mut found = parts(&[
        (proxied, "outboundTrafficPolicy.egressProxy"),
        (bound, "egress.bind"),
        (captured, "egress.captureMode NONE"),
        (spec.inbound_connection_pool.is_some(), "inboundConnectionPool"),
    ]);
    for ingress in &spec.ingress {
        let said = |text: &Option<String>| given(text) && text.as_deref() != Some("DEFAULT");
        found.extend(parts(&[
            (said(&ingress.bind), "ingress.bind"),
            (said(&ingress.capture_mode), "ingress.captureMode"),
            (ingress.tls.is_some(), "ingress.tls"),
            (ingress.connection_pool.is_some(), "ingress.connectionPool"),
        ]));
        let number = ingress.port.number;
        let behind = inbound::endpoint_port(ingress).map_or(number, u32::from);
        let chosen = |workload: &&Workload| {
            workload.proxy == Some(ProxyKind::Sidecar)
                && scope::sidecar(registry, workload)
                    .is_some_and(|it| it.name == config.name && it.namespace == config.namespace)
        };
        for workload in registry.workloads.iter().map(AsRef::as_ref).filter(chosen) {
            let lacks = [number, behind]
                .into_iter()
                .find(|port| workload.real_port(&format!("app/{port}")).is_none());
            found.extend(lacks.map(|port| {
                format!(
                    "ingress port {number} is not served: the program of pod {} has no port {port} in the sandbox",
                    workload.id()
                )
            }));
        }
    }
    found
}

fn given(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty())
}

/// Of a Gateway.
pub(crate) fn gateway(registry: &Registry, config: &Config<Gateway>) -> Vec<String> {
    let workloads: Vec<&Workload> = registry
        .workloads
        .iter()
        .map(AsRef::as_ref)
        .filter(|workload| gateway::holds(config, workload))
        .collect();
    let mut found = Vec::new();
    for server in &config.spec.servers {
        let auto = server.tls.as_ref().is_some_and(|tls| tls.mode.as_deref() == Some("AUTO_PASSTHROUGH"));
        let spoken = server.port.protocol.to_ascii_uppercase();
        found.extend(parts(&[
            (given(&server.bind), "bind"),
            (given(&server.default_endpoint), "defaultEndpoint"),
            (auto, "tls.mode AUTO_PASSTHROUGH"),
            (spoken == "UDP" || spoken == "HTTP3", &format!("protocol {spoken}")),
        ]));
        for workload in &workloads {
            found.extend(unopened(registry, workload, server));
            found.extend(server.tls.iter().flat_map(|tls| lacking(registry, workload, server, tls)));
        }
    }
    found
}

/// A port that the gateway's pod does not have.
fn unopened(registry: &Registry, workload: &Workload, server: &Server) -> Option<String> {
    let port = u16::try_from(server.port.number).ok()?;
    let inside = gateway::workload_port(registry, workload, port);
    let opened = workload.real_port(&inside.to_string()).is_some();
    (!opened).then(|| {
        format!(
            "port {port} is not opened: pod {} does not declare container port {inside}, and has no other in the sandbox",
            workload.id()
        )
    })
}

/// Certificates that are not there.
fn lacking(registry: &Registry, workload: &Workload, server: &Server, settings: &ServerTls) -> Vec<String> {
    let mode = settings.mode.as_deref().unwrap_or_default();
    if !matches!(Taking::of(server), Taking::Https | Taking::Tls) || mode == "ISTIO_MUTUAL" {
        return Vec::new();
    }
    let names = tls::credential_names(settings);
    if names.is_empty() {
        return vec![
            "tls.serverCertificate is a file, which gateways of the sandbox do not have: use credentialName"
                .into(),
        ];
    }
    let mut found = Vec::new();
    for name in names {
        let (namespace, secret) = tls::secret_of(name, &workload.namespace);
        let of = |secret: String| registry.credentials.get(&(namespace.clone(), secret));
        let own = of(secret.clone());
        if !own.is_some_and(crate::secrets::Credential::has_pair) {
            found.push(format!(
                "credentialName {name}: there is no Secret {namespace}/{secret} with a certificate and a key"
            ));
        }
        let believes =
            [of(format!("{secret}{CA}")), own].into_iter().flatten().any(crate::secrets::Credential::has_ca);
        if matches!(mode, "MUTUAL" | "OPTIONAL_MUTUAL") && !believes {
            found.push(format!(
                "credentialName {name}: neither Secret {secret} nor {secret}{CA} of {namespace} has a CA certificate"
            ));
        }
    }
    found
}

/// Of a DestinationRule's `tls`.
pub(crate) fn client_tls(tls: &ClientTls) -> Vec<String> {
    if !matches!(tls.mode.as_str(), "SIMPLE" | "MUTUAL") || given(&tls.credential_name) {
        return Vec::new();
    }
    let file = "is a file, which pods of the sandbox do not have: use credentialName";
    let files = [
        (
            tls.ca_certificates.as_deref().is_some_and(|file| !file.is_empty() && file != "system"),
            "caCertificates",
        ),
        (given(&tls.client_certificate), "clientCertificate"),
    ];
    files.into_iter().filter(|(there, _)| *there).map(|(_, name)| format!("tls.{name} {file}")).collect()
}

/// A DestinationRule's credential that no sidecar takes.
pub(crate) fn credential(spec: &DestinationRule) -> Option<String> {
    let subsets = spec.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref());
    let policies = spec.traffic_policy.iter().chain(subsets);
    let mut settings = policies.flat_map(|policy| {
        policy.tls.iter().chain(policy.port_level_settings.iter().filter_map(|port| port.tls.as_ref()))
    });
    let named = settings.any(|tls| given(&tls.credential_name));
    (named && spec.workload_selector.is_none()).then(|| {
        "tls.credentialName counts at gateways only; for sidecars the rule needs a workloadSelector"
            .to_owned()
    })
}
