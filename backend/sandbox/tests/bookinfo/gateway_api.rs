//! The Gateway API with kubectl: kinds, conditions to wait for, requests that follow.

use super::kubectl::{apply, said};
use super::{Shop, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn route(name: &str, parents: &Value, rules: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name, "namespace": "bookinfo"},
        "spec": {"parentRefs": parents, "rules": rules}})
}

/// Waits for a condition of a route's first parent.
async fn condition(shop: &Shop, name: &str, about: &str, wanted: &str) {
    let path = format!("jsonpath={{.status.parents[0].conditions[?(@.type=='{about}')]['status','reason']}}");
    eventually(&format!("{name}: {about} {wanted}"), SOON, || async {
        let found = said(shop, &["-n", "bookinfo", "get", "httproute", name, "-o", &path]).await;
        (found == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_and_its_routes_say_how_they_are() {
    let shop = Shop::open().await;
    said(&shop, &["wait", "--for=condition=Accepted", "--timeout=20s", "gatewayclass/istio"]).await;
    let explained = said(&shop, &["explain", "httproute.spec.rules.backendRefs"]).await;
    assert!(explained.contains("Its share; 1 when absent."), "{explained}");

    let log = said(&shop, &["-n", "istio-system", "logs", "deploy/istiod"]).await;
    assert!(log.contains("\tinfo\tads\tADS: new connection for node:productpage-v1-"), "{log}");

    apply(
        &shop,
        &json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "door", "namespace": "bookinfo"},
            "spec": {"gatewayClassName": "istio", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "hostname": "shop.example"}]}}),
    )
    .await;
    let door = "gateways.gateway.networking.k8s.io/door";
    said(&shop, &["-n", "bookinfo", "wait", "--for=condition=Programmed", "--timeout=20s", door]).await;
    let row = said(&shop, &["-n", "bookinfo", "get", door]).await;
    println!("{row}");
    assert!(row.contains("istio-ingressgateway.istio-system.svc.cluster.local   True"), "{row}");
    let rules = json!([{"matches": [{"path": {"type": "PathPrefix", "value": "/shop"}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/productpage"}}}],
        "backendRefs": [{"name": "productpage", "port": 9080}]}]);
    apply(&shop, &route("shop", &json!([{"name": "door"}]), &rules)).await;
    condition(&shop, "shop", "Accepted", "True Accepted").await;
    condition(&shop, "shop", "ResolvedRefs", "True ResolvedRefs").await;
    let listener = "jsonpath={.status.listeners[0].attachedRoutes}";
    assert_eq!(said(&shop, &["-n", "bookinfo", "get", door, "-o", listener]).await, "1");
    let ask = async |path: &str| {
        let url = format!("{}{path}", shop.sandbox.ready().ingress);
        let response = shop.http.get(url).header("host", "shop.example").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let page = eventually("the page under its other name", SOON, || async {
        let (status, body) = ask("/shop").await;
        (status == 200).then_some(body)
    })
    .await;
    assert!(page.contains("The Comedy of Errors"), "{page}");
    // Another host: the VirtualService's, as before.
    assert_eq!(shop.page().await.0, 200);

    // Inside the mesh: all to one version, past the VirtualService that is there.
    let of_version = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "reviews-v3", "namespace": "bookinfo"},
        "spec": {"selector": {"app": "reviews", "version": "v3"}, "ports": [{"name": "http", "port": 9080}]}});
    apply(&shop, &of_version).await;
    let on_reviews = json!([{"group": "", "kind": "Service", "name": "reviews", "port": 9080}]);
    apply(
        &shop,
        &route("reviews", &on_reviews, &json!([{"backendRefs": [{"name": "reviews-v3", "port": 9080}]}])),
    )
    .await;
    condition(&shop, "reviews", "Accepted", "True Accepted").await;
    eventually("ten pages by v3", SOON, || async { (shop.versions(10).await == [0, 0, 10]).then_some(()) })
        .await;

    // A backend that is not there: said, and 500.
    apply(
        &shop,
        &route("shop", &json!([{"name": "door"}]), &json!([{"backendRefs": [{"name": "gone", "port": 80}]}])),
    )
    .await;
    condition(&shop, "shop", "ResolvedRefs", "False BackendNotFound").await;
    eventually("500", SOON, || async { (ask("/shop").await.0 == 500).then_some(()) }).await;
    let unfit = json!([{"name": "door", "sectionName": "none"}]);
    apply(&shop, &route("shop", &unfit, &rules)).await;
    condition(&shop, "shop", "Accepted", "False NoMatchingParent").await;
    shop.sandbox.stop().await;
}
