//! Calls inside the mesh: the service that a host is, the routes or the VirtualService that hold for it.

use super::because::Because;
use super::list::{List, has_rules, of_rules};
use super::request::Request;
use super::scope::Scope;
use super::service::Service;
use super::way::Way;
use super::world::Item;
use super::{Outcome, Place, Said, Skipped, Split, Taken};
use super::{api, bytes, outcome};
use crate::hosts::{Closeness, overlap};
use crate::precedence::Config;
use crate::routing::MESH;
use crate::views::VirtualService;
use std::cmp::Reverse;

/// The port at which hosts are served that no service has, as by istiod.
const UNREGISTERED: u16 = 80;

pub(super) fn take(scope: &Scope<'_>, request: &Request) -> Taken {
    let host = request.host();
    let mut skipped = Vec::new();
    let mut named: Vec<(Closeness, &Service)> = Vec::new();
    for service in &scope.world.services {
        let Some(closeness) = service.named(&host, scope.caller.namespace) else { continue };
        match scope.hides(service, request.port) {
            Some(why) => skipped.push(Skipped::new(Place::whole(&service.at), why)),
            None if scope.is_nearest(service) => named.push((closeness, service)),
            None => {}
        }
    }
    named.sort_by_key(|(closeness, _)| Reverse(*closeness));
    let http = |service: &Service| service.port(request.port).is_some_and(|port| port.protocol.may_be_http());
    let mut taken = match named.first() {
        Some((_, service)) if http(service) => to_service(scope, service, request),
        Some((_, service)) => bytes::to_service(scope, service, request),
        None => to_nobody(scope, &host, request),
    };
    taken.skipped.splice(0..0, skipped);
    taken
}

/// Calls of somebody without a proxy: no rule holds for them.
pub(super) fn unproxied(scope: &Scope<'_>, request: &Request) -> Taken {
    let host = request.host();
    let named = |service: &'_ &Service| service.named(&host, scope.caller.namespace).is_some();
    match scope.world.services.iter().find(named).filter(|service| service.port(request.port).is_some()) {
        Some(service) => Taken { outcome: plainly(scope, service, request.port), ..Taken::default() },
        None => Taken { outcome: Outcome { passes: true, ..Outcome::default() }, ..Taken::default() },
    }
}

/// Where calls go that no rule is for.
pub(super) fn plainly(scope: &Scope<'_>, service: &Service, port: u16) -> Outcome {
    let only = Split::new(scope, service.host.clone(), None, port, 100);
    Outcome { destinations: vec![only], ..Outcome::default() }
}

fn to_service(scope: &Scope<'_>, service: &Service, request: &Request) -> Taken {
    let way = |rules: &'_ Item<VirtualService>| of_rules(scope, rules, &mesh(rules, request.port));
    let routes = api::calls(scope, service, request.port);
    let (first, mut skipped) = holding(scope, &service.host);
    let list = match (routes, first) {
        (Some(mut routes), first) => {
            let by = routes.first.clone();
            skipped.splice(0..0, std::mem::take(&mut routes.skipped));
            skipped.extend(first.map(|rules| overruled(rules, Because::AfterRoutes(by))));
            routes.list
        }
        (None, Some(rules)) => way(rules),
        (None, None) => List::default(),
    };
    // Rules none of which is for this caller are as good as none.
    let none = list.candidates.is_empty();
    let mut taken = settle(scope, list, request);
    if none {
        taken.outcome = plainly(scope, service, request.port);
    }
    taken.skipped.splice(0..0, skipped);
    taken
}

fn mesh<'a>(rules: &'a Item<VirtualService>, port: u16) -> Way<'a> {
    Way { gateway: MESH, namespace: rules.namespace(), port }
}

fn overruled(rules: &Item<VirtualService>, why: Because) -> Skipped {
    Skipped::new(Place::whole(&rules.at), why)
}

/// What the first rule that takes a request makes of it.
pub(super) fn settle(scope: &Scope<'_>, list: List, request: &Request) -> Taken {
    let (took, skipped) = list.first(request);
    match took {
        None => Taken::answered(404, Said::NoRule, skipped),
        Some(took) => Taken {
            outcome: outcome::of(scope, &took, request),
            rule: Some(took.place),
            skipped,
            ..Taken::default()
        },
    }
}

/// The VirtualService of the mesh for a host, and why others that name it are not.
fn holding<'w>(scope: &Scope<'w>, host: &str) -> (Option<&'w Item<VirtualService>>, Vec<Skipped>) {
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for rules in scope.by_nearness() {
        let Some(closeness) = Closeness::among(&rules.spec.hosts, rules.namespace(), host) else { continue };
        match scope.leaves_out(rules) {
            // What gateways serve for all hosts is nobody's surprise.
            Some(Because::NotForMesh) if closeness != Closeness::EXACT => {}
            Some(why) => skipped.push(overruled(rules, why)),
            None if !has_rules(scope, rules) => skipped.push(overruled(rules, Because::NoRules)),
            None => found.push((closeness, rules)),
        }
    }
    found.sort_by_key(|(closeness, _)| Reverse(*closeness));
    let mut found = found.into_iter();
    let first = found.next();
    if let Some((best, first)) = first {
        skipped.extend(found.map(|(closeness, rules)| match closeness == best {
            true if scope.nearness(first) < scope.nearness(rules) => {
                overruled(rules, Because::LessNear(first.at.clone()))
            }
            true => overruled(rules, Because::Younger(first.at.clone())),
            false => overruled(rules, Because::Farther(first.at.clone())),
        }));
    }
    (first.map(|(_, rules)| rules), skipped)
}

/// A host that no service has: a VirtualService may have it, at the port of the web.
fn to_nobody(scope: &Scope<'_>, host: &str, request: &Request) -> Taken {
    let known = |service: &Service| {
        scope.hides(service, request.port).is_none()
            && service.port(request.port).is_some_and(|port| port.protocol.may_be_http())
    };
    let http = scope.world.services.iter().any(known);
    if http && request.port == UNREGISTERED {
        let registered = |name: &str| scope.world.services.iter().any(|service| overlap(name, &service.host));
        let of = |rules: &'_ &Item<VirtualService>| {
            let hosts = rules.spec.hosts.iter().map(|name| crate::fqdn(name, rules.namespace()));
            let free = hosts.filter(|name| !registered(name));
            free.filter_map(|name| Closeness::of(&name, host)).max()
        };
        let with_rules = scope.rules().filter(|rules| crate::routing::in_mesh(&rules.spec.gateways));
        let with_rules = with_rules.filter(|rules| has_rules(scope, rules));
        let mut named: Vec<_> = with_rules.filter_map(|rules| Some((of(&rules)?, rules))).collect();
        named.sort_by_key(|(closeness, _)| Reverse(*closeness));
        if let Some((_, rules)) = named.first() {
            return settle(scope, of_rules(scope, rules, &mesh(rules, request.port)), request);
        }
    }
    match (scope.allows_any(), http) {
        (true, _) => Taken { outcome: Outcome { passes: true, ..Outcome::default() }, ..Taken::default() },
        (false, true) => Taken::answered(502, Said::Blocked, Vec::new()),
        (false, false) => {
            Taken { outcome: Outcome { closed: true, ..Outcome::default() }, ..Taken::default() }
        }
    }
}
