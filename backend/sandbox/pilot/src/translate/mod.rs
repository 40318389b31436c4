//! Translation: Istio's resources and Kubernetes' services in, Envoy configuration out. Pure; one file per
//! capability.
//!
//! The result has istiod's structure and names: a listener per service port that no socket is bound to
//! (`0.0.0.0_9080`, `10.96.0.9_3306`) and to which `virtualOutbound` hands connections by their original
//! destination; routes by port; clusters `outbound|9080|v1|host`. What differs, because there are no network
//! namespaces on one machine: inbound is one bound listener per workload port (`virtualInbound-9080`) instead
//! of one for all, and the original destination comes from a PROXY protocol line instead of iptables.

pub(crate) mod clusters;
pub(crate) mod endpoints;
pub(crate) mod envoy;
pub(crate) mod envoy_filter;
pub(crate) mod listeners;
pub(crate) mod names;
pub(crate) mod routes;
pub(crate) mod security;
pub(crate) mod target;
pub(crate) mod telemetry;

use crate::xds::Resources;
use listeners::{gateway, inbound, outbound};
use security::jwt;
use target::Target;

/// Makes the configuration of one proxy.
pub(crate) fn translate(target: &Target<'_>) -> Resources {
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
