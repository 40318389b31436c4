//! Which proxies a resource reaches, and what of it applies to each.

use super::MadeRoute;
use super::route_match::RouteMatch;
use crate::model::Configured;
use crate::roles::gateway_api;
use crate::{Mesh, Object, Ref, Service, Workload};
use istio::destination::{self, Called, Client, Defaults};
use istio::precedence::by_age;
use istio::views::gateway_api::{ParentRef, Route};
use istio::views::{self, DestinationRule, HttpMatch, HttpRoute, Sidecar, VirtualService};
use istio::visibility::{Egress, exported, sidecar};
use istio::{Selects, fqdn, kinds, routing};
use std::collections::{BTreeMap, BTreeSet};

/// Proxies in which a VirtualService makes the same routes.
pub(super) struct Group {
    pub(super) proxies: Vec<String>,
    pub(super) made: Vec<MadeRoute>,
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

    /// Proxies that hold routes of a VirtualService, by the routes that it makes there: sidecars that see it
    /// and a host of it, and the gateways that it is bound to. `rule` is the one that is meant, or all.
    pub(super) fn routes(&self, at: &Ref, view: &VirtualService, rule: Option<usize>) -> Vec<Group> {
        let inside = routing::in_mesh(&view.gateways);
        let hosts: Vec<String> = view.hosts.iter().map(|host| fqdn(host, &at.namespace)).collect();
        let services: Vec<&Service> =
            self.mesh.services().filter(|service| hosts.contains(&service.host)).collect();
        let bound: Vec<_> = services.iter().map(|of| gateway_api::bound(self.mesh, of)).collect();
        let sees = |workload: &Workload| {
            let egress = self.egress(workload);
            // Where a route of the Gateway API takes the calls, no VirtualService makes any.
            let mut known = services.iter().zip(&bound).map(|(service, bound)| {
                egress.sees_service(&service.host, &service.namespace)
                    && gateway_api::whole(bound, service, &workload.namespace).is_none()
            });
            egress.sees_routes(view, &at.namespace) && (services.is_empty() || known.any(|known| known))
        };
        let gateways: Vec<(&str, Vec<&Workload>)> = view
            .gateways
            .iter()
            .filter_map(|name| Some((name.as_str(), self.behind(&at.namespace, name)?)))
            .collect();
        let ports = services.iter().flat_map(|service| &service.ports).map(|port| port.number).collect();
        let mut groups: Vec<Group> = Vec::new();
        for workload in self.mesh.workloads() {
            let shown = exported(&view.export_to, &[], &at.namespace, &workload.namespace);
            let through: Vec<&str> = if !shown {
                Vec::new()
            } else if workload.gateway {
                let here = |(_, behind): &&(&str, Vec<&Workload>)| behind.contains(&workload);
                gateways.iter().filter(here).map(|(name, _)| *name).collect()
            } else if inside && sees(workload) {
                vec!["mesh"]
            } else {
                Vec::new()
            };
            if !through.is_empty() {
                let ports = if workload.gateway { &BTreeSet::new() } else { &ports };
                let made = made(&view.http, rule, workload, &at.namespace, &through, ports);
                match groups.iter_mut().find(|group| group.made == made) {
                    _ if made.is_empty() => {}
                    Some(group) => group.proxies.extend(workload.proxies()),
                    None => groups.push(Group { proxies: workload.proxies().collect(), made }),
                }
            }
        }
        groups
    }

    /// Proxies that take what a DestinationRule says of a host: those that see the service, and whose own
    /// namespace (or, before the root namespace, the service's) has no rule for it that comes first. Of several
    /// that are merged there, an older one's policy, and its subset of a name, is the one that counts.
    pub(super) fn clusters(&self, at: &Ref, view: &DestinationRule, host: &str, subset: &str) -> Vec<String> {
        let service = self.mesh.services().find(|service| service.host == host);
        let of = |service: &Service| self.taking(at, view, (host, &service.namespace), subset);
        service.map(of).unwrap_or_default()
    }

