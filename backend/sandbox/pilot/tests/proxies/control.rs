//! The control plane's own promises: refusals are told, its death harms nobody, strangers get nothing.

use crate::bench::{Bench, get};
use crate::{rules, two_versions, two_versions_with};
use futures::StreamExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use wire::ads::{DiscoveryRequest, DiscoveryResponse};
use wire::envoy::config::core::v3::Node;
use wire::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;

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
    assert_eq!(
        (before["proxy_type"].as_str(), before["cluster_id"].as_str()),
        (Some("sidecar"), Some("Kubernetes"))
    );
    assert_eq!(before["route_sent"], before["route_acked"]);
    assert!(before["resources"][ROUTES]["sentTime"].is_string(), "{before}");
    bench.apply(&rules("[{match: [{uri: {regex: '(unclosed'}}], route: [{destination: {host: web}}]}]"));
    let mut connected = bench.pilot().connected();
    let refused =
        connected.wait_for(|all| all.get("client.demo").is_some_and(|status| !status.refused.is_empty()));
    let words = refused.await.expect("it runs")["client.demo"].refused["rds"].clone();
    println!("{words}");
    let row = row(&bench, "client").await;
    assert_eq!(row["resources"][ROUTES]["lastError"], words.as_str());
    assert_eq!(words, words.trim_end());
    assert_ne!(row["route_sent"], row["route_acked"]);
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert_eq!(answer.status, 200, "the last good configuration holds");
    bench.delete("VirtualService", "demo", "web");
    bench.settle().await;
}

/// As `kubectl logs deploy/istiod` shows it.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_istiods() {
    let lines = Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let sink = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let mut options = pilot::Options::new(sink, sink).expect("options");
    let kept = lines.clone();
    options.log = Some(Arc::new(move |line| kept.lock().expect("nobody failed").push(line.to_owned())));
    let mut bench = two_versions_with(Bench::start_with(options).await).await;
    bench.apply(&rules("[{match: [{uri: {regex: '['}}], route: [{destination: {host: web}}]}]"));
    let mut connected = bench.pilot().connected();
    let refused =
        connected.wait_for(|all| all.get("client.demo").is_some_and(|status| !status.refused.is_empty()));
    let words = refused.await.expect("it runs")["client.demo"].refused["rds"].clone();
    bench.apply(&rules("[{timeout: soon, fault: {delay: {}}, route: [{destination: {host: web}}]}]"));
    bench.settle().await;
    bench.kill_pilot().await;
    let lines = lines.lock().expect("nobody failed").clone();
    println!("{}", lines.join("\n"));
    for wanted in [
        "\tinfo\tads\tADS: new connection for node:client.demo-".to_owned(),
        "\tinfo\tads\tLDS: PUSH request for node:client.demo resources:".to_owned(),
        " for config VirtualService/demo/web: ".to_owned(),
        "\twarn\tads\tADS:RDS: ACK ERROR client.demo-".to_owned(),
        format!(" Internal:{words}"),
        "\twarn\tmodel\tVirtualService demo/web: http[0]: a delay without fixedDelay".to_owned(),
    ] {
        assert!(lines.iter().any(|line| line.contains(&wanted)), "{wanted}");
    }
    let timed = |line: &String| {
        line.split('\t').next().is_some_and(|at| at.len() == "2026-11-22T07:26:52.054462Z".len())
    };
    assert!(lines.iter().all(timed));
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
async fn the_debug_pages_answer() {
    let mut bench = two_versions().await;
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: narrow, namespace: demo}\nspec: \
            {egress: [{bind: 127.0.0.1, hosts: ['./*']}]}\n",
    );
    bench.settle().await;
    let dump = bench.debug("/debug/config_dump?proxyID=client.demo").await;
    assert_eq!(dump["configs"][0]["@type"], "type.googleapis.com/envoy.admin.v3.ClustersConfigDump");
    assert!(!dump.to_string().contains("BEGIN PRIVATE KEY"), "keys stay here");
    assert_eq!(bench.debug("/debug/adsz").await["totalClients"], 3);
    assert_eq!(bench.debug("/debug/registryz").await[0]["hostname"], "web.demo.svc.cluster.local");
    assert_eq!(bench.debug("/debug/endpointz").await[0]["ep"].as_array().map(Vec::len), Some(2));
    assert!(
        bench
            .debug("/debug/configz")
            .await
            .as_array()
            .is_some_and(|list| list.iter().any(|one| one["kind"] == "Sidecar"))
    );
    assert_eq!(bench.debug("/debug/untranslatedz").await[0]["object"], "Sidecar demo/narrow");
    let metrics = bench.debug("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    for name in [
        "pilot_xds{version",
        "pilot_xds_pushes{type=\"rds\"}",
        "pilot_proxy_convergence_time_count",
        "pilot_services 1",
        "pilot_k8s_cfg_events{event=\"add\",type=\"Sidecar\"} 1",
    ] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
}

