//! Pages about what the control plane knows: services, endpoints, resources, settings.

use crate::CLUSTER_ID;
use crate::ads::Shared;
use crate::registry::{FixedEndpoint, Port, Registry, Resolution, Service};
use crate::translate::{endpoints, envoy_filter, mtls};
use crate::workload::{ProxyKind, Workload};
use serde_json::{Value, json};

/// Istio's API groups, and the Gateway API's.
fn is_istio(object: &Value) -> bool {
    let of_mesh = |version: &str| version.contains(".istio.io/") || version.starts_with(mesh::gateway_api::GROUP);
    object["apiVersion"].as_str().is_some_and(of_mesh)
}

fn ports(service: &Service) -> Value {
    service.ports.iter().map(|port| json!({"name": port.name, "port": port.number, "protocol": port.protocol.name()})).collect()
}

fn service(service: &Service) -> Value {
    let address = service.addresses.first().map_or("0.0.0.0", String::as_str);
    let exported: serde_json::Map<_, _> = service.export_to.iter().map(|to| (to.clone(), json!({}))).collect();
    json!({
        "Attributes": {
            "ServiceRegistry": if service.entry { "External" } else { "Kubernetes" },
            "Name": service.name,
            "Namespace": service.namespace,
            "LabelSelectors": service.selector,
            "ExportTo": exported,
        },
        "ports": ports(service),
        "creationTime": service.created,
        "hostname": service.host,
        "clusterVIPs": {"Addresses": {CLUSTER_ID: service.addresses}},
        "defaultAddress": address,
        "Resolution": match service.resolution {
            Resolution::Static => 0,
            Resolution::Dns => 1,
            Resolution::Passthrough => 2,
            Resolution::DnsRoundRobin => 3,
        },
        "MeshExternal": service.external,
    })
}

/// All services.
pub(super) fn registryz(shared: &Shared) -> Value {
    shared.snapshot().registry.services.iter().map(service).collect()
}

fn endpoint(registry: &Registry, owner: &Service, port: &Port, workload: &Workload) -> Option<Value> {
    let target = endpoints::workload_port(port, workload)?;
    let tls = workload.proxy == Some(ProxyKind::Sidecar) && mtls::mode(registry, workload, target) != mtls::Mode::Disable;
    Some(json!({
        "service": service(owner),
        "servicePort": {"name": port.name, "port": port.number, "protocol": port.protocol.name()},
        "endpoint": {
            "Labels": workload.labels,
            "Address": workload.ip,
            "ServicePortName": port.name,
            "ServiceAccount": workload.identity(),
            "Network": "",
            "Locality": {"Label": "", "ClusterID": CLUSTER_ID},
            "EndpointPort": target,
            "LbWeight": 0,
            "TLSMode": if tls { "istio" } else { "disabled" },
            "Namespace": workload.namespace,
            "WorkloadName": workload.owner,
            "HealthStatus": 0,
        },
    }))
}

/// An endpoint of a ServiceEntry, or a WorkloadEntry.
fn fixed(owner: &Service, port: &Port, endpoint: &FixedEndpoint) -> Value {
    let tls = endpoint.labels.get("security.istio.io/tlsMode").map_or("disabled", String::as_str);
    json!({
        "service": service(owner),
        "servicePort": {"name": port.name, "port": port.number, "protocol": port.protocol.name()},
        "endpoint": {
            "Labels": endpoint.labels,
            "Address": endpoint.address,
            "ServicePortName": port.name,
            "ServiceAccount": endpoint.service_account,
            "Network": "",
            "Locality": {"Label": endpoint.locality, "ClusterID": CLUSTER_ID},
            "EndpointPort": endpoint.port(port),
            "LbWeight": endpoint.weight,
            "TLSMode": tls,
            "Namespace": owner.namespace,
            "WorkloadName": "",
            "HealthStatus": 0,
        },
    })
}

/// Services with their endpoints.
pub(super) fn endpointz(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let registry = &snapshot.registry;
    let rows = registry.services.iter().flat_map(|service| service.ports.iter().map(move |port| (service, port)));
    rows.map(|(service, port)| {
        let pods = registry.members(service).filter_map(|workload| endpoint(registry, service, port, workload));
        let others = registry.fixed(service).map(|other| fixed(service, port, &other));
        let found: Vec<Value> = pods.chain(others).collect();
        json!({"svc": format!("{}:{}", service.host, port.name), "ep": found})
    })
    .collect()
}

/// Istio's resources as they are read.
pub(super) fn configz(shared: &Shared) -> Value {
    shared.snapshot().objects.iter().filter(|object| is_istio(object)).map(|object| (**object).clone()).collect()
}

/// Mesh-wide settings.
pub(super) fn mesh(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let config = &snapshot.registry.mesh_config;
    json!({
        "proxyListenPort": 15001,
        "connectTimeout": "10s",
        "accessLogFile": config.access_log_file.as_deref().unwrap_or("/dev/stdout"),
        "defaultConfig": {
            "proxyAdminPort": 15000,
            "statusPort": 15020,
            "tracing": {"sampling": config.sampling_percent()},
        },
        "outboundTrafficPolicy": {"mode": if config.allow_any() { "ALLOW_ANY" } else { "REGISTRY_ONLY" }},
        "enableAutoMtls": true,
        "trustDomain": crate::registry::TRUST_DOMAIN,
        "rootNamespace": crate::registry::ROOT_NAMESPACE,
    })
}

/// Clusters without endpoints, as istiod counts them.
pub(super) fn push_status(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let registry = &snapshot.registry;
    let mut empty = serde_json::Map::new();
    for service in &registry.services {
        for port in &service.ports {
            let told = service.resolution == Resolution::Static;
            if told && endpoints::endpoints(registry, service, port, &std::collections::BTreeMap::new()).is_empty() {
                empty.insert(crate::translate::names::outbound_cluster(port.number, "", &service.host), json!({}));
            }
        }
    }
    json!({"pilot_eds_no_instances": empty})
}

/// What resources ask for that has no effect here.
pub(super) fn untranslatedz(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let patches = envoy_filter::state::untranslated(&snapshot.registry, shared);
    let rows = snapshot.registry.untranslated.iter().chain(&patches);
    rows.map(|untranslated| json!({"object": untranslated.object, "reason": untranslated.reason})).collect()
}
