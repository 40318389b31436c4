//! Where a service's requests can go: ClusterLoadAssignments of pods on this machine's ports.

pub(crate) mod endpoint;
pub(crate) mod external;
pub(crate) mod priorities;

use super::security::mtls::{self, Mode};
use super::target::Target;
use crate::identity::{CLUSTER_ID, identity};
use crate::registry::workload::{ProxyKind, Workload};
use crate::registry::{FixedEndpoint, Port, Registry, Resolution, Service};
use endpoint::{Endpoint, Place, endpoint};
use priorities::Preference;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Who may answer for a service: the identities of its workloads.
pub(crate) fn identities(registry: &Registry, service: &Service) -> Vec<String> {
    let pods = registry.members(service).map(Workload::identity);
    let others = registry.fixed(service).filter(|fixed| !fixed.service_account.is_empty());
    let others = others.map(|fixed| identity(&service.namespace, &fixed.service_account));
    pods.chain(others).collect::<BTreeSet<_>>().into_iter().collect()
}

fn of_workload<'a>(registry: &'a Registry, port: &Port, workload: &'a Workload) -> Option<Endpoint<'a>> {
    let target = port.at(workload)?;
    let address = workload.address(&target.to_string())?.envoy();
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
    let value = endpoint(&address, 1, metadata);
    Some(Endpoint { value, weight: 1, place: Place::of(registry, workload) })
}

/// All endpoints of a service's port whose labels fit; those that the proxy shall look up are none of pods.
pub(crate) fn endpoints<'a>(
    registry: &'a Registry,
    service: &'a Service,
    port: &Port,
    labels: &BTreeMap<String, String>,
) -> Vec<Endpoint<'a>> {
    let looked_up = service.resolution != Resolution::Static;
    let pods = registry
        .members(service)
        .filter(|workload| !looked_up && Place::of(registry, workload).is_of(labels));
    let pods = pods.filter_map(|workload| of_workload(registry, port, workload));
    let mut fixed: Vec<FixedEndpoint> = registry.fixed(service).collect();
    if looked_up && fixed.is_empty() && service.selector.is_empty() {
        fixed.push(FixedEndpoint::named(&service.host));
    }
    let fixed = fixed.into_iter().filter(|fixed| Place::of_fixed(fixed.clone()).is_of(labels));
    let fixed = fixed.filter_map(|fixed| {
        let value = external::fixed_endpoint(registry, service, port, &fixed, looked_up)?;
        Some(Endpoint { value, weight: fixed.weight, place: Place::of_fixed(fixed) })
    });
    pods.chain(fixed).collect()
}

/// The load assignment of a cluster, for the workload that calls.
pub(crate) fn assignment(
    target: &Target<'_>,
    cluster: &str,
    endpoints: Vec<Endpoint<'_>>,
    preference: Option<&Preference>,
) -> Value {
    let here = Place::of(target.registry, target.workload);
    json!({
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": priorities::localities(endpoints, &here, preference),
    })
}
