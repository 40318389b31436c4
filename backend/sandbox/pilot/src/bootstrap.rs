//! What an Envoy of the sandbox is started with: who it is, and where the control plane and the collectors
//! are.

use crate::identity::{CLUSTER_ID, ISTIO_VERSION, TRUST_DOMAIN};
use crate::registry::workload::Workload;
use serde_json::{Value, json};
use wire::Address;

/// Static cluster of the access log service.
pub const ALS_CLUSTER: &str = "telemetry-als";
/// Static cluster of the span collector.
pub const OTLP_CLUSTER: &str = "telemetry-otlp";
/// Static cluster of the control plane.
pub const XDS_CLUSTER: &str = "xds-grpc";
/// As in the demo profile.
const DEFAULT_SAMPLING: f64 = 100.0;
const ADMIN_CLUSTER: &str = "prometheus_stats";

/// Where a proxy finds its servers.
pub(crate) struct Servers<'a> {
    pub(crate) xds: &'a Address,
    pub(crate) als: &'a Address,
    pub(crate) otlp: &'a Address,
}

fn cluster(name: &str, to: &Address, http2: bool) -> Value {
    let to = to.envoy();
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": to}}]}]},
    });
    if http2 {
        cluster["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {
                "connection_keepalive": {"interval": "30s", "timeout": "5s"}}},
        }});
    }
    cluster
}

/// A listener that passes some paths on to the admin page, under another path.
fn window(name: &str, at: &Address, paths: &[(&str, &str)]) -> Value {
    let routes: Vec<Value> = paths
        .iter()
        .map(|(path, to)| {
            json!({"match": {"prefix": path},
            "route": {"cluster": ADMIN_CLUSTER, "prefix_rewrite": to}})
        })
        .collect();
    json!({
        "name": name,
        "address": at.envoy(),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "route_config": {"virtual_hosts": [{"name": "backend", "domains": ["*"], "routes": routes}]},
                "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
            },
        }]}],
    })
}

/// The node's metadata, as istiod's injector would have set it.
fn metadata(workload: &Workload) -> Value {
    json!({
        "NAME": workload.name,
        "NAMESPACE": workload.namespace,
        "WORKLOAD_NAME": workload.owner,
        "OWNER": format!("kubernetes://apis/apps/v1/namespaces/{}/deployments/{}", workload.namespace,
            workload.owner),
        "LABELS": workload.labels,
        "SERVICE_ACCOUNT": workload.service_account,
        "CLUSTER_ID": CLUSTER_ID,
        "MESH_ID": TRUST_DOMAIN,
        "INSTANCE_IPS": workload.ip,
        "INTERCEPTION_MODE": "REDIRECT",
        "ISTIO_VERSION": ISTIO_VERSION,
        "PROXY_CONFIG": proxy_config(DEFAULT_SAMPLING),
        "ENVOY_STATUS_PORT": 15021,
        "ENVOY_PROMETHEUS_PORT": 15090,
    })
}

/// What istiod's `defaultConfig` says, as far as it means something here.
pub(crate) fn proxy_config(sampling: f64) -> Value {
    json!({
        "configPath": "./etc/istio/proxy",
        "binaryPath": "/usr/local/bin/envoy",
        "serviceCluster": "istio-proxy",
        "drainDuration": "45s",
        "discoveryAddress": "istiod.istio-system.svc:15012",
        "proxyAdminPort": 15000,
        "controlPlaneAuthPolicy": "MUTUAL_TLS",
        "statNameLength": 189,
        "concurrency": 1,
        "tracing": {"sampling": sampling},
        "statusPort": 15020,
        "terminationDrainDuration": "5s",
    })
}

/// The bootstrap of one proxy.
pub(crate) fn bootstrap(workload: &Workload, servers: &Servers<'_>) -> Value {
    let nowhere = Address::local(0);
    let admin = workload.address("15000").unwrap_or(&nowhere);
    let windows = [
        ("stats", "15090", [("/stats/prometheus", "/stats/prometheus")].as_slice()),
        ("health", "15021", [("/healthz/ready", "/ready")].as_slice()),
        (
            "agent",
            "15020",
            [
                ("/stats/prometheus", "/stats/prometheus"),
                ("/metrics", "/stats/prometheus"),
                ("/healthz/ready", "/ready"),
            ]
            .as_slice(),
        ),
    ];
    let listeners: Vec<Value> = windows
        .into_iter()
        .filter_map(|(name, port, paths)| Some(window(name, workload.address(port)?, paths)))
        .collect();
    json!({
        "node": {
            "id": workload.node_id(),
            "cluster": format!("{}.{}", workload.canonical_service(), workload.namespace),
            "metadata": metadata(workload),
        },
        "admin": {"address": admin.envoy(), "profile_path": "/dev/null"},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{"envoy_grpc": {"cluster_name": XDS_CLUSTER}}],
            },
            "lds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
            "cds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
        },
        "static_resources": {
            "clusters": [
                cluster(XDS_CLUSTER, servers.xds, true),
                cluster(ALS_CLUSTER, servers.als, true),
                cluster(OTLP_CLUSTER, servers.otlp, true),
                cluster(ADMIN_CLUSTER, admin, false),
            ],
            "listeners": listeners,
        },
        // One machine's loopback: no reason to warn about, or to shed, connections.
        "overload_manager": {"resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": 50_000,
            },
        }]},
    })
}
