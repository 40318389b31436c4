//! Checks of Istio's Gateways.

use super::{Check, Found, Look, Severity, World};
use crate::certificate::SecretOf;
use crate::plan::capital;
use crate::{Mesh, Ref, Service, kinds, roles};
use istio::Selects;
use istio::hosts::overlap;
use istio::views::{Gateway, Server};
use std::collections::BTreeSet;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "GatewayForNoPod",
        codes: &["IST0101", "KIA0302"],
        severity: Severity::Error,
        what: "The selector of a Gateway chooses no pod of a gateway",
        why: "It opens nothing, and what is bound to it gets no calls.",
        next: "Use the labels of the gateway's pods, such as istio: ingressgateway.",
        of: &[&kinds::GATEWAY],
        reads: &[&kinds::POD],
        look: Look::All(|world, found| {
            for (at, _) in world.mesh.gateways() {
                if let Some(why) = roles::idle_gateway(world.mesh, at) {
                    found.add(at, "spec.selector", capital(&why));
                }
            }
        }),
    },
    Check {
        name: "ConflictingGateways",
        codes: &["IST0145", "KIA0301"],
        severity: Severity::Error,
        what: "Two Gateways open one port of the same pods for one host",
        why: "One of them wins; what is bound to the other may get no calls.",
        next: "Open each host at one Gateway, or give them other ports.",
        of: &[&kinds::GATEWAY],
        reads: &[&kinds::GATEWAY, &kinds::POD],
        look: Look::All(conflicting),
    },
    Check {
        name: "CertificateTwice",
        codes: &["IST0138"],
        severity: Severity::Warning,
        what: "Two servers for different hosts of the same pods and port have one certificate",
        why: "Browsers keep one HTTP/2 connection for all hosts of a certificate: calls for the one reach the \
              other's routes and get 404.",
        next: "Give each a certificate of its own, or make one server of both.",
        of: &[&kinds::GATEWAY],
        reads: &[&kinds::GATEWAY, &kinds::POD],
        look: Look::All(certificate_twice),
    },
    Check {
        name: "GatewayPortClosed",
        codes: &["IST0162"],
        severity: Severity::Warning,
        what: "A Gateway opens a port that no Service in front of its pods leads to",
        why: "Nobody outside can reach it.",
        next: "Add the port to the gateway's Service, or use one that it has.",
        of: &[&kinds::GATEWAY],
        reads: &[&kinds::SERVICE, &kinds::POD],
        look: Look::Each(port_closed),
    },
    Check {
        name: "RedirectWithoutTls",
        codes: &[],
        severity: Severity::Warning,
        what: "A Gateway redirects HTTP to HTTPS, and opens no HTTPS for that host",
        why: "Clients are sent to a port that does not answer them.",
        next: "Add a server with TLS for the host, or take httpsRedirect away.",
        of: &[&kinds::GATEWAY],
        reads: &[&kinds::GATEWAY],
        look: Look::All(redirect_without_tls),
    },
];

fn hosts_meet(one: &Server, other: &Server) -> bool {
    // A server may say who may ask: another namespace's calls do not meet.
    let parts = |entry: &'_ str| -> (String, String) {
        let (scope, host) = entry.split_once('/').unwrap_or(("*", entry));
        (scope.to_owned(), host.to_owned())
    };
    one.hosts.iter().any(|a| {
        other.hosts.iter().any(|b| {
            let ((of, a), (by, b)) = (parts(a), parts(b));
            (of == by || of == "*" || by == "*") && a == b
        })
    })
}

/// A Gateway with the pods that it opens, by namespace and workload.
type Opened<'a> = (&'a Ref, &'a Gateway, BTreeSet<(&'a str, &'a str)>);

/// Pairs of Gateways that share pods, the first by name first.
fn pairs<'a>(world: &World<'a>) -> Vec<[(&'a Ref, &'a Gateway); 2]> {
    let all: Vec<Opened<'a>> = world
        .mesh
        .gateways()
        .map(|(at, view)| {
            let pods = world.behind(view).into_iter().map(|one| (&*one.namespace, &*one.name));
            (at, view, pods.collect())
        })
        .collect();
    let mut pairs = Vec::new();
    for (index, (at, view, pods)) in all.iter().enumerate() {
        for (other, other_view, others) in &all[..index] {
            if pods.intersection(others).next().is_some() {
                pairs.push([(*other, *other_view), (*at, *view)]);
            }
        }
    }
    pairs
}

