//! A trace store that is far too small for what comes.

use std::sync::Arc;

use telemetry::{Options, Telemetry};
use wire::otlp::{
    collector::trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
    trace::v1::Span,
};

use crate::{
    http::{get, send},
    mesh::Mesh,
    wire_in::spans,
};

const CAPACITY: usize = 1000;
const TRACES: u64 = 20_000;
/// Spans of each.
const SPANS: u64 = 4;

/// In the last minute, so that a search without a time finds them.
fn span(trace: u64, id: u64, start_us: u64) -> Span {
    Span {
        trace_id: u128::from(trace).to_be_bytes().to_vec(),
        span_id: (trace * SPANS + id).to_be_bytes().to_vec(),
        parent_span_id: if id == 1 { Vec::new() } else { (trace * SPANS + id - 1).to_be_bytes().to_vec() },
        name: format!("operation-{}", trace % 50),
        kind: 2,
        start_time_unix_nano: start_us * 1000,
        end_time_unix_nano: start_us * 1000 + 5_000_000,
        ..Span::default()
    }
}

#[tokio::test]
async fn a_full_store_keeps_the_newest_traces_whole_and_says_what_it_dropped() {
    let options = Options { span_capacity: CAPACITY, ..Options::new(Arc::new(Mesh::default()), "1.32.0") };
    let telemetry = Telemetry::start(options).await.unwrap();
    let jaeger = telemetry.jaeger_addr().tcp().unwrap();
    let mut client = TraceServiceClient::connect(format!("http://{}", telemetry.otlp_addr().tcp().unwrap()))
        .await
        .unwrap();
    let begun = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap() - 60_000_000;
    for batch in 0..TRACES / 100 {
        let of_batch = (1..=100).flat_map(|trace| {
            let trace = batch * 100 + trace;
            (1..=SPANS).map(move |id| span(trace, id, begun + trace * 100 + id))
        });
        let resource_spans = vec![spans(&format!("service-{}", batch % 20), of_batch.collect())];
        client.export(ExportTraceServiceRequest { resource_spans }).await.unwrap();
    }
    let count = telemetry.spans();
    println!("{} spans of {TRACES} traces came: {count:?}", TRACES * SPANS);
    assert_eq!((count.spans, count.traces), (CAPACITY as u64, CAPACITY as u64 / SPANS));
    assert_eq!(
        (count.dropped_spans, count.dropped_traces),
        (TRACES * SPANS - count.spans, TRACES - count.traces)
    );

    // Only what is kept is known: the services of the last 250 traces, each trace whole.
    let (_, services) = get(jaeger, "/api/services").await;
    assert_eq!(services["data"], serde_json::json!(["service-17", "service-18", "service-19"]));
    let (_, answer) = get(jaeger, "/api/traces?service=service-19&limit=5000&lookback=1h").await;
    let found = answer["data"].as_array().unwrap();
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|trace| trace["spans"].as_array().map(Vec::len) == Some(SPANS as usize)));
    assert_eq!(
        answer["dropped"],
        serde_json::json!({"traces": count.dropped_traces, "spans": count.dropped_spans})
    );
    println!("the search says {}", answer["dropped"]);
    let (status, gone) = get(jaeger, "/api/traces/1").await;
    assert_eq!(
        (status, &gone["errors"]),
        (404, &serde_json::json!([{"code": 404, "msg": "trace not found"}]))
    );
    let (_, some) = get(jaeger, &format!("/api/traces?traceID={:x}&traceID=1", TRACES)).await;
    assert_eq!((some["total"].as_u64(), &some["errors"][0]["traceID"]), (Some(1), &serde_json::json!("1")));
    let (_, page) = send(telemetry.prometheus_addr().tcp().unwrap(), "GET", "/metrics", "", "").await;
    let line = format!("binnacle_traces_dropped_total {}", count.dropped_traces);
    assert!(page.contains(&line), "{line} in {page}");
    telemetry.stop().await;
}