    /// The same for a host of a namespace, whether it is there already or not.
    pub(crate) fn taking(
        &self,
        at: &Ref,
        view: &DestinationRule,
        of: (&str, &str),
        subset: &str,
    ) -> Vec<String> {
        let counts = |rule: &DestinationRule| {
            let of = |rule: &DestinationRule| rule.subsets.iter().find(|one| one.name == subset).cloned();
            match of(view) {
                Some(own) => of(rule) == Some(own),
                None if subset.is_empty() && view.traffic_policy.is_some() => {
                    rule.traffic_policy == view.traffic_policy
                }
                None => true,
            }
        };
        self.ruled(at, view, of, |from, rule| from.contains(&at) && counts(rule))
    }

    /// Proxies whose clusters of a host are this DestinationRule's, as they say themselves: of several that are
    /// merged there, the first one's.
    pub(crate) fn led(&self, at: &Ref, view: &DestinationRule, of: (&str, &str)) -> Vec<String> {
        self.ruled(at, view, of, |from, _| from.first() == Some(&at))
    }

    /// Proxies that see a host of a namespace, and for which such rules hold, with this one among all.
    fn ruled(
        &self,
        at: &Ref,
        view: &DestinationRule,
        (host, namespace): (&str, &str),
        counts: impl Fn(&[&Ref], &DestinationRule) -> bool,
    ) -> Vec<String> {
        let objects = self.mesh.objects();
        // One that is not there yet is the youngest.
        let created =
            objects.get(at).map(Object::created).filter(|created| !created.is_empty()).unwrap_or("~");
        let others = self.mesh.destination_rules().filter(|(other, _)| *other != at);
        let others = others.filter_map(|(at, spec)| Configured::of(objects, at, spec));
        let all: Vec<_> = others.chain([Configured { at, created, spec: view }]).collect();
        let called = Called { host, namespace };
        let mesh = Defaults { root: self.mesh.root_namespace(), export_to: &[] };
        let takes = |workload: &&Workload| {
            let client = Client { namespace: &workload.namespace, labels: &workload.labels };
            let holding = destination::rule(all.iter(), client, called, mesh);
            holding.is_some_and(|merged| {
                let from: Vec<&Ref> = merged.from.iter().map(|one| one.at).collect();
                counts(&from, &merged.rule)
            }) && (workload.gateway || self.egress(workload).sees_service(host, namespace))
        };
        self.mesh.workloads().filter(takes).flat_map(Workload::proxies).collect()
    }

    /// Workloads whose proxies are told of a host of a namespace that is shown to these.
    pub(crate) fn seeing(&self, host: &str, namespace: &str, export_to: &[String]) -> Vec<&'a Workload> {
        let sees = |workload: &&Workload| {
            let egress = self.egress(workload);
            exported(export_to, &[], namespace, &workload.namespace)
                && (workload.gateway
                    || egress.sees_service(host, namespace)
                    || leads(self.mesh, egress, &workload.namespace, host))
        };
        self.mesh.workloads().filter(sees).collect()
    }

    /// The mesh.
    pub(super) fn mesh(&self) -> &'a Mesh {
        self.mesh
    }

    /// Proxies that may hold routes of an HTTPRoute or a GRPCRoute: callers of the Services that it is bound
    /// to, and gateways. Which gateway a Gateway is for, nobody here knows: the others hold none of it.
    pub(super) fn backends(&self, at: &Ref, view: &Route) -> Vec<String> {
        let namespace =
            |parent: &ParentRef| parent.namespace.clone().unwrap_or_else(|| at.namespace.to_string());
        let called: Vec<&Service> = (view.parent_refs.iter().filter(|parent| parent.is_service()))
            .filter_map(|parent| self.mesh.service(&namespace(parent), &parent.name))
            .collect();
        let enters = view.parent_refs.iter().any(ParentRef::is_gateway);
        let takes = |workload: &&Workload| {
            if workload.gateway {
                return enters;
            }
            let egress = self.egress(workload);
            called.iter().any(|service| {
                let holding = gateway_api::holding(self.mesh, service, &workload.namespace);
                holding.iter().any(|(of, _)| *of == at)
                    && egress.sees_service(&service.host, &service.namespace)
            })
        };
        self.mesh.workloads().filter(takes).flat_map(Workload::proxies).collect()
    }

    /// The virtual hosts in which routes of an HTTPRoute or a GRPCRoute stand that is bound to Services alone:
    /// "host", or "host:port". None where a Gateway says which.
    pub(super) fn bound_to(at: &Ref, view: &Route) -> Vec<String> {
        if !view.parent_refs.iter().all(ParentRef::is_service) {
            return Vec::new();
        }
        let host = |parent: &ParentRef| {
            let host = fqdn(&parent.name, parent.namespace.as_deref().unwrap_or(&at.namespace));
            parent.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
        };
        view.parent_refs.iter().map(host).collect()
    }

    /// The workloads that a Gateway runs on.
    pub(super) fn behind(&self, namespace: &str, name: &str) -> Option<Vec<&'a Workload>> {
        let (namespace, name) = routing::gateway(name, namespace)?;
        let gateway = self.mesh.gateway(&Ref::new(&kinds::GATEWAY, namespace, name))?;
        let selects = Selects::narrowing(Some(&gateway.selector));
        let all = self.mesh.workloads().filter(|workload| workload.gateway);
        Some(all.filter(|workload| selects.takes(&workload.labels)).collect())
    }

    /// What a workload's Sidecar lets it see.
    pub(super) fn egress<'b>(&'b self, workload: &'b Workload) -> Egress<'b> {
        let root = self.mesh.root_namespace();
        let near = [&*workload.namespace, root].into_iter().filter_map(|of| self.sidecars.get(of));
        let holding = sidecar(near.flatten().map(configured), root, &workload.namespace, &workload.labels);
        Egress::new(holding.map(|one| one.spec), &workload.namespace)
    }
}

