//! Routes of the Gateway API: those that are bound to a Service, and those that a listener takes.

use super::Place;
use super::Skipped;
use super::because::Because;
use super::list::{Candidate, List};
use super::scope::Scope;
use super::service::Service;
use super::world::Item;
use crate::api_routes::{self, Ranked};
use crate::listeners::Asking;
use crate::precedence::Config;
use crate::refs::Ref;
use crate::views::gateway_api::{self, HttpRoute, Listener, ParentRef};
use std::sync::Arc;

/// The rules of routes that are bound to a Service.
pub(super) struct Bound {
    pub(super) list: List,
    /// The first of the routes.
    pub(super) first: Ref,
    /// Routes that are bound to it, too, and do not count.
    pub(super) skipped: Vec<Skipped>,
}

fn namespace<'a>(route: &'a Item<HttpRoute>, parent: &'a ParentRef) -> &'a str {
    parent.namespace.as_deref().unwrap_or(&route.at.namespace)
}

/// The routes that take the calls to a port of a Service; `None` where there are none. Those of the caller's
/// own namespace come first, then those that name the port.
pub(super) fn calls(scope: &Scope<'_>, service: &Service, port: u16) -> Option<Bound> {
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for route in &scope.world.routes {
        for parent in route.spec.parent_refs.iter().filter(|parent| parent.is_service()) {
            let host = crate::hosts::of_service(&parent.name, namespace(route, parent));
            if host != service.host || parent.port.is_some_and(|only| only != u32::from(port)) {
                continue;
            }
            let far = route.at.namespace != service.at.namespace;
            if far && *route.at.namespace != *scope.caller.namespace {
                let whose = Because::OtherCallers(route.at.namespace.to_string());
                skipped.push(Skipped::new(Place::whole(&route.at), whose));
                continue;
            }
            found.push(((far, parent.port.is_some()), route));
        }
    }
    let best = found.iter().map(|(rank, _)| *rank).max()?;
    let first = found.iter().find(|(rank, _)| *rank == best)?.1.at.clone();
    let farther = found.iter().filter(|(rank, _)| *rank != best);
    skipped.extend(
        farther.map(|(_, route)| Skipped::new(Place::whole(&route.at), Because::AfterRoute(first.clone()))),
    );
    let holding: Vec<&Item<HttpRoute>> =
        found.iter().filter(|(rank, _)| *rank == best).map(|(_, route)| *route).collect();
    Some(Bound { list: list(scope, &holding, port), first, skipped })
}

/// The routes that a listener takes for a host, as one list; and why it does not take others for it.
pub(super) fn entering(
    scope: &Scope<'_>,
    gateway: &Item<gateway_api::Gateway>,
    listener: &Listener,
    port: u16,
) -> Vec<(String, List)> {
    let mut hosts: Vec<(String, Vec<&Item<HttpRoute>>)> = Vec::new();
    for route in &scope.world.routes {
        let mut meant = route.spec.parent_refs.iter().filter(|parent| {
            parent.is_gateway()
                && namespace(route, parent) == gateway.namespace()
                && parent.name == gateway.name()
                && listener.is_meant(parent)
        });
        if meant.next().is_none() {
            continue;
        }
        let asking = Asking {
            kind: route.at.kind.kind,
            namespace: &route.at.namespace,
            labels: scope.world.namespaces.get(&*route.at.namespace),
            hosts: &route.spec.hostnames,
        };
        for host in listener.takes(gateway.namespace(), asking).unwrap_or_default() {
            match hosts.iter_mut().find(|(known, _)| *known == host) {
                Some((_, routes)) => routes.push(route),
                None => hosts.push((host, vec![route])),
            }
        }
    }
    hosts.into_iter().map(|(host, routes)| (host, list(scope, &routes, port))).collect()
}

/// Their rules, the most specific first.
fn list(scope: &Scope<'_>, routes: &[&Item<HttpRoute>], port: u16) -> List {
    let world = scope.world;
    let has = |host: &str, port: u32| {
        let mut all = world.of_host(host).peekable();
        all.peek()?;
        let port = u16::try_from(port).ok();
        Some(port.is_some_and(|port| all.any(|service| service.port(port).is_some())))
    };
    let mut rules: Vec<(Ranked, &Item<HttpRoute>)> = Vec::new();
    for route in routes.iter().copied() {
        let from = (route.at.kind.kind, route.namespace());
        let may = |namespace: &str, name: &str| world.may_refer(from, ("Service", namespace, name));
        let resolve = |to: &gateway_api::BackendRef| api_routes::backend(route.namespace(), to, may, has);
        rules.extend(api_routes::rules(route, resolve).rules.into_iter().map(|rule| (rule, route)));
    }
    rules.sort_by_cached_key(|(ranked, _)| api_routes::rank(ranked));
    let candidate = |(ranked, route): (Ranked, &Item<HttpRoute>)| Candidate {
        place: Place::at(&route.at, format!("spec.rules[{}]", ranked.at.0)),
        one: ranked.rule.r#match.first().cloned().unwrap_or_default(),
        rule: Arc::new(ranked.rule),
        namespace: Arc::clone(&route.at.namespace),
        made: true,
        port,
    };
    List { candidates: rules.into_iter().map(candidate).collect(), skipped: Vec::new() }
}
