//! HTTPRoutes and GRPCRoutes that are bound to a Service: as in istiod, they come before VirtualServices, and
//! one of the caller's own namespace before one of the Service's.

use crate::{Mesh, Ref, Service};

/// A route that is bound to a Service.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) at: &'a Ref,
    /// Only for callers of this namespace, which is not the Service's.
    pub(crate) from: Option<&'a str>,
    /// Only for this port.
    pub(crate) port: Option<u32>,
}

/// All that are bound to a Service.
pub(crate) fn bound<'a>(mesh: &'a Mesh, service: &Service) -> Vec<Bound<'a>> {
    let mut found = Vec::new();
    for (at, view) in mesh.backend_routes() {
        for parent in view.parent_refs.iter().filter(|parent| parent.is_service()) {
            let namespace = parent.namespace.as_deref().unwrap_or(&at.namespace);
            if *service.namespace == *namespace && *service.name == *parent.name {
                let from = (*at.namespace != *service.namespace).then_some(&*at.namespace);
                found.push(Bound { at, from, port: parent.port });
            }
        }
    }
    found
}

/// The routes that take the calls to a Service from a namespace, each with the port.
pub(crate) fn holding<'a>(mesh: &'a Mesh, service: &Service, namespace: &str) -> Vec<(&'a Ref, u32)> {
    among(&bound(mesh, service), service, namespace)
}

fn among<'a>(bound: &[Bound<'a>], service: &Service, namespace: &str) -> Vec<(&'a Ref, u32)> {
    let mut found = Vec::new();
    for port in service.ports.iter().filter(|port| port.protocol.may_be_http()) {
        let takes = |one: &&Bound<'_>| {
            one.port.is_none_or(|only| only == port.number) && one.from.is_none_or(|from| from == namespace)
        };
        let rank = |one: &Bound<'_>| (one.from.is_some(), one.port.is_some());
        let first = bound.iter().filter(takes).map(rank).max();
        let holding = bound.iter().filter(takes).filter(|one| Some(rank(one)) == first);
        found.extend(holding.map(|one| (one.at, port.number)));
    }
    found
}

/// The first route that takes calls from a namespace, if routes take all that are HTTP.
pub(crate) fn whole<'a>(bound: &[Bound<'a>], service: &Service, namespace: &str) -> Option<&'a Ref> {
    let holding = among(bound, service, namespace);
    let mut http = service.ports.iter().filter(|port| port.protocol.may_be_http());
    let all = http.all(|port| holding.iter().any(|(_, taken)| *taken == port.number));
    holding.first().filter(|_| all).map(|(at, _)| *at)
}
