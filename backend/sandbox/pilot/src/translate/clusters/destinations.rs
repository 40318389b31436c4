//! DestinationRule: which one holds for a service, and what its traffic policy does to a cluster.

use crate::identity::ROOT_NAMESPACE;
use crate::registry::{Config, Service};
use crate::translate::target::Target;
use istio::destination::{Called, Client, Defaults, Settings};
use istio::views::{DestinationRule, Subset};
use std::ops::Deref;

/// The rule that holds for calls of a service: the oldest, with what others for the same host add to it.
pub(crate) fn rule(target: &Target<'_>, service: &Service) -> Option<Config<DestinationRule>> {
    let workload = target.workload;
    let client = Client { namespace: &workload.namespace, labels: &workload.labels };
    let called = Called { host: &service.host, namespace: &service.namespace };
    let export_to = &target.registry.mesh_config.default_destination_rule_export_to;
    let mesh = Defaults { root: ROOT_NAMESPACE, export_to };
    let merged = istio::destination::rule(target.registry.destination_rules.iter(), client, called, mesh)?;
    let mut rule = (*merged.from.first()?).clone();
    rule.spec = merged.rule;
    Some(rule)
}

/// The parts of a traffic policy that hold for one cluster.
#[derive(Default)]
pub(crate) struct Policy<'a>(Settings<'a>);

impl<'a> Policy<'a> {
    /// Of a rule and a subset at a port.
    pub(crate) fn of(
        rule: Option<&'a Config<DestinationRule>>,
        subset: Option<&'a Subset>,
        port: u16,
    ) -> Self {
        Self(Settings::of(rule.and_then(|rule| rule.spec.traffic_policy.as_ref()), subset, port))
    }
}

impl<'a> Deref for Policy<'a> {
    type Target = Settings<'a>;

    fn deref(&self) -> &Settings<'a> {
        &self.0
    }
}
