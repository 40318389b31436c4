//! The control plane's own promises: refusals are told, its death harms nobody, strangers get nothing.

use crate::bench::{Bench, get};
use crate::{rules, two_versions};
use pilot::Options;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

async fn row(bench: &Bench, proxy: &str) -> Value {
    let page = bench.debug("/debug/syncz").await;
    let rows = page.as_array().expect("a list");
    rows.iter().find(|row| row["proxy"] == format!("{proxy}.demo")).cloned().expect("the proxy")
}

const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_in_the_proxys_words() {
    let mut bench = two_versions().await;
    let before = row(&bench, "client").await;
    assert_eq!((before["proxy_type"].as_str(), before["cluster_id"].as_str()), (Some("sidecar"), Some("Kubernetes")));
    assert_eq!(before["route_sent"], before["route_acked"]);
    assert!(before["resources"][ROUTES]["sentTime"].is_string(), "{before}");
    bench.apply(&rules("[{match: [{uri: {regex: '(unclosed'}}], route: [{destination: {host: web}}]}]"));
    let mut connected = bench.pilot().connected();
    let refused = connected.wait_for(|all| all.get("client.demo").is_some_and(|status| !status.refused.is_empty()));
    let words = refused.await.expect("it runs")["client.demo"].refused["rds"].clone();
    println!("{words}");
    let row = row(&bench, "client").await;
    assert_eq!(row["resources"][ROUTES]["lastError"], words.as_str());
    assert_ne!(row["route_sent"], row["route_acked"]);
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert_eq!(answer.status, 200, "the last good configuration holds");
    bench.delete("VirtualService", "demo", "web");
    bench.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_goes_on_without_a_control_plane() {
    let mut bench = two_versions().await;
    bench.kill_pilot().await;
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert_eq!(answer.status, 200);
    bench.start_pilot().await;
    bench.apply(&rules("[{route: [{destination: {host: web, subset: v2}}]}]"));
    bench.settle().await;
    for _ in 0..10 {
        let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
        assert!(answer.body.starts_with("web-v2"), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_before_they_end() {
    let sink = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let ca = Arc::new(pilot::Authority::new(Duration::from_secs(5)).expect("an authority"));
    let options = Options { ca, ..Options::new(sink, sink).expect("options") };
    let bench = crate::two_versions_with(Bench::start_with(options).await).await;
    let first = bench.certificate("client").await;
    let renewed = async {
        loop {
            let now = bench.certificate("client").await;
            if now != first {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::bench::PATIENCE, renewed).await.expect("a new certificate");
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_debug_pages_answer() {
    let mut bench = two_versions().await;
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: narrow, namespace: demo}\nspec: {egress: [{hosts: ['./*']}]}\n",
    );
    bench.settle().await;
    let dump = bench.debug("/debug/config_dump?proxyID=client.demo").await;
    assert_eq!(dump["configs"][0]["@type"], "type.googleapis.com/envoy.admin.v3.ClustersConfigDump");
    assert!(!dump.to_string().contains("BEGIN PRIVATE KEY"), "keys stay here");
    assert_eq!(bench.debug("/debug/adsz").await["totalClients"], 3);
    assert_eq!(bench.debug("/debug/registryz").await[0]["hostname"], "web.demo.svc.cluster.local");
    assert_eq!(bench.debug("/debug/endpointz").await[0]["ep"].as_array().map(Vec::len), Some(2));
    assert!(bench.debug("/debug/configz").await.as_array().is_some_and(|list| list.iter().any(|one| one["kind"] == "Sidecar")));
    assert_eq!(bench.debug("/debug/untranslatedz").await[0]["object"], "Sidecar demo/narrow");
    let metrics = bench.debug("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    for name in ["pilot_xds{version", "pilot_xds_pushes{type=\"rds\"}", "pilot_proxy_convergence_time_count", "pilot_services 1"]
    {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
}
