//! Ways in and out of the whole sandbox: HTTPS at the gateway with a certificate that kubectl brings, and a
//! bookseller outside of the mesh that the application calls.

use super::kubectl::{apply, said};
use super::{Shop, eventually};
use axum::Router;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

/// The real port of a port of the gateway's pod.
async fn gateway_port(shop: &Shop, inside: &str) -> SocketAddr {
    let pods =
        said(shop, &["-n", "istio-system", "get", "pods", "-l", "istio=ingressgateway", "-o", "json"]).await;
    let pods: Value = serde_json::from_str(&pods).unwrap();
    let ports = pods["items"][0]["metadata"]["annotations"]["sandbox.binnacle.dev/ports"].as_str().unwrap();
    let ports: Value = serde_json::from_str(ports).unwrap();
    SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(ports[inside].as_u64().unwrap()).unwrap()))
}

fn routing(gateway: &str, host: &str, rules: &Value) -> Value {
    let mut spec = json!({"hosts": [host], "gateways": [gateway]});
    spec.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
    json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": gateway, "namespace": "bookinfo"}, "spec": spec})
}

fn gateway(name: &str, server: &Value) -> Value {
    json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": name, "namespace": "bookinfo"},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_and_bytes_at_the_gateway() {
    let shop = Shop::open().await;
    let pair = rcgen::generate_simple_self_signed(vec!["shop.example".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let files = [format!("--cert={}", cert.display()), format!("--key={}", key.display())];
    said(&shop, &["-n", "istio-system", "create", "secret", "tls", "shop", &files[0], &files[1]]).await;
    let https = json!({"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["shop.example"],
        "tls": {"mode": "SIMPLE", "credentialName": "shop"}});
    apply(&shop, &gateway("secure", &https)).await;
    let to = json!([{"destination": {"host": "productpage", "port": {"number": 9080}}}]);
    apply(&shop, &routing("secure", "shop.example", &json!({"http": [{"route": to}]}))).await;
    let bytes = json!({"port": {"number": 31400, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]});
    apply(&shop, &gateway("bytes", &bytes)).await;
    let ratings = json!([{"destination": {"host": "ratings", "port": {"number": 9080}}}]);
    apply(&shop, &routing("bytes", "*", &json!({"tcp": [{"route": ratings}]}))).await;

    let address = gateway_port(&shop, "8443").await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .resolve("shop.example", address)
        .tls_certs_only([reqwest::Certificate::from_pem(pair.cert.pem().as_bytes()).unwrap()])
        .build()
        .unwrap();
    let page = eventually("the page over HTTPS", SOON, async || {
        let answer =
            http.get(format!("https://shop.example:{}/productpage", address.port())).send().await.ok()?;
        (answer.status() == 200).then_some(answer.text().await.ok()?)
    })
    .await;
    assert!(page.contains("The Comedy of Errors"), "{page}");
    let address = gateway_port(&shop, "31400").await;
    let stars = eventually("ratings by bytes", SOON, async || {
        shop.http.get(format!("http://{address}/ratings/0")).send().await.ok()?.text().await.ok()
    })
    .await;
    println!("https: {} bytes of page; tcp: {stars}", page.len());
    assert!(stars.contains("Reviewer1"), "{stars}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bookseller_outside_is_called() {
    let shop = Shop::open().await;
    let seller = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = seller.local_addr().unwrap().port();
    let book = json!({"items": [{"volumeInfo": {"authors": ["Somebody Else"], "publisher": "Outside & Sons", "printType": "BOOK"}}]});
    let app = Router::new().fallback(move || async move { axum::Json(book) });
    let serving = tokio::spawn(async move { axum::serve(seller, app).await });
    said(
        &shop,
        &["-n", "bookinfo", "set", "env", "deployment/details-v1", "ENABLE_EXTERNAL_BOOK_SERVICE=true"],
    )
    .await;
    said(&shop, &["-n", "bookinfo", "rollout", "status", "deployment/details-v1", "--timeout=60s"]).await;
    let shows = async |text: &str| {
        let (_, page) = shop.page().await;
        page.contains(text).then_some(())
    };
    eventually("nobody knows the bookseller", SOON, || shows("product details are currently unavailable"))
        .await;
    let entry = json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "books", "namespace": "bookinfo"},
        "spec": {"hosts": ["www.googleapis.com"], "location": "MESH_EXTERNAL", "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": "127.0.0.1", "ports": {"http": port}}]}});
    apply(&shop, &entry).await;
    eventually("the bookseller's word on the page", SOON, || shows("Outside &amp; Sons")).await;
    // It is measured under its own name.
    let query = r#"istio_requests_total{destination_service="www.googleapis.com",reporter="source",response_code="200"}"#;
    let series = eventually("its metrics", SOON, async || {
        let series = shop.query(query).await;
        (!series.is_empty()).then_some(series)
    })
    .await;
    println!("{}", series[0]["metric"]);
    assert_eq!(series[0]["metric"]["destination_service_name"], "www.googleapis.com");
    // Rules hold for it as for any service.
    apply(
        &shop,
        &routing(
            "mesh",
            "www.googleapis.com",
            &json!({"http": [{"fault": {"abort": {"httpStatus": 503, "percentage": {"value": 100}}},
            "route": [{"destination": {"host": "www.googleapis.com"}}]}]}),
        ),
    )
    .await;
    eventually("a fault before it", SOON, || shows("product details are currently unavailable")).await;
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_may_be_headless_or_another_name() {
    let shop = Shop::open().await;
    let has_details = || async {
        let (status, page) = shop.page().await;
        (status == 200 && page.contains("paperback")).then_some(())
    };
    said(&shop, &["-n", "bookinfo", "delete", "service", "details"]).await;
    let service = |name: &str, spec: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "bookinfo"}, "spec": spec})
    };
    let ports = json!([{"name": "http", "port": 9080}]);
    apply(
        &shop,
        &service("details", json!({"clusterIP": "None", "selector": {"app": "details"}, "ports": ports})),
    )
    .await;
    eventually("the page asks the pod itself", Duration::from_secs(20), has_details).await;
    said(&shop, &["-n", "bookinfo", "delete", "service", "details"]).await;
    apply(&shop, &service("books", json!({"selector": {"app": "details"}, "ports": ports}))).await;
    apply(
        &shop,
        &service(
            "details",
            json!({"type": "ExternalName", "externalName": "books.bookinfo.svc.cluster.local"}),
        ),
    )
    .await;
    eventually("the page follows the other name", Duration::from_secs(20), has_details).await;
    shop.sandbox.stop().await;
}
