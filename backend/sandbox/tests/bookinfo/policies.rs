//! What faults and mutual TLS modes do to requests.

use super::kubectl::{apply, said};
use super::{Shop, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How soon requests follow a change.
const SOON: Duration = Duration::from_secs(2);
const NO_STARS: &str = "Ratings service is currently unavailable";

fn ratings_with(fault: &Value) -> Value {
    json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "ratings", "namespace": "bookinfo"},
        "spec": {"hosts": ["ratings"], "http": [{"fault": fault, "route": [{"destination": {"host": "ratings"}}]}]}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_on_ratings_have_their_known_consequences() {
    let shop = Shop::open().await;
    // Everybody gets v2, which asks ratings and waits long.
    let only_v2 = r#"[{"op":"replace","path":"/spec/http/0/route/0/weight","value":0},{"op":"replace","path":"/spec/http/0/route/1/weight","value":100},{"op":"replace","path":"/spec/http/0/route/2/weight","value":0}]"#;
    said(&shop, &["-n", "bookinfo", "patch", "vs", "reviews", "--type=json", "-p", only_v2]).await;
    eventually("stars", SOON, || async { shop.page().await.1.contains('★').then_some(()) }).await;

    apply(&shop, &ratings_with(&json!({"abort": {"percentage": {"value": 100}, "httpStatus": 503}}))).await;
    eventually("the stars vanish", SOON, || async {
        let (status, page) = shop.page().await;
        (status == 200 && page.contains(NO_STARS) && !page.contains('★')).then_some(())
    })
    .await;
    let flagged = eventually("the fault is measured", Duration::from_secs(5), || async {
        let query = "istio_requests_total{reporter=\"source\",source_workload=\"reviews-v2\",response_code=\"503\",response_flags=\"FI\"} > 0";
        shop.query(query).await.into_iter().next()
    })
    .await;
    assert_eq!(flagged["metric"]["destination_service_name"], "ratings", "{flagged}");
    eventually("a trace shows the faulty span", Duration::from_secs(10), || async {
        let url = format!("{}/api/traces", shop.sandbox.ready().tracing);
        let tags = json!({"error": "true"}).to_string();
        let query =
            [("service", "reviews.bookinfo"), ("tags", tags.as_str()), ("lookback", "1h"), ("limit", "20")];
        let answer: Value = shop.http.get(url).query(&query).send().await.unwrap().json().await.unwrap();
        let spans = answer["data"]
            .as_array()?
            .iter()
            .flat_map(|trace| trace["spans"].as_array().into_iter().flatten());
        let mut tags = spans.flat_map(|span| span["tags"].as_array().into_iter().flatten());
        tags.find(|tag| tag["key"] == "response_flags" && tag["value"] == "FI").map(drop)
    })
    .await;

    // v2 waits 10 s for ratings, productpage 3 s for reviews, twice: the page takes 6 s and has no reviews at
    // all.
    apply(&shop, &ratings_with(&json!({"delay": {"percentage": {"value": 100}, "fixedDelay": "7s"}}))).await;
    eventually("the delay is there", SOON, || async {
        let url = format!("{}/api/v1/products/0/ratings", shop.sandbox.ready().ingress);
        let asked = tokio::time::timeout(Duration::from_millis(500), shop.http.get(url).send()).await;
        asked.is_err().then_some(())
    })
    .await;
    let start = Instant::now();
    let (status, page) = shop.page().await;
    assert!(
        status == 200 && page.contains("Sorry, product reviews are currently unavailable for this book."),
        "{page}"
    );
    assert!(start.elapsed() >= Duration::from_secs(6), "two attempts of 3 s each, not {:?}", start.elapsed());

    said(&shop, &["-n", "bookinfo", "delete", "vs", "ratings"]).await;
    eventually("the stars are back", SOON, || async { shop.page().await.1.contains('★').then_some(()) })
        .await;
    shop.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_refuses_plain_text_and_the_mesh_goes_on() {
    let shop = Shop::open().await;
    let ports = said(
        &shop,
        &[
            "-n",
            "bookinfo",
            "get",
            "pods",
            "-l",
            "app=details",
            "-o",
            "jsonpath={.items[0].metadata.annotations.sandbox\\.binnacle\\.dev/ports}",
        ],
    )
    .await;
    let ports: Value = serde_json::from_str(&ports).unwrap();
    // As somebody outside of the mesh: straight to the sidecar's inbound port, without a certificate.
    let outside = async || {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        client
            .get(format!("http://127.0.0.1:{}/details/0", ports["9080"]))
            .send()
            .await
            .map(|answer| answer.status().as_u16())
    };
    assert_eq!(outside().await.unwrap(), 200, "PERMISSIVE takes both");
    let strict = json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": "STRICT"}}});
    apply(&shop, &strict).await;
    eventually("plain text is refused", SOON, || async { outside().await.is_err().then_some(()) }).await;
    let (status, page) = shop.page().await;
    assert!(status == 200 && page.contains("paperback"), "inside the mesh nothing changes: {page}");
    said(&shop, &["-n", "istio-system", "delete", "peerauthentication", "default"]).await;
    eventually("plain text is taken again", SOON, || async {
        outside().await.ok().filter(|status| *status == 200)
    })
    .await;
    shop.sandbox.stop().await;
}
