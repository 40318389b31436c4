//! What configuration and pods tell about a node at a glance.

use crate::{Mesh, Service, Workload, roles};
use istio::Selects;
use istio::duration::Duration;
use istio::mtls::Mode;
use istio::views::{DestinationRule, Fault, Retries, TrafficPolicy};
use serde::{Serialize, Serializer};
use std::fmt;

/// What there is to know of a node at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Badge {
    /// It is an ingress or egress gateway.
    Gateway,
    /// Faults are injected into calls to it.
    Fault,
    /// A rule divides calls between versions.
    Split,
    /// Calls are mirrored.
    Mirror,
    /// Calls have a timeout.
    Timeout,
    /// Failed calls are tried again, by a rule that says so.
    Retries,
    /// Connections are limited, or endpoints that fail are ejected.
    CircuitBreaker,
    /// It takes calls over mutual TLS only.
    StrictMtls,
    /// Some of its pods have no proxy.
    MissingSidecar,
    /// Something is wrong with its configuration.
    Problem,
    /// Nothing was measured.
    Idle,
    /// It stands outside the chosen namespaces.
    Outside,
}

impl Badge {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Gateway,
        Self::Fault,
        Self::Split,
        Self::Mirror,
        Self::Timeout,
        Self::Retries,
        Self::CircuitBreaker,
        Self::StrictMtls,
        Self::MissingSidecar,
        Self::Problem,
        Self::Idle,
        Self::Outside,
    ];

    /// As the command line writes it: "circuit-breaker".
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Fault => "fault",
            Self::Split => "split",
            Self::Mirror => "mirror",
            Self::Timeout => "timeout",
            Self::Retries => "retries",
            Self::CircuitBreaker => "circuit-breaker",
            Self::StrictMtls => "strict-mtls",
            Self::MissingSidecar => "missing-sidecar",
            Self::Problem => "problem",
            Self::Idle => "idle",
            Self::Outside => "outside",
        }
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Badge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Badges of a node that stands for these workloads behind these services.
pub(super) fn of(mesh: &Mesh, services: &[&Service], workloads: &[&Workload]) -> Vec<Badge> {
    let mut badges = Vec::new();
    let mut put = |badge, there: bool| {
        if there {
            badges.push(badge);
        }
    };
    // Of several VirtualServices for a host only some are in force.
    let routes: Vec<_> = services
        .iter()
        .flat_map(|service| roles::in_force(mesh, service))
        .filter_map(|(at, _)| mesh.virtual_service(at))
        .flat_map(|view| &view.http)
        .collect();
    let rules: Vec<&DestinationRule> = services
        .iter()
        .flat_map(|service| &service.destination_rules)
        .filter_map(|at| mesh.destination_rule(at))
        .collect();
    let proxied = |workload: &&&Workload| workload.pods.iter().any(|pod| pod.sidecar);
    put(Badge::Gateway, workloads.iter().any(|workload| workload.gateway));
    put(Badge::Fault, routes.iter().any(|route| route.fault.as_ref().is_some_and(Fault::acts)));
    put(
        Badge::Split,
        routes.iter().any(|route| route.route.iter().filter(|row| row.weight.unwrap_or(0) > 0).count() > 1),
    );
    put(Badge::Mirror, routes.iter().any(|route| route.mirror.is_some() || !route.mirrors.is_empty()));
    put(Badge::Timeout, routes.iter().any(|route| route.timeout.as_deref().is_some_and(lasts)));
    let tried_again = |retries: &Retries| retries.attempts > 0;
    put(Badge::Retries, routes.iter().any(|route| route.retries.as_ref().is_some_and(tried_again)));
    put(Badge::CircuitBreaker, rules.iter().any(|rule| breaks(rule, workloads)));
    let strict = |workload: &&Workload| workload.mtls.0 == Mode::Strict;
    let served: Vec<&Workload> =
        workloads.iter().filter(proxied).copied().filter(|workload| !workload.gateway).collect();
    put(Badge::StrictMtls, !served.is_empty() && served.iter().all(strict));
    let bare = |workload: &Workload| workload.pods.iter().any(|pod| !pod.sidecar);
    put(Badge::MissingSidecar, workloads.iter().any(|workload| bare(workload)));
    badges
}

/// Whether it is a timeout: "0s" is none.
fn lasts(timeout: &str) -> bool {
    Duration::read(timeout).is_some_and(|timeout| timeout.nanos() > 0)
}

/// Whether a rule limits or ejects for the service, or for a subset that some of these workloads are in.
fn breaks(rule: &DestinationRule, workloads: &[&Workload]) -> bool {
    let limits = |policy: &TrafficPolicy| {
        policy.connection_pool.is_some()
            || policy.outlier_detection.is_some()
            || policy
                .port_level_settings
                .iter()
                .any(|port| port.connection_pool.is_some() || port.outlier_detection.is_some())
    };
    let here =
        |labels| workloads.iter().any(|workload| Selects::narrowing(Some(labels)).takes(&workload.labels));
    rule.traffic_policy.as_ref().is_some_and(limits)
        || rule
            .subsets
            .iter()
            .any(|subset| subset.traffic_policy.as_ref().is_some_and(limits) && here(&subset.labels))
}
