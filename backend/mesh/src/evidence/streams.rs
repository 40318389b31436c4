//! Connections that rules of `tcp` and `tls` share out: in which proxies, and how their filter chains are told.

use super::Reach;
use crate::rule_key::List;
use crate::{Mesh, Ref, Service, Workload};
use istio::views::{L4Match, RouteDestination, TlsMatch, VirtualService};
use istio::visibility::exported;
use istio::{Protocol, Selects, fqdn, routing};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Filter chains for connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Streams {
    /// The address of the listener, where it is known.
    pub address: Option<String>,
    /// Its port; those of a gateway are its pods'.
    pub port: Option<u32>,
    /// Server names that are asked for; whichever where it is `None`.
    pub names: Option<BTreeSet<String>>,
    /// Subnets that are asked for.
    pub subnets: BTreeSet<String>,
    /// They lead to one of these hosts.
    pub to: BTreeSet<String>,
}

/// What a rule takes, of `tcp` or of `tls`.
pub(super) struct Taken<'a> {
    pub(super) matches: Vec<(L4Match, Option<BTreeSet<String>>)>,
    pub(super) route: &'a [RouteDestination],
}

impl<'a> Taken<'a> {
    /// Of a rule of a list that is no `http`.
    pub(super) fn of(view: &'a VirtualService, list: List, rule: usize) -> Option<Self> {
        if list == List::Tls {
            let rule = view.tls.get(rule)?;
            let matches = rule.r#match.iter().map(|one| (common(one), Some(set(&one.sni_hosts))));
            return Some(Self { matches: matches.collect(), route: &rule.route });
        }
        let rule = view.tcp.get(rule)?;
        let every = || vec![(L4Match::default(), None)];
        let matches = rule.r#match.iter().map(|one| (one.clone(), None));
        let matches = if rule.r#match.is_empty() { every() } else { matches.collect() };
        Some(Self { matches, route: &rule.route })
    }
}

fn set(list: &[String]) -> BTreeSet<String> {
    list.iter().filter(|name| *name != "*").cloned().collect()
}

/// What a match of `tls` has in common with one of `tcp`.
fn common(one: &TlsMatch) -> L4Match {
    L4Match {
        destination_subnets: one.destination_subnets.clone(),
        port: one.port,
        source_labels: one.source_labels.clone(),
        gateways: one.gateways.clone(),
        source_namespace: one.source_namespace.clone(),
    }
}

impl Reach<'_> {
    /// Proxies in which a rule of `tcp` or `tls` makes filter chains, by what tells these.
    pub(super) fn streams(
        &self,
        at: &Ref,
        view: &VirtualService,
        list: List,
        rule: usize,
    ) -> Vec<(Vec<String>, Streams)> {
        let Some(taken) = Taken::of(view, list, rule) else { return Vec::new() };
        let to: BTreeSet<String> =
            taken.route.iter().map(|row| fqdn(&row.destination.host, &at.namespace)).collect();
        let hosts: Vec<String> = view.hosts.iter().map(|host| fqdn(host, &at.namespace)).collect();
        let services: Vec<&Service> =
            self.mesh().services().filter(|service| hosts.contains(&service.host)).collect();
        let earlier: Vec<_> = (0..rule)
            .filter_map(|rule| Taken::of(view, list, rule))
            .flat_map(|taken| taken.matches)
            .collect();
        let mut groups: Vec<(Vec<String>, Streams)> = Vec::new();
        for workload in self.mesh().workloads() {
            for (one, names) in &taken.matches {
                let mut told = Vec::new();
                if workload.gateway {
                    told.extend(self.enters(at, view, one, workload).then_some((None, None)));
                } else if self.inside(at, view, one, workload) {
                    let egress = self.egress(workload);
                    let seen = services.iter().filter(|of| egress.sees_service(&of.host, &of.namespace));
                    told.extend(seen.flat_map(|service| listeners(self.mesh(), service, list, one)));
                    // What a rule before it takes, it does not get.
                    told.retain(|(_, port)| {
                        !earlier.iter().any(|(before, known)| {
                            let whole = list == List::Tcp && before.destination_subnets.is_empty();
                            let same =
                                (known, &before.destination_subnets) == (names, &one.destination_subnets);
                            (whole || same)
                                && (before.port.is_none() || before.port == *port)
                                && self.inside(at, view, before, workload)
                        })
                    });
                }
                for (address, port) in told {
                    let (names, subnets) = (names.clone(), set(&one.destination_subnets));
                    let streams = Streams { address, port, names, subnets, to: to.clone() };
                    match groups.iter_mut().find(|(_, known)| *known == streams) {
                        Some((proxies, _)) => proxies.extend(workload.proxies()),
                        None => groups.push((workload.proxies().collect(), streams)),
                    }
                }
            }
        }
        groups
    }

    /// Whether connections of a caller inside the mesh can match.
    fn inside(&self, at: &Ref, view: &VirtualService, one: &L4Match, workload: &Workload) -> bool {
        routing::in_mesh(&view.gateways)
            && (one.gateways.is_empty() || routing::in_mesh(&one.gateways))
            && exported(&view.export_to, &[], &at.namespace, &workload.namespace)
            && self.egress(workload).sees_routes(view, &at.namespace)
            && Selects::narrowing(Some(&one.source_labels)).takes(&workload.labels)
            && one.source_namespace.as_ref().is_none_or(|source| **source == *workload.namespace)
    }

    /// Whether connections that enter by a gateway can match.
    fn enters(&self, at: &Ref, view: &VirtualService, one: &L4Match, workload: &Workload) -> bool {
        let meant = |name: &&String| {
            let named = |other: &String| {
                routing::gateway(other, &at.namespace) == routing::gateway(name, &at.namespace)
            };
            one.gateways.is_empty() || one.gateways.iter().any(named)
        };
        view.gateways
            .iter()
            .filter(meant)
            .any(|name| self.behind(&at.namespace, name).is_some_and(|behind| behind.contains(&workload)))
    }
}

/// The listeners of sidecars for connections to a service: address, where it is known, and port.
fn listeners(
    mesh: &Mesh,
    service: &Service,
    list: List,
    one: &L4Match,
) -> Vec<(Option<String>, Option<u32>)> {
    let object = mesh.objects().get(&service.at);
    let own = object.and_then(|object| object.spec().get("clusterIP")?.as_str());
    let own = own.filter(|address| !matches!(*address, "None" | ""));
    let entry = || {
        let listed = object.and_then(|object| object.spec().get("addresses")?.as_array());
        listed.into_iter().flatten().filter_map(Value::as_str).find(|address| !address.contains('/'))
    };
    let address = own.or_else(entry).map(str::to_owned);
    let bytes = service.ports.iter().filter(|port| {
        !port.protocol.is_http()
            && port.protocol != Protocol::Udp
            && port.protocol.is_tls() == (list == List::Tls)
            && one.port.is_none_or(|only| only == port.number)
    });
    bytes.map(|port| (address.clone(), Some(port.number))).collect()
}
