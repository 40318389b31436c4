//! What configuration and pods tell about a node at a glance.

use crate::{Mesh, Service, Workload};
use istio::Selects;
use istio::mtls::Mode;
use istio::views::{DestinationRule, Fault, TrafficPolicy};

/// Badges of a node that stands for these workloads behind these services.
pub(super) fn of(mesh: &Mesh, services: &[&Service], workloads: &[&Workload]) -> Vec<&'static str> {
    let mut badges = Vec::new();
    let mut put = |name: &'static str, there: bool| {
        if there {
            badges.push(name);
        }
    };
    // Only the first VirtualService is in force for a host.
    let routes: Vec<_> = services
        .iter()
        .filter_map(|service| mesh.virtual_service(service.virtual_services.first()?))
        .flat_map(|view| &view.http)
        .collect();
    let rules: Vec<&DestinationRule> = services
        .iter()
        .flat_map(|service| &service.destination_rules)
        .filter_map(|at| mesh.destination_rule(at))
        .collect();
    let proxied = |workload: &&&Workload| workload.pods.iter().any(|pod| pod.sidecar);
    put("gateway", workloads.iter().any(|workload| workload.gateway));
    put("fault", routes.iter().any(|route| route.fault.as_ref().is_some_and(Fault::acts)));
    put(
        "split",
        routes.iter().any(|route| route.route.iter().filter(|row| row.weight.unwrap_or(0) > 0).count() > 1),
    );
    put("mirror", routes.iter().any(|route| route.mirror.is_some() || !route.mirrors.is_empty()));
    put("circuit-breaker", rules.iter().any(|rule| breaks(rule, workloads)));
    let strict = |workload: &&Workload| workload.mtls.0 == Mode::Strict;
    let served: Vec<&Workload> =
        workloads.iter().filter(proxied).copied().filter(|workload| !workload.gateway).collect();
    put("strict-mtls", !served.is_empty() && served.iter().all(strict));
    let bare = |workload: &Workload| workload.pods.iter().any(|pod| !pod.sidecar);
    put("missing-sidecar", workloads.iter().any(|workload| bare(workload)));
    badges
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
