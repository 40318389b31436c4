//! Which proxies a change of routes reaches.

use crate::model::{Service, closeness, selects};
use crate::{Mesh, Workload, visible_from};
use istio::kinds;
use istio::views::{self, Sidecar, VirtualService};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Proxies that hold routes of this VirtualService: sidecars whose namespace sees it and whose Sidecar lets them see the
/// host, and the gateways that it is bound to.
pub(super) fn of_route(
    mesh: &Mesh,
    namespace: &str,
    view: &VirtualService,
    service: &Service,
) -> Vec<String> {
    let inside = view.gateways.is_empty() || view.gateways.iter().any(|gateway| gateway == "mesh");
    let scopes = Scopes::of(mesh);
    let selectors: Vec<_> = view.gateways.iter().filter_map(|name| selector(mesh, namespace, name)).collect();
    let holds = |workload: &&Workload| {
        if workload.gateway {
            return selectors.iter().any(|selector| selects(selector, &workload.labels));
        }
        inside
            && visible_from(&view.export_to, namespace, &workload.namespace)
            && scopes.sees(workload, service)
    };
    mesh.workloads().filter(holds).flat_map(Workload::proxies).collect()
}

/// What the Gateway of this name ("name" or "namespace/name") runs on.
fn selector<'a>(mesh: &'a Mesh, namespace: &str, name: &str) -> Option<&'a BTreeMap<String, String>> {
    let (namespace, name) = name.split_once('/').unwrap_or((namespace, name));
    Some(&mesh.gateway(&crate::Ref::new(&kinds::GATEWAY, namespace, name))?.selector)
}

/// Sidecar objects by namespace.
struct Scopes<'a> {
    root: &'a str,
    by_namespace: BTreeMap<Arc<str>, Vec<Sidecar>>,
}

impl<'a> Scopes<'a> {
    fn of(mesh: &'a Mesh) -> Self {
        let mut by_namespace: BTreeMap<Arc<str>, Vec<Sidecar>> = BTreeMap::new();
        for (at, object) in mesh.objects().of_kind(&kinds::SIDECAR) {
            if let Ok(view) = views::read(object) {
                by_namespace.entry(at.namespace.clone()).or_default().push(view);
            }
        }
        Self { root: mesh.root_namespace(), by_namespace }
    }

    /// Whether a workload's sidecar is told of a service.
    fn sees(&self, workload: &Workload, service: &Service) -> bool {
        let labels = |sidecar: &Sidecar| {
            sidecar.workload_selector.as_ref().map(|selector| selector.labels.clone()).unwrap_or_default()
        };
        let in_namespace = |namespace: &str| self.by_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
        let own = in_namespace(&workload.namespace);
        let chosen = own.iter().find(|sidecar| selects(&labels(sidecar), &workload.labels));
        let whole = |list: &'_ [Sidecar]| list.iter().find(|sidecar| labels(sidecar).is_empty()).cloned();
        let chosen = chosen.cloned().or_else(|| whole(own)).or_else(|| whole(in_namespace(self.root)));
        let Some(sidecar) = chosen.filter(|sidecar| !sidecar.egress.is_empty()) else { return true };
        sidecar.egress.iter().flat_map(|egress| &egress.hosts).any(|host| {
            let (namespace, host) = host.split_once('/').unwrap_or(("*", host));
            let there = match namespace {
                "*" => true,
                "." => workload.namespace == service.namespace,
                namespace => *service.namespace == *namespace,
            };
            there && closeness(host, &service.namespace, &service.host).is_some()
        })
    }
}
