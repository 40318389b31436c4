//! What a route is attached to by one of its parentRefs: listeners of a Gateway, or a Service.

use super::group::Group;
use super::listeners::{Bound, Checked};
use super::refusal::Refusal;
use crate::registry::gateway_api::GatewayApi;
use crate::registry::{Config, Service};
use istio::Selects;
use istio::hosts::{narrower, of_service};
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
    let section =
        |listener: &Listener| parent.section_name.as_ref().is_none_or(|name| *name == listener.name);
    let port = |listener: &Listener| parent.port.is_none_or(|port| port == listener.port);
    let fitting =
        bound.listeners.iter().filter(|checked| section(checked.listener) && port(checked.listener));
    for checked in fitting {
        if !checked.serves() {
            refusal = Refusal::new(
                "NoMatchingParent",
                format!("listener {} is not accepted", checked.listener.name),
            );
            continue;
        }
        if let Err(why) = allowed(api, bound, checked, route) {
            refusal = why;
            continue;
        }
        let hosts = common(checked.host(), &route.spec.hostnames);
        if hosts.is_empty() {
            let words = format!("no hostname of the route fits those of the listener: {:?}", checked.host());
            refusal = Refusal::new("NoMatchingListenerHostname", words);
            continue;
        }
        places.push(Place::Listener {
            id: bound.id(checked.listener),
            gateway: (bound.gateway.namespace.clone(), bound.gateway.name.clone()),
            name: checked.listener.name.clone(),
            hosts,
        });
    }
    if places.is_empty() { Err(refusal) } else { Ok(places) }
}

/// Whether a listener takes routes of this kind and namespace.
fn allowed(
    api: &GatewayApi,
    bound: &Bound<'_>,
    checked: &Checked<'_>,
    route: &Config<HttpRoute>,
) -> Result<(), Refusal> {
    let refused = |words: String| Err(Refusal::new("NotAllowedByListeners", words));
    let rule = checked.listener.allowed_routes.as_ref();
    let kinds = rule.map_or(&[][..], |rule| rule.kinds.as_slice());
    if !kinds.is_empty() && !kinds.iter().any(|kind| kind.kind == route.object.kind()) {
        let (kind, listener) = (route.object.kind(), &checked.listener.name);
        return refused(format!("kind {kind} is not allowed by listener {listener}"));
    }
    let namespaces = rule.and_then(|rule| rule.namespaces.as_ref());
    let fits = match namespaces.and_then(|rule| rule.from.as_deref()).unwrap_or("Same") {
        "All" => true,
        "Selector" => {
            let wanted = namespaces.and_then(|rule| rule.selector.as_ref());
            let labels = api.namespaces.get(&route.namespace);
            wanted
                .zip(labels)
                .is_some_and(|(wanted, labels)| Selects::narrowing(Some(&wanted.match_labels)).takes(labels))
        }
        "Same" => route.namespace == bound.gateway.namespace,
        _ => false,
    };
    let namespace = &route.namespace;
    if fits {
        Ok(())
    } else {
        refused(format!("hostnames of namespace {namespace:?} are not allowed by the parent's listener"))
    }
}

/// The narrower of both sides' hosts, for each pair that meets.
fn common(listener: &str, route: &[String]) -> Vec<String> {
    if route.is_empty() {
        return vec![listener.to_owned()];
    }
    route.iter().filter_map(|host| narrower(listener, host).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn hosts_that_both_sides_have() {
        let at = |listener: &str, hosts: &[&str]| {
            common(listener, &hosts.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(at("*", &[]), ["*"]);
        assert_eq!(at("*.example", &["a.example", "b.test"]), ["a.example"]);
        assert_eq!(at("a.example", &["*.example"]), ["a.example"]);
        assert!(at("a.example", &["b.example"]).is_empty());
    }
}
