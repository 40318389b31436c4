//! In which order rules are looked at, and which are never reached.
//!
//! As in istiod: the rules of one VirtualService stand in their own order and end at the first that takes
//! everything. At a gateway those of several follow each other by age, and what takes everything comes last.

use super::{Deed, Rule, Rules};
use crate::Ref;
use crate::edit::rules::words;
use istio::delegation::Written;
use istio::routing::gateway;
use istio::shadow::{covers, takes_all};
use istio::views::{HttpMatch, HttpRoute};
use istio::{Config, kinds};
use std::borrow::Cow;

/// One alternative of a rule.
pub(super) struct Route<'a> {
    /// The VirtualService that it comes to Envoy by.
    pub(super) root: &'a Ref,
    /// The position of its rule there, or of the one that hands over to it.
    index: usize,
    /// Whose rule it is, and its position there.
    pub(super) owner: (Ref, usize),
    /// The rule as it is in force.
    pub(super) rule: Cow<'a, HttpRoute>,
    one: Cow<'a, HttpMatch>,
    /// What ends its VirtualService before it, by position in the list.
    ended: bool,
}

/// The routes of VirtualServices, the oldest first, at a gateway ("namespace", "name") or inside the mesh.
pub(super) fn routes<'a>(
    all: &Rules<'a>,
    oldest_first: &[&Rule<'a>],
    way: Option<(&str, &str)>,
) -> Vec<Route<'a>> {
    let mut found = Vec::new();
    for rules in oldest_first {
        let mut ended = false;
        let here = |one: &HttpMatch| {
            one.gateways.is_empty() || one.gateways.iter().any(|name| gateway(name, rules.namespace()) == way)
        };
        for Written { index, delegate, rule } in all.written(rules) {
            let owner = match delegate {
                Some(to) => (Ref::new(&kinds::VIRTUAL_SERVICE, &to.namespace, &to.name), to.index),
                None => (rules.at.clone(), index),
            };
            for one in alternatives(&rule).into_iter().filter(|one| here(one)) {
                let all = takes_all(&one);
                found.push(Route {
                    root: rules.at,
                    index,
                    owner: owner.clone(),
                    rule: rule.clone(),
                    one,
                    ended,
                });
                ended |= all;
            }
        }
    }
    // Stable: by age among each other.
    found.sort_by_key(|route| takes_all(&route.one) && !route.ended);
    found
}

/// What a rule takes, one of these after the other.
fn alternatives<'a>(rule: &Cow<'a, HttpRoute>) -> Vec<Cow<'a, HttpMatch>> {
    match rule {
        rule if rule.r#match.is_empty() => vec![Cow::Owned(HttpMatch::default())],
        Cow::Borrowed(rule) => rule.r#match.iter().map(Cow::Borrowed).collect(),
        Cow::Owned(rule) => rule.r#match.iter().cloned().map(Cow::Owned).collect(),
    }
}

/// Rules among these that no call reaches.
pub(super) fn never_reached(
    routes: &[Route<'_>],
    gateway: Option<&str>,
    meant: impl Fn(&Route<'_>) -> bool,
) -> Vec<Deed> {
    let mut deeds: Vec<Deed> = Vec::new();
    let mut done: Vec<&(Ref, usize)> = Vec::new();
    for route in routes.iter().filter(|route| meant(route)) {
        if done.contains(&&route.owner) {
            continue;
        }
        done.push(&route.owner);
        let alternatives = routes.iter().enumerate().filter(|(_, other)| other.owner == route.owner);
        let hidden: Vec<Option<&Route<'_>>> =
            alternatives.map(|(at, one)| hidden_by(routes, at, one)).collect();
        if let Some(by) =
            hidden.iter().all(Option::is_some).then(|| hidden.first().copied().flatten()).flatten()
        {
            deeds.push(Deed::NeverReached {
                index: route.index,
                rule: words(&route.rule, route.owner.1),
                gateway: gateway.map(str::to_owned),
                by: by.owner.0.clone(),
                first: words(&by.rule, by.owner.1),
            });
        }
    }
    deeds
}

/// The first other rule that takes all that this one would.
fn hidden_by<'r, 'a>(routes: &'r [Route<'a>], at: usize, one: &Route<'a>) -> Option<&'r Route<'a>> {
    if one.ended {
        let ends = |other: &&Route<'_>| other.root == one.root && !other.ended && takes_all(&other.one);
        return routes.iter().find(ends);
    }
    let before = routes[..at].iter().filter(|other| !other.ended && other.owner != one.owner);
    before.into_iter().find(|other| covers(&other.one, &one.one))
}