/// Whether routes that a proxy in a namespace is told of lead to a host, which it is told of then.
pub(crate) fn leads(mesh: &Mesh, egress: Egress<'_>, namespace: &str, host: &str) -> bool {
    mesh.virtual_services().any(|(at, view)| {
        routing::in_mesh(&view.gateways)
            && exported(&view.export_to, &[], &at.namespace, namespace)
            && egress.sees_routes(view, &at.namespace)
            && routing::destinations(view).any(|to| fqdn(to, &at.namespace) == host)
    })
}

fn configured<'b>((at, created, spec): &'b (&Ref, &str, Sidecar)) -> Configured<'b, Sidecar> {
    Configured { at, created, spec }
}

/// The routes that rules make for a caller that comes through one of these gateways (or the "mesh"), as long
/// as some port of the services is open: after a route that takes everything there is none. No ports at all
/// are those of a gateway.
fn made(
    http: &[HttpRoute],
    rule: Option<usize>,
    workload: &Workload,
    namespace: &str,
    through: &[&str],
    ports: &BTreeSet<u32>,
) -> Vec<MadeRoute> {
    let mut open = ports.clone();
    let mut made = Vec::new();
    for (index, http) in http.iter().enumerate() {
        if http.delegate.is_some() {
            made.push(MadeRoute::Delegated);
            continue;
        }
        if http.route.is_empty() && http.redirect.is_none() && http.direct_response.is_none() {
            continue;
        }
        let every = [HttpMatch::default()];
        let alternatives = if http.r#match.is_empty() { &every[..] } else { &http.r#match };
        for one in alternatives.iter().filter(|one| can_apply(one, workload, namespace, through)) {
            let (meant, takes) = (rule.is_none_or(|rule| rule == index), RouteMatch::of(one));
            let all = takes.takes_all();
            made.push(MadeRoute::One { meant, port: one.port, takes });
            match one.port {
                Some(port) if all => drop(open.remove(&port)),
                None if all => return made,
                _ => {}
            }
            if open.is_empty() && !ports.is_empty() {
                return made;
            }
        }
    }
    made
}

/// Whether requests of a caller can match at all. A match that names its gateways asks for no caller, as in
/// istiod.
fn can_apply(one: &HttpMatch, workload: &Workload, namespace: &str, through: &[&str]) -> bool {
    if one.gateways.is_empty() {
        return Selects::narrowing(Some(&one.source_labels)).takes(&workload.labels)
            && one.source_namespace.as_ref().is_none_or(|source| **source == *workload.namespace);
    }
    let meant = |name: &'_ str| routing::gateway(name, namespace).map(|(of, name)| format!("{of}/{name}"));
    one.gateways.iter().any(|name| through.iter().any(|through| meant(name) == meant(through)))
}
