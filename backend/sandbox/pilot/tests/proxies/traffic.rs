//! Traffic policies and what a VirtualService changes in requests and answers.

use crate::bench::{Bench, get};
use crate::{rules, two_versions};
use std::collections::BTreeSet;

const V1: &str = "route: [{destination: {host: web, subset: v1}}]";

fn policy(policy: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web, namespace: demo}}\nspec:\n  host: web\n  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]\n  trafficPolicy: {policy}\n"
    )
}

async fn version(bench: &Bench, headers: &[&str]) -> String {
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", headers)).await;
    answer.body.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_overflows() {
    let mut bench = two_versions().await;
    bench.apply(&policy("{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}"));
    bench.settle().await;
    let request = get("/", "web:9080", &["sleep-ms: 400"]);
    let calls = (0..6).map(|_| bench.call("client", "10.96.0.10:9080", &request));
    let statuses: Vec<u16> = futures::future::join_all(calls).await.into_iter().map(|answer| answer.status).collect();
    println!("{statuses:?}");
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    let log = bench.log_line("client", " UO ").await;
    assert!(log.contains("503 UO upstream_reset_before_response_started{overflow}"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outlier_is_ejected_and_comes_back() {
    let mut bench = two_versions().await;
    bench.apply(&policy(
        "{loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 2, interval: 0.5s, baseEjectionTime: 1s, maxEjectionPercent: 100}}",
    ));
    bench.settle().await;
    let mut failed = 0;
    for _ in 0..40 {
        let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &["fail-at: web-v2"])).await;
        failed += u32::from(answer.status == 503);
    }
    println!("{failed} of 40 failed");
    assert!((2..12).contains(&failed), "ejected after two failures: {failed}");
    let back = async { while version(&bench, &[]).await != "web-v2" {} };
    tokio::time::timeout(crate::bench::PATIENCE, back).await.expect("it comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_sticks() {
    for balancer in ["{ringHash: {minimumRingSize: 64}", "{maglev: {tableSize: 101}"] {
        let mut bench = two_versions().await;
        bench.apply(&policy(&format!("{{loadBalancer: {{consistentHash: {balancer}, httpHeaderName: x-user}}}}}}")));
        bench.settle().await;
        let mut versions = BTreeSet::new();
        for user in 0..12 {
            let header = format!("x-user: user-{user}");
            let first = version(&bench, &[&header]).await;
            for _ in 0..4 {
                assert_eq!(version(&bench, &[&header]).await, first, "{balancer}");
            }
            versions.insert(first);
        }
        assert_eq!(versions.len(), 2, "{balancer}: different users, different versions");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_gets_a_copy() {
    let mut bench = two_versions().await;
    bench.apply(&rules(&format!("[{{mirror: {{host: web, subset: v2}}, {V1}}}]")));
    bench.settle().await;
    for _ in 0..5 {
        let answer = bench.call("client", "10.96.0.10:9080", &get("/copied", "web:9080", &[])).await;
        assert!(answer.body.starts_with("web-v1"), "callers see v1 only: {}", answer.body);
    }
    let log = bench.log_line("web-v2", "/copied").await;
    assert!(log.contains("GET /copied"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_are_changed() {
    let mut bench = two_versions().await;
    let destination = "route: [{destination: {host: web, subset: v1}, headers: {response: {set: {x-version: one}}}}]";
    bench.apply(&rules(&format!(
        "[{{match: [{{uri: {{prefix: /old}}}}], rewrite: {{uri: /new, authority: other.example}}, {destination}}}, \
          {{match: [{{uri: {{exact: /moved}}}}], redirect: {{uri: /here, authority: b.example, redirectCode: 302}}}}, \
          {{match: [{{uri: {{exact: /direct}}}}], directResponse: {{status: 418, body: {{string: tea}}}}}}, \
          {{match: [{{uri: {{exact: /cors}}}}], corsPolicy: {{allowOrigins: [{{exact: 'http://a.example'}}], allowMethods: [GET], maxAge: 24h}}, {V1}}}, \
          {{headers: {{request: {{set: {{x-new: 'yes'}}, remove: [x-old]}}, response: {{add: {{x-seen: 'yes'}}}}}}, {V1}}}]"
    )));
    bench.settle().await;
    let call =
        async |path: &str, headers: &[&str]| bench.call("client", "10.96.0.10:9080", &get(path, "web:9080", headers)).await;
    let rewritten = call("/old/x", &[]).await;
    assert!(rewritten.body.contains("GET /new/x") && rewritten.body.contains("host: other.example"), "{}", rewritten.body);
    assert!(rewritten.head.contains("x-version: one"), "{}", rewritten.head);
    let moved = call("/moved", &[]).await;
    assert_eq!(moved.status, 302);
    assert!(moved.head.contains("location: http://b.example/here"), "{}", moved.head);
    let direct = call("/direct", &[]).await;
    assert_eq!((direct.status, direct.body.as_str()), (418, "tea"));
    let asked = call("/cors", &["origin: http://a.example"]).await;
    assert!(asked.head.contains("access-control-allow-origin: http://a.example"), "{}", asked.head);
    let strange = call("/cors", &["origin: http://c.example"]).await;
    assert!(!strange.head.contains("access-control-allow-origin"), "{}", strange.head);
    let changed = call("/", &["x-old: yes"]).await;
    assert!(changed.body.contains("x-new: yes") && !changed.body.contains("x-old"), "{}", changed.body);
    assert!(changed.head.contains("x-seen: yes"), "{}", changed.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_where_the_tcp_route_says() {
    let mut bench = two_versions().await;
    bench.apply(
        r"
apiVersion: v1
kind: Service
metadata: {name: wire, namespace: demo}
spec: {clusterIP: 10.96.0.12, selector: {app: web}, ports: [{name: tcp, port: 7000, targetPort: 9080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: wire, namespace: demo}
spec: {host: wire, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: wire, namespace: demo}
spec:
  hosts: [wire]
  tcp: [{match: [{port: 7000}], route: [{destination: {host: wire, subset: v2}, weight: 50}, {destination: {host: wire, subset: v1}, weight: 50}]}]
",
    );
    bench.settle().await;
    let mut second = 0;
    for _ in 0..60 {
        let answer = bench.call("client", "10.96.0.12:7000", &get("/", "wire", &[])).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("URI=spiffe://"), "mTLS for bytes too: {}", answer.body);
        second += u32::from(answer.body.starts_with("web-v2"));
    }
    assert!((14..=46).contains(&second), "{second} of 60");
}
