//! Gateways of the Gateway API: whose pods serve them, what they open as Istio's Gateways say it, and which
//! routes are attached to their listeners.

use super::open::Taking;
use super::{Bound, WayAt};
use crate::model::Configured;
use crate::{Mesh, Ref, Workload};
use istio::attach::GATEWAY_NAME;
use istio::listeners::{Asking, Refused};
use istio::precedence::by_age;
use istio::select::Labels;
use istio::views::gateway_api::{Gateway, Listener, ParentRef, Route};
use istio::views::{self, Server, ServerPort, ServerTls};
use istio::{fqdn, kinds};
use serde_json::Value;

/// How istiod names the Secret of a listener's certificate: namespace and name follow.
pub(super) const SECRET: &str = "kubernetes-gateway://";

/// Istio's Gateway of the same meaning: a server for each listener.
pub(super) fn as_istio(view: &Gateway, namespace: &str) -> views::Gateway {
    let server = |listener: &Listener| {
        let tls = listener.tls.as_ref().filter(|_| matches!(&*listener.protocol, "HTTPS" | "TLS"));
        let credential = tls.and_then(|tls| tls.certificate_refs.first());
        let credential = credential.map(|secret| {
            format!("{SECRET}{}/{}", secret.namespace.as_deref().unwrap_or(namespace), secret.name)
        });
        let mode = if listener.terminates() { "SIMPLE" } else { "PASSTHROUGH" };
        let tls = tls.map(|_| ServerTls {
            mode: Some(mode.to_owned()),
            credential_name: credential,
            ..ServerTls::default()
        });
        Server {
            port: ServerPort {
                number: listener.port,
                name: listener.name.clone(),
                protocol: listener.protocol.clone(),
                ..ServerPort::default()
            },
            hosts: vec![format!("*/{}", listener.host())],
            tls,
            ..Server::default()
        }
    };
    views::Gateway { servers: view.listeners.iter().map(server).collect(), ..views::Gateway::default() }
}

/// Whether the pods of a gateway serve it: those of the Service that it names as its address, those that
/// Istio has started for it, or those that its controller says.
pub(super) fn serves(mesh: &Mesh, at: &Ref, view: &Gateway, workload: &Workload) -> bool {
    let behind = |host: &str| {
        let host = fqdn(host, &at.namespace);
        let mut services = mesh.services().filter(|service| service.host == host);
        services.any(|service| {
            service
                .workloads
                .iter()
                .any(|one| (&*one.namespace, &*one.name) == (&*workload.namespace, &*workload.name))
        })
    };
    if let Some(host) = address(view) {
        return behind(host);
    }
    let own = workload.labels.get(GATEWAY_NAME).is_some_and(|name| **name == *at.name);
    let status = mesh.objects().get(at).and_then(|object| object.0.pointer("/status/addresses"));
    let mut told = status.and_then(Value::as_array).into_iter().flatten();
    own && workload.namespace == at.namespace
        || told.any(|one| one["type"] == "Hostname" && one["value"].as_str().is_some_and(behind))
}

/// The host of the Service that it names as its address.
fn address(view: &Gateway) -> Option<&str> {
    let mut hosts = view.addresses.iter().filter(|one| one.r#type.as_deref() == Some("Hostname"));
    hosts.find_map(|one| one.value.as_deref())
}

/// What is odd about one as it will be.
pub(super) fn doubts(mesh: &Mesh, at: &WayAt, view: &Gateway) -> Vec<String> {
    let mut told = Vec::new();
    let of = at.workload();
    let workload = mesh.workload(&of.namespace, &of.name);
    if let Some(host) = address(view) {
        let host = fqdn(host, at.namespace());
        let known = mesh.services().any(|service| service.host == host);
        if !known && mesh.unseen(&kinds::SERVICE, at.namespace()).is_none() {
            told.push(format!("No effect: there is no Service {host}, which it names as its address"));
        }
    } else if matches!(at, WayAt::New(..)) {
        told.push("It names no Service as its address: Istio starts pods of its own for it".to_owned());
    }
    for listener in &view.listeners {
        let (name, port) = (&listener.name, listener.port);
        let refs = listener.tls.as_ref().map_or(&[][..], |tls| tls.certificate_refs.as_slice());
        match &*listener.protocol {
            "HTTPS" if !listener.terminates() => {
                told.push(format!("Listener {name} is not opened: HTTPS needs TLS of mode Terminate"));
            }
            "HTTPS" | "TLS" if listener.terminates() && refs.is_empty() => {
                told.push(format!("Listener {name} is not opened: it names no Secret with a certificate"));
            }
            _ => {}
        }
        for secret in refs {
            if let Some(other) = secret.namespace.as_deref().filter(|other| *other != at.namespace()) {
                told.push(format!(
                    "Listener {name} takes its certificate from {other}/{}: a ReferenceGrant of {other} has to \
                     allow it",
                    secret.name
                ));
            }
        }
        let open = workload.is_none_or(|workload| {
            let services = mesh.part(&workload.namespace).into_iter().flat_map(|part| part.services());
            let mut of =
                services.filter(|service| service.workloads.iter().any(|one| one.name == workload.name));
            of.any(|service| service.ports.iter().any(|own| own.number == port))
        });
        if !open {
            told.push(format!("Listener {name} is not reached: the gateway's Service has no port {port}"));
        }
    }
    told
}

/// Every route of the Gateway API.
fn routes(mesh: &Mesh) -> impl Iterator<Item = (&Ref, &Route)> {
    mesh.backend_routes().chain(mesh.stream_routes())
}

/// The parts of a route that name a Gateway.
fn parents<'a>(of: &'a Ref, route: &'a Route) -> impl Iterator<Item = (&'a str, &'a ParentRef)> {
    let gateways = route.parent_refs.iter().filter(|parent| parent.is_gateway());
    gateways.map(|parent| (parent.namespace.as_deref().unwrap_or(&of.namespace), parent))
}

