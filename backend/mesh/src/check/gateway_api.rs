//! Checks of the Gateway API: whom a route is attached to, what it may lead to, what a Gateway opens.

use super::gateway_routes::untrue;
use super::routes::backends;
use super::{Check, Found, Look, Severity, World};
use crate::{Kind, Ref, kinds};
use istio::hosts::overlap;
use istio::views::gateway_api::{GROUP, Gateway, Listener, ParentRef, ReferenceGrant};
use serde_json::Value;
use std::collections::BTreeMap;

/// Kinds of routes.
const ROUTES: &[&Kind] = &[&kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE, &kinds::TLS_ROUTE, &kinds::TCP_ROUTE];

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ParentNotFound",
        codes: &["KIA1401"],
        severity: Severity::Error,
        what: "A route is attached to a Gateway, a listener or a Service that is not there, or not for its hosts",
        why: "No call comes by it.",
        next: "Correct the parent (namespace, name, sectionName, port) or the hostnames.",
        of: ROUTES,
        reads: &[&kinds::API_GATEWAY, &kinds::SERVICE],
        look: Look::Each(parent_not_found),
    },
    Check {
        name: "RouteNotAllowed",
        codes: &["KIA1401"],
        severity: Severity::Error,
        what: "No listener of a Gateway lets in routes of the route's namespace or kind",
        why: "No call comes by it.",
        next: "Let the namespace in by allowedRoutes of the listener, or move the route.",
        of: ROUTES,
        reads: &[&kinds::API_GATEWAY, &kinds::NAMESPACE],
        look: Look::Each(route_not_allowed),
    },
    Check {
        name: "BackendNotGranted",
        codes: &["KIA1402"],
        severity: Severity::Error,
        what: "A route leads to a Service of another namespace, and no ReferenceGrant there allows it",
        why: "Such calls get 500.",
        next: "Make a ReferenceGrant in the namespace of the Service.",
        of: ROUTES,
        reads: &[&kinds::REFERENCE_GRANT],
        look: Look::Each(backend_not_granted),
    },
    Check {
        name: "AllWeightsZero",
        codes: &[],
        severity: Severity::Error,
        what: "All backends of a rule have weight 0",
        why: "Its calls get 500.",
        next: "Give one of them a weight.",
        of: &[&kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE],
        reads: &[],
        look: Look::Each(all_weights_zero),
    },
    Check {
        name: "ListenersAlike",
        codes: &["KIA1503"],
        severity: Severity::Error,
        what: "Two listeners of a Gateway have one port, protocol and hostname",
        why: "They conflict: neither may be opened.",
        next: "Give each another hostname, port or protocol.",
        of: &[&kinds::API_GATEWAY],
        reads: &[],
        look: Look::Each(listeners_alike),
    },
    Check {
        name: "GatewaysAlike",
        codes: &["KIA1501", "KIA1502"],
        severity: Severity::Warning,
        what: "Two Gateways of the Gateway API ask for one address, and open one port of it for the same hosts",
        why: "One of them gets it; routes of the other get no calls.",
        next: "Give them other addresses, ports or hostnames, or make one Gateway of both.",
        of: &[&kinds::API_GATEWAY],
        reads: &[&kinds::API_GATEWAY],
        look: Look::All(gateways_alike),
    },
    Check {
        name: "GatewayRefused",
        codes: &["IST0171", "GWAPI"],
        severity: Severity::Warning,
        what: "The controller says that a Gateway of the Gateway API, or a listener of it, does not hold",
        why: "It opens nothing, or not all that it says.",
        next: "Do what the condition's message asks for.",
        of: &[&kinds::API_GATEWAY],
        reads: &[],
        look: Look::Each(gateway_refused),
    },
    Check {
        name: "GrantFromNowhere",
        codes: &["KIA1601"],
        severity: Severity::Error,
        what: "A ReferenceGrant is for a namespace that is not there",
        why: "It allows nothing; whoever makes a namespace of that name is let in.",
        next: "Correct the namespace, or take the entry away.",
        of: &[&kinds::REFERENCE_GRANT],
        reads: &[&kinds::NAMESPACE],
        look: Look::Each(|world, at, found| {
            let Some(view) = world.view::<ReferenceGrant>(at) else { return };
            for (index, from) in view.from.iter().enumerate() {
                if !world.has_namespace(&from.namespace) {
                    let what = format!("There is no namespace {}", from.namespace);
                    found.add(at, format!("spec.from[{index}].namespace"), what);
                }
            }
        }),
    },
    Check {
        name: "GrantNotUsed",
        codes: &[],
        severity: Severity::Info,
        what: "A ReferenceGrant allows what nothing does",
        why: "It lets others in who need not be.",
        next: "Take the entry away, or name what is used.",
        of: &[&kinds::REFERENCE_GRANT],
        reads: &[
            &kinds::HTTP_ROUTE,
            &kinds::GRPC_ROUTE,
            &kinds::TLS_ROUTE,
            &kinds::TCP_ROUTE,
            &kinds::API_GATEWAY,
            &kinds::NAMESPACE,
        ],
        look: Look::Each(grant_not_used),
    },
];

