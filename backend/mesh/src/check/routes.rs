//! Checks of where VirtualServices and routes of the Gateway API send calls.

use super::fix::{Fix, meant};
use super::world::listed;
use super::{Check, Found, Look, Severity, World};
use crate::{Kind, Ref, fqdn, kinds};
use istio::hosts::dialled;
use istio::routing::{gateway, in_mesh};
use istio::views::gateway_api::BackendRef;
use istio::views::{Destination, HttpRoute, VirtualService};
use std::collections::BTreeSet;

/// Kinds that say where calls go.
const ROUTES: &[&Kind] =
    &[&kinds::VIRTUAL_SERVICE, &kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE, &kinds::TLS_ROUTE, &kinds::TCP_ROUTE];

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "HostNotFound",
        codes: &["IST0101", "KIA1101", "KIA1402"],
        severity: Severity::Error,
        what: "A route leads to a host that the mesh does not have",
        why: "The caller's own proxy answers such calls with 503; with 500 by a route of the Gateway API.",
        next: "Correct the host, or make the Service or ServiceEntry that it means.",
        of: ROUTES,
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(host_not_found),
    },
    Check {
        name: "PortNotFound",
        codes: &["IST0101"],
        severity: Severity::Error,
        what: "A route leads to a port that its service does not have",
        why: "The caller's own proxy answers such calls with 503; with 500 by a route of the Gateway API.",
        next: "Name one of the service's own ports, not one of its pods.",
        of: ROUTES,
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(port_not_found),
    },
    Check {
        name: "PortRequired",
        codes: &["IST0112"],
        severity: Severity::Error,
        what: "A route says no port where calls come at one that its service does not have",
        why: "Of several ports Istio takes the one at which the call came; where there is none such, it fails.",
        next: "Say the port in the route's destination.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(port_required),
    },
    Check {
        name: "SubsetNotFound",
        codes: &["IST0101", "KIA1107"],
        severity: Severity::Error,
        what: "A route leads to a subset that no DestinationRule of its host declares",
        why: "The caller's own proxy answers such calls with 503; of a mirror no copy arrives.",
        next: "Declare the subset in the host's DestinationRule, or correct its name.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::DESTINATION_RULE],
        look: Look::Each(subset_not_found),
    },
    Check {
        name: "HttpRulesOnBytes",
        codes: &[],
        severity: Severity::Warning,
        what: "HTTP rules are for a host of which no port speaks HTTP",
        why: "Proxies see only bytes there: no rule is ever looked at.",
        next: "Name the port http-…, set its appProtocol, or write the rules as tcp or tls.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(http_on_bytes),
    },
];

/// Where a VirtualService sends calls, or copies of them.
pub(super) struct To<'a> {
    /// `spec.http[0].route[1].destination`.
    pub(super) path: String,
    pub(super) destination: &'a Destination,
}

/// All of them.
pub(super) fn destinations(view: &VirtualService) -> Vec<To<'_>> {
    let mut all = Vec::new();
    for (index, rule) in view.http.iter().enumerate() {
        of_http(rule, index, &mut all);
    }
    let tls = view.tls.iter().map(|rule| &rule.route).enumerate().map(|(index, rows)| ("tls", index, rows));
    let tcp = view.tcp.iter().map(|rule| &rule.route).enumerate().map(|(index, rows)| ("tcp", index, rows));
    for (list, index, rows) in tls.chain(tcp) {
        for (row, to) in rows.iter().enumerate() {
            let path = format!("spec.{list}[{index}].route[{row}].destination");
            all.push(To { path, destination: &to.destination });
        }
    }
    all
}

fn of_http<'a>(rule: &'a HttpRoute, index: usize, all: &mut Vec<To<'a>>) {
    for (row, to) in rule.route.iter().enumerate() {
        all.push(To {
            path: format!("spec.http[{index}].route[{row}].destination"),
            destination: &to.destination,
        });
    }
    if let Some(mirror) = &rule.mirror {
        all.push(To { path: format!("spec.http[{index}].mirror"), destination: mirror });
    }
    for (row, mirror) in rule.mirrors.iter().enumerate() {
        all.push(To {
            path: format!("spec.http[{index}].mirrors[{row}].destination"),
            destination: &mirror.destination,
        });
    }
}

fn host_not_found(world: &World<'_>, at: &Ref, found: &mut Found) {
    let all = world.mesh.virtual_service(at).map(destinations).unwrap_or_default();
    for to in all {
        let host = fqdn(&to.destination.host, &at.namespace);
        if host.is_empty() || world.has_host(&host) {
            continue;
        }
        let meant = dialled(&to.destination.host, &at.namespace);
        let hint = match meant != host && world.has_host(&meant) {
            true => format!(": a host with a dot is meant as it stands, so write {meant}"),
            false => String::new(),
        };
        let what = format!("No service has the host {}{hint}", to.destination.host);
        let path = format!("{}.host", to.path);
        let fix = world.host_meant(&to.destination.host, &at.namespace);
        let fix = fix.map(|host| Fix::set(format!("Send calls to {host}"), &path, host));
        found.mended(at, path, what, fix);
    }
    for (path, backend) in backends(world, at) {
        if let Some(host) = backend.host(&at.namespace).filter(|host| !world.has_host(host)) {
            found.add(at, format!("{path}.name"), format!("There is no service {host}"));
        }
    }
}

