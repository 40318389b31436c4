//! Which VirtualService routes whose calls inside the mesh.

use super::order::{self, Route};
use super::{Before, Callers, Deed, Rule, Rules, gateway_api};
use crate::model::Configured;
use crate::{Mesh, Ref, Service};
use istio::Config;
use istio::hosts::Closeness;
use istio::precedence::by_age;
use istio::routing::holding;
use istio::views::VirtualService;
use istio::visibility::{exported, nearness};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The VirtualServices in force for calls of a service inside the mesh, and for whose.
pub(crate) fn in_force<'a>(mesh: &'a Mesh, service: &'a Service) -> Vec<(&'a Ref, Callers)> {
    if service.virtual_services.is_empty() {
        return Vec::new();
    }
    if let Some(only) = only(mesh, service) {
        return vec![(only, Callers::All)];
    }
    let held = Held::of(mesh, service);
    let of = |(index, rules): (usize, &Rule<'a>)| Some((rules.at, held.callers(held.governed(index))?));
    held.naming.iter().enumerate().filter_map(of).collect()
}

/// The only VirtualService for a service, where it takes everybody's calls: nearly always there is none or one.
fn only<'a>(mesh: &'a Mesh, service: &'a Service) -> Option<&'a Ref> {
    let [only] = service.virtual_services.as_slice() else { return None };
    let for_all = |view: &VirtualService| view.export_to.is_empty() && has_rules(view);
    let alone =
        mesh.virtual_service(only).is_some_and(for_all) && gateway_api::bound(mesh, service).is_empty();
    alone.then_some(only)
}

/// What those that name the host do, the first in their order first.
pub(super) fn deeds<'a>(all: &Rules<'a>, service: &'a Service) -> Vec<(&'a Ref, Vec<Deed>)> {
    let acting = |rules: &Rule<'a>, callers: Callers| {
        let routes = order::routes(all, &[rules], None);
        let hidden = order::never_reached(&routes, None, |_: &Route<'_>| true);
        [Deed::Inside(callers)].into_iter().chain(hidden).collect::<Vec<_>>()
    };
    let read = |at| Configured::of(all.mesh.objects(), at, all.mesh.virtual_service(at)?);
    if let Some(rules) = only(all.mesh, service).and_then(read) {
        return vec![(rules.at, acting(&rules, Callers::All))];
    }
    let held = Held::of(all.mesh, service);
    let of = |(index, rules): (usize, &Rule<'a>)| {
        let mut deeds = Vec::new();
        if let Some(callers) = held.callers(held.governed(index)) {
            deeds.extend(acting(rules, callers));
        }
        for (by, whose) in held.before_it(index) {
            let callers = held.callers(whose);
            let before = Before::Route;
            deeds.extend(callers.map(|callers| Deed::Overruled { by: by.clone(), before, callers }));
        }
        let overruled = held.overruled(index);
        for (by, whose) in &overruled {
            let whole = deeds.is_empty() && overruled.len() == 1 && rules.spec.export_to.is_empty();
            let callers = if whole { Some(Callers::All) } else { held.callers(whose.clone()) };
            let by = &held.naming[*by];
            let before = held.before(by, rules, whose);
            deeds.extend(callers.map(|callers| Deed::Overruled { by: by.at.clone(), before, callers }));
        }
        if deeds.is_empty() && has_rules(rules.spec) {
            deeds.push(Deed::Hidden);
        }
        (rules.at, deeds)
    };
    held.naming.iter().enumerate().map(of).collect()
}

/// The VirtualServices that name a host inside the mesh, and who sees each.
struct Held<'a> {
    host: String,
    /// The first in order first.
    naming: Vec<Rule<'a>>,
    /// Namespaces of all callers.
    namespaces: BTreeSet<String>,
    /// Of each namespace, who is in force for HTTP, TLS and bytes.
    holders: BTreeMap<String, [Option<usize>; 3]>,
    /// Of each namespace whose requests routes of the Gateway API take, the first of these.
    routes: BTreeMap<String, &'a Ref>,
}

/// Whether it has rules for HTTP, TLS and bytes.
fn layers(spec: &VirtualService) -> [bool; 3] {
    [!spec.http.is_empty(), !spec.tls.is_empty(), !spec.tcp.is_empty()]
}

fn has_rules(spec: &VirtualService) -> bool {
    layers(spec).contains(&true)
}

