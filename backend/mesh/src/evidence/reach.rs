//! Which proxies a resource reaches, and what of it applies to each.

use super::MadeRoute;
use super::route_match::RouteMatch;
use crate::model::{closeness, full, selects};
use crate::{Mesh, Ref, Service, Workload, visible_from};
use istio::kinds;
use istio::views::{self, DestinationRule, HttpMatch, HttpRoute, Sidecar, VirtualService};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Proxies for which a resource comes to the same.
pub(super) struct Group<T> {
    pub(super) proxies: Vec<String>,
    pub(super) told: T,
}

/// Whom resources reach in one mesh.
pub(crate) struct Reach<'a> {
    mesh: &'a Mesh,
    sidecars: BTreeMap<Arc<str>, Vec<Sidecar>>,
}

impl<'a> Reach<'a> {
    pub(crate) fn of(mesh: &'a Mesh) -> Self {
        let mut sidecars: BTreeMap<Arc<str>, Vec<Sidecar>> = BTreeMap::new();
        for (at, object) in mesh.objects().of_kind(&kinds::SIDECAR) {
            if let Ok(view) = views::read(object) {
                sidecars.entry(at.namespace.clone()).or_default().push(view);
            }
        }
        Self { mesh, sidecars }
    }

    /// Proxies that hold routes of a VirtualService, by the routes that it makes there: sidecars that see it and a host of
    /// it, and the gateways that it is bound to.
    pub(super) fn routes(&self, at: &Ref, view: &VirtualService) -> Vec<Group<Arc<[MadeRoute]>>> {
        let inside = view.gateways.is_empty() || view.gateways.iter().any(|gateway| gateway == "mesh");
        let hosts: Vec<String> = view.hosts.iter().map(|host| full(host, &at.namespace)).collect();
        let of_host = |host: &String| self.mesh.services().find(move |service| service.host == *host);
        let services: Vec<&Service> = hosts.iter().filter_map(of_host).collect();
        let gateways: Vec<(&str, Vec<&Workload>)> = view
            .gateways
            .iter()
            .filter_map(|name| Some((name.as_str(), self.behind(&at.namespace, name)?)))
            .collect();
        let mut groups: Vec<Group<Arc<[MadeRoute]>>> = Vec::new();
        for workload in self.mesh.workloads() {
            let through: Vec<&str> = if workload.gateway {
                let here = |(_, behind): &&(&str, Vec<&Workload>)| behind.contains(&workload);
                gateways.iter().filter(here).map(|(name, _)| *name).collect()
            } else if inside
                && visible_from(&view.export_to, &at.namespace, &workload.namespace)
                && self.sees(workload, &at.namespace, &hosts, &services)
            {
                vec!["mesh"]
            } else {
                Vec::new()
            };
            if !through.is_empty() {
                let made = made(&view.http, workload, &at.namespace, &through);
                if !made.is_empty() {
                    join(&mut groups, workload, made.into());
                }
            }
        }
        groups
    }

    /// Proxies that take what a DestinationRule says of a host: those that see the service, and whose own namespace (or,
    /// before the root namespace, the service's) has no rule for it that comes first.
    pub(super) fn clusters(&self, at: &Ref, view: &DestinationRule, host: &str) -> Vec<String> {
        let Some(service) = self.mesh.services().find(|service| service.host == host) else {
            return Vec::new();
        };
        let others = |namespace: &str| {
            let rules = service.destination_rules.iter();
            rules.filter(|other| *other != at).any(|other| *other.namespace == *namespace)
        };
        let hosts = [host.to_owned()];
        let takes = |workload: &&Workload| {
            let scopes = [&*workload.namespace, &*service.namespace, self.mesh.root_namespace()];
            let first = scopes.into_iter().find(|scope| *at.namespace == **scope || others(scope));
            let selected = view.workload_selector.as_ref().is_none_or(|selector| {
                *workload.namespace == *at.namespace && selects(&selector.match_labels, &workload.labels)
            });
            first == Some(&*at.namespace)
                && selected
                && visible_from(&view.export_to, &at.namespace, &workload.namespace)
                && (workload.gateway || self.sees(workload, &service.namespace, &hosts, &[service]))
        };
        self.mesh.workloads().filter(takes).flat_map(Workload::proxies).collect()
    }