fn parents<'a>(world: &World<'a>, at: &Ref) -> &'a [ParentRef] {
    let route = world.mesh.backend_route(at).or_else(|| world.mesh.stream_route(at));
    route.map_or(&[], |route| &route.parent_refs)
}

/// The listeners of a Gateway that a parent means.
fn meant<'a>(gateway: &'a Gateway, parent: &ParentRef) -> Vec<&'a Listener> {
    let named = |one: &&Listener| {
        parent.section_name.as_ref().is_none_or(|name| *name == one.name)
            && parent.port.is_none_or(|port| port == one.port)
    };
    gateway.listeners.iter().filter(named).collect()
}

fn gateway_of<'a>(world: &World<'a>, at: &Ref, parent: &ParentRef) -> (Ref, Option<&'a Gateway>) {
    let namespace = parent.namespace.as_deref().unwrap_or(&at.namespace);
    let gateway = Ref::new(&kinds::API_GATEWAY, namespace, parent.name.as_str());
    let view = world.mesh.api_gateway(&gateway);
    (gateway, view)
}

fn parent_not_found(world: &World<'_>, at: &Ref, found: &mut Found) {
    let hostnames = world.mesh.backend_route(at).or_else(|| world.mesh.stream_route(at));
    let hostnames = hostnames.map_or(&[][..], |route| &route.hostnames);
    for (index, parent) in parents(world, at).iter().enumerate() {
        let path = format!("spec.parentRefs[{index}]");
        if parent.is_service() {
            let namespace = parent.namespace.as_deref().unwrap_or(&at.namespace);
            if world.mesh.service(namespace, &parent.name).is_none() {
                found.add(at, path, format!("There is no Service {namespace}/{}", parent.name));
            }
            continue;
        }
        if !parent.is_gateway() {
            continue;
        }
        let (gateway, view) = gateway_of(world, at, parent);
        let named = format!("{}/{}", gateway.namespace, gateway.name);
        let Some(view) = view else {
            found.add(at, path, format!("There is no Gateway {named} of the Gateway API"));
            continue;
        };
        let listeners = meant(view, parent);
        let fits = |one: &&&Listener| {
            let own = one.hostname.as_deref().filter(|host| !host.is_empty());
            hostnames.is_empty() || own.is_none_or(|own| hostnames.iter().any(|host| overlap(own, host)))
        };
        if listeners.is_empty() {
            let name = parent.section_name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
            let port = parent.port.map(|port| format!(" at port {port}")).unwrap_or_default();
            found.add(at, path, format!("Gateway {named} has no listener{name}{port}"));
        } else if !listeners.iter().any(|one| fits(&one)) {
            let hosts = super::world::listed(hostnames.iter().map(String::as_str));
            found.add(at, "spec.hostnames", format!("No listener of Gateway {named} is for {hosts}"));
        }
    }
}

