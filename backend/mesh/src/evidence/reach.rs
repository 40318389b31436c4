//! Which proxies a resource reaches, and what of it applies to each.

use super::MadeRoute;
use super::route_match::RouteMatch;
use crate::model::Configured;
use crate::{Mesh, Ref, Service, Workload};
use istio::destination::{self, Called, Client, Defaults};
use istio::precedence::by_age;
use istio::views::{self, DestinationRule, HttpMatch, HttpRoute, Sidecar, VirtualService};
use istio::visibility::{Egress, exported, sidecar};
use istio::{Selects, fqdn, kinds, routing};
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
    /// Those that can be read, the oldest first.
    sidecars: BTreeMap<&'a str, Vec<(&'a Ref, &'a str, Sidecar)>>,
}

impl<'a> Reach<'a> {
    pub(crate) fn of(mesh: &'a Mesh) -> Self {
        let mut sidecars: BTreeMap<&str, Vec<(&Ref, &str, Sidecar)>> = BTreeMap::new();
        for (at, object) in mesh.objects().of_kind(&kinds::SIDECAR) {
            if let Ok(view) = views::read(object) {
                sidecars.entry(&*at.namespace).or_default().push((at, object.created(), view));
            }
        }
        sidecars
            .values_mut()
            .for_each(|list| list.sort_by(|one, other| by_age(&configured(one), &configured(other))));
        Self { mesh, sidecars }
    }

    /// Proxies that hold routes of a VirtualService, by the routes that it makes there: sidecars that see it and a host of
    /// it, and the gateways that it is bound to.
    pub(super) fn routes(&self, at: &Ref, view: &VirtualService) -> Vec<Group<Arc<[MadeRoute]>>> {
        let inside = routing::in_mesh(&view.gateways);
        let hosts: Vec<String> = view.hosts.iter().map(|host| fqdn(host, &at.namespace)).collect();
        let services: Vec<&Service> =
            self.mesh.services().filter(|service| hosts.contains(&service.host)).collect();
        let sees = |workload: &Workload| {
            let egress = self.egress(workload);
            let mut known =
                services.iter().map(|service| egress.sees_service(&service.host, &service.namespace));
            egress.sees_routes(view, &at.namespace) && (services.is_empty() || known.any(|known| known))
        };
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
                && exported(&view.export_to, &[], &at.namespace, &workload.namespace)
                && sees(workload)
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
        let objects = self.mesh.objects();
        // One that is not there yet is the youngest.
        let created = objects.get(at).map_or("~", |object| object.created());
        let others = self.mesh.destination_rules().filter(|(other, _)| *other != at);
        let others = others.filter_map(|(at, spec)| Configured::of(objects, at, spec));
        let all: Vec<_> = others.chain([Configured { at, created, spec: view }]).collect();
        let called = Called { host, namespace: &service.namespace };
        let mesh = Defaults { root: self.mesh.root_namespace(), export_to: &[] };
        let takes = |workload: &&Workload| {
            let client = Client { namespace: &workload.namespace, labels: &workload.labels };
            let holding = destination::rule(all.iter(), client, called, mesh);
            holding.is_some_and(|merged| merged.from.iter().any(|one| one.at == at))
                && (workload.gateway || self.egress(workload).sees_service(host, &service.namespace))
        };
        self.mesh.workloads().filter(takes).flat_map(Workload::proxies).collect()
    }

    /// The workloads that a Gateway runs on.
    fn behind(&self, namespace: &str, name: &str) -> Option<Vec<&'a Workload>> {
        let (namespace, name) = routing::gateway(name, namespace)?;
        let gateway = self.mesh.gateway(&Ref::new(&kinds::GATEWAY, namespace, name))?;
        let selects = Selects::gathering(&gateway.selector);
        let all = self.mesh.workloads().filter(|workload| workload.gateway);
        Some(all.filter(|workload| selects.takes(&workload.labels)).collect())
    }

    /// What a workload's Sidecar lets it see.
    fn egress<'b>(&'b self, workload: &'b Workload) -> Egress<'b> {
        let root = self.mesh.root_namespace();
        let near = [&*workload.namespace, root].into_iter().filter_map(|of| self.sidecars.get(of));
        let holding = sidecar(near.flatten().map(configured), root, &workload.namespace, &workload.labels);
        Egress::new(holding.map(|one| one.spec), &workload.namespace)
    }
}

fn configured<'b>((at, created, spec): &'b (&Ref, &str, Sidecar)) -> Configured<'b, Sidecar> {
    Configured { at, created, spec }
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
        return Selects::narrowing(Some(&one.source_labels)).takes(&workload.labels)
            && one.source_namespace.as_ref().is_none_or(|source| **source == *workload.namespace);
    }
    let meant = |name: &'_ str| routing::gateway(name, namespace).map(|(of, name)| format!("{of}/{name}"));
    one.gateways.iter().any(|name| through.iter().any(|through| meant(name) == meant(through)))
}
