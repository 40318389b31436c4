//! What a proxy is told of: what `exportTo` lets its namespace see, of that what its Sidecar asks for.

use crate::hosts::{fits, selects};
use crate::identity::ROOT_NAMESPACE;
use crate::registry::workload::{ProxyKind, Workload};
use crate::registry::{Config, Registry, Service};
use istio::views::{DestinationRule, Sidecar, SidecarEgress, VirtualService};
use std::collections::BTreeMap;

/// The part of the mesh that one proxy knows.
pub(crate) struct Scope<'a> {
    /// Services that its application can call, by host.
    pub(crate) services: Vec<&'a Service>,
    /// Those, and the ones that only its VirtualServices lead to.
    pub(crate) reached: Vec<&'a Service>,
    /// Oldest first.
    pub(crate) virtual_services: Vec<&'a Config<VirtualService>>,
    /// Oldest first.
    pub(crate) destination_rules: Vec<&'a Config<DestinationRule>>,
    /// The Sidecar that holds for the workload.
    pub(crate) sidecar: Option<&'a Config<Sidecar>>,
    /// Whether calls to what it does not know pass.
    pub(crate) allow_any: bool,
}

/// Whether something of namespace `owner` may be seen from `namespace`; `default` holds when nothing is said.
pub(crate) fn exported(said: &[String], default: &[String], owner: &str, namespace: &str) -> bool {
    let said = if said.is_empty() { default } else { said };
    let to = |to: &String| to == "*" || to == namespace || (to == "." && owner == namespace);
    said.is_empty() || said.iter().any(to)
}

/// The Sidecar for a workload: one that selects it, else its namespace's, else the root namespace's.
pub(crate) fn sidecar<'a>(registry: &'a Registry, workload: &Workload) -> Option<&'a Config<Sidecar>> {
    let labels = |sidecar: &'a Config<Sidecar>| {
        sidecar
            .spec
            .workload_selector
            .as_ref()
            .map(|selector| &selector.labels)
            .filter(|labels| !labels.is_empty())
    };
    let wide = |namespace: &str| {
        registry.sidecars.iter().find(|it| it.namespace == namespace && labels(it).is_none())
    };
    let selecting = registry.sidecars.iter().find(|it| {
        it.namespace == workload.namespace
            && labels(it).is_some_and(|wanted| selects(wanted, &workload.labels))
    });
    selecting.or_else(|| wide(&workload.namespace)).or_else(|| wide(ROOT_NAMESPACE))
}

/// Whether an egress host (`namespace/host`) takes in a host of a namespace.
fn imports(entry: &str, host: &str, owner: &str, namespace: &str) -> bool {
    let (of, pattern) = entry.split_once('/').unwrap_or(("*", entry));
    let there = of == "*" || of == owner || (of == "." && owner == namespace);
    there && (fits(pattern, host) || fits(host, pattern))
}

fn egress_port(egress: &SidecarEgress) -> Option<u32> {
    egress.port.as_ref().map(|port| port.number).filter(|number| *number != 0)
}

