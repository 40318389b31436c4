//! Clusters: one per service port, and one per subset that a DestinationRule names.

pub(crate) mod balance;
pub(crate) mod destinations;
pub(crate) mod policies;

use super::endpoints::priorities::Preference;
use super::endpoints::{self, external};
use super::envoy::{merge, protocol_options, seconds, typed};
use super::names;
use super::security::{addresses, mtls, tls};
use super::target::Target;
use crate::registry::{Config, Port, Resolution, Service};
use crate::xds::Resources;
use destinations::Policy;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NO_LIMIT: u32 = u32::MAX;

/// No limits, as Istio's default; Envoy's own would be 1024.
pub(crate) fn no_limits() -> Value {
    json!({"thresholds": [{"max_connections": NO_LIMIT, "max_pending_requests": NO_LIMIT,
        "max_requests": NO_LIMIT, "max_retries": NO_LIMIT, "track_remaining": true}]})
}

fn services_metadata(service: &Service) -> Value {
    json!([{"namespace": service.namespace, "name": service.name, "host": service.host}])
}

/// All clusters for calls to others, with their endpoints.
pub(crate) fn outbound(target: &Target<'_>, resources: &mut Resources) {
    for service in &target.scope.reached {
        let rule = destinations::rule(target, service);
        for port in &service.ports {
            add(target, resources, service, port, None, rule.as_ref());
            for subset in rule.iter().flat_map(|rule| &rule.spec.subsets) {
                add(target, resources, service, port, Some(subset), rule.as_ref());
            }
        }
    }
    let mut black_hole = typed("BlackHoleCluster", "STATIC");
    black_hole["load_assignment"] = json!({"cluster_name": "BlackHoleCluster"});
    resources.clusters.push(black_hole);
    let mut passthrough = typed("PassthroughCluster", "ORIGINAL_DST");
    merge(
        &mut passthrough,
        json!({
            "lb_policy": "CLUSTER_PROVIDED",
            "circuit_breakers": no_limits(),
            "typed_extension_protocol_options": protocol_options(json!({"use_downstream_protocol_config": {
                "http_protocol_options": {},
                    "http2_protocol_options": {"max_concurrent_streams": 1_073_741_824}}})),
        }),
    );
    resources.clusters.push(passthrough);
}

