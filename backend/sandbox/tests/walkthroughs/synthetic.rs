//! Many services with nothing behind them: objects, series and traces are there, proxies are not.

use super::walk::{Walk, eventually, holds};
use sandbox::{Options, Scenario, Size};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn synthetic_scale() {
    let size = Size { services: 60, pods: 150, edges: 3 };
    let options = Options { scenario: Scenario::Synthetic, rps: 0.0, size, ..Options::default() };
    let walk = Walk::open_with(options, "synthetic-01").await;
    assert_eq!(walk.sandbox.ready().proxies, 1, "the gateway's is the only one");
    let pods = walk.kubectl(&["get", "pods", "-A", "-l", "sandbox.binnacle.dev/synthetic=true"]).await;
    assert_eq!(pods.matches("1/1     Running").count(), 150, "{pods}");
    let calls = "sum(istio_requests_total{reporter=\"source\"})";
    assert_eq!(walk.measured(calls).await.to_bits(), 0.0_f64.to_bits(), "nobody asks yet");
    walk.kubectl_in(
        "istio-system",
        &["patch", "configmap", "load-generator", "-p", "{\"data\":{\"rps\":\"50\"}}"],
    )
    .await;
    let edges = "count(sum by (source_workload, destination_workload) (istio_requests_total{reporter=\"source\"}) > 0)";
    eventually("every edge is measured", || async {
        let measured = walk.measured(edges).await;
        println!("synthetic: {measured} of 171 edges");
        holds((measured - 171.0).abs() < 0.5, measured)
    })
    .await;
    eventually("traces are there, marked as made up", || async {
        let url = format!(
            "{}/api/traces?service=service-0001.synthetic-01&lookback=1h&limit=1",
            walk.sandbox.ready().tracing
        );
        let answer = walk.http.get(url).send().await.unwrap().text().await.unwrap();
        holds(answer.contains("sandbox.binnacle.dev/synthetic"), answer)
    })
    .await;
    walk.kubectl(&["scale", "deployment/service-0001-v1", "--replicas=7"]).await;
    walk.rolled_out("service-0001-v1").await;
    walk.sandbox.stop().await;
}
