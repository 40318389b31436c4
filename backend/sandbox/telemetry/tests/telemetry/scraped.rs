//! A real Prometheus scrapes the `/metrics` page.

use std::{net::SocketAddr, process::Stdio, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};
use tokio_stream::wrappers::ReceiverStream;
use wire::envoy::service::accesslog::v3::access_log_service_client::AccessLogServiceClient;

use crate::{
    http::{ask, until},
    mesh::{Mesh, start},
    wire_in::message,
};

#[tokio::test]
async fn a_real_prometheus_scrapes_the_metrics_page() {
    let telemetry = start(&Arc::new(Mesh::default())).await;
    let mut client =
        AccessLogServiceClient::connect(format!("http://{}", telemetry.als_addr().tcp().unwrap()))
            .await
            .unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    sender.send(message(true, 7)).await.unwrap();
    drop(sender);
    let _done = client.stream_access_logs(ReceiverStream::new(receiver)).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yml");
    let scrape = format!(
        "scrape_configs:\n- job_name: sandbox\n  scrape_interval: 100ms\n  scrape_timeout: 100ms\n  static_configs:\n  - targets: ['{}']\n",
        telemetry.prometheus_addr().tcp().unwrap()
    );
    std::fs::write(&config, scrape).unwrap();
    let mut process = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg("--web.listen-address=127.0.0.1:0")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Debian's package prometheus is installed");
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    // The two lines come in either order.
    let (mut address, mut ready): (Option<SocketAddr>, bool) = (None, false);
    while address.is_none() || !ready {
        let line = lines.next_line().await.unwrap().expect("it starts");
        if let Some((_, rest)) = line.split_once("msg=\"Listening on\" address=") {
            address = rest.trim().parse().ok();
        }
        ready |= line.contains("Server is ready to receive web requests");
    }
    let _drained = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let real = address.expect("it says where it listens");
    let query = "sum by (reporter, source_workload, pod, response_code) (istio_requests_total)";
    let expected =
        ["pod=productpage-v1-abc,reporter=source,response_code=200,source_workload=productpage-v1 7"];
    until("the scraped counter", || ask(real, query), |list| *list == expected).await;
    let buckets = "count(istio_request_duration_milliseconds_bucket{le=~\"10|25|[+]Inf\"})";
    assert_eq!(ask(real, buckets).await, [" 3"]);
    assert_eq!(ask(real, "up{job=\"sandbox\"} == 1").await.len(), 1);
    process.kill().await.unwrap();
    telemetry.stop().await;
}