fn add(
    target: &Target<'_>,
    resources: &mut Resources,
    service: &Service,
    port: &Port,
    subset: Option<&istio::views::Subset>,
    rule: Option<&Config<istio::views::DestinationRule>>,
) {
    let subset_name = subset.map_or("", |subset| subset.name.as_str());
    let name = names::outbound_cluster(port.number, subset_name, &service.host);
    let none = BTreeMap::new();
    let labels = subset.map_or(&none, |subset| &subset.labels);
    let mut cluster = typed(&name, "EDS");
    let mut istio = json!({"default_original_port": port.number, "services": services_metadata(service)});
    if let Some(rule) = rule {
        istio["config"] = json!(rule.link("destination-rule"));
    }
    if subset.is_some() {
        istio["subset"] = json!(subset_name);
    }
    merge(
        &mut cluster,
        json!({
            "eds_cluster_config": {
                "eds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
                "service_name": name,
            },
            "lb_policy": "LEAST_REQUEST",
            "circuit_breakers": no_limits(),
            "common_lb_config": {"locality_weighted_lb_config": {}},
            "metadata": {"filter_metadata": {"istio": istio}},
        }),
    );
    let mesh = &target.registry.mesh_config;
    let policy = Policy::of(rule, subset, port.number);
    let http2 = policy.speaks_http2(mesh, port.protocol);
    if let Some(timeout) = mesh.connect_timeout.as_deref().and_then(seconds) {
        cluster["connect_timeout"] = json!(timeout);
    }
    let sni = names::sni(port.number, subset_name, &service.host);
    let identities = endpoints::identities(target.registry, service);
    let mut own_name = None;
    // As istiod: a gateway has endpoints also of those that sidecars call pod by pod. Bytes have no header in
    // which the sandbox's clients say which pod's port they mean.
    let by_pod = service.headless && !target.is_gateway() && port.protocol.is_http();
    match policy.tls_mode() {
        None if service.external || target.registry.mesh_config.enable_auto_mtls == Some(false) => {}
        // Who is called is not among endpoints that say whether they have a sidecar: all of them have, or none
        // counts.
        None if by_pod => {
            if mtls::all_take_it(target.registry, service, port) {
                cluster["transport_socket"] = mtls::client_socket(&sni, &identities, http2);
            }
        }
        None => cluster["transport_socket_matches"] = mtls::auto_matches(&sni, &identities, http2),
        Some("ISTIO_MUTUAL") => {
            let tls = policy.tls;
            let sni = tls.and_then(|tls| tls.sni.as_deref()).filter(|sni| !sni.is_empty()).unwrap_or(&sni);
            let names = tls
                .map(|tls| &tls.subject_alt_names)
                .filter(|names| !names.is_empty())
                .unwrap_or(&identities);
            cluster["transport_socket"] = mtls::client_socket(sni, names, http2);
        }
        Some("SIMPLE" | "MUTUAL") => {
            let selecting = rule.is_some_and(|rule| rule.spec.workload_selector.is_some());
            own_name = policy
                .tls
                .and_then(|tls| tls::client(target, resources, &mut cluster, service, tls, selecting, http2))
                .filter(|_| port.protocol.is_http());
        }
        Some(_) => {} // DISABLE
    }
    // Not where machines elsewhere belong to it, which a loopback address does not reach.
    if service.resolution == Resolution::Static
        && !service.external
        && addresses::all_near(target.registry, service)
    {
        cluster["upstream_bind_config"] = addresses::bind(target.workload).unwrap_or_default();
    }
    policy.apply(mesh, &mut cluster, port.protocol);
    if let Some(checked) = own_name {
        tls::by_the_hosts_name(&mut cluster, checked);
    }
    let endpoints = || endpoints::endpoints(target.registry, service, port, labels);
    let preference = Preference::of(mesh, service, policy.load_balancer, policy.outlier_detection.is_some());
    match service.resolution {
        // Where the client meant to go can be reached when it is no address of the sandbox's own network.
        _ if service.entry && policy.goes_where_meant() => external::pass_through(&mut cluster),
        Resolution::Passthrough => external::pass_through(&mut cluster),
        _ if by_pod => {
            external::pass_through(&mut cluster);
            // A pod's address is nowhere on this machine: who stands for the network says what is there for
            // it.
            cluster["original_dst_lb_config"] = json!({"use_http_header": true});
        }
        Resolution::Static => {
            resources.endpoints.push(endpoints::assignment(target, &name, endpoints(), preference.as_ref()));
        }
        Resolution::Dns | Resolution::DnsRoundRobin => {
            let assignment = endpoints::assignment(target, &name, endpoints(), preference.as_ref());
            external::look_up(&mut cluster, service.resolution, assignment);
        }
    }
    resources.clusters.push(cluster);
}

/// The cluster of a workload's own port: its application.
pub(crate) fn inbound(service: Option<&Service>, port: u16, real: u16) -> Value {
    let name = names::inbound_cluster(port);
    let mut cluster = typed(&name, "STATIC");
    merge(
        &mut cluster,
        json!({
            "circuit_breakers": no_limits(),
            "load_assignment": {"cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
                "socket_address": {"address": "127.0.0.1", "port_value": real}}}}]}]},
            "typed_extension_protocol_options": protocol_options(json!({"use_downstream_protocol_config": {
                "http_protocol_options": {},
                    "http2_protocol_options": {"max_concurrent_streams": 1_073_741_824}}})),
        }),
    );
    if let Some(service) = service {
        cluster["metadata"] = json!({"filter_metadata": {"istio": {"services": services_metadata(service)}}});
    }
    cluster
}