/// Asks for a certificate as the proxy of `pod` at `address` would.
async fn ask(bench: &Bench, pod: &str, address: &str) -> tonic::Streaming<DiscoveryResponse> {
    let request = DiscoveryRequest {
        node: Some(Node {
            id: format!("sidecar~{address}~{pod}.demo~demo.svc.cluster.local"),
            ..Node::default()
        }),
        type_url: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret".into(),
        resource_names: vec!["default".into()],
        ..DiscoveryRequest::default()
    };
    let requests = futures::stream::once(async { request }).chain(futures::stream::pending());
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", bench.pilot().xds_addr()))
        .expect("an address");
    let mut client = AggregatedDiscoveryServiceClient::new(channel.connect().await.expect("a connection"));
    client.stream_aggregated_resources(requests).await.expect("a stream").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_for_a_pod_that_exists() {
    let mut bench = Bench::start().await;
    let pod = |ip: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: late, namespace: demo, annotations: \
                {{sandbox.binnacle.dev/ports: '{{\"15000\":1,\"15001\":2}}'}}}}\nspec: {{serviceAccountName: \
                late}}\nstatus: {{podIP: {ip}}}\n"
        )
    };
    let mut early = ask(&bench, "late", "10.244.0.9").await;
    let nothing = tokio::time::timeout(Duration::from_millis(200), early.message()).await;
    assert!(nothing.is_err(), "no pod, no certificate");
    bench.apply(&pod("10.244.0.9"));
    let told = tokio::time::timeout(crate::bench::PATIENCE, early.message())
        .await
        .expect("in time")
        .expect("an answer");
    assert_eq!(told.expect("secrets").resources.len(), 1, "as soon as the pod is there");
    let mut stranger = ask(&bench, "late", "10.244.0.99").await;
    let refused = tokio::time::timeout(crate::bench::PATIENCE, stranger.message()).await.expect("in time");
    assert_eq!(refused.expect_err("another address").code(), tonic::Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_during_the_start_are_all_taken() {
    for round in 0..3 {
        let mut bench = Bench::start().await;
        bench.apply(crate::WEB);
        for (pod, labels, port) in [
            ("client", "app=client", 8080),
            ("web-v1", "app=web,version=v1", 9080),
            ("web-v2", "app=web,version=v2", 9080),
        ] {
            bench.pod(pod, labels, port, false).await;
        }
        for change in 0..60 {
            bench.apply(&format!(
                "apiVersion: v1\nkind: Service\nmetadata: {{name: s{}, namespace: demo}}\nspec: {{clusterIP: \
                    10.96.1.{change}, selector: {{app: web, round: r{}}}, ports: [{{name: http, port: \
                    9080}}]}}\n",
                change % 7,
                change % 3
            ));
            tokio::time::sleep(Duration::from_millis(12)).await;
        }
        bench.settle().await;
        println!("round {round} settled");
    }
}
