//! Weights and matches decide which version answers.

use crate::WEB;
use crate::bench::{Bench, get};

async fn two_versions() -> Bench {
    let mut bench = Bench::start().await;
    bench.apply(WEB);
    bench.pod("client", "app=client,version=v1", 8080, false).await;
    bench.pod("web-v1", "app=web,version=v1", 9080, false).await;
    bench.pod("web-v2", "app=web,version=v2", 9080, false).await;
    bench.settle().await;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_through_both_sidecars() {
    let bench = two_versions().await;
    let answer = bench.call("client", "10.96.0.10:9080", &get("/hello", "web:9080", &[])).await;
    println!("{}\n{}", answer.head, answer.body);
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with("web-v"), "{}", answer.body);
    assert!(answer.body.contains("URI=spiffe://cluster.local/ns/demo/sa/client"), "mTLS: {}", answer.body);
    assert!(!answer.body.contains("x-envoy-peer-metadata-id"), "taken out on the way in: {}", answer.body);
}