/// The backends of a route of the Gateway API, and of its mirrors, with their places.
pub(super) fn backends<'a>(world: &World<'a>, at: &Ref) -> Vec<(String, &'a BackendRef)> {
    let rules = world.mesh.backend_route(at).or_else(|| world.mesh.stream_route(at)).map(|view| &view.rules);
    let mut all = Vec::new();
    for (rule, row) in rules.into_iter().flatten().enumerate() {
        let each = row.backend_refs.iter().enumerate();
        all.extend(
            each.map(|(index, backend)| (format!("spec.rules[{rule}].backendRefs[{index}]"), backend)),
        );
        for (index, filter) in row.filters.iter().enumerate() {
            let mirror = filter.request_mirror.iter();
            all.extend(mirror.map(|mirror| {
                (format!("spec.rules[{rule}].filters[{index}].requestMirror.backendRef"), &mirror.backend_ref)
            }));
        }
    }
    all
}

fn port_not_found(world: &World<'_>, at: &Ref, found: &mut Found) {
    let mut look = |path: String, host: &str, port: u32| {
        let ports = ports_of(world, host);
        if !ports.is_empty() && !ports.contains(&port) {
            let all: Vec<String> = ports.iter().map(ToString::to_string).collect();
            let has = listed(all.iter().map(String::as_str));
            let only = ports.first().filter(|_| ports.len() == 1);
            let fix = only.map(|only| Fix::set(format!("Send calls to port {only}"), &path, *only));
            found.mended(at, path, format!("{host} has no port {port}: it has {has}"), fix);
        }
    };
    for to in world.mesh.virtual_service(at).map(destinations).unwrap_or_default() {
        if let Some(port) = to.destination.port.as_ref().filter(|port| port.number != 0) {
            let host = fqdn(&to.destination.host, &at.namespace);
            look(format!("{}.port.number", to.path), &host, port.number);
        }
    }
    for (path, backend) in backends(world, at) {
        if let Some((host, port)) = backend.host(&at.namespace).zip(backend.port) {
            look(format!("{path}.port"), &host, port);
        }
    }
}

/// The ports of a host; none where its entries leave them open.
fn ports_of(world: &World<'_>, host: &str) -> BTreeSet<u32> {
    world.services(host).iter().flat_map(|service| service.ports.iter().map(|port| port.number)).collect()
}

fn port_required(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    let mut comes: Option<BTreeSet<u32>> = None;
    for to in destinations(view) {
        if to.destination.port.as_ref().is_some_and(|port| port.number != 0) {
            continue;
        }
        let ports = ports_of(world, &fqdn(&to.destination.host, &at.namespace));
        if ports.len() < 2 {
            continue;
        }
        let comes =
            comes.get_or_insert_with(|| comes_at(world, at, &view.hosts, &view.gateways).unwrap_or_default());
        if let Some(port) = comes.iter().find(|port| !ports.contains(port)) {
            let what = format!(
                "Calls come at port {port}, and {} has several others: say which is meant",
                to.destination.host
            );
            found.add(at, to.path, what);
        }
    }
}

/// Ports at which calls come by these gateways to hosts of a VirtualService; `None` where not all are known.
pub(super) fn comes_at(
    world: &World<'_>,
    at: &Ref,
    hosts: &[String],
    gateways: &[String],
) -> Option<BTreeSet<u32>> {
    let mut ports = BTreeSet::new();
    if in_mesh(gateways) {
        for host in hosts {
            let own = ports_of(world, &fqdn(host, &at.namespace));
            if own.is_empty() || host.contains('*') {
                return None;
            }
            ports.extend(own);
        }
    }
    for (namespace, name) in gateways.iter().filter_map(|name| gateway(name, &at.namespace)) {
        let gateway = world.mesh.gateway(&Ref::new(&kinds::GATEWAY, namespace, name))?;
        ports.extend(gateway.servers.iter().map(|server| server.port.number));
    }
    (!ports.is_empty()).then_some(ports)
}

fn subset_not_found(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    for to in destinations(view) {
        let Some(subset) = to.destination.subset.as_ref().filter(|name| !name.is_empty()) else {
            continue;
        };
        let host = fqdn(&to.destination.host, &at.namespace);
        let rules = world.rules_covering(&host);
        let mut declared = rules.iter().flat_map(|(_, rule)| rule.subsets.iter().map(|one| &one.name));
        if declared.any(|name| name == subset) {
            continue;
        }
        let all: BTreeSet<&str> =
            rules.iter().flat_map(|(_, rule)| rule.subsets.iter().map(|one| one.name.as_str())).collect();
        let has = match (rules.is_empty(), all.is_empty()) {
            (true, _) => "it has no DestinationRule".to_owned(),
            (false, true) => "its DestinationRule declares none".to_owned(),
            (false, false) => format!("declared are {}", listed(all.iter().copied())),
        };
        let what = format!("{} has no subset {subset}: {has}", to.destination.host);
        let path = format!("{}.subset", to.path);
        let fix = meant(subset, all.iter().copied());
        let fix = fix.map(|name| Fix::set(format!("Send calls to subset {name}"), &path, name));
        match to.path.contains("irror") {
            true => found.add_as(Severity::Warning, at, path, format!("{what}; its copies are lost")),
            false => found.mended(at, path, what, fix),
        }
    }
}

fn http_on_bytes(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    if view.http.is_empty() || !in_mesh(&view.gateways) {
        return;
    }
    for (index, host) in view.hosts.iter().enumerate() {
        let services = world.services(&fqdn(host, &at.namespace));
        let ports = || services.iter().flat_map(|service| &service.ports);
        if ports().next().is_some() && !ports().any(|port| port.protocol.may_be_http()) {
            let what = format!("No port of {host} speaks HTTP: its http rules are never looked at");
            found.add(at, format!("spec.hosts[{index}]"), what);
        }
    }
}
