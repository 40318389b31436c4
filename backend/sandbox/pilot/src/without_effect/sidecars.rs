//! Parts of a Sidecar that this control plane has no rules for, and what its pods lack.

use crate::registry::untranslated::{given, parts};
use crate::registry::{Config, ProxyKind, Registry, Workload};
use crate::resolve::scope;
use crate::translate::listeners::inbound;
use istio::views::Sidecar;

/// Of a Sidecar.
pub(super) fn sidecar(registry: &Registry, config: &Config<Sidecar>) -> Vec<String> {
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
                    "ingress port {number} is not served: the program of pod {} has no port {port} in the \
                        sandbox",
                    workload.id()
                )
            }));
        }
    }
    found
}
