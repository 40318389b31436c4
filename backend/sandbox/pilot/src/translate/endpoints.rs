//! Where a service's requests can go: ClusterLoadAssignments of pods on this machine's ports.

use super::external;
use super::mtls::{self, Mode};
use super::priorities::{self, Preference};
use crate::CLUSTER_ID;
use crate::locality::{HOSTNAME, Locality, REGION, SUBZONE, ZONE};
use crate::registry::{FixedEndpoint, Port, Registry, Resolution, Service, Target, selects};
use crate::workload::{ProxyKind, Workload, identity};
use serde_json::{Value, json};
use std::borrow::Cow;
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

/// Where somebody stands, and what is written on them.
pub(crate) struct Place<'a> {
    pub(crate) locality: Cow<'a, Locality>,
    labels: Cow<'a, BTreeMap<String, String>>,
    node: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) fn of(registry: &'a Registry, workload: &'a Workload) -> Self {
        let locality = Cow::Borrowed(registry.locality(workload));
        Self { locality, labels: Cow::Borrowed(&workload.labels), node: &workload.node }
    }

    fn of_fixed(fixed: FixedEndpoint) -> Self {
        Self { locality: Cow::Owned(fixed.locality), labels: Cow::Owned(fixed.labels), node: "" }
    }

    /// A label, or what the place says under a topology label; "" when neither is there.
    pub(crate) fn label(&self, key: &str) -> &str {
        let known = match key {
            REGION => &self.locality.region,
            ZONE => &self.locality.zone,
            SUBZONE => &self.locality.subzone,
            HOSTNAME => self.node,
            _ => "",
        };
        if known.is_empty() { self.labels.get(key).map_or("", String::as_str) } else { known }
    }
}

/// One endpoint, and where it stands.
pub(crate) struct Endpoint<'a> {
    pub(crate) value: Value,
    pub(crate) weight: u32,
    pub(crate) place: Place<'a>,
}

pub(crate) fn endpoint(address: &str, port: u16, weight: u32, metadata: Value) -> Value {
    json!({
        "endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}},
        "health_status": "HEALTHY",
        "metadata": {"filter_metadata": metadata},
        "load_balancing_weight": weight,
    })
}

fn of_workload<'a>(registry: &'a Registry, port: &Port, workload: &'a Workload) -> Option<Endpoint<'a>> {
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
    let value = endpoint("127.0.0.1", real, 1, metadata);
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
    let pods = registry.members(service).filter(|workload| !looked_up && selects(labels, &workload.labels));
    let pods = pods.filter_map(|workload| of_workload(registry, port, workload));
    let mut fixed: Vec<FixedEndpoint> = registry.fixed(service).collect();
    if looked_up && fixed.is_empty() && service.selector.is_empty() {
        fixed.push(FixedEndpoint::named(&service.host));
    }
    let fixed = fixed.into_iter().filter(|fixed| selects(labels, &fixed.labels));
    let fixed = fixed.filter_map(|fixed| {
        let value = external::endpoint(registry, service, port, &fixed, looked_up)?;
        Some(Endpoint { value, weight: fixed.weight, place: Place::of_fixed(fixed) })
    });
    pods.chain(fixed).collect()
}

/// The load assignment of a cluster, for the workload that calls.
pub(crate) fn assignment(
    target: &super::Target<'_>,
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
