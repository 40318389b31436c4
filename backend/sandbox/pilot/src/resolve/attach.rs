//! Which workloads a policy holds for: those that its selector chooses, or the gateway that it is attached to.
//!
//! In a cluster a Gateway of the Gateway API has pods of its own, which have its name as a label. Here it may share those of
//! the ingress gateway; then the policy holds for all that comes in by them.

use super::gateway_api::names::prefix_of;
use crate::hosts::selects;
use crate::identity::ROOT_NAMESPACE;
use crate::registry::Registry;
use crate::registry::workload::{ProxyKind, Workload};
use istio::views::Selector;
use serde_json::Value;

const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// What a policy says of where it holds.
pub(crate) struct Attached<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) selector: Option<&'a Selector>,
    pub(crate) target_ref: Option<&'a Value>,
    pub(crate) target_refs: &'a [Value],
}

impl Attached<'_> {
    fn references(&self) -> impl Iterator<Item = &Value> {
        self.target_ref.into_iter().chain(self.target_refs)
    }

    /// Whether it holds for a workload. A policy of the root namespace holds in all of them.
    pub(crate) fn holds(&self, registry: &Registry, workload: &Workload) -> bool {
        let near = self.namespace == workload.namespace;
        if self.references().next().is_some() {
            let mut gateways = self.references().filter(|reference| is_gateway(reference));
            return workload.proxy == Some(ProxyKind::Router)
                && gateways.any(|reference| {
                    let name = reference["name"].as_str().unwrap_or_default();
                    let labelled = workload.labels.get(GATEWAY_NAME).map(String::as_str);
                    (near && labelled == Some(name)) || self.shares(registry, workload, name)
                });
        }
        let labels = self.selector.map(|selector| &selector.match_labels);
        (near || self.namespace == ROOT_NAMESPACE)
            && labels.is_none_or(|labels| selects(labels, &workload.labels))
    }

    /// Whether the workload serves a Gateway of this name without being its own.
    fn shares(&self, registry: &Registry, workload: &Workload, name: &str) -> bool {
        let made = prefix_of(name);
        let mut gateways = registry.gateways.iter().filter(|gateway| gateway.namespace == self.namespace);
        gateways.any(|gateway| {
            gateway.name.starts_with(&made) && selects(&gateway.spec.selector, &workload.labels)
        })
    }

    /// References that no proxy of the sandbox answers to.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let others = self.references().filter(|reference| !is_gateway(reference));
        let told = |reference: &Value| {
            let kind = reference["kind"].as_str().unwrap_or("nothing");
            format!(
                "targetRefs to a {kind} has no effect in the sandbox: in Istio it holds for waypoints only; use a selector"
            )
        };
        others.map(told).collect()
    }
}

fn is_gateway(reference: &Value) -> bool {
    reference["kind"] == "Gateway" && reference["group"] == "gateway.networking.k8s.io"
}
