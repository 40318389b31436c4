//! The control plane can go: requests go on, what is wanted meanwhile is kept, and takes hold when it is
//! back.

use super::kubectl::said;
use super::{Shop, eventually};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_on_while_the_control_plane_is_away() {
    let shop = Shop::open().await;
    let istiod = &shop.sandbox.ready().istiod;
    let answers = async || {
        shop.http
            .get(format!("{istiod}/version"))
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
    };
    assert!(answers().await, "istiod answers at first");
    said(&shop, &["-n", "istio-system", "scale", "deployment/istiod", "--replicas=0"]).await;
    eventually("istiod is away", SOON, || async { (!answers().await).then_some(()) }).await;

    // Weights change with nobody to tell the proxies.
    let weights = r#"[{"op":"replace","path":"/spec/http/0/route/0/weight","value":0},
        {"op":"replace","path":"/spec/http/0/route/1/weight","value":0},
        {"op":"replace","path":"/spec/http/0/route/2/weight","value":100}]"#;
    said(&shop, &["-n", "bookinfo", "patch", "vs", "reviews", "--type=json", "-p", weights]).await;
    let pages = 60;
    let seen = shop.versions(pages).await;
    println!("away: {seen:?} of {pages}, all answered with what the proxies had");
    assert!(seen[0] > 0, "50 % of the pages still come from v1: {seen:?}");

    said(&shop, &["-n", "istio-system", "scale", "deployment/istiod", "--replicas=1"]).await;
    said(&shop, &["-n", "istio-system", "rollout", "status", "deployment/istiod", "--timeout=30s"]).await;
    assert!(answers().await, "istiod answers where it did before");
    eventually("the weights took hold", SOON, || async {
        (shop.versions(10).await == [0, 0, 10]).then_some(())
    })
    .await;
    shop.sandbox.stop().await;
}
