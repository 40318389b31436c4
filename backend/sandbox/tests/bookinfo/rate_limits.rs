//! Rate limits as in Istio's samples, on the whole sandbox: by each proxy itself, and by one service for all.

use super::kubectl::{apply, refused, said};
use super::{Shop, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn filter(namespace: &str, name: &str, patches: &Value) -> Value {
    json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": {"name": name, "namespace": namespace},
        "spec": {"workloadSelector": {"labels": {"istio": "ingressgateway"}}, "configPatches": patches}})
}

/// A patch of the gateway's HTTP filters.
fn insert(value: &Value) -> Value {
    json!({"applyTo": "HTTP_FILTER",
        "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": {
            "name": "envoy.filters.network.http_connection_manager", "subFilter": {"name": "envoy.filters.http.router"}}}}},
        "patch": {"operation": "INSERT_BEFORE", "value": value}})
}

async fn status(shop: &Shop, path: &str) -> (u16, String) {
    let response = shop.http.get(format!("{}{path}", shop.sandbox.ready().ingress)).send().await.unwrap();
    let limited = response.headers().get("x-envoy-ratelimited").is_some();
    (response.status().as_u16(), format!("x-envoy-ratelimited: {limited}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_for_the_whole_mesh_and_what_cannot_be_done() {
    let shop = Shop::open().await;
    // What cannot be carried out is refused at once.
    let words = refused(
        &shop,
        &filter(
            "istio-system",
            "bad",
            &json!([{"applyTo": "BOOTSTRAP", "patch": {"operation": "MERGE", "value": {}}}]),
        ),
    )
    .await;
    println!("{words}");
    assert!(
        words.contains(
            "configPatches[0]: applyTo BOOTSTRAP is not carried out in the sandbox; supported are LISTENER"
        ),
        "{words}"
    );

    let limits = "domain: ratelimit\ndescriptors:\n\
        - {key: PATH, value: /productpage, rate_limit: {unit: year, requests_per_unit: 3}}\n\
        - {key: PATH, rate_limit: {unit: year, requests_per_unit: 1000}}\n";
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ratelimit-config", "namespace": "istio-system"},
        "data": {"config.yaml": limits}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ratelimit", "namespace": "istio-system"},
        "spec": {"selector": {"app": "ratelimit"}, "ports": [
            {"name": "http-port", "port": 8080}, {"name": "grpc-port", "port": 8081}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ratelimit", "namespace": "istio-system"},
        "spec": {"selector": {"matchLabels": {"app": "ratelimit"}}, "template": {"metadata": {"labels": {"app": "ratelimit"}}, "spec": {
            "containers": [{"name": "ratelimit", "image": "envoyproxy/ratelimit:9d8d70a8", "ports": [{"containerPort": 8080}, {"containerPort": 8081}],
                "volumeMounts": [{"name": "config-volume", "mountPath": "/data/ratelimit/config"}]}],
            "volumes": [{"name": "config-volume", "configMap": {"name": "ratelimit-config"}}]}}}});
    for object in [map, service, deployment] {
        apply(&shop, &object).await;
    }
    said(&shop, &["-n", "istio-system", "rollout", "status", "deployment/ratelimit", "--timeout=60s"]).await;
    let cluster = "outbound|8081||ratelimit.istio-system.svc.cluster.local";
    let patches = json!([
        insert(&json!({"name": "envoy.filters.http.ratelimit", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
            "domain": "ratelimit", "failure_mode_deny": true, "timeout": "10s",
            "rate_limit_service": {"grpc_service": {"envoy_grpc": {"cluster_name": cluster, "authority": "ratelimit.istio-system.svc.cluster.local"}},
                "transport_api_version": "V3"}}})),
        {"applyTo": "VIRTUAL_HOST", "match": {"context": "GATEWAY", "routeConfiguration": {"vhost": {"name": "", "route": {"action": "ANY"}}}},
            "patch": {"operation": "MERGE", "value": {"rate_limits": [{"actions": [{"request_headers": {"header_name": ":path", "descriptor_key": "PATH"}}]}]}}},
    ]);
    apply(&shop, &filter("istio-system", "global", &patches)).await;
    let last = eventually("the limit is reached", SOON, || async {
        let (status, limited) = status(&shop, "/productpage").await;
        assert!(matches!(status, 200 | 429), "{status}");
        (status == 429).then_some(limited)
    })
    .await;
    println!("429 {last}");
    assert_eq!(last, "x-envoy-ratelimited: true");
    let other = status(&shop, "/api/v1/products").await;
    println!("/api/v1/products: {}", other.0);
    assert_eq!(other.0, 200);
    let log = said(&shop, &["-n", "istio-system", "logs", "deployment/ratelimit"]).await;
    println!("{log}");
    assert_eq!(log.matches("\"/productpage\")]]: ok").count(), 3, "{log}");

    said(&shop, &["-n", "istio-system", "delete", "envoyfilter", "global"]).await;
    eventually("pages again", SOON, || async {
        (status(&shop, "/productpage").await.0 == 200).then_some(())
    })
    .await;
    shop.sandbox.stop().await;
}
