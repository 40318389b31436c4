//! DestinationRule: which one holds for a service, and what its traffic policy does to a cluster.

use crate::hosts::selects;
use crate::identity::ROOT_NAMESPACE;
use crate::registry::{Config, Service};
use crate::translate::target::Target;
use istio::views::{ClientTls, DestinationRule, Subset};
use serde_json::Value;

/// The rule that holds for a service: the client's namespace before the service's before the root's; of those in one
/// namespace the one with the most specific host, one that selects the client before one for all. The oldest counts, with
/// the subsets of the others for the same host added, as istiod merges them.
pub(crate) fn rule(target: &Target<'_>, service: &Service) -> Option<Config<DestinationRule>> {
    let namespaces = [target.workload.namespace.as_str(), &service.namespace, ROOT_NAMESPACE];
    let rank = |rule: &Config<DestinationRule>, namespace: &str| {
        let host = istio::fqdn(&rule.spec.host, &rule.namespace);
        let labels = rule
            .spec
            .workload_selector
            .as_ref()
            .map(|selector| &selector.match_labels)
            .filter(|labels| !labels.is_empty());
        let for_us = labels.is_none_or(|labels| {
            rule.namespace == target.workload.namespace && selects(labels, &target.workload.labels)
        });
        (rule.namespace == namespace && for_us && fits(&host, &service.host))
            .then(|| (!host.starts_with('*'), host.len(), labels.is_some()))
    };
    namespaces.into_iter().find_map(|namespace| {
        let ranked =
            || target.scope.destination_rules.iter().filter_map(|rule| Some((rank(rule, namespace)?, *rule)));
        let best = ranked().map(|(rank, _)| rank).max()?;
        let mut rules = ranked().filter(|(rank, _)| *rank == best).map(|(_, rule)| rule);
        let mut merged = rules.next()?.clone();
        for rule in rules
            .filter(|rule| rule.spec.workload_selector == merged.spec.workload_selector)
            .collect::<Vec<_>>()
        {
            if merged.spec.traffic_policy.is_none() {
                merged.spec.traffic_policy.clone_from(&rule.spec.traffic_policy);
            }
            for subset in &rule.spec.subsets {
                if merged.spec.subsets.iter().all(|known| known.name != subset.name) {
                    merged.spec.subsets.push(subset.clone());
                }
            }
        }
        Some(merged)
    })
}

/// Whether a host, or a wildcard such as `*.bookinfo.svc.cluster.local`, covers another.
pub(crate) fn fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => pattern == host,
    }
}

/// The parts of a traffic policy that hold for one cluster.
#[derive(Default)]
pub(crate) struct Policy<'a> {
    pub(crate) load_balancer: Option<&'a Value>,
    pub(crate) connection_pool: Option<&'a Value>,
    pub(crate) outlier_detection: Option<&'a Value>,
    pub(crate) retry_budget: Option<&'a Value>,
    pub(crate) tls: Option<&'a ClientTls>,
}

impl<'a> Policy<'a> {
    /// From the subset's port, the subset, the rule's port or the rule. A subset replaces what it names; the settings of a
    /// port replace everything, and what they leave out has its default, as Istio documents.
    pub(crate) fn of(
        rule: Option<&'a Config<DestinationRule>>,
        subset: Option<&'a Subset>,
        port: u16,
    ) -> Self {
        let mut policy = Self::default();
        let subset = subset.and_then(|subset| subset.traffic_policy.as_ref());
        let whole = rule.and_then(|rule| rule.spec.traffic_policy.as_ref());
        for level in [whole, subset].into_iter().flatten() {
            let mut settings = level.port_level_settings.iter();
            policy = match settings
                .find(|settings| settings.port.as_ref().is_some_and(|at| at.number == u32::from(port)))
            {
                Some(settings) => Self {
                    load_balancer: settings.load_balancer.as_ref(),
                    connection_pool: settings.connection_pool.as_ref(),
                    outlier_detection: settings.outlier_detection.as_ref(),
                    retry_budget: policy.retry_budget,
                    tls: settings.tls.as_ref(),
                },
                None => Self {
                    load_balancer: level.load_balancer.as_ref().or(policy.load_balancer),
                    connection_pool: level.connection_pool.as_ref().or(policy.connection_pool),
                    outlier_detection: level.outlier_detection.as_ref().or(policy.outlier_detection),
                    retry_budget: level.retry_budget.as_ref().or(policy.retry_budget),
                    tls: level.tls.as_ref().or(policy.tls),
                },
            };
        }
        policy
    }

    /// The mode that the rule asks for; `None` leaves it to auto mTLS.
    pub(crate) fn tls_mode(&self) -> Option<&str> {
        self.tls.map(|tls| tls.mode.as_str()).filter(|mode| !mode.is_empty())
    }
}