impl<'a> Held<'a> {
    fn of(mesh: &'a Mesh, service: &'a Service) -> Self {
        let read = |at| Configured::of(mesh.objects(), at, mesh.virtual_service(at)?);
        let found = service.virtual_services.iter().filter_map(read);
        let mut found: Vec<Rule<'a>> = found.collect();
        found.sort_by(by_age);
        let naming = holding(found.into_iter(), &service.host);
        let mut namespaces: BTreeSet<String> = mesh.namespaces().iter().map(ToString::to_string).collect();
        let exports = naming.iter().flat_map(|rules| &rules.spec.export_to);
        namespaces.extend(exports.filter(|to| !matches!(to.as_str(), "*" | "." | "~")).cloned());
        let bound = gateway_api::bound(mesh, service);
        let taken =
            |namespace: &String| Some((namespace.clone(), gateway_api::whole(&bound, service, namespace)?));
        let routes = namespaces.iter().filter_map(taken).collect();
        let host = service.host.clone();
        let mut held = Self { host, naming, namespaces, holders: BTreeMap::new(), routes };
        if !held.naming.is_empty() {
            let holders = |namespace: &String| (namespace.clone(), held.holders_in(namespace));
            held.holders = held.namespaces.iter().map(holders).collect();
        }
        held
    }

    fn sees(&self, namespace: &str, rules: &Rule<'_>) -> bool {
        exported(&rules.spec.export_to, &[], rules.namespace(), namespace)
    }

    fn holders_in(&self, namespace: &str) -> [Option<usize>; 3] {
        [0, 1, 2].map(|layer| {
            let all = self.naming.iter().enumerate().filter(|(_, rules)| layers(rules.spec)[layer]);
            let seen = all.filter_map(|(index, rules)| {
                let near = nearness(&rules.spec.export_to, &[], rules.namespace(), namespace)?;
                Some((Reverse(self.closeness(rules)), near, index))
            });
            seen.min().map(|(.., index)| index)
        })
    }

    fn closeness(&self, rules: &Rule<'_>) -> Option<Closeness> {
        Closeness::among(&rules.spec.hosts, rules.namespace(), &self.host)
    }

    /// The namespaces for whose calls it is in force.
    fn governed(&self, index: usize) -> BTreeSet<String> {
        let holds = self.holders.iter().filter(|(namespace, [http, bytes @ ..])| {
            bytes.contains(&Some(index)) || (*http == Some(index) && !self.routes.contains_key(*namespace))
        });
        holds.map(|(namespace, _)| namespace.clone()).collect()
    }

    /// Those whose requests it would take, if routes of the Gateway API did not.
    fn before_it(&self, index: usize) -> BTreeMap<&'a Ref, BTreeSet<String>> {
        let mut by = BTreeMap::<&Ref, BTreeSet<String>>::new();
        for (namespace, route) in &self.routes {
            if self.holders.get(namespace).is_some_and(|[http, ..]| *http == Some(index)) {
                by.entry(route).or_default().insert(namespace.clone());
            }
        }
        by
    }

    /// Those that see it and are governed by others.
    fn overruled(&self, index: usize) -> BTreeMap<usize, BTreeSet<String>> {
        let (rules, mut by) = (&self.naming[index], BTreeMap::<usize, BTreeSet<String>>::new());
        let own = layers(rules.spec);
        for (namespace, holders) in &self.holders {
            if holders.contains(&Some(index)) || !self.sees(namespace, rules) {
                continue;
            }
            let holder = holders.iter().zip(own).find_map(|(holder, own)| holder.filter(|_| own));
            if let Some(holder) = holder {
                by.entry(holder).or_default().insert(namespace.clone());
            }
        }
        by
    }

    /// In the shortest words; `None` for nobody.
    fn callers(&self, names: BTreeSet<String>) -> Option<Callers> {
        let others = self.namespaces.len() - names.len();
        Some(match names.len() {
            0 => return None,
            _ if others == 0 => Callers::All,
            named if others < named && others <= 4 => {
                Callers::NotIn(self.namespaces.difference(&names).cloned().collect())
            }
            _ => Callers::In(names),
        })
    }

    /// Why one comes before another for these callers.
    fn before(&self, one: &Rule<'_>, other: &Rule<'_>, whose: &BTreeSet<String>) -> Before {
        let near = |rules: &Rule<'_>| {
            let to = |of: &String| nearness(&rules.spec.export_to, &[], rules.namespace(), of);
            whose.first().and_then(to)
        };
        match self.closeness(one) == self.closeness(other) {
            false => Before::Closer,
            true if near(one) < near(other) => Before::Nearer,
            true if one.created == other.created => Before::Named,
            true => Before::Older,
        }
    }
}
