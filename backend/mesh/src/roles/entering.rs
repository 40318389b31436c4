//! What VirtualServices do for calls that enter by gateways.

use super::order::{self, Route};
use super::{Deed, Missed, Rule, Rules, goes};
use crate::{Mesh, Ref, Service, Workload};
use istio::routing::{gateway, served};
use istio::validation::{is_label_key, is_label_value};
use istio::views::Gateway;
use istio::visibility::{exported, nearness};
use istio::{Config, Selects, fqdn, kinds};
use std::collections::{BTreeMap, BTreeSet};

/// What a VirtualService does for calls of a service at each gateway that it names.
pub(super) fn deeds(all: &Rules<'_>, rules: &Rule<'_>, service: &Service) -> Vec<Deed> {
    let named: BTreeSet<(&str, &str)> =
        rules.spec.gateways.iter().filter_map(|name| gateway(name, rules.namespace())).collect();
    named.into_iter().flat_map(|named| at(all, rules, service, named)).collect()
}

fn at(all: &Rules<'_>, rules: &Rule<'_>, service: &Service, named: (&str, &str)) -> Vec<Deed> {
    let gateway = format!("{}/{}", named.0, named.1);
    let (hosts, missed) = match taken(all.mesh, rules, named) {
        Ok(taken) => taken,
        Err(why) => return vec![Deed::Missed { gateway, why }],
    };
    let mut deeds = Vec::new();
    let mut in_force = Vec::new();
    for host in hosts {
        // Those of several VirtualServices for one host are one list.
        let bound = all.oldest_first.iter().filter(|other| {
            let takes = || taken(all.mesh, other, named).is_ok_and(|(hosts, _)| hosts.contains(&host));
            names(other, named) && takes()
        });
        let mut bound: Vec<&Rule<'_>> = bound.collect();
        if let Ok(door) = Door::of(all.mesh, named) {
            door.nearest_first(&mut bound);
        }
        let routes = order::routes(all, &bound, Some(named));
        let mine =
            |route: &Route<'_>| route.root == rules.at && goes(&route.rule, rules.namespace(), service);
        let hidden = order::never_reached(&routes, Some(&gateway), mine);
        let own =
            routes.iter().filter(|route| mine(route)).map(|route| &route.owner).collect::<BTreeSet<_>>();
        if hidden.len() < own.len() || own.is_empty() {
            in_force.push(host);
        }
        deeds.extend(hidden.into_iter().filter(|deed| !deeds.contains(deed)).collect::<Vec<_>>());
    }
    if !in_force.is_empty() {
        deeds.insert(0, Deed::Entering { gateway: gateway.clone(), hosts: in_force });
    }
    deeds.extend(missed.into_iter().map(|why| Deed::Missed { gateway: gateway.clone(), why }));
    deeds
}

/// What VirtualServices do at all gateways that they name: where they are missed, and which rules no call
/// reaches.
pub(super) fn everywhere(all: &Rules<'_>) -> Vec<(Ref, Deed)> {
    let mut deeds = Vec::new();
    let mut bound: BTreeMap<((&str, &str), String), Vec<&Rule<'_>>> = BTreeMap::new();
    let mut doors: BTreeMap<(&str, &str), Result<Door<'_>, Missed>> = BTreeMap::new();
    for rules in &all.oldest_first {
        let named: BTreeSet<(&str, &str)> =
            rules.spec.gateways.iter().filter_map(|name| gateway(name, &rules.at.namespace)).collect();
        for named in named {
            let door = doors.entry(named).or_insert_with(|| Door::of(all.mesh, named));
            let taken = door.as_ref().map_err(Missed::clone).and_then(|door| door.takes(rules, named.0));
            let missed = match taken {
                Ok((hosts, missed)) => {
                    hosts.into_iter().for_each(|host| bound.entry((named, host)).or_default().push(rules));
                    missed
                }
                Err(why) => vec![why],
            };
            let gateway = || format!("{}/{}", named.0, named.1);
            let missed = missed.into_iter().map(|why| Deed::Missed { gateway: gateway(), why });
            deeds.extend(missed.map(|deed| (rules.at.clone(), deed)));
        }
    }
    for ((named, _), mut rules) in bound {
        if let Some(Ok(door)) = doors.get(&named) {
            door.nearest_first(&mut rules);
        }
        let routes = order::routes(all, &rules, Some(named));
        let gateway = format!("{}/{}", named.0, named.1);
        let mut roots: Vec<&Ref> = rules.iter().map(|rules| rules.at).collect();
        roots.dedup();
        for root in roots {
            let hidden = order::never_reached(&routes, Some(&gateway), |route| route.root == root);
            deeds.extend(hidden.into_iter().map(|deed| (root.clone(), deed)));
        }
    }
    deeds
}

