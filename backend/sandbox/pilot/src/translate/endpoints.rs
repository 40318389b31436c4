//! Where a service's requests can go: ClusterLoadAssignments of pods on this machine's ports.

use super::mtls::{self, Mode};
use crate::CLUSTER_ID;
use crate::registry::{Port, Registry, Service, Target, selects};
use crate::workload::{ProxyKind, Workload, identity};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The port at which a workload serves a service's port, as inside the pod.
pub(crate) fn workload_port(port: &Port, workload: &Workload) -> Option<u16> {
    match &port.target {
        Target::Number(number) => Some(*number),
        Target::Name(name) => workload.named_ports.get(name).copied(),
    }
}

/// Who may answer for a service: the identities of its workloads.
pub(crate) fn identities(registry: &Registry, service: &Service) -> Vec<String> {
    let pods = registry.members(service).map(Workload::identity);
    let others = registry.fixed(service).filter(|fixed| !fixed.service_account.is_empty());
    let others = others.map(|fixed| identity(&service.namespace, &fixed.service_account));
    pods.chain(others).collect::<BTreeSet<_>>().into_iter().collect()
}

pub(crate) fn endpoint(address: &str, port: u16, weight: u32, metadata: Value) -> Value {
    json!({
        "endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}},
        "health_status": "HEALTHY",
        "metadata": {"filter_metadata": metadata},
        "load_balancing_weight": weight,
    })
}

fn of_workload(registry: &Registry, port: &Port, workload: &Workload) -> Option<Value> {
    let target = workload_port(port, workload)?;
    let real = workload.real_port(&target.to_string())?;
    let name = format!(
        "{};{};{};{};{CLUSTER_ID}",
        workload.owner,
        workload.namespace,
        workload.canonical_service(),
        workload.canonical_revision()
    );
    let mut metadata = json!({"istio": {"workload": name}});
    // A gateway takes what its servers say, not what sidecars agree on.
    if workload.proxy == Some(ProxyKind::Sidecar) && mtls::mode(registry, workload, target) != Mode::Disable {
        metadata["envoy.transport_socket_match"] = json!({"tlsMode": "istio"});
    }
    Some(endpoint("127.0.0.1", real, 1, metadata))
}

/// All endpoints of a service's port whose labels fit.
pub(crate) fn endpoints(registry: &Registry, service: &Service, port: &Port, labels: &BTreeMap<String, String>) -> Vec<Value> {
    let pods = registry.members(service).filter(|workload| selects(labels, &workload.labels));
    let pods = pods.filter_map(|workload| of_workload(registry, port, workload));
    let fixed = registry.fixed(service).filter(|fixed| selects(labels, &fixed.labels));
    let fixed = fixed.filter_map(|fixed| super::external::endpoint(registry, service, port, &fixed, false));
    pods.chain(fixed).collect()
}

/// The load assignment of a cluster.
pub(crate) fn assignment(cluster: &str, endpoints: Vec<Value>) -> Value {
    let localities = match endpoints.len() {
        0 => json!([]),
        count => json!([{"locality": {}, "lb_endpoints": endpoints, "load_balancing_weight": count}]),
    };
    json!({
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": localities,
    })
}