    /// The workloads that a Gateway runs on.
    fn behind(&self, namespace: &str, name: &str) -> Option<Vec<&'a Workload>> {
        let (namespace, name) = name.split_once('/').unwrap_or((namespace, name));
        let gateway = self.mesh.gateway(&Ref::new(&kinds::GATEWAY, namespace, name))?;
        let all = self.mesh.workloads().filter(|workload| workload.gateway);
        Some(all.filter(|workload| selects(&gateway.selector, &workload.labels)).collect())
    }

    /// Whether a workload's Sidecar lets it see one of these hosts, of an object in this namespace.
    fn sees(&self, workload: &Workload, namespace: &str, hosts: &[String], services: &[&Service]) -> bool {
        let labels = |sidecar: &Sidecar| {
            sidecar.workload_selector.as_ref().map(|selector| selector.labels.clone()).unwrap_or_default()
        };
        let of = |namespace: &str| self.sidecars.get(namespace).map_or(&[][..], Vec::as_slice);
        let own = of(&workload.namespace);
        let chosen = own
            .iter()
            .find(|sidecar| !labels(sidecar).is_empty() && selects(&labels(sidecar), &workload.labels));
        let wide = |list: &'_ [Sidecar]| list.iter().find(|sidecar| labels(sidecar).is_empty()).cloned();
        let chosen = chosen.cloned().or_else(|| wide(own)).or_else(|| wide(of(self.mesh.root_namespace())));
        let Some(sidecar) = chosen.filter(|sidecar| !sidecar.egress.is_empty()) else { return true };
        let owner_of = |host: &str| {
            let service = services.iter().find(|service| service.host == host);
            service.map_or(namespace, |service| &*service.namespace)
        };
        sidecar.egress.iter().flat_map(|egress| &egress.hosts).any(|seen| {
            let (from, pattern) = seen.split_once('/').unwrap_or(("*", seen));
            hosts.iter().any(|host| {
                let owner = owner_of(host);
                let there = match from {
                    "*" => true,
                    "." => *workload.namespace == *owner,
                    from => owner == from,
                };
                there && closeness(pattern, owner, host).is_some()
            })
        })
    }
}

fn join<T: PartialEq>(groups: &mut Vec<Group<T>>, workload: &Workload, told: T) {
    let proxies = workload.proxies();
    match groups.iter_mut().find(|group| group.told == told) {
        Some(group) => group.proxies.extend(proxies),
        None => groups.push(Group { proxies: proxies.collect(), told }),
    }
}

/// The routes that rules make for a caller that comes through one of these gateways (or the "mesh").
fn made(http: &[HttpRoute], workload: &Workload, namespace: &str, through: &[&str]) -> Vec<MadeRoute> {
    let mut made = Vec::new();
    for (rule, http) in http.iter().enumerate() {
        if http.delegate.is_some() {
            made.push(MadeRoute::Delegated);
            continue;
        }
        if http.route.is_empty() && http.redirect.is_none() && http.direct_response.is_none() {
            continue;
        }
        let every = [HttpMatch::default()];
        let alternatives = if http.r#match.is_empty() { &every[..] } else { &http.r#match };
        let can = |one: &&HttpMatch| can_apply(one, workload, namespace, through);
        made.extend(alternatives.iter().filter(can).map(|one| MadeRoute::One {
            rule,
            port: one.port,
            takes: RouteMatch::of(one),
        }));
    }
    made
}

/// Whether requests of a caller can match at all. A match that names its gateways asks for no caller, as in istiod.
fn can_apply(one: &HttpMatch, workload: &Workload, namespace: &str, through: &[&str]) -> bool {
    if one.gateways.is_empty() {
        return has(&one.source_labels, &workload.labels)
            && one.source_namespace.as_ref().is_none_or(|source| **source == *workload.namespace);
    }
    let full = |name: &str| match name.split_once('/') {
        _ if name == "mesh" => name.to_owned(),
        Some((".", name)) => format!("{namespace}/{name}"),
        Some(_) => name.to_owned(),
        None => format!("{namespace}/{name}"),
    };
    one.gateways.iter().any(|name| through.iter().any(|through| full(name) == full(through)))
}

fn has(wanted: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}