fn naming<'a>(at: &'a Ref, of: &'a Ref, route: &'a Route) -> impl Iterator<Item = &'a ParentRef> {
    let own =
        |(namespace, parent): &(&str, &ParentRef)| *namespace == &*at.namespace && *parent.name == *at.name;
    parents(of, route).filter(own).map(|(_, parent)| parent)
}

/// The labels of a namespace, by which listeners choose routes.
fn labels(mesh: &Mesh, namespace: &str) -> Option<Labels> {
    mesh.objects().get(&Ref::new(&kinds::NAMESPACE, "", namespace)).map(|object| object.labels())
}

fn taken(
    mesh: &Mesh,
    at: &Ref,
    listener: &Listener,
    of: &Ref,
    route: &Route,
) -> Result<Vec<String>, Refused> {
    let labels = labels(mesh, &of.namespace);
    let (kind, namespace) = (of.kind.kind, &*of.namespace);
    let asking = Asking { kind, namespace, labels: labels.as_ref(), hosts: &route.hostnames };
    listener.takes(&at.namespace, asking)
}

/// The hosts of a listener that routes lead on from.
pub(super) fn hosts(mesh: &Mesh, at: &Ref, listener: &Listener) -> Vec<String> {
    let mut found = Vec::new();
    for (of, route) in mesh.backend_routes() {
        if naming(at, of, route).any(|parent| listener.is_meant(parent)) {
            found.extend(taken(mesh, at, listener, of, route).unwrap_or_default());
        }
    }
    found
}

/// The routes that name one, the oldest first.
pub(super) fn bound(mesh: &Mesh, at: &Ref) -> Vec<Bound> {
    let Some(view) = mesh.api_gateway(at) else { return Vec::new() };
    let named = routes(mesh).filter(|(of, route)| naming(at, of, route).next().is_some());
    let mut all: Vec<Configured<'_, Route>> =
        named.filter_map(|(of, route)| Configured::of(mesh.objects(), of, route)).collect();
    all.sort_by(by_age);
    let one = |route: &Configured<'_, Route>| {
        let (mut hosts, mut missed) = (Vec::<String>::new(), Vec::new());
        for parent in naming(at, route.at, route.spec) {
            let meant: Vec<&Listener> = view.listeners.iter().filter(|one| one.is_meant(parent)).collect();
            if meant.is_empty() {
                missed.push("No effect: no listener has the name or the port that it asks for".to_owned());
            }
            let (mut refused, mut took) = (Vec::new(), false);
            for listener in meant {
                match taken(mesh, at, listener, route.at, route.spec) {
                    Ok(found) => {
                        took = true;
                        hosts.extend(
                            found.into_iter().filter(|host| !hosts.contains(host)).collect::<Vec<_>>(),
                        );
                    }
                    Err(why) => refused.push(words(why, listener, route.at)),
                }
            }
            // Who names no listener asks all of them: one that takes it is enough.
            if !took {
                missed.extend(refused);
            }
        }
        Bound { at: route.at.clone(), hosts, missed }
    };
    all.iter().map(one).collect()
}

fn words(why: Refused, listener: &Listener, of: &Ref) -> String {
    let name = &listener.name;
    match why {
        Refused::Kind => format!("No effect at listener {name}: it takes no {}", of.kind),
        Refused::Namespace => {
            format!("No effect at listener {name}: its allowedRoutes take none of namespace {}", of.namespace)
        }
        Refused::Host => format!("No effect at listener {name}: it is for {} only", listener.host()),
    }
}

/// Hosts of listeners whose calls no route takes.
pub(super) fn unrouted(mesh: &Mesh, at: &Ref, view: &Gateway) -> Vec<String> {
    let asks = |server: &Server| Taking::of(server) != Taking::Bytes;
    let servers = as_istio(view, &at.namespace).servers;
    let all = view.listeners.iter().zip(&servers).filter(|(_, server)| asks(server));
    let none = all.filter(|(listener, _)| hosts(mesh, at, listener).is_empty());
    none.map(|(listener, _)| listener.host().to_owned()).collect()
}

/// Routes that name Gateways of the Gateway API which are not there.
pub(super) fn astray(mesh: &Mesh) -> Vec<(Ref, String)> {
    let mut found = Vec::new();
    for (of, route) in routes(mesh) {
        for (namespace, parent) in parents(of, route) {
            let missing = mesh.api_gateway(&Ref::new(&kinds::API_GATEWAY, namespace, &parent.name)).is_none();
            if missing && mesh.unseen(&kinds::API_GATEWAY, namespace).is_none() {
                found.push((of.clone(), format!("{namespace}/{}", parent.name)));
            }
        }
    }
    found
}
