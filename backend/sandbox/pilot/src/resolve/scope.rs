//! What a proxy is told of: what `exportTo` lets its namespace see, of that what its Sidecar asks for.

use crate::identity::ROOT_NAMESPACE;
use crate::registry::workload::{ProxyKind, Workload};
use crate::registry::{Config, Registry, Service};
use istio::views::{Sidecar, VirtualService};
use istio::visibility::{self, Egress, exported, nearness};
use std::collections::BTreeMap;

/// The part of the mesh that one proxy knows.
pub(crate) struct Scope<'a> {
    /// Services that its application can call, by host.
    pub(crate) services: Vec<&'a Service>,
    /// Those, and the ones that only its VirtualServices lead to.
    pub(crate) reached: Vec<&'a Service>,
    /// Oldest first.
    pub(crate) virtual_services: Vec<&'a Config<VirtualService>>,
    /// The Sidecar that holds for the workload.
    pub(crate) sidecar: Option<&'a Config<Sidecar>>,
    /// Whether calls to what it does not know pass.
    pub(crate) allow_any: bool,
}

/// The Sidecar for a workload.
pub(crate) fn sidecar<'a>(registry: &'a Registry, workload: &Workload) -> Option<&'a Config<Sidecar>> {
    visibility::sidecar(registry.sidecars.iter(), ROOT_NAMESPACE, &workload.namespace, &workload.labels)
}

impl<'a> Scope<'a> {
    pub(crate) fn of(registry: &'a Registry, workload: &Workload) -> Self {
        let config = &registry.mesh_config;
        let here = workload.namespace.as_str();
        let sidecar =
            (workload.proxy != Some(ProxyKind::Router)).then(|| sidecar(registry, workload)).flatten();
        let policy = sidecar.and_then(|sidecar| sidecar.spec.outbound_traffic_policy.as_ref());
        let egress = Egress::new(sidecar.map(|sidecar| &sidecar.spec), here);
        let mut scope = Self {
            services: Vec::new(),
            reached: Vec::new(),
            virtual_services: Vec::new(),
            sidecar,
            // As istiod: a Sidecar's policy without a mode is REGISTRY_ONLY.
            allow_any: policy
                .map_or(config.allow_any(), |policy| policy.mode.as_deref() == Some("ALLOW_ANY")),
        };
        let services = registry.services.iter().filter(|service| {
            exported(&service.export_to, &config.default_service_export_to, &service.namespace, here)
        });
        let services = nearest(services, here);
        let seen = |service: &Service| egress.sees_service(&service.host, &service.namespace);
        let known: Vec<&Service> = services.values().copied().filter(|service| seen(service)).collect();
        let router = workload.proxy == Some(ProxyKind::Router);
        let virtual_services = registry.virtual_services.iter().filter(|rule| {
            // As istiod: a sidecar is told of those for calls inside the mesh only.
            (router || istio::routing::in_mesh(&rule.spec.gateways))
                && exported(
                    &rule.spec.export_to,
                    &config.default_virtual_service_export_to,
                    &rule.namespace,
                    here,
                )
                && egress.sees_routes(&rule.spec, &rule.namespace)
        });
        scope.virtual_services = virtual_services.collect();
        // The nearest first, and of one nearness the oldest.
        scope.virtual_services.sort_by_key(|rule| {
            let default = &config.default_virtual_service_export_to;
            nearness(&rule.spec.export_to, default, &rule.namespace, here)
        });
        let mut reached: BTreeMap<&str, &Service> =
            known.iter().map(|service| (service.host.as_str(), *service)).collect();
        for rule in &scope.virtual_services {
            for host in istio::routing::destinations(&rule.spec) {
                let host = istio::fqdn(host, &rule.namespace);
                let service = services.get(registry.aliases.get(&host).unwrap_or(&host).as_str());
                reached.extend(service.map(|service| (service.host.as_str(), *service)));
            }
        }
        scope.services = known;
        scope.reached = reached.into_values().collect();
        scope
    }

    /// Whether a service can be called at this port.
    pub(crate) fn sees(&self, service: &Service, port: u16, here: &str) -> bool {
        let egress = Egress::new(self.sidecar.map(|sidecar| &sidecar.spec), here);
        egress.sees_port(&service.host, &service.namespace, port)
    }

    /// The service of this host, as this proxy knows it.
    pub(crate) fn service(&self, host: &str) -> Option<&'a Service> {
        let found = self.reached.binary_search_by(|service| service.host.as_str().cmp(host));
        found.ok().map(|at| self.reached[at])
    }
}

/// One service per host: the proxy's own namespace's before the first.
fn nearest<'a>(services: impl Iterator<Item = &'a Service>, here: &str) -> BTreeMap<&'a str, &'a Service> {
    let mut found: BTreeMap<&str, &Service> = BTreeMap::new();
    for service in services {
        let known = found.entry(service.host.as_str()).or_insert(service);
        if known.namespace != here && service.namespace == here {
            *known = service;
        }
    }
    found
}
