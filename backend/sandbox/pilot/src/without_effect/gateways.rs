//! Parts of a Gateway that this control plane has no rules for, and what its pods lack.

use crate::registry::secrets::{CA, Credential};
use crate::registry::untranslated::{given, parts};
use crate::registry::{Config, Registry, Workload};
use crate::translate::listeners::gateway;
use crate::translate::security::tls;
use istio::route::Taking;
use istio::views::{Gateway, Server, ServerTls};

/// Of a Gateway.
pub(super) fn gateway(registry: &Registry, config: &Config<Gateway>) -> Vec<String> {
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
            "port {port} is not opened: pod {} does not declare container port {inside}, and has no other in \
                the sandbox",
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
        if !own.is_some_and(Credential::has_pair) {
            found.push(format!(
                "credentialName {name}: there is no Secret {namespace}/{secret} with a certificate and a key"
            ));
        }
        let believes = [of(format!("{secret}{CA}")), own].into_iter().flatten().any(Credential::has_ca);
        if matches!(mode, "MUTUAL" | "OPTIONAL_MUTUAL") && !believes {
            found.push(format!(
                "credentialName {name}: neither Secret {secret} nor {secret}{CA} of {namespace} has a CA \
                    certificate"
            ));
        }
    }
    found
}
