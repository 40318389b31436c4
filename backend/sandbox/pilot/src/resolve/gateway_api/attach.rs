//! What a route is attached to by one of its parentRefs: listeners of a Gateway, or a Service.

use super::group::Group;
use super::listeners::Bound;
use super::refusal::Refusal;
use crate::registry::gateway_api::GatewayApi;
use crate::registry::{Config, Service};
use istio::hosts::of_service;
use istio::listeners::{Asking, Refused};
use istio::views::gateway_api::{GROUP, HttpRoute, Listener, ParentRef};

/// One place that a route's rules hold at.
pub(super) enum Place {
    Listener { id: String, gateway: (String, String), name: String, hosts: Vec<String> },
    Service { host: String, port: Option<u16>, from: Option<String> },
}

impl Place {
    pub(super) fn groups(&self) -> Vec<Group> {
        match self {
            Self::Listener { id, hosts, .. } => {
                hosts.iter().map(|host| Group::Listener { gateway: id.clone(), host: host.clone() }).collect()
            }
            Self::Service { host, port, from } => {
                vec![Group::Service { host: host.clone(), port: *port, from: from.clone() }]
            }
        }
    }

    /// The Gateway's namespace and name, and the listener's name.
    pub(super) fn listener(&self) -> Option<((String, String), String)> {
        match self {
            Self::Listener { gateway, name, .. } => Some((gateway.clone(), name.clone())),
            Self::Service { .. } => None,
        }
    }
}

/// `None` for parents that are not istiod's, of which it says nothing: they may be another controller's.
pub(super) fn attach(
    api: &GatewayApi,
    services: &[Service],
    bound: &[Bound<'_>],
    route: &Config<HttpRoute>,
    parent: &ParentRef,
) -> Option<Result<Vec<Place>, Refusal>> {
    let namespace = namespace(route, parent);
    match (parent.group.as_deref().unwrap_or(GROUP), parent.kind.as_deref().unwrap_or("Gateway")) {
        (GROUP, "Gateway") => {
            let gateway = bound
                .iter()
                .find(|bound| bound.gateway.namespace == namespace && bound.gateway.name == parent.name)?;
            Some(at_gateway(api, gateway, route, parent))
        }
        ("", "Service") => Some(at_service(services, namespace, route, parent).map(|place| vec![place])),
        _ => None,
    }
}

/// A Gateway that is not there at all, which nobody else says.
pub(super) fn missing(api: &GatewayApi, route: &Config<HttpRoute>, parent: &ParentRef) -> Option<String> {
    let of_gateways = parent.group.as_deref().is_none_or(|group| group == GROUP)
        && parent.kind.as_deref().is_none_or(|kind| kind == "Gateway");
    let namespace = namespace(route, parent);
    let there =
        || api.gateways.iter().any(|gateway| gateway.namespace == namespace && gateway.name == parent.name);
    (of_gateways && !there()).then(|| format!("parentRefs: there is no Gateway {namespace}/{}", parent.name))
}

fn namespace<'a>(route: &'a Config<HttpRoute>, parent: &'a ParentRef) -> &'a str {
    parent.namespace.as_deref().unwrap_or(&route.namespace)
}

fn at_service(
    services: &[Service],
    namespace: &str,
    route: &Config<HttpRoute>,
    parent: &ParentRef,
) -> Result<Place, Refusal> {
    let host = of_service(&parent.name, namespace);
    let missing = |what: String| Refusal::new("NoMatchingParent", what);
    let service = services.iter().find(|service| service.host == host);
    let service = service.ok_or_else(|| missing(format!("parent service {host:?} not found")))?;
    let port = match parent.port {
        None => None,
        Some(port) => {
            let known = u16::try_from(port).ok().filter(|port| service.port(*port).is_some());
            Some(known.ok_or_else(|| missing(format!("port {port} not found in service {host:?}")))?)
        }
    };
    let from = (route.namespace != service.namespace).then(|| route.namespace.clone());
    Ok(Place::Service { host, port, from })
}

fn at_gateway(
    api: &GatewayApi,
    bound: &Bound<'_>,
    route: &Config<HttpRoute>,
    parent: &ParentRef,
) -> Result<Vec<Place>, Refusal> {
    let mut places = Vec::new();
    // The last reason counts: it is the one that came nearest.
    let mut refusal = Refusal::new("NoMatchingParent", "no listener fits sectionName and port");
    let asking = Asking {
        kind: route.object.kind(),
        namespace: &route.namespace,
        labels: api.namespaces.get(&route.namespace),
        hosts: &route.spec.hostnames,
    };
    let fitting = bound.listeners.iter().filter(|checked| checked.listener.is_meant(parent));
    for checked in fitting {
        if !checked.serves() {
            refusal = Refusal::new(
                "NoMatchingParent",
                format!("listener {} is not accepted", checked.listener.name),
            );
            continue;
        }
        let hosts = match checked.listener.takes(&bound.gateway.namespace, asking) {
            Ok(hosts) => hosts,
            Err(why) => {
                refusal = refused(why, checked.listener, asking);
                continue;
            }
        };
        places.push(Place::Listener {
            id: bound.id(checked.listener),
            gateway: (bound.gateway.namespace.clone(), bound.gateway.name.clone()),
            name: checked.listener.name.clone(),
            hosts,
        });
    }
    if places.is_empty() { Err(refusal) } else { Ok(places) }
}

fn refused(why: Refused, listener: &Listener, route: Asking<'_>) -> Refusal {
    let (reason, words) = match why {
        Refused::Kind => {
            let (kind, listener) = (route.kind, &listener.name);
            ("NotAllowedByListeners", format!("kind {kind} is not allowed by listener {listener}"))
        }
        Refused::Namespace => {
            let namespace = route.namespace;
            let words =
                format!("hostnames of namespace {namespace:?} are not allowed by the parent's listener");
            ("NotAllowedByListeners", words)
        }
        Refused::Host => {
            let host = listener.host();
            let words = format!("no hostname of the route fits those of the listener: {host:?}");
            ("NoMatchingListenerHostname", words)
        }
    };
    Refusal::new(reason, words)
}
