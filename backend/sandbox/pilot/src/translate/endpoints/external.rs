//! Endpoints that no pod is: those of ServiceEntries and WorkloadEntries, told, looked up, or left to the
//! client.

use super::endpoint;
use crate::identity::CLUSTER_ID;
use crate::registry::{FixedEndpoint, Port, Registry, Resolution, Service};
use istio::canonical;
use serde_json::{Value, json};
use std::net::IpAddr;

/// One endpoint. A pod's address is this machine's port for it; a name is possible only where it is
/// `looked_up`.
pub(super) fn fixed_endpoint(
    registry: &Registry,
    service: &Service,
    port: &Port,
    fixed: &FixedEndpoint,
    looked_up: bool,
) -> Option<Value> {
    // A proxy would refuse all endpoints of all services for one that has a name instead of an address.
    if !looked_up && fixed.address.parse::<IpAddr>().is_err() {
        return None;
    }
    let number = fixed.port(port);
    let pod = registry.workloads.iter().find(|workload| workload.ip == fixed.address);
    let real = pod.and_then(|pod| pod.address(&number.to_string()));
    let told = json!({"socket_address": {"address": fixed.address, "port_value": number}});
    let address = real.map_or(told, wire::Address::envoy);
    let label = |key: &str| fixed.labels.get(key).map(String::as_str);
    let app = canonical::service(&fixed.labels, &service.name);
    let version = canonical::revision(&fixed.labels);
    let mut metadata =
        json!({"istio": {"workload": format!("{app};{};{app};{version};{CLUSTER_ID}", service.namespace)}});
    if label("security.istio.io/tlsMode") == Some("istio") {
        metadata["envoy.transport_socket_match"] = json!({"tlsMode": "istio"});
    }
    let mut made = endpoint::endpoint(&address, fixed.weight, metadata);
    if fixed.address.parse::<IpAddr>().is_err() {
        made["endpoint"]["hostname"] = json!(fixed.address);
    }
    Some(made)
}

/// Makes a cluster go where the client meant to.
pub(crate) fn pass_through(cluster: &mut Value) {
    cluster["type"] = json!("ORIGINAL_DST");
    cluster["lb_policy"] = json!("CLUSTER_PROVIDED");
    if let Some(cluster) = cluster.as_object_mut() {
        cluster.shift_remove("eds_cluster_config");
        cluster.shift_remove("common_lb_config");
    }
}

/// Makes a cluster look its endpoints up.
pub(crate) fn look_up(cluster: &mut Value, resolution: Resolution, mut assignment: Value) {
    if let (Some(cluster), Some(assignment)) = (cluster.as_object_mut(), assignment.as_object_mut()) {
        cluster.shift_remove("eds_cluster_config");
        assignment.shift_remove("@type");
    }
    cluster["type"] =
        json!(if resolution == Resolution::DnsRoundRobin { "LOGICAL_DNS" } else { "STRICT_DNS" });
    cluster["dns_lookup_family"] = json!("V4_ONLY");
    cluster["dns_refresh_rate"] = json!("60s");
    cluster["dns_jitter"] = json!("0.1s");
    cluster["respect_dns_ttl"] = json!(true);
    cluster["load_assignment"] = assignment;
}
