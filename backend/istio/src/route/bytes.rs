//! Connections of which proxies see no requests: `tcp` and `tls` rules, by port, caller, address and server name.

use super::because::{Because, Part, Wanted};
use super::entering::asked_for;
use super::inside::plainly;
use super::opened::{Opened, Taking};
use super::outcome::meant;
use super::request::Request;
use super::scope::Scope;
use super::service::Service;
use super::way::Way;
use super::world::Item;
use super::{Outcome, Place, Skipped, Split, Taken};
use crate::hosts::Closeness;
use crate::precedence::Config;
use crate::routing::{self, MESH, served};
use crate::views::{L4Match, RouteDestination, TlsMatch, VirtualService};
use std::net::IpAddr;

/// Connections that are told apart, and where they go.
struct Chain {
    place: Option<Place>,
    subnets: Vec<String>,
    names: Vec<String>,
    splits: Vec<Split>,
}

/// Chains, and rules that are for others.
#[derive(Default)]
struct Chains {
    all: Vec<Chain>,
    skipped: Vec<Skipped>,
}

/// Calls of a service inside the mesh.
pub(super) fn to_service(scope: &Scope<'_>, service: &Service, request: &Request) -> Taken {
    let tls = service.port(request.port).is_some_and(|port| port.protocol.is_tls());
    let mut chains = Chains::default();
    for rules in routing::holding(scope.rules(), &service.host) {
        let way = Way { gateway: MESH, namespace: rules.namespace(), port: request.port };
        chains.add(scope, rules, &way, tls);
    }
    let plain = || Chain {
        place: None,
        subnets: Vec::new(),
        names: Vec::new(),
        splits: plainly(scope, service, request.port).destinations,
    };
    let any = |chain: &Chain| chain.subnets.is_empty() && chain.names.is_empty();
    if if tls { chains.all.is_empty() } else { !chains.all.iter().any(any) } {
        chains.all.push(plain());
    }
    chains.settle(scope, request, tls)
}

/// Connections that come in by a gateway's server.
pub(super) fn entering(scope: &Scope<'_>, server: &Opened<'_>, request: &Request) -> Taken {
    let mut chains = Chains::default();
    for rules in scope.rules() {
        let way = Way { gateway: &server.id, namespace: rules.namespace(), port: server.number };
        let bound = rules.spec.gateways.iter().any(|name| way.is_by(name));
        let serves =
            |host: String| served(&server.hosts, server.namespace, &host, rules.namespace()).is_some();
        if bound && asked_for(rules).any(serves) {
            chains.add(scope, rules, &way, server.taking == Taking::Passthrough);
        }
    }
    let mut taken = chains.settle(scope, request, server.taking == Taking::Passthrough);
    // Who listens nowhere else passes nothing on.
    if taken.outcome.passes {
        taken.outcome = Outcome { closed: true, ..Outcome::default() };
    }
    taken.door = Some(server.place.clone());
    taken
}

