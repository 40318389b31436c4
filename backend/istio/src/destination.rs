//! DestinationRules: which of them hold for calls of a service, and what their traffic policies come to.
//!
//! As istiod: in each namespace those for one host are merged, the oldest first; a client's own namespace is
//! asked before the service's, that before the root namespace; in a namespace only the closest host counts.

use crate::hosts::{Closeness, fqdn};
use crate::precedence::{Config, by_age};
use crate::select::{Labels, Selects};
use crate::views::{ClientTls, DestinationRule, Subset, TrafficPolicy};
use crate::visibility::exported;
use serde_json::Value;
use std::collections::BTreeSet;

/// Whose calls: the namespace and labels of a workload.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
}

/// What is called.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a> {
    /// The full host.
    pub host: &'a str,
    /// The namespace of the service.
    pub namespace: &'a str,
}

/// What the mesh says for all.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// The root namespace.
    pub root: &'a str,
    /// `defaultDestinationRuleExportTo`.
    pub export_to: &'a [String],
}

/// Rules that count as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged<C> {
    /// Those that it was made of, the oldest first: settings are the first one's.
    pub from: Vec<C>,
    /// What they say together.
    pub rule: DestinationRule,
}

/// The rule that holds for a client's calls.
pub fn rule<C: Config<Spec = DestinationRule> + Clone>(
    all: impl Iterator<Item = C> + Clone,
    client: Client<'_>,
    called: Called<'_>,
    mesh: Defaults<'_>,
) -> Option<Merged<C>> {
    let Defaults { root, export_to } = mesh;
    let here = client.namespace;
    let private = |rule: &C| match said(rule) {
        [] => matches!(export_to, [only] if only == "."),
        [only] => only == "." || only == rule.namespace(),
        _ => false,
    };
    // What the root namespace says for all is asked last, also for workloads that live there.
    let own = |rule: &C| exported(said(rule), &[], here, here) && (here != root || private(rule));
    let shared = |rule: &C| !private(rule);
    let seen = |rule: &Merged<C>| exported(&rule.rule.export_to, &[], "", here);
    let found = |namespace: &str, of: &dyn Fn(&C) -> bool, seen: &dyn Fn(&Merged<C>) -> bool| {
        let closest =
            closest(all.clone().filter(|rule| rule.namespace() == namespace && of(rule)), called.host);
        let mut merged = merged(closest);
        merged.retain(seen);
        (!merged.is_empty()).then_some(merged)
    };
    let rules = found(here, &own, &|_| true)
        .or_else(|| found(called.namespace, &shared, &seen))
        .or_else(|| found(root, &shared, &seen))?;
    let narrow = |rule: &&Merged<C>| {
        let selects = selects(&rule.rule);
        selects.is_narrow()
            && rule.from.iter().all(|one| one.namespace() == here)
            && selects.takes(client.labels)
    };
    let wide = |rule: &&Merged<C>| !selects(&rule.rule).is_narrow();
    rules.iter().find(narrow).or_else(|| rules.iter().rfind(wide)).cloned()
}

fn said<C: Config<Spec = DestinationRule>>(rule: &C) -> &[String] {
    &rule.spec().export_to
}

/// Whose calls a rule is for, among those of its namespace.
pub fn selects(rule: &DestinationRule) -> Selects<'_> {
    Selects::narrowing(rule.workload_selector.as_ref().map(|selector| &selector.match_labels))
}

/// The rules for the closest host that covers this one, the oldest first.
pub fn closest<C: Config<Spec = DestinationRule>>(all: impl Iterator<Item = C>, host: &str) -> Vec<C> {
    let near = |rule: C| Some((Closeness::of(&fqdn(&rule.spec().host, rule.namespace()), host)?, rule));
    let ranked: Vec<(Closeness, C)> = all.filter_map(near).collect();
    let best = ranked.iter().map(|(closeness, _)| *closeness).max();
    let mut rules: Vec<C> =
        ranked.into_iter().filter(|(closeness, _)| Some(*closeness) == best).map(|(_, rule)| rule).collect();
    rules.sort_by(by_age);
    rules
}