/// Whether a listener lets in routes of this kind and namespace.
fn allows(world: &World<'_>, listener: &Listener, gateway: &Ref, route: &Ref) -> bool {
    let Some(allowed) = &listener.allowed_routes else { return gateway.namespace == route.namespace };
    let kinds = allowed.kinds.is_empty() || allowed.kinds.iter().any(|kind| kind.kind == route.kind.kind);
    let namespaces = allowed.namespaces.as_ref();
    let near = || match namespaces.and_then(|one| one.from.as_deref()).unwrap_or("Same") {
        "All" => true,
        "Selector" => {
            let own = world.mesh.objects().get(&Ref::new(&kinds::NAMESPACE, "", &route.namespace));
            let selector = namespaces.and_then(|one| one.selector.as_ref());
            selector
                .is_some_and(|selector| selector.takes(|label| own.and_then(|object| object.label(label))))
        }
        _ => gateway.namespace == route.namespace,
    };
    kinds && near()
}

fn route_not_allowed(world: &World<'_>, at: &Ref, found: &mut Found) {
    for (index, parent) in parents(world, at).iter().enumerate().filter(|(_, parent)| parent.is_gateway()) {
        let (gateway, Some(view)) = gateway_of(world, at, parent) else { continue };
        let listeners = meant(view, parent);
        if !listeners.is_empty() && !listeners.iter().any(|one| allows(world, one, &gateway, at)) {
            let what = format!(
                "No listener of Gateway {}/{} lets in a {} of namespace {}",
                gateway.namespace, gateway.name, at.kind.kind, at.namespace
            );
            found.add(at, format!("spec.parentRefs[{index}]"), what);
        }
    }
}

fn grants(world: &World<'_>, namespace: &str) -> Vec<ReferenceGrant> {
    let all = world.mesh.objects().within(&kinds::REFERENCE_GRANT, namespace);
    all.filter_map(|(_, object)| istio::views::read(object).ok()).collect()
}

fn backend_not_granted(world: &World<'_>, at: &Ref, found: &mut Found) {
    for (path, backend) in backends(world, at) {
        let other = backend.namespace.as_deref().filter(|name| **name != *at.namespace);
        let service = backend.kind.as_deref().is_none_or(|kind| kind == "Service");
        let Some(other) = other.filter(|_| service) else { continue };
        let granted = grants(world, other).iter().any(|grant| {
            let from = grant.from.iter().any(|from| {
                from.group == GROUP && from.kind == at.kind.kind && from.namespace == *at.namespace
            });
            let to = |to: &istio::views::gateway_api::GrantTo| {
                to.group.is_empty()
                    && to.kind == "Service"
                    && to.name.as_ref().is_none_or(|name| name.is_empty() || *name == backend.name)
            };
            from && grant.to.iter().any(to)
        });
        if !granted {
            let what = format!("No ReferenceGrant of {other} lets it lead to Service {}", backend.name);
            found.add(at, path, what);
        }
    }
}

fn all_weights_zero(world: &World<'_>, at: &Ref, found: &mut Found) {
    let rules = world.mesh.backend_route(at).map(|route| &route.rules);
    for (index, rule) in rules.into_iter().flatten().enumerate() {
        if !rule.backend_refs.is_empty() && rule.backend_refs.iter().all(|backend| backend.share() == 0) {
            found.add(at, format!("spec.rules[{index}].backendRefs"), "Every backend has weight 0");
        }
    }
}

/// What tells listeners apart: HTTP, HTTPS and TLS are told apart by hostname, others are not.
fn told_apart(listener: &Listener) -> (u32, &str, &str) {
    let host = listener.hostname.as_deref().unwrap_or_default();
    match listener.protocol.as_str() {
        "HTTPS" | "TLS" => (listener.port, "TLS", host),
        "HTTP" => (listener.port, "HTTP", host),
        protocol => (listener.port, protocol, ""),
    }
}

fn listeners_alike(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.api_gateway(at) else { return };
    let mut first: BTreeMap<_, &str> = BTreeMap::new();
    for (index, listener) in view.listeners.iter().enumerate() {
        match first.get(&told_apart(listener)) {
            Some(before) => {
                let what = format!("Listener {before} has this port, protocol and hostname too");
                found.add(at, format!("spec.listeners[{index}]"), what);
            }
            None => drop(first.insert(told_apart(listener), &listener.name)),
        }
    }
}

