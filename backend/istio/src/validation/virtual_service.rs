//! VirtualServices: hosts, gateways, and which parts may stand beside each other.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{is_address, wildcard_domain};
use super::shared::{export_to, gateway_names};
use super::{Subject, http, l4, unused};
use crate::hosts::overlap;

rules! {
    /// What is wrong with a VirtualService.
    Whole {
        Error DelegateHasGateways "delegate virtual service must have no gateways specified";
        Error DelegateHasBytes(kind: &'static str) "delegate virtual service must have no {kind} route specified";
        Error NoRoutes "http, tcp or tls must be provided in virtual service";
        Error ClaimInMesh(key: String, gateways: String)
            "JWT claim based routing (key: {key}) is only supported for gateway, found no gateways: {gateways}";
        Error EveryHostInMesh "wildcard host * is not allowed for virtual services bound to the mesh gateway";
        Error HostTwice(one: String, other: String) "duplicate hosts in virtual service: {one} & {other}";
    }
}

pub(super) fn virtual_service(subject: &Subject<'_>, found: &mut Found) {
    let spec = subject.spec;
    let gateways: Vec<&str> = spec.texts("gateways").collect();
    let delegate = spec.texts("hosts").next().is_none();
    if delegate {
        found.when(!gateways.is_empty(), spec.at("gateways"), Whole::DelegateHasGateways);
        for kind in ["tls", "tcp"] {
            found.when(spec.has(kind), spec.at(kind), Whole::DelegateHasBytes { kind });
        }
    }
    gateway_names(spec, "gateways", found);
    let at_gateway = !gateways.is_empty() && !gateways.contains(&"mesh");
    hosts(spec, at_gateway, found);
    found.when(!["http", "tcp", "tls"].iter().any(|kind| spec.some(kind)), spec, Whole::NoRoutes);
    for route in spec.items("http") {
        if !at_gateway {
            claims(route, &gateways, found);
        }
        http::route(route, delegate, found);
    }
    let hosts: Vec<&str> = spec.texts("hosts").collect();
    for route in spec.items("tls") {
        l4::tls_route(route, &hosts, found);
    }
    for route in spec.items("tcp") {
        l4::tcp_route(route, found);
    }
    export_to(spec, subject.namespace, false, found);
    unused::rules(spec, found);
}

fn claims(route: At<'_>, gateways: &[&str], found: &mut Found) {
    for one in route.items("match") {
        for (key, at) in one.entries("headers").chain(one.entries("withoutHeaders")) {
            if http::is_claim(key) {
                let gateways = format!("{gateways:?}");
                found.add(at, Whole::ClaimInMesh { key: key.to_owned(), gateways });
            }
        }
    }
}

fn hosts(spec: At<'_>, at_gateway: bool, found: &mut Found) {
    // Between clusters a gateway matches names like `outbound_.80_._.reviews.default.svc`.
    let by_sni = spec.items("tls").any(|route| route.items("match").any(|one| one.has("sniHosts")));
    let mut good = true;
    for at in spec.items("hosts") {
        let Some(host) = at.value().as_str() else { continue };
        let name = if at_gateway && by_sni { host.replace('_', "") } else { host.to_owned() };
        match wildcard_domain(&name) {
            Err(wrong) if !is_address(host) => {
                good = false;
                found.add(at, wrong);
            }
            Ok(()) if !at_gateway && host == "*" => {
                good = false;
                found.add(at, Whole::EveryHostInMesh);
            }
            _ => {}
        }
    }
    let hosts: Vec<&str> = spec.texts("hosts").collect();
    for (index, one) in hosts.iter().enumerate().filter(|_| good) {
        for other in hosts.iter().skip(index + 1).filter(|other| overlap(one, other)) {
            let [one, other] = [one, other].map(|host| (*host).to_owned());
            found.add(spec.at("hosts"), Whole::HostTwice { one, other });
        }
    }
}