impl Chains {
    /// The rules of a VirtualService: its `tls` rules, or its `tcp` rules until one takes everything.
    fn add(&mut self, scope: &Scope<'_>, rules: &Item<VirtualService>, way: &Way<'_>, tls: bool) {
        let spec = &rules.spec;
        let splits = |route: &[RouteDestination]| split(scope, rules, way, route);
        if tls {
            for (index, rule) in spec.tls.iter().enumerate() {
                let place = Place::at(&rules.at, format!("spec.tls[{index}]"));
                for one in &rule.r#match {
                    if self.may(scope, way, &place, &common(one)) {
                        self.push(
                            place.clone(),
                            &one.destination_subnets,
                            &one.sni_hosts,
                            splits(&rule.route),
                        );
                    }
                }
            }
            return;
        }
        for (index, rule) in spec.tcp.iter().enumerate() {
            let place = Place::at(&rules.at, format!("spec.tcp[{index}]"));
            if rule.r#match.is_empty() {
                return self.push(place, &[], &[], splits(&rule.route));
            }
            for one in &rule.r#match {
                if self.may(scope, way, &place, one) {
                    self.push(place.clone(), &one.destination_subnets, &[], splits(&rule.route));
                    if one.destination_subnets.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    fn may(&mut self, scope: &Scope<'_>, way: &Way<'_>, place: &Place, one: &L4Match) -> bool {
        let why = way.may_connect(&scope.caller, one).err();
        self.skipped.extend(why.clone().map(|why| Skipped::new(place.clone(), why)));
        why.is_none()
    }

    /// Of two for the same connections the first counts.
    fn push(&mut self, place: Place, subnets: &[String], names: &[String], splits: Vec<Split>) {
        let every = names.iter().any(|name| name == "*");
        let names = if every { Vec::new() } else { names.to_vec() };
        let subnets = subnets.to_vec();
        if self.all.iter().all(|known| known.subnets != subnets || known.names != names) {
            self.all.push(Chain { place: Some(place), subnets, names, splits });
        }
    }

    /// As Envoy chooses: by address first, then by name, and always the closest.
    fn settle(self, scope: &Scope<'_>, request: &Request, tls: bool) -> Taken {
        let mut skipped = self.skipped;
        let mut passed = |chain: &Chain, part: Part, is: Option<String>, wanted: &[String]| {
            let why = Because::Is { part, is, wanted: Wanted::Among(wanted.to_vec()) };
            skipped.extend(chain.place.clone().map(|place| Skipped::new(place, why)));
        };
        let mut near: Vec<(u8, Chain)> = Vec::new();
        for chain in self.all {
            match length(&chain.subnets, request.address) {
                Some(length) => near.push((length, chain)),
                None => {
                    let is = request.address.map(|address| address.to_string());
                    passed(&chain, Part::Address, is, &chain.subnets);
                }
            }
        }
        let best = near.iter().map(|(length, _)| *length).max();
        near.retain(|(length, _)| Some(*length) == best);
        let name = tls.then(|| request.server_name.clone().unwrap_or_else(|| request.host()));
        let mut found: Option<(Option<Closeness>, Chain)> = None;
        for (_, chain) in near {
            let closeness = chain.names.iter().filter_map(|host| Closeness::of(host, name.as_deref()?)).max();
            if !chain.names.is_empty() && closeness.is_none() {
                passed(&chain, Part::ServerName, name.clone(), &chain.names);
                continue;
            }
            if found.as_ref().is_none_or(|(known, _)| closeness > *known) {
                found = Some((closeness, chain));
            }
        }
        let outcome = match found {
            Some((_, chain)) => {
                let closed = chain.splits.iter().all(|split| split.missing.is_some());
                let outcome = Outcome { destinations: chain.splits, closed, ..Outcome::default() };
                return Taken { rule: chain.place, skipped, outcome, bytes: true, door: None };
            }
            None if scope.allows_any() => Outcome { passes: true, ..Outcome::default() },
            None => Outcome { closed: true, ..Outcome::default() },
        };
        Taken { rule: None, skipped, outcome, bytes: true, door: None }
    }
}

fn split(
    scope: &Scope<'_>,
    rules: &Item<VirtualService>,
    way: &Way<'_>,
    route: &[RouteDestination],
) -> Vec<Split> {
    let of =
        |to: &RouteDestination, weight| meant(scope, rules.namespace(), way.port, &to.destination, weight);
    match route {
        [only] => vec![of(only, 100)],
        several => {
            let weight = |to: &RouteDestination| u32::try_from(to.weight.unwrap_or(0)).unwrap_or_default();
            several.iter().filter(|to| weight(to) > 0).map(|to| of(to, weight(to))).collect()
        }
    }
}

/// What a `tls` match has in common with a `tcp` match.
fn common(wanted: &TlsMatch) -> L4Match {
    L4Match {
        destination_subnets: wanted.destination_subnets.clone(),
        port: wanted.port,
        source_labels: wanted.source_labels.clone(),
        gateways: wanted.gateways.clone(),
        source_namespace: wanted.source_namespace.clone(),
    }
}

/// The longest of these subnets that an address lies in; 0 where there are none.
fn length(subnets: &[String], address: Option<IpAddr>) -> Option<u8> {
    if subnets.is_empty() {
        return Some(0);
    }
    let of = |subnet: &String| {
        let block = crate::block::Block::of(subnet)?;
        block.holds(address?).then_some(block.length())
    };
    subnets.iter().filter_map(of).max()
}