fn gateways_alike(world: &World<'_>, found: &mut Found) {
    let mut by: BTreeMap<(&str, &str), Vec<(&Ref, &Gateway)>> = BTreeMap::new();
    for (at, view) in world.mesh.api_gateways() {
        for address in &view.addresses {
            let kind = address.r#type.as_deref().unwrap_or("IPAddress");
            let value = address.value.as_deref().filter(|value| !value.is_empty());
            by.entry((kind, value.unwrap_or_default())).or_default().push((at, view));
        }
    }
    for ((_, address), gateways) in by.into_iter().filter(|((_, value), _)| !value.is_empty()) {
        for (index, (at, view)) in gateways.iter().enumerate() {
            for (other, before) in &gateways[..index] {
                let same = view.listeners.iter().position(|one| {
                    before.listeners.iter().any(|other| told_apart(one) == told_apart(other))
                });
                if let Some(place) = same.filter(|_| at != other) {
                    let what =
                        format!("Gateway {}/{} opens it at {address} too", other.namespace, other.name);
                    found.add(at, format!("spec.listeners[{place}]"), what);
                }
            }
        }
    }
}

/// Reasons that pass by themselves, or say what another condition says.
const BENIGN: [&str; 4] = ["Pending", "AddressNotAssigned", "ListenersNotValid", "ListenerSetsNotValid"];

fn gateway_refused(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    let (status, generation) = (object.status(), object.generation());
    let benign = |conditions: &Value, kind: &str| {
        let mut all = conditions.as_array().into_iter().flatten();
        all.any(|one| one["type"] == kind && BENIGN.iter().any(|reason| one["reason"] == *reason))
    };
    let own = &status["conditions"];
    for (kind, message) in untrue(own, generation, &["Accepted", "Programmed", "Ready", "Scheduled"]) {
        if !benign(own, kind) {
            found.add(at, "spec", format!("{} is not {kind}: {message}", at.name));
        }
    }
    for listener in status["listeners"].as_array().into_iter().flatten() {
        let name = listener["name"].as_str().unwrap_or_default();
        let conditions = &listener["conditions"];
        let bad = ["Accepted", "ResolvedRefs", "Programmed"];
        for (kind, message) in
            untrue(conditions, generation, &bad).filter(|(kind, _)| !benign(conditions, kind))
        {
            found.add(at, "spec.listeners", format!("Listener {name} is not {kind}: {message}"));
        }
        for one in conditions.as_array().into_iter().flatten() {
            let current = one["observedGeneration"].as_i64().is_none_or(|of| of >= generation);
            let kind = one["type"].as_str().unwrap_or_default();
            if current && matches!(kind, "Conflicted" | "Detached") && one["status"] == "True" {
                let message = one["message"].as_str().unwrap_or_default();
                found.add(at, "spec.listeners", format!("Listener {name} is {kind}: {message}"));
            }
        }
    }
}

fn grant_not_used(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.view::<ReferenceGrant>(at) else { return };
    for from in &view.from {
        // Of other groups and kinds nothing is read.
        let routes = ROUTES.iter().copied().find(|kind| from.group == GROUP && from.kind == kind.kind);
        let Some(kind) = routes.filter(|_| world.has_namespace(&from.namespace)) else { continue };
        for (place, to) in view.to.iter().enumerate().filter(|(_, to)| to.kind == "Service") {
            let used = world.mesh.objects().within(kind, &from.namespace).any(|(route, _)| {
                backends(world, route).iter().any(|(_, backend)| {
                    backend.namespace.as_deref() == Some(&*at.namespace)
                        && to.name.as_ref().is_none_or(|name| name.is_empty() || *name == backend.name)
                })
            });
            if !used {
                let what = format!(
                    "No {} of namespace {} leads to {} here",
                    from.kind,
                    from.namespace,
                    to.name.as_deref().unwrap_or("a Service")
                );
                found.add(at, format!("spec.to[{place}]"), what);
            }
        }
    }
}
