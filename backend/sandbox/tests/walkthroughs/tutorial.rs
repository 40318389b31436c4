//! The tutorial's walk-throughs: customer → preference → recommendation.

use super::walk::{Walk, eventually, holds};
use sandbox::Scenario;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tutorial() {
    let walk = Walk::open(Scenario::Tutorial, "tutorial").await;
    the_chain(&walk).await;
    walk.sandbox.stop().await;
}

/// Each service puts its name before what it was told, and recommendation counts for each pod.
async fn the_chain(walk: &Walk) {
    assert_eq!(walk.sandbox.ready().proxies, 5, "the gateway, customer, preference and two recommendations");
    let pod = walk.pods("app=recommendation,version=v1").await.remove(0);
    let pods = walk.kubectl(&["get", "pods"]).await;
    assert_eq!(pods.matches("2/2").count(), 4, "{pods}");
    let count = async || {
        let got = walk.get("/customer").await;
        let told = got.body.strip_prefix(&format!("customer => preference => recommendation v1 from '{pod}': "));
        told.and_then(|count| count.strip_suffix('\n')?.parse::<u64>().ok()).ok_or_else(|| format!("{got:?}"))
    };
    let first = eventually("v1 answers", count).await;
    let second = eventually("v1 answers again", count).await;
    assert!(second == first + 1, "{first}, then {second}");
    eventually("v2 answers too", || async {
        let got = walk.get("/customer").await;
        holds(got.body.contains("recommendation v2 from 'recommendation-v2-"), got)
    })
    .await;
    println!("the chain: v1 counts {first}, {second}; v2 answers too");
}
