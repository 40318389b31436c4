//! A service of the user's own decides who sees the page.

use super::walk::{Walk, eventually, holds};
use sandbox::Scenario;

const DENIED: &str = "denied by ext_authz for not found header `x-ext-authz: allow` in the request";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ext_authz() {
    let walk = Walk::open(Scenario::Bookinfo, "bookinfo").await;
    let file = |name: &str| format!("{}/../../assets/samples/extauthz/{name}", env!("CARGO_MANIFEST_DIR"));
    walk.kubectl_in("istio-system", &["apply", "-f", &file("ext-authz.yaml")]).await;
    walk.kubectl_in("istio-system", &["rollout", "status", "deployment/ext-authz", "--timeout=60s"]).await;
    for (policy, word) in [("productpage-http.yaml", "[HTTP]"), ("productpage-grpc.yaml", "[gRPC]")] {
        walk.kubectl(&["apply", "-f", &file(policy)]).await;
        eventually("who does not say so is denied", || async {
            let got = walk.get("/productpage").await;
            holds(got.status == 403 && got.body == DENIED, got)
        })
        .await;
        eventually("who says so sees the page, and the service has been asked that way", || async {
            let got = walk.get_with("/productpage", &[("x-ext-authz", "allow")]).await;
            let log = walk.kubectl_in("istio-system", &["logs", "deployment/ext-authz"]).await;
            let page = got.status == 200 && got.body.contains("The Comedy of Errors");
            holds(page && log.contains(&format!("{word} allowed")), (got.status, log))
        })
        .await;
        assert_eq!(
            walk.get("/api/v1/products").await.status,
            200,
            "what falls under no rule is not asked about"
        );
        println!("{policy}: 403 {DENIED:?}, with the header 200");
    }
    walk.kubectl_in("istio-system", &["scale", "deployment/ext-authz", "--replicas=0"]).await;
    eventually("nobody passes when nobody can be asked", || async {
        let got = walk.get_with("/productpage", &[("x-ext-authz", "allow")]).await;
        holds(got.status == 403 && got.body.is_empty(), got)
    })
    .await;
    println!("scaled to 0: 403");
    walk.kubectl(&["delete", "-f", &file("productpage-grpc.yaml")]).await;
    eventually("without the policy everybody passes", || async {
        let got = walk.get("/productpage").await;
        holds(got.status == 200, got.status)
    })
    .await;
    walk.sandbox.stop().await;
}
