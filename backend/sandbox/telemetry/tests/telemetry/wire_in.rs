//! gRPC in, queries out, with clients of our own.

use std::sync::Arc;

use tokio_stream::wrappers::ReceiverStream;
use wire::{
    envoy::{
        config::core::v3::Node,
        data::accesslog::v3::{
            AccessLogCommon, HttpAccessLogEntry, HttpRequestProperties, HttpResponseProperties,
        },
        service::accesslog::v3::{
            StreamAccessLogsMessage,
            access_log_service_client::AccessLogServiceClient,
            stream_access_logs_message::{HttpAccessLogEntries, Identifier, LogEntries},
        },
    },
    otlp::{
        collector::trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
        common::v1::{AnyValue, KeyValue, any_value::Value as AnyValueKind},
        resource::v1::Resource,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
    protobuf::{Duration as ProtoDuration, UInt32Value},
};

use crate::{
    http::{ask, get, send, until},
    mesh::{Mesh, start},
};

/// Some requests from productpage to reviews, as its proxy reports them.
pub(crate) fn message(first: bool, count: usize) -> StreamAccessLogsMessage {
    let entry = HttpAccessLogEntry {
        common_properties: Some(AccessLogCommon {
            upstream_cluster: "outbound|9080||reviews.bookinfo.svc.cluster.local".to_owned(),
            duration: Some(ProtoDuration { seconds: 0, nanos: 12_000_000 }),
            ..AccessLogCommon::default()
        }),
        request: Some(HttpRequestProperties {
            authority: "reviews:9080".to_owned(),
            ..HttpRequestProperties::default()
        }),
        response: Some(HttpResponseProperties {
            response_code: Some(UInt32Value { value: 200 }),
            ..HttpResponseProperties::default()
        }),
        ..HttpAccessLogEntry::default()
    };
    let node = Node {
        id: "sidecar~10.244.0.7~productpage-v1-abc.bookinfo~bookinfo.svc.cluster.local".to_owned(),
        ..Node::default()
    };
    StreamAccessLogsMessage {
        // As Envoy does: only the first message of a stream tells who sends it.
        identifier: first.then(|| Identifier { node: Some(node), log_name: "outbound".to_owned() }),
        log_entries: Some(LogEntries::HttpLogs(HttpAccessLogEntries { log_entry: vec![entry; count] })),
    }
}

#[tokio::test]
async fn requests_become_rates_and_an_open_stream_does_not_hold_up_the_end() {
    let telemetry = start(&Arc::new(Mesh::default())).await;
    let prometheus = telemetry.prometheus_addr().tcp().unwrap();
    let mut client =
        AccessLogServiceClient::connect(format!("http://{}", telemetry.als_addr().tcp().unwrap()))
            .await
            .unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let stream = tokio::spawn(async move { client.stream_access_logs(ReceiverStream::new(receiver)).await });
    sender.send(message(true, 3)).await.unwrap();
    until("the first requests", || ask(prometheus, "sum(istio_requests_total)"), |list| *list == [" 3"])
        .await;
    sender.send(message(false, 2)).await.unwrap();
    let query = "sum by (source_workload, destination_service_name, response_code) (istio_requests_total)";
    let wanted = ["destination_service_name=reviews,response_code=200,source_workload=productpage-v1 5"];
    until("the later requests", || ask(prometheus, query), |list| *list == wanted).await;
    let p50 =
        ask(prometheus, "histogram_quantile(0.5, sum by (le) (istio_request_duration_milliseconds_bucket))")
            .await;
    assert_eq!(p50, [" 17.5"], "all in the bucket from 10 to 25");
    let rate = until(
        "a rate",
        || ask(prometheus, "sum(rate(istio_requests_total[10s])) > 0"),
        |list| !list.is_empty(),
    )
    .await;
    assert_eq!(rate.len(), 1);
    let (_, page) = send(prometheus, "GET", "/metrics", "", "").await;
    assert!(
        page.contains("istio_requests_total{reporter=\"source\",source_workload=\"productpage-v1\","),
        "{page}"
    );
    telemetry.stop().await;
    // The stream ends from the server's side.
    let _ended = stream.await.unwrap();
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(AnyValueKind::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

pub(crate) fn spans(service: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource { attributes: vec![text("service.name", service)], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn span(trace: u128, id: u64, parent: u64, code: &str) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: "reviews.bookinfo.svc.cluster.local:9080/*".to_owned(),
        kind: 3,
        start_time_unix_nano: 1_790_000_000_000_000_000 + id * 1000,
        end_time_unix_nano: 1_790_000_000_004_000_000,
        attributes: vec![text("http.status_code", code)],
        ..Span::default()
    }
}

#[tokio::test]
async fn spans_become_traces_that_can_be_searched() {
    let telemetry = start(&Arc::new(Mesh::default())).await;
    let jaeger = telemetry.jaeger_addr().tcp().unwrap();
    let mut client = TraceServiceClient::connect(format!("http://{}", telemetry.otlp_addr().tcp().unwrap()))
        .await
        .unwrap();
    let resource_spans = vec![
        spans("productpage.bookinfo", vec![span(1, 1, 0, "200"), span(2, 21, 0, "500")]),
        spans("reviews.bookinfo", vec![span(1, 2, 1, "200"), span(2, 22, 21, "503")]),
    ];
    let _accepted = client.export(ExportTraceServiceRequest { resource_spans }).await.unwrap();
    assert_eq!(telemetry.spans().spans, 4);

    let data = async |path: &str| get(jaeger, path).await.1["data"].clone();
    assert_eq!(data("/api/services").await, serde_json::json!(["productpage.bookinfo", "reviews.bookinfo"]));
    assert_eq!(
        data("/api/services/reviews.bookinfo/operations").await,
        serde_json::json!(["reviews.bookinfo.svc.cluster.local:9080/*"])
    );
    assert_eq!(
        data("/api/operations?service=reviews.bookinfo&spanKind=client").await,
        serde_json::json!([{"name": "reviews.bookinfo.svc.cluster.local:9080/*", "spanKind": "client"}])
    );
    let found = async |more: &str| -> Vec<String> {
        let list = data(&format!(
            "/api/traces?service=reviews.bookinfo&start=1790000000000000&end=1790000001000000{more}"
        ))
        .await;
        list.as_array()
            .into_iter()
            .flatten()
            .map(|trace| trace["traceID"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(found("").await, ["0000000000000002", "0000000000000001"]);
    assert_eq!(found("&tags=%7B%22error%22%3A%22true%22%7D").await, ["0000000000000002"]);
    assert_eq!(found("&limit=1").await, ["0000000000000002"]);
    assert!(found("&minDuration=5ms").await.is_empty());
    let trace = &data("/api/traces/1").await[0];
    assert_eq!(trace["spans"].as_array().map(Vec::len), Some(2));
    assert_eq!(trace["spans"][1]["references"][0]["spanID"], "0000000000000001");
    assert_eq!(trace["processes"]["p2"]["serviceName"], "reviews.bookinfo");
    assert_eq!(
        data("/api/dependencies?endTs=1790000001000&lookback=10000").await,
        serde_json::json!([{"parent": "productpage.bookinfo", "child": "reviews.bookinfo", "callCount": 2}])
    );
    for (path, status) in
        [("/api/traces/99", 404), ("/api/traces/zz", 400), ("/api/traces", 400), ("/api/nothing", 404)]
    {
        let (found, answer) = get(jaeger, path).await;
        assert_eq!(
            (found, answer["errors"][0]["code"].as_u64()),
            (status, Some(status.into())),
            "{path}: {answer}"
        );
    }
    telemetry.stop().await;
}