fn names(rules: &Rule<'_>, named: (&str, &str)) -> bool {
    rules.spec.gateways.iter().any(|name| gateway(name, rules.namespace()) == Some(named))
}

/// A gateway that takes calls.
struct Door<'a> {
    view: &'a Gateway,
    /// Namespaces in which it runs.
    runs: Vec<&'a str>,
}

impl<'a> Door<'a> {
    fn of(mesh: &'a Mesh, (namespace, name): (&str, &str)) -> Result<Self, Missed> {
        let Some(view) = mesh.gateway(&Ref::new(&kinds::GATEWAY, namespace, name)) else {
            let unseen = mesh.unseen(&kinds::GATEWAY, namespace);
            return Err(unseen.map_or(Missed::Gone, |why| Missed::Unseen(why.clone())));
        };
        if let Some(why) = idle(mesh, view) {
            return Err(Missed::Idle(why));
        }
        let mut runs: Vec<&str> = behind(mesh, view).map(|workload| &*workload.namespace).collect();
        runs.dedup();
        Ok(Self { view, runs })
    }

    /// In the order in which it takes their rules.
    fn nearest_first(&self, rules: &mut [&Rule<'_>]) {
        let Some(here) = self.runs.first() else { return };
        rules.sort_by_key(|rules| nearness(&rules.spec.export_to, &[], rules.namespace(), here));
    }

    /// The hosts that it serves of those that a VirtualService names, and what it does not serve.
    fn takes(&self, rules: &Rule<'_>, namespace: &str) -> Result<(Vec<String>, Vec<Missed>), Missed> {
        let shown = |to: &&str| exported(&rules.spec.export_to, &[], rules.namespace(), to);
        if let Some(first) = self.runs.first().filter(|_| !self.runs.iter().any(shown)) {
            return Err(Missed::Export((*first).to_owned()));
        }
        let (mut hosts, mut missed) = (Vec::new(), Vec::new());
        for host in &rules.spec.hosts {
            let full = fqdn(host, rules.namespace());
            let mut servers = self.view.servers.iter();
            match servers.find_map(|server| served(&server.hosts, namespace, &full, rules.namespace())) {
                Some(host) if hosts.contains(&host) => {}
                Some(host) => hosts.push(host),
                None => missed.push(Missed::Host(host.clone())),
            }
        }
        // The others are for calls inside the mesh, where it holds there too.
        if !hosts.is_empty() && rules.spec.gateways.iter().any(|name| name == istio::routing::MESH) {
            missed.clear();
        }
        Ok((hosts, missed))
    }
}

/// The hosts that a gateway serves of those that a VirtualService names, and what it does not serve.
pub(crate) fn taken(
    mesh: &Mesh,
    rules: &Rule<'_>,
    named: (&str, &str),
) -> Result<(Vec<String>, Vec<Missed>), Missed> {
    Door::of(mesh, named)?.takes(rules, named.0)
}

/// The workloads that a Gateway is for.
fn behind<'a>(mesh: &'a Mesh, view: &'a Gateway) -> impl Iterator<Item = &'a Workload> {
    let selects = Selects::narrowing(Some(&view.selector));
    mesh.workloads().filter(move |workload| workload.gateway && selects.takes(&workload.labels))
}

/// Why a Gateway is for no pod, if it is for none.
pub(crate) fn idle(mesh: &Mesh, view: &Gateway) -> Option<String> {
    for (key, value) in &view.selector {
        if !is_label_key(key) {
            return Some(format!(
                "the selector asks for “{key}”, which is no valid label: it matches nothing"
            ));
        }
        if !is_label_value(value) {
            return Some(format!(
                "the selector asks for {key} = “{value}”, which is no valid label value: it matches nothing"
            ));
        }
    }
    let mut near = mesh.namespaces().iter().map(|of| &**of).chain([mesh.root_namespace()]);
    let unseen = near.any(|of| mesh.unseen(&kinds::POD, of).is_some());
    if unseen || behind(mesh, view).next().is_some() {
        return None;
    }
    let labels: Vec<String> = view.selector.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    Some(match labels.is_empty() {
        true => "the selector is empty, and there is no gateway to take it".to_owned(),
        false => format!("the selector {} matches no pod of a gateway", labels.join(", ")),
    })
}
