//! Weights and matches decide which version answers; requests go through both sidecars.

use crate::bench::{Bench, get};
use crate::{rules, two_versions};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Which version answered how often.
async fn shares(bench: &Bench, requests: u32, headers: &[&str]) -> BTreeMap<String, u32> {
    let mut shares = BTreeMap::new();
    for _ in 0..requests {
        let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", headers)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        *shares.entry(answer.body.lines().next().unwrap_or_default().to_owned()).or_default() += 1;
    }
    shares
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_through_both_sidecars() {
    let bench = two_versions().await;
    let answer = bench.call("client", "10.96.0.10:9080", &get("/hello", "web:9080", &[])).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.starts_with("web-v"), "{}", answer.body);
    assert!(answer.body.contains("URI=spiffe://cluster.local/ns/demo/sa/client"), "mTLS: {}", answer.body);
    assert!(!answer.body.contains("x-envoy-peer-metadata-id"), "taken out on the way in: {}", answer.body);
    assert!(answer.body.contains("traceparent: "), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_hold_and_a_push_is_quick() {
    let mut bench = two_versions().await;
    let mut slowest = Duration::ZERO;
    for share in [10, 25, 50, 80] {
        let started = Instant::now();
        bench.apply(&rules(&format!(
            "[{{route: [{{destination: {{host: web, subset: v1}}, weight: {}}}, {{destination: {{host: web, \
                subset: v2}}, weight: {share}}}]}}]",
            100 - share
        )));
        bench.settle().await;
        slowest = slowest.max(started.elapsed());
    }
    println!("slowest push until all had confirmed: {slowest:?}");
    let shares = shares(&bench, 400, &[]).await;
    println!("{shares:?}");
    // 80 % of 400, give or take four standard deviations.
    assert!((288..=352).contains(&shares["web-v2"]), "{shares:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_chooses_the_version() {
    let mut bench = two_versions().await;
    bench.apply(&rules(
        "[{match: [{headers: {end-user: {exact: jason}}}], route: [{destination: {host: web, subset: v2}}]}, \
          {match: [{uri: {prefix: /v2}}, {queryParams: {v: {exact: '2'}}}], route: [{destination: {host: \
          web, subset: v2}}]}, \
          {route: [{destination: {host: web, subset: v1}}]}]",
    ));
    bench.settle().await;
    let answered = async |path: &str, headers: &[&str]| {
        let answer = bench.call("client", "10.96.0.10:9080", &get(path, "web:9080", headers)).await;
        answer.body.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(answered("/", &["end-user: jason"]).await, "web-v2");
    assert_eq!(answered("/", &["end-user: anna"]).await, "web-v1");
    assert_eq!(answered("/v2/x", &[]).await, "web-v2");
    assert_eq!(answered("/?v=2", &[]).await, "web-v2");
    assert_eq!(answered("/?v=1", &[]).await, "web-v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_in_is_the_gateway() {
    let mut bench = two_versions().await;
    bench.apply(
        r"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: demo}
spec:
  hosts: ['*']
  gateways: [door]
  http: [{match: [{uri: {exact: /page}}], route: [{destination: {host: web, port: {number: 9080}}}]}]
",
    );
    bench.pod("gate", "istio=ingressgateway", 8080, true).await;
    bench.settle().await;
    let found = bench.plain("gate", 8080, &get("/page", "shop.example", &[])).await.expect("an answer");
    assert_eq!(found.status, 200);
    assert!(
        found.body.contains("URI=spiffe://cluster.local/ns/demo/sa/default"),
        "mTLS from the gateway on: {}",
        found.body
    );
    let other = bench.plain("gate", 8080, &get("/other", "shop.example", &[])).await.expect("an answer");
    assert_eq!(other.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mesh_does_not_know_is_passed_through() {
    let bench = two_versions().await;
    let outside = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = outside.local_addr().expect("an address").port();
    let app = axum::Router::new().fallback(|| async { "outside" });
    let served = tokio::spawn(async move { axum::serve(outside, app).await });
    let answer = bench.call("client", &format!("127.0.0.1:{port}"), &get("/", "elsewhere", &[])).await;
    served.abort();
    assert_eq!((answer.status, answer.body.as_str()), (200, "outside"));
}
