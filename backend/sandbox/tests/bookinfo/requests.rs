//! What requests do, and what is measured of them.

use super::{Shop, eventually};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Who calls whom in bookinfo.
const EDGES: [(&str, &str); 7] = [
    ("istio-ingressgateway", "productpage-v1"),
    ("productpage-v1", "details-v1"),
    ("productpage-v1", "reviews-v1"),
    ("productpage-v1", "reviews-v2"),
    ("productpage-v1", "reviews-v3"),
    ("reviews-v2", "ratings-v1"),
    ("reviews-v3", "ratings-v1"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_come_with_the_wanted_shares_and_all_is_measured() {
    let shop = Shop::open().await;
    let ready = shop.sandbox.ready();
    assert_eq!((ready.proxies, ready.context.as_str()), (7, "sandbox"));
    let line: Value = serde_json::to_value(ready).unwrap();
    let names: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "kubeconfig",
            "context",
            "apiserver",
            "prometheus",
            "tracing",
            "istiod",
            "ingress",
            "proxies",
            "envoy"
        ]
    );

    let (status, page) = shop.page().await;
    assert_eq!(status, 200);
    assert!(page.contains("The Comedy of Errors") && page.contains("paperback"), "{page}");

    let pages = shop.expect_shares(300, [0.5, 0.3, 0.2]).await;

    let edges = eventually("all edges are measured by both sides", Duration::from_secs(10), || async {
        let series = shop
            .query(
                "sum by (reporter, source_workload, destination_workload, connection_security_policy) (istio_requests_total) > 0",
            )
            .await;
        let mut edges: BTreeMap<(String, String), BTreeSet<(String, String)>> = BTreeMap::new();
        for one in &series {
            let label = |name: &str| one["metric"][name].as_str().unwrap_or_default().to_owned();
            let told = (label("reporter"), label("connection_security_policy"));
            edges.entry((label("source_workload"), label("destination_workload"))).or_default().insert(told);
        }
        let complete = EDGES.iter().all(|(source, destination)| {
            edges.get(&((*source).to_owned(), (*destination).to_owned())).is_some_and(|reporters| reporters.len() == 2)
        });
        complete.then_some(edges)
    })
    .await;
    for (edge, told) in &edges {
        assert!(
            EDGES.contains(&(edge.0.as_str(), edge.1.as_str())),
            "an edge that is not bookinfo's: {edge:?}"
        );
        for (reporter, security) in told {
            let expect = if reporter == "destination" { "mutual_tls" } else { "unknown" };
            assert_eq!(security, expect, "{edge:?} by {reporter}");
        }
    }
    // The start asked for one page, and this test for one more; nothing is lost and nothing counted twice.
    eventually("each page is counted once", Duration::from_secs(10), || async {
        let query = "sum by (reporter) (istio_requests_total{destination_workload=\"productpage-v1\",response_code=\"200\"})";
        let counts = shop.query(query).await;
        let all = (pages + 2).to_string();
        (counts.len() == 2 && counts.iter().all(|one| one["value"][1] == all.as_str())).then_some(())
    })
    .await;

    let trace = eventually("a whole trace arrives", Duration::from_secs(15), || async {
        let url = format!("{}/api/traces", ready.tracing);
        let query = [("service", "productpage.bookinfo"), ("limit", "50"), ("lookback", "1h")];
        let answer: Value = shop.http.get(url).query(&query).send().await.unwrap().json().await.unwrap();
        let traces = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        traces.into_iter().find(|trace| {
            [
                "istio-ingressgateway.istio-system",
                "productpage.bookinfo",
                "details.bookinfo",
                "reviews.bookinfo",
                "ratings.bookinfo",
            ]
            .iter()
            .all(|service| services(trace).contains(*service))
        })
    })
    .await;
    let spans = trace["spans"].as_array().unwrap();
    assert!(spans.len() >= 6, "{} spans", spans.len());
    let roots = spans.iter().filter(|span| span["references"].as_array().is_none_or(Vec::is_empty)).count();
    assert_eq!(roots, 1, "one request, one tree");
    shop.sandbox.stop().await;
}

fn services(trace: &Value) -> BTreeSet<String> {
    let processes = trace["processes"].as_object().into_iter().flatten();
    processes.filter_map(|(_, process)| Some(process["serviceName"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_signs_in_is_known_to_reviews() {
    let shop = Shop::open().await;
    let ingress = &shop.sandbox.ready().ingress;
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let login = client.post(format!("{ingress}/login")).form(&[("username", "jason")]).send().await.unwrap();
    assert_eq!(login.status().as_u16(), 302);
    let cookie = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = client
        .get(format!("{ingress}/productpage"))
        .header("cookie", cookie)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("jason (<a href=\"/logout\">"), "{page}");
    let ratings = client
        .get(format!("{ingress}/api/v1/products/0/ratings"))
        .send()
        .await
        .unwrap()
        .json::<Value>()
        .await
        .unwrap();
    assert_eq!(ratings, serde_json::json!({"id": 0, "ratings": {"Reviewer1": 5, "Reviewer2": 4}}));
    shop.sandbox.stop().await;
}
