//! Pages about what the control plane knows: services, endpoints, resources, settings.

use crate::ads::patches;
use crate::ads::shared::{Shared, Snapshot};
use crate::bootstrap;
use crate::identity::{CLUSTER_ID, ROOT_NAMESPACE, TRUST_DOMAIN};
use crate::registry::mesh_config::MeshConfig;
use crate::registry::workload::{ProxyKind, Workload};
use crate::registry::{FixedEndpoint, Port, Registry, Resolution, Service};
use crate::translate::security::mtls;
use crate::translate::{endpoints, names};
use serde_json::{Value, json};
use std::sync::Arc;

/// Istio's API groups, and the Gateway API's.
fn is_istio(object: &Value) -> bool {
    let of_mesh = |version: &str| {
        version.contains(".istio.io/") || version.starts_with(istio::views::gateway_api::GROUP)
    };
    object["apiVersion"].as_str().is_some_and(of_mesh)
}

fn port(port: &Port) -> Value {
    json!({"name": port.name, "port": port.number,
        "protocol": port.protocol.title().unwrap_or("UnsupportedProtocol")})
}

/// The object that a service was read from: its labels and version are shown as they are.
fn object<'a>(snapshot: &'a Snapshot, service: &Service) -> Option<&'a Value> {
    let is_it = |object: &&Arc<Value>| {
        let names = &object["metadata"];
        let hosts = || {
            object["spec"]["hosts"]
                .as_array()
                .is_some_and(|hosts| hosts.iter().any(|host| *host == service.host))
        };
        names["namespace"] == service.namespace.as_str()
            && ((object["kind"] == "Service" && names["name"] == service.name.as_str())
                || (object["kind"] == "ServiceEntry" && hosts()))
    };
    snapshot.objects.iter().find(is_it).map(Arc::as_ref)
}

fn service(snapshot: &Snapshot, service: &Service) -> Value {
    let address = service.addresses.first().map_or("0.0.0.0", String::as_str);
    let exported: serde_json::Map<_, _> =
        service.export_to.iter().map(|to| (to.clone(), json!({}))).collect();
    let object = object(snapshot, service).unwrap_or(&Value::Null);
    json!({
        "Attributes": {
            "ServiceRegistry": if service.entry { "External" } else { "Kubernetes" },
            "Name": service.name,
            "Namespace": service.namespace,
            "Labels": object["metadata"]["labels"],
            "ExportTo": if exported.is_empty() { Value::Null } else { exported.into() },
            "LabelSelectors": service.selector,
            "ClusterExternalAddresses": {"Addresses": null},
            "ClusterExternalPorts": null,
        },
        "ports": service.ports.iter().map(port).collect::<Value>(),
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
        "ResourceVersion": object["metadata"]["resourceVersion"].as_str().unwrap_or_default(),
    })
}

/// All services.
pub(super) fn registryz(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    snapshot.registry.services.iter().map(|of| service(&snapshot, of)).collect()
}

/// A pod's endpoint as istiod keeps it.
fn of_pod(registry: &Registry, port: &Port, workload: &Workload) -> Option<Value> {
    let target = port.at(workload)?;
    let tls = workload.proxy == Some(ProxyKind::Sidecar)
        && mtls::mode(registry, workload, target) != mtls::Mode::Disable;
    let mut labels = workload.labels.clone();
    labels.insert("topology.istio.io/cluster".into(), CLUSTER_ID.into());
    labels.insert("topology.istio.io/network".into(), String::new());
    Some(json!({
        "Labels": labels,
        "Address": workload.ip,
        "ServicePortName": port.name,
        "EnvoyEndpoint": null,
        "ServiceAccount": workload.identity(),
        "Network": "",
        "Locality": {"Label": "", "ClusterID": CLUSTER_ID},
        "EndpointPort": target,
        "LbWeight": 0,
        "TLSMode": if tls { "istio" } else { "disabled" },
        "Namespace": workload.namespace,
        "WorkloadName": workload.owner,
        "HostName": "",
        "SubDomain": "",
        "TunnelAbility": 0,
        "HealthStatus": 0,
    }))
}

/// An endpoint of a ServiceEntry, or a WorkloadEntry.
fn fixed(owner: &Service, port: &Port, endpoint: &FixedEndpoint) -> Value {
    let tls = endpoint.labels.get("security.istio.io/tlsMode").map_or("disabled", String::as_str);
    json!({
        "Labels": endpoint.labels,
        "Address": endpoint.address,
        "ServicePortName": port.name,
        "EnvoyEndpoint": null,
        "ServiceAccount": endpoint.service_account,
        "Network": "",
        "Locality": {"Label": endpoint.locality.to_string(), "ClusterID": CLUSTER_ID},
        "EndpointPort": endpoint.port(port),
        "LbWeight": endpoint.weight,
        "TLSMode": tls,
        "Namespace": owner.namespace,
        "WorkloadName": "",
        "HostName": "",
        "SubDomain": "",
        "TunnelAbility": 0,
        "HealthStatus": 0,
    })
}

/// All endpoints of one port of a service.
fn istio_endpoints(registry: &Registry, service: &Service, port: &Port) -> Vec<Value> {
    let pods = registry.members(service).filter_map(|workload| of_pod(registry, port, workload));
    pods.chain(registry.fixed(service).map(|other| fixed(service, port, &other))).collect()
}