impl<'a> Scope<'a> {
    pub(crate) fn of(registry: &'a Registry, workload: &Workload) -> Self {
        let config = &registry.mesh_config;
        let here = workload.namespace.as_str();
        let sidecar =
            (workload.proxy != Some(ProxyKind::Router)).then(|| sidecar(registry, workload)).flatten();
        let policy = sidecar.and_then(|sidecar| sidecar.spec.outbound_traffic_policy.as_ref());
        let rules = registry.destination_rules.iter().filter(|rule| {
            exported(&rule.spec.export_to, &config.default_destination_rule_export_to, &rule.namespace, here)
        });
        let mut scope = Self {
            services: Vec::new(),
            reached: Vec::new(),
            virtual_services: Vec::new(),
            destination_rules: rules.collect(),
            sidecar,
            // As istiod: a Sidecar's policy without a mode is REGISTRY_ONLY.
            allow_any: policy
                .map_or(config.allow_any(), |policy| policy.mode.as_deref() == Some("ALLOW_ANY")),
        };
        let services = registry.services.iter().filter(|service| {
            exported(&service.export_to, &config.default_service_export_to, &service.namespace, here)
        });
        let services = nearest(services, here);
        let seen = |service: &Service| scope.takes_in(&service.host, &service.namespace, here, |_| true);
        let known: Vec<&Service> = services.values().copied().filter(|service| seen(service)).collect();
        let virtual_services = registry.virtual_services.iter().filter(|rule| {
            let mut hosts = rule.spec.hosts.iter().map(|host| istio::fqdn(host, &rule.namespace));
            exported(&rule.spec.export_to, &config.default_virtual_service_export_to, &rule.namespace, here)
                && hosts.any(|host| scope.takes_in(&host, &rule.namespace, here, |_| true))
        });
        scope.virtual_services = virtual_services.collect();
        let mut reached: BTreeMap<&str, &Service> =
            known.iter().map(|service| (service.host.as_str(), *service)).collect();
        for rule in &scope.virtual_services {
            for host in destinations(&rule.spec) {
                let service = services.get(istio::fqdn(host, &rule.namespace).as_str());
                reached.extend(service.map(|service| (service.host.as_str(), *service)));
            }
        }
        scope.services = known;
        scope.reached = reached.into_values().collect();
        scope
    }

    fn takes_in(
        &self,
        host: &str,
        owner: &str,
        here: &str,
        listener: impl Fn(&SidecarEgress) -> bool,
    ) -> bool {
        let Some(sidecar) = self.sidecar.filter(|sidecar| !sidecar.spec.egress.is_empty()) else {
            return true;
        };
        let mut listeners = sidecar.spec.egress.iter().filter(|egress| listener(egress));
        listeners.any(|egress| egress.hosts.iter().any(|entry| imports(entry, host, owner, here)))
    }

    /// Whether a service can be called at this port: an egress listener of the Sidecar may be for one port only, and
    /// then decides for it alone.
    pub(crate) fn sees(&self, service: &Service, port: u16, here: &str) -> bool {
        let egress = self.sidecar.into_iter().flat_map(|sidecar| &sidecar.spec.egress);
        let own = egress.clone().any(|egress| egress_port(egress) == Some(port.into()));
        self.takes_in(&service.host, &service.namespace, here, |egress| match egress_port(egress) {
            Some(number) => number == u32::from(port),
            None => !own,
        })
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

/// The hosts that a VirtualService leads to.
fn destinations(rule: &VirtualService) -> impl Iterator<Item = &String> {
    let http = rule.http.iter().flat_map(|rule| {
        let mirrors = rule.mirrors.iter().map(|mirror| &mirror.destination.host);
        rule.route
            .iter()
            .map(|split| &split.destination.host)
            .chain(rule.mirror.iter().map(|to| &to.host))
            .chain(mirrors)
    });
    let tls = rule.tls.iter().flat_map(|rule| rule.route.iter().map(|split| &split.destination.host));
    let tcp = rule.tcp.iter().flat_map(|rule| rule.route.iter().map(|split| &split.destination.host));
    http.chain(tls).chain(tcp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_and_imports() {
        let to = |said: &[&str], owner| {
            exported(
                &said.iter().map(ToString::to_string).collect::<Vec<_>>(),
                &[".".to_owned()],
                owner,
                "demo",
            )
        };
        assert!(to(&["*"], "other") && to(&["demo"], "other") && to(&["."], "demo") && to(&[], "demo"));
        assert!(!to(&["."], "other") && !to(&["~"], "demo") && !to(&["third"], "other") && !to(&[], "other"));
        let host = "web.demo.svc.cluster.local";
        let takes = |entry| imports(entry, host, "demo", "demo");
        assert!(takes("*/*") && takes("./*") && takes("demo/*") && takes("./*.local"));
        assert!(!takes("~/*") && !takes("other/*") && !takes("*/api.demo.svc.cluster.local"));
        assert!(imports(&format!("*/{host}"), host, "demo", "other"));
        assert!(!imports("./*", host, "demo", "other"));
    }
}
