//! istiod's debug pages: the fields and names that a real istiod was seen to answer with.

use crate::bench::{Bench, exchange, get};
use crate::two_versions;
use serde_json::Value;

/// Every field's path in an answer; of lists the first element counts.
fn fields(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(all) => {
            for (key, value) in all {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                found.push(at.clone());
                fields(value, &at, found);
            }
        }
        Value::Array(all) => all.iter().take(1).for_each(|value| fields(value, at, found)),
        _ => {}
    }
}

/// The page has all of these fields.
fn has(page: &str, value: &Value, wanted: &[&str]) {
    let mut found = Vec::new();
    fields(value, "", &mut found);
    let missing: Vec<_> = wanted.iter().filter(|path| !found.iter().any(|known| known == *path)).collect();
    assert!(missing.is_empty(), "{page} lacks {missing:?}: {value:#}");
    println!("{page}: {} fields", found.len());
}

const SERVICE: [&str; 17] = [
    "Attributes.ServiceRegistry",
    "Attributes.Name",
    "Attributes.Namespace",
    "Attributes.Labels",
    "Attributes.ExportTo",
    "Attributes.LabelSelectors",
    "Attributes.ClusterExternalAddresses.Addresses",
    "Attributes.ClusterExternalPorts",
    "ports.name",
    "ports.port",
    "ports.protocol",
    "creationTime",
    "hostname",
    "clusterVIPs.Addresses.Kubernetes",
    "defaultAddress",
    "Resolution",
    "ResourceVersion",
];
const ENDPOINT: [&str; 16] = [
    "Labels",
    "Address",
    "ServicePortName",
    "EnvoyEndpoint",
    "ServiceAccount",
    "Network",
    "Locality.Label",
    "Locality.ClusterID",
    "EndpointPort",
    "LbWeight",
    "TLSMode",
    "Namespace",
    "WorkloadName",
    "HostName",
    "TunnelAbility",
    "HealthStatus",
];

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_istiods_fields() {
    let mut bench = two_versions().await;
    bench.apply(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: mesh, namespace: \
        istio-system}\nspec: {tracing: [{randomSamplingPercentage: 10}]}\n",
    );
    bench.settle().await;
    has("registryz", &bench.debug("/debug/registryz").await, &SERVICE);
    let endpoints = bench.debug("/debug/endpointz").await;
    has(
        "endpointz",
        &endpoints,
        &["svc", "ep.service", "ep.servicePort.name", "ep.servicePort.port", "ep.servicePort.protocol"],
    );
    has("endpointz service", &endpoints[0]["ep"][0]["service"], &SERVICE);
    has("endpointz endpoint", &endpoints[0]["ep"][0]["endpoint"], &ENDPOINT);
    assert_eq!(endpoints[0]["svc"], "web.demo.svc.cluster.local:http");
    let clients = bench.debug("/debug/adsz").await;
    assert_eq!(
        clients["clients"][0]["metadata"]["PROXY_CONFIG"]["statusPort"].to_string(),
        "15020",
        "whole numbers"
    );
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: odd, namespace: demo}\nspec: {clusterIP: \
        10.96.0.60, ports: [{name: status-port, port: 15021}, {name: grpc-x, port: 7070}]}\n",
    );
    bench.settle().await;
    let services = bench.debug("/debug/registryz").await;
    let odd = services
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["hostname"] == "odd.demo.svc.cluster.local")
        .unwrap();
    let protocols: Vec<&Value> =
        odd["ports"].as_array().unwrap().iter().map(|port| &port["protocol"]).collect();
    assert_eq!(protocols, ["UnsupportedProtocol", "GRPC"]);
    let shards = bench.debug("/debug/endpointShardz").await;
    let shard = &shards["web.demo.svc.cluster.local"]["demo"];
    has("endpointShardz", &shard["Shards"]["Kubernetes/Kubernetes"], &ENDPOINT);
    assert!(shard["ServiceAccounts"]["spiffe://cluster.local/ns/demo/sa/web"].is_object(), "{shards}");
    let types = ["cluster", "listener", "route", "endpoint"];
    let older: Vec<String> =
        types.iter().flat_map(|kind| [format!("{kind}_sent"), format!("{kind}_acked")]).collect();
    let older: Vec<&str> = older
        .iter()
        .map(String::as_str)
        .chain(["cluster_id", "proxy", "istio_version", "resources"])
        .collect();
    has("syncz", &bench.debug("/debug/syncz").await, &older);
    has(
        "adsz",
        &bench.debug("/debug/adsz").await,
        &[
            "totalClients",
            "clients.connectionId",
            "clients.connectedAt",
            "clients.address",
            "clients.watches",
            "clients.metadata.PROXY_CONFIG.statusPort",
            "clients.metadata.ISTIO_VERSION",
            "clients.metadata.LABELS.app",
            "clients.metadata.INSTANCE_IPS",
            "clients.metadata.NAMESPACE",
            "clients.metadata.SERVICE_ACCOUNT",
            "clients.metadata.MESH_ID",
            "clients.metadata.CLUSTER_ID",
            "clients.metadata.ENVOY_STATUS_PORT",
        ],
    );
    has(
        "configz",
        &bench.debug("/debug/configz").await,
        &["kind", "apiVersion", "metadata.name", "metadata.namespace", "spec"],
    );
    has(
        "mesh",
        &bench.debug("/debug/mesh").await,
        &[
            "proxyListenPort",
            "connectTimeout",
            "protocolDetectionTimeout",
            "ingressClass",
            "ingressService",
            "ingressControllerMode",
            "accessLogFile",
            "defaultConfig.discoveryAddress",
            "defaultConfig.proxyAdminPort",
            "defaultConfig.statusPort",
            "outboundTrafficPolicy.mode",
            "enableAutoMtls",
            "trustDomain",
            "defaultServiceExportTo",
            "defaultVirtualServiceExportTo",
            "defaultDestinationRuleExportTo",
            "rootNamespace",
            "localityLbSetting.enabled",
            "dnsRefreshRate",
            "enablePrometheusMerge",
            "extensionProviders.name",
            "defaultProviders",
        ],
    );
    has(
        "telemetryz",
        &bench.debug("/debug/telemetryz").await,
        &["namespace_to_telemetries.istio-system.spec", "root_namespace"],
    );
    let list = bench.debug("/debug/list").await;
    assert!(list.as_array().unwrap().iter().any(|name| name == "syncz"), "{list}");
    let version = bench.debug("/version").await;
    println!("/version: {version}");
    assert_eq!(version.as_str().unwrap().split('-').count(), 3, "version, revision and status");
}

