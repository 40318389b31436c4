//! Translation: Istio's resources and Kubernetes' services in, Envoy configuration out. Pure; one file per capability.
//!
//! The result has istiod's structure and names: a listener per service port that no socket is bound to (`0.0.0.0_9080`,
//! `10.96.0.9_3306`) and to which `virtualOutbound` hands connections by their original destination; routes by port;
//! clusters `outbound|9080|v1|host`. What differs, because there are no network namespaces on one machine: inbound is one
//! bound listener per workload port (`virtualInbound-9080`) instead of one for all, and the original destination comes
//! from a PROXY protocol line instead of iptables.

pub(crate) mod addresses;
pub(crate) mod attach;
pub(crate) mod authorization;
pub(crate) mod balance;
pub(crate) mod clusters;
pub(crate) mod delegates;
pub(crate) mod destinations;
pub(crate) mod endpoints;
pub(crate) mod envoy_filter;
pub(crate) mod ext_authz;
pub(crate) mod external;
pub(crate) mod faults;
pub(crate) mod gateway;
pub(crate) mod gateway_api;
pub(crate) mod http;
pub(crate) mod inbound;
pub(crate) mod jwt;
pub(crate) mod matches;
pub(crate) mod mtls;
pub(crate) mod names;
pub(crate) mod observe;
pub(crate) mod outbound;
pub(crate) mod policies;
pub(crate) mod priorities;
pub(crate) mod rbac;
pub(crate) mod retries;
pub(crate) mod rewrites;
pub(crate) mod routes;
pub(crate) mod scope;
pub(crate) mod spans;
pub(crate) mod support;
pub(crate) mod tcp;
pub(crate) mod telemetry;
pub(crate) mod tls;
mod without_effect;

use crate::registry::{Registry, Service};
use crate::workload::{ProxyKind, Workload};
use scope::Scope;
use serde_json::Value;
pub(crate) use without_effect::service_entry as service_entry_without_effect;

/// The kinds of resources, in the order in which a proxy must learn of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Clusters.
    Cluster,
    /// Endpoints.
    Endpoint,
    /// Listeners.
    Listener,
    /// Routes.
    Route,
    /// Certificates.
    Secret,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Cluster, Self::Endpoint, Self::Listener, Self::Route, Self::Secret];

    /// The resource's type URL.
    pub fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        }
    }

    /// `cds`, as in istiod's metrics.
    pub fn short(self) -> &'static str {
        match self {
            Self::Cluster => "cds",
            Self::Endpoint => "eds",
            Self::Listener => "lds",
            Self::Route => "rds",
            Self::Secret => "sds",
        }
    }

    /// From a type URL.
    pub fn of(type_url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == type_url)
    }
}

/// For whom configuration is made.
pub struct Target<'a> {
    /// The whole mesh.
    pub registry: &'a Registry,
    /// The workload of the proxy.
    pub workload: &'a Workload,
    /// What of the mesh it knows.
    pub scope: Scope<'a>,
}

impl<'a> Target<'a> {
    /// For one workload's proxy.
    pub fn new(registry: &'a Registry, workload: &'a Workload) -> Self {
        Self { registry, workload, scope: Scope::of(registry, workload) }
    }

    /// Whether calls to a service at this port are known.
    pub(crate) fn sees(&self, service: &Service, port: u16) -> bool {
        self.scope.sees(service, port, &self.workload.namespace)
    }

    /// Whether the proxy is a gateway.
    pub fn is_gateway(&self) -> bool {
        self.workload.proxy == Some(ProxyKind::Router)
    }
}

/// Everything that one proxy is told, as JSON; secrets are added by the certificate authority.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// CDS.
    pub clusters: Vec<Value>,
    /// EDS.
    pub endpoints: Vec<Value>,
    /// LDS.
    pub listeners: Vec<Value>,
    /// RDS.
    pub routes: Vec<Value>,
    /// SDS: certificates from Secrets.
    pub secrets: Vec<Value>,
}

/// Makes the configuration of one proxy.
pub fn translate(target: &Target<'_>) -> Resources {
    let mut resources = Resources::default();
    clusters::outbound(target, &mut resources);
    jwt::clusters(target, &mut resources);
    if target.is_gateway() {
        gateway::listeners(target, &mut resources);
    } else {
        outbound::listeners(target, &mut resources);
        inbound::listeners(target, &mut resources);
    }
    resources
}

#[cfg(test)]
mod tests;