/// Merges rules for one host of one namespace, the oldest first: a later one adds subsets, and a traffic
/// policy where there is none. Those for other clients, or for other namespaces, stay apart.
pub fn merged<C: Config<Spec = DestinationRule> + Clone>(rules: Vec<C>) -> Vec<Merged<C>> {
    let mut made: Vec<Merged<C>> = Vec::new();
    for config in rules {
        let rule = config.spec();
        let to = |rule: &DestinationRule| rule.export_to.iter().cloned().collect::<BTreeSet<_>>();
        let mut apart = true;
        for known in &mut made {
            let (old, new) = (to(&known.rule), to(rule));
            let wider = !old.is_empty() && new.is_superset(&old);
            let both_narrow = selects(&known.rule).is_narrow() && selects(rule).is_narrow();
            let same = selects(&known.rule) == selects(rule);
            if (old != new && !wider) || (both_narrow && !same) {
                continue;
            }
            apart &= !same;
            add(&mut known.rule, rule);
            known.from.push(config.clone());
        }
        if apart {
            made.push(Merged { rule: rule.clone(), from: vec![config.clone()] });
        }
    }
    made
}

fn add(rule: &mut DestinationRule, later: &DestinationRule) {
    if rule.traffic_policy.is_none() {
        rule.traffic_policy.clone_from(&later.traffic_policy);
    }
    for subset in &later.subsets {
        if rule.subsets.iter().all(|known| known.name != subset.name) {
            rule.subsets.push(subset.clone());
        }
    }
}

/// The parts of traffic policies that hold for one cluster: a service's port, or a subset's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings<'a> {
    /// How endpoints are chosen.
    pub load_balancer: Option<&'a Value>,
    /// How many connections and requests there may be.
    pub connection_pool: Option<&'a Value>,
    /// Which endpoints are left out.
    pub outlier_detection: Option<&'a Value>,
    /// How many retries there may be.
    pub retry_budget: Option<&'a Value>,
    /// TLS of the client's side.
    pub tls: Option<&'a ClientTls>,
}

impl<'a> Settings<'a> {
    /// Of a rule's policy and a subset's at a port. A subset replaces what it names. The settings of a port
    /// replace all that stands beside and above them but the retry budget, and what they leave out has its
    /// default.
    pub fn of(whole: Option<&'a TrafficPolicy>, subset: Option<&'a Subset>, port: u16) -> Self {
        let mut settings = Self::default();
        let subset = subset.and_then(|subset| subset.traffic_policy.as_ref());
        for level in [whole, subset].into_iter().flatten() {
            let mut ports = level.port_level_settings.iter();
            let own = ports.find(|own| own.port.as_ref().is_some_and(|at| at.number == u32::from(port)));
            settings = match own {
                Some(own) => Self {
                    load_balancer: own.load_balancer.as_ref(),
                    connection_pool: own.connection_pool.as_ref(),
                    outlier_detection: own.outlier_detection.as_ref(),
                    retry_budget: level.retry_budget.as_ref().or(settings.retry_budget),
                    tls: own.tls.as_ref(),
                },
                None => Self {
                    load_balancer: level.load_balancer.as_ref().or(settings.load_balancer),
                    connection_pool: level.connection_pool.as_ref().or(settings.connection_pool),
                    outlier_detection: level.outlier_detection.as_ref().or(settings.outlier_detection),
                    retry_budget: level.retry_budget.as_ref().or(settings.retry_budget),
                    tls: level.tls.as_ref().or(settings.tls),
                },
            };
        }
        settings
    }

    /// The TLS mode that is asked for; `None` leaves it to auto mTLS.
    pub fn tls_mode(&self) -> Option<&'a str> {
        self.tls.map(|tls| tls.mode.as_str()).filter(|mode| !mode.is_empty())
    }
}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