/// The status and body of a page.
async fn page(bench: &Bench, path: &str) -> (u16, Value) {
    let answer =
        exchange(bench.pilot().debug_addr().tcp().expect("a port").port(), "", &get(path, "istiod", &[]))
            .await
            .expect("the page");
    (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_dump_shows_what_is_asked_for() {
    let bench = two_versions().await;
    let names = |dump: &Value| -> Vec<String> {
        let configs = dump["configs"].as_array().cloned().unwrap_or_default();
        let name = |config: &Value| {
            config["@type"].as_str().unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned()
        };
        configs.iter().map(name).collect()
    };
    let at = "/debug/config_dump?proxyID=client.demo";
    let (_, dump) = page(&bench, at).await;
    assert_eq!(
        names(&dump),
        ["ClustersConfigDump", "ListenersConfigDump", "RoutesConfigDump", "SecretsConfigDump"]
    );
    let (_, dump) = page(&bench, &format!("{at}&include_eds=true")).await;
    assert_eq!(names(&dump)[1], "EndpointsConfigDump");
    let (_, dump) = page(&bench, &format!("{at}&types=rds,eds")).await;
    let kinds = names(&dump);
    println!("types=rds,eds: {kinds:?}");
    assert_eq!(
        (kinds.first().map(String::as_str), kinds.last().map(String::as_str)),
        (Some("RouteConfiguration"), Some("ClusterLoadAssignment"))
    );
    assert_eq!(page(&bench, &format!("{at}&types=xyz")).await.0, 400);
    assert_eq!(
        page(&bench, "/debug/config_dump").await,
        (400, "You must provide a proxyID in the query string".into())
    );
    let (status, words) = page(&bench, "/debug/config_dump?proxyID=nobody").await;
    assert_eq!(
        (status, words),
        (404, "Proxy not connected to this Pilot instance. It may be connected to another instance.".into())
    );
    let (_, endpoints) = page(&bench, "/debug/edsz?proxyID=client.demo").await;
    assert!(
        endpoints
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["cluster_name"] == "outbound|9080|v1|web.demo.svc.cluster.local")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_page_has_istiods_families() {
    let bench = two_versions().await;
    let (_, page) = page(&bench, "/metrics").await;
    let page = page.as_str().unwrap();
    for line in [
        "istio_build{component=\"pilot\",tag=",
        "istiod_managed_clusters{cluster_type=\"local\"} 1",
        "istiod_uptime_seconds ",
        "pilot_destrule_subsets 0",
        "pilot_eds_no_instances 0",
        "pilot_inbound_updates{type=\"config\"} 1",
        "pilot_inbound_updates{type=\"eds\"} 3",
        "pilot_inbound_updates{type=\"svc\"} 1",
        "pilot_info{version=",
        "pilot_k8s_cfg_events{event=\"add\",type=\"DestinationRule\"} 1",
        "pilot_k8s_reg_events{event=\"add\",type=\"Pods\"} 3",
        "pilot_k8s_reg_events{event=\"add\",type=\"Services\"} 1",
        "pilot_proxy_convergence_time_bucket{le=\"0.1\"} ",
        "pilot_proxy_convergence_time_bucket{le=\"+Inf\"} ",
        "pilot_proxy_convergence_time_sum ",
        "pilot_proxy_convergence_time_count ",
        "pilot_push_triggers{type=\"endpoint\"} ",
        "pilot_push_triggers{type=\"proxy\"} 3",
        "pilot_services 1",
        "pilot_virt_services 0",
        "pilot_xds{version=\"1.31.0\"} 3",
        "pilot_xds_config_size_bytes_bucket{type=\"type.googleapis.com/envoy.config.cluster.v3.Cluster\",le=\"1e+06\"} ",
        "pilot_xds_pushes{type=\"cds\"} ",
        "pilot_xds_pushes{type=\"eds\"} ",
        "pilot_xds_pushes{type=\"lds\"} ",
        "pilot_xds_pushes{type=\"rds\"} ",
        "# HELP pilot_services ",
        "# TYPE pilot_proxy_convergence_time histogram",
    ] {
        assert!(page.lines().any(|known| known.starts_with(line)), "{line} in {page}");
    }
    println!(
        "{}",
        page.lines()
            .filter(|line| line.starts_with("pilot_proxy_convergence_time_")
                || line.starts_with("pilot_xds_pushes"))
            .collect::<Vec<_>>()
            .join("\n")
    );
}
