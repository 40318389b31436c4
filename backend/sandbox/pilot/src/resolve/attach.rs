//! Which workloads a policy holds for: those that its selector chooses, or the gateway that it is attached
//! to.
//!
//! In a cluster a Gateway of the Gateway API has pods of its own, which have its name as a label. Here it may
//! share those of the ingress gateway; then the policy holds for all that comes in by them.

use super::gateway_api::names::prefix_of;
use crate::identity::ROOT_NAMESPACE;
use crate::registry::workload::{ProxyKind, Workload};
use crate::registry::{Config, Registry};
use istio::Selects;
use istio::attach::{Attach, Attached};

impl<T: Attach> Config<T> {
    /// Where it says that it holds.
    pub(crate) fn attached(&self) -> Attached<'_> {
        self.spec.attached(&self.namespace)
    }

    /// Whether it holds for a workload.
    pub(crate) fn holds(&self, registry: &Registry, workload: &Workload) -> bool {
        let attached = self.attached();
        let own = attached.holds(ROOT_NAMESPACE, &workload.namespace, &workload.labels);
        if attached.targets().next().is_none() {
            return own;
        }
        let mut gateways = attached.targets().filter(|target| target.is_gateway());
        workload.proxy == Some(ProxyKind::Router)
            && (own || gateways.any(|target| shares(self, registry, workload, target.name)))
    }
}

/// Whether the workload serves a Gateway of this name without being its own.
fn shares<T>(policy: &Config<T>, registry: &Registry, workload: &Workload, name: &str) -> bool {
    let made = prefix_of(name);
    let mut gateways = registry.gateways.iter().filter(|gateway| gateway.namespace == policy.namespace);
    gateways.any(|gateway| {
        gateway.name.starts_with(&made)
            && Selects::narrowing(Some(&gateway.spec.selector)).takes(&workload.labels)
    })
}

/// References that no proxy of the sandbox answers to.
pub(crate) fn without_effect(attached: &Attached<'_>) -> Vec<String> {
    let others = attached.targets().filter(|target| !target.is_gateway());
    let told = |kind: &str| {
        let kind = if kind.is_empty() { "nothing" } else { kind };
        format!(
            "targetRefs to a {kind} has no effect in the sandbox: in Istio it holds for waypoints only; use \
                a selector"
        )
    };
    others.map(|target| told(target.kind)).collect()
}