fn conflicting(world: &World<'_>, found: &mut Found) {
    for [(first, one), (second, other)] in pairs(world) {
        for (index, server) in other.servers.iter().enumerate() {
            let clash = one.servers.iter().find(|before| {
                before.port.number == server.port.number
                    && before.bind == server.bind
                    && hosts_meet(before, server)
            });
            if clash.is_some() {
                let what =
                    format!("{first} opens port {} of the same pods for the same host", server.port.number);
                found.add(second, format!("spec.servers[{index}]"), what);
            }
        }
    }
}

fn certificate_twice(world: &World<'_>, found: &mut Found) {
    for [(first, one), (second, other)] in pairs(world) {
        for (index, server) in other.servers.iter().enumerate() {
            let name = |server: &Server| {
                server.tls.as_ref()?.credential_name.clone().filter(|name| !name.is_empty())
            };
            let Some(own) = name(server) else { continue };
            let same = one.servers.iter().any(|before| {
                name(before).as_ref() == Some(&own)
                    && before.port.number == server.port.number
                    && !hosts_meet(before, server)
                    && first.namespace == second.namespace
            });
            if same {
                let path = format!("spec.servers[{index}].tls.credentialName");
                found.add(
                    second,
                    path,
                    format!("{first} has the certificate {own} for other hosts at this port"),
                );
            }
        }
    }
}

fn port_closed(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.gateway(at) else { return };
    let behind = world.behind(view);
    let fronts = |service: &&Service| {
        let selects = Selects::gathering(&service.selector);
        !service.external
            && behind.iter().any(|one| one.namespace == service.namespace && selects.takes(&one.labels))
    };
    let services: Vec<&Service> = world.mesh.services().filter(fronts).collect();
    if services.is_empty() {
        return;
    }
    for (index, server) in view.servers.iter().enumerate() {
        let number = server.port.number;
        let leads = services.iter().flat_map(|service| &service.ports);
        if number != 0 && !leads.into_iter().any(|port| port.target == number || port.number == number) {
            let names = super::world::listed(services.iter().map(|service| &*service.name));
            let what = format!("No port of Service {names} leads to port {number}");
            found.add(at, format!("spec.servers[{index}].port.number"), what);
        }
    }
}

fn redirect_without_tls(world: &World<'_>, found: &mut Found) {
    let all: Vec<&Server> = world.mesh.gateways().flat_map(|(_, view)| &view.servers).collect();
    for (at, view) in world.mesh.gateways() {
        for (index, server) in view.servers.iter().enumerate() {
            if !server.tls.as_ref().is_some_and(|tls| tls.https_redirect) {
                continue;
            }
            let bare =
                |entry: &String| entry.split_once('/').map_or(entry.clone(), |(_, host)| host.to_owned());
            let taken = |host: &String| {
                let secure =
                    all.iter().filter(|other| other.tls.as_ref().is_some_and(|tls| !tls.https_redirect));
                secure.into_iter().any(|other| other.hosts.iter().any(|one| overlap(&bare(one), &bare(host))))
            };
            if let Some(host) = server.hosts.iter().find(|host| !taken(host)) {
                let what = format!("Clients of {host} are sent to HTTPS, which no server opens for it");
                found.add(at, format!("spec.servers[{index}].tls.httpsRedirect"), what);
            }
        }
    }
}

/// Secrets that Gateways take certificates from, each with the place where it is named.
pub(super) fn credentials(mesh: &Mesh) -> Vec<(Ref, String, SecretOf)> {
    let mut all = Vec::new();
    for (at, view) in mesh.gateways() {
        let selects = Selects::narrowing(Some(&view.selector));
        let behind = mesh.workloads().find(|one| one.gateway && selects.takes(&one.labels));
        // They are read where the pods run.
        let Some(namespace) = behind.map(|one| one.namespace.to_string()) else { continue };
        for (index, server) in view.servers.iter().enumerate() {
            let name = server.tls.as_ref().and_then(|tls| tls.credential_name.clone());
            // One of another sort is no Secret.
            let secret = name.filter(|name| !name.is_empty() && !name.contains("://"));
            all.extend(secret.map(|name| {
                let path = format!("spec.servers[{index}].tls.credentialName");
                (at.clone(), path, SecretOf { namespace: namespace.clone(), name })
            }));
        }
    }
    all
}
