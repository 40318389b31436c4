//! For whom configuration is made.

use crate::registry::{ProxyKind, Registry, Service, Workload};
use crate::resolve::scope::Scope;
use istio::route::Caller;

/// One workload's proxy, in its mesh.
pub(crate) struct Target<'a> {
    /// The whole mesh.
    pub registry: &'a Registry,
    /// The workload of the proxy.
    pub workload: &'a Workload,
    /// What of the mesh it knows.
    pub scope: Scope<'a>,
}

impl<'a> Target<'a> {
    /// For one workload's proxy.
    pub(crate) fn new(registry: &'a Registry, workload: &'a Workload) -> Self {
        Self { registry, workload, scope: Scope::of(registry, workload) }
    }

    /// Whether calls to a service at this port are known.
    pub(crate) fn sees(&self, service: &Service, port: u16) -> bool {
        self.scope.sees(service, port, &self.workload.namespace)
    }

    /// Who sends, as matches look at it.
    pub(crate) fn caller(&self) -> Caller<'_> {
        let Workload { namespace, labels, .. } = self.workload;
        Caller { namespace, labels, gateway: self.is_gateway() }
    }

    /// Whether the proxy is a gateway.
    pub(crate) fn is_gateway(&self) -> bool {
        self.workload.proxy == Some(ProxyKind::Router)
    }
}