/// Services with their endpoints.
pub(super) fn endpointz(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let registry = &snapshot.registry;
    let rows =
        registry.services.iter().flat_map(|service| service.ports.iter().map(move |port| (service, port)));
    rows.map(|(of, at)| {
        let (owner, of_port) = (service(&snapshot, of), port(at));
        let found = istio_endpoints(registry, of, at);
        let found = found
            .iter()
            .map(|endpoint| json!({"service": owner, "servicePort": of_port, "endpoint": endpoint}));
        json!({"svc": format!("{}:{}", of.host, at.name), "ep": found.collect::<Vec<_>>()})
    })
    .collect()
}

/// Endpoints by service and namespace, in the shard of the one registry that there is.
pub(super) fn endpoint_shardz(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let registry = &snapshot.registry;
    let mut hosts = serde_json::Map::new();
    for of in &registry.services {
        let found: Vec<Value> =
            of.ports.iter().flat_map(|port| istio_endpoints(registry, of, port)).collect();
        let accounts = registry.members(of).map(|workload| (workload.identity(), json!({})));
        let accounts: serde_json::Map<String, Value> = accounts.collect();
        let shards =
            json!({"Shards": {format!("Kubernetes/{CLUSTER_ID}"): found}, "ServiceAccounts": accounts});
        hosts.insert(of.host.clone(), json!({of.namespace.as_str(): shards}));
    }
    hosts.into()
}

/// Telemetry resources, by namespace.
pub(super) fn telemetryz(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let mut namespaces: std::collections::BTreeMap<&str, Vec<Value>> = std::collections::BTreeMap::new();
    for config in &snapshot.registry.telemetries {
        let row = json!({"name": config.name, "namespace": config.namespace, "spec": config.object.spec()});
        namespaces.entry(&config.namespace).or_default().push(row);
    }
    json!({"namespace_to_telemetries": namespaces, "root_namespace": ROOT_NAMESPACE})
}

/// Istio's resources as they are read.
pub(super) fn configz(shared: &Shared) -> Value {
    shared
        .snapshot()
        .objects
        .iter()
        .filter(|object| is_istio(object))
        .map(|object| (**object).clone())
        .collect()
}

/// Mesh-wide settings.
pub(super) fn mesh(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let config = &snapshot.registry.mesh_config;
    json!({
        "proxyListenPort": 15001,
        "connectTimeout": "10s",
        "protocolDetectionTimeout": "0s",
        "ingressClass": "istio",
        "ingressService": "istio-ingressgateway",
        "ingressControllerMode": "STRICT",
        "accessLogFile": config.access_log_file.as_deref().unwrap_or("/dev/stdout"),
        "defaultConfig": bootstrap::proxy_config(config.sampling_percent()),
        "outboundTrafficPolicy": {"mode": if config.allow_any() { "ALLOW_ANY" } else { "REGISTRY_ONLY" }},
        "enableAutoMtls": config.enable_auto_mtls.unwrap_or(true),
        "trustDomain": TRUST_DOMAIN,
        "defaultServiceExportTo": ["*"],
        "defaultVirtualServiceExportTo": ["*"],
        "defaultDestinationRuleExportTo": ["*"],
        "rootNamespace": ROOT_NAMESPACE,
        "localityLbSetting": {"enabled": true},
        "dnsRefreshRate": "60s",
        "enablePrometheusMerge": true,
        "extensionProviders": config.extension_providers.iter().cloned().chain(built_in(config)).collect::<Vec<_>>(),
        "defaultProviders": default_providers(config),
    })
}

/// Those that the mesh names.
fn default_providers(config: &MeshConfig) -> Value {
    let all = &config.default_providers;
    let named =
        [("tracing", &all.tracing), ("metrics", &all.metrics), ("accessLogging", &all.access_logging)];
    let named = named.into_iter().filter(|(_, names)| !names.is_empty());
    named.map(|(kind, names)| (kind.to_owned(), json!(names))).collect::<serde_json::Map<_, _>>().into()
}

/// The providers that every mesh has, unless it defines others of their names.
fn built_in(config: &MeshConfig) -> impl Iterator<Item = Value> {
    let own = [
        json!({"name": "prometheus", "prometheus": {}}),
        json!({"name": "envoy", "envoyFileAccessLog": {"path": "/dev/stdout"}}),
        json!({"name": "jaeger",
            "opentelemetry": {"service": "jaeger-collector.istio-system.svc.cluster.local", "port": 4317}}),
    ];
    own.into_iter().filter(|own| config.extension_providers.iter().all(|known| known["name"] != own["name"]))
}

/// Clusters without endpoints, as istiod counts them.
pub(super) fn push_status(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let registry = &snapshot.registry;
    let mut empty = serde_json::Map::new();
    for service in &registry.services {
        for port in &service.ports {
            let told = service.resolution == Resolution::Static;
            if told
                && endpoints::endpoints(registry, service, port, &std::collections::BTreeMap::new())
                    .is_empty()
            {
                empty.insert(names::outbound_cluster(port.number, "", &service.host), json!({}));
            }
        }
    }
    json!({"pilot_eds_no_instances": empty})
}

/// What resources ask for that has no effect here.
pub(super) fn untranslatedz(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let patches = patches::untranslated(&snapshot.registry, &shared.sessions());
    let rows = snapshot.registry.untranslated.iter().chain(&patches);
    rows.map(|untranslated| json!({"object": untranslated.object, "reason": untranslated.reason})).collect()
}
