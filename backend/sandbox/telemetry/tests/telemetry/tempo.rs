//! One store, two query APIs: Jaeger's and Tempo's tell the same traces, as Binnacle reads them.

use std::{net::SocketAddr, sync::Arc};

use mesh::trace::{Found, Opened};
use serde_json::Value;
use wire::otlp::{
    collector::trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value as Kind},
    trace::v1::{Span, Status, span::Event, span::Link},
};

use crate::{
    http::{get, send},
    mesh::{Mesh, start},
    wire_in::spans,
};

fn attribute(key: &str, value: Kind) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Kind::StringValue(value.to_owned()))
}

fn span(trace: u128, id: u64, parent: u64, start_us: u64) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: format!("GET /{id}"),
        kind: if parent == 0 { 2 } else { 3 },
        start_time_unix_nano: start_us * 1000,
        end_time_unix_nano: start_us * 1000 + 5_000_000,
        attributes: vec![
            text("http.status_code", if id.is_multiple_of(2) { "503" } else { "200" }),
            attribute("big", Kind::IntValue(9_007_199_254_740_993)),
            attribute("share", Kind::DoubleValue(0.5)),
            attribute("yes", Kind::BoolValue(true)),
            attribute("bytes", Kind::BytesValue(vec![0, 1, 2])),
            attribute(
                "list",
                Kind::ArrayValue(ArrayValue {
                    values: vec![
                        AnyValue { value: Some(Kind::IntValue(1)) },
                        AnyValue { value: Some(Kind::BoolValue(false)) },
                    ],
                }),
            ),
        ],
        events: vec![Event {
            time_unix_nano: start_us * 1000 + 1_000_000,
            name: "retry".to_owned(),
            attributes: vec![text("n", "2")],
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: 7_u128.to_be_bytes().to_vec(),
            span_id: 9_u64.to_be_bytes().to_vec(),
            ..Link::default()
        }],
        status: id.is_multiple_of(3).then(|| Status { code: 2, message: "upstream".to_owned() }),
        trace_state: "a=b".to_owned(),
        ..Span::default()
    }
}

/// As a file of what was answered.
fn read(folder: &std::path::Path, answer: &Value) -> Found {
    let file = folder.join("answer.json");
    std::fs::write(&file, answer.to_string()).unwrap();
    cluster::open_traces(&file, &cluster::Progress::default()).unwrap()
}

fn sorted(mut traces: Vec<Arc<Opened>>) -> Vec<Arc<Opened>> {
    traces.sort_by(|one, other| one.trace.id.cmp(&other.trace.id));
    traces
}

async fn found_by_tempo(at: SocketAddr, query: &str) -> Vec<String> {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let (status, answer) = get(at, &format!("/tempo/api/search?q={encoded}&limit=100")).await;
    assert_eq!(status, 200, "{query}: {answer}");
    let traces = answer["traces"].as_array().unwrap().iter();
    traces.map(|trace| trace["traceID"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn jaegers_api_and_tempos_give_the_same_traces() {
    let telemetry = start(&Arc::new(Mesh::default())).await;
    let at = telemetry.jaeger_addr().tcp().unwrap();
    let collector = format!("http://{}", telemetry.otlp_addr().tcp().unwrap());
    let mut client = TraceServiceClient::connect(collector).await.unwrap();
    let begun = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap() - 60_000_000;
    let ids = [0xab12_u128, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 3];
    let mut resources = Vec::new();
    for (number, id) in ids.into_iter().enumerate() {
        let at = begun + 1_000_000 * number as u64;
        let mut front = spans("web.shop", vec![span(id, 1, 0, at), span(id, 2, 1, at + 100)]);
        front.scope_spans[0].scope = Some(InstrumentationScope {
            name: "envoy".to_owned(),
            version: "1.40".to_owned(),
            ..InstrumentationScope::default()
        });
        resources.push(front);
        resources.push(spans("pay.shop", vec![span(id, 3, 2, at + 200)]));
    }
    client.export(ExportTraceServiceRequest { resource_spans: resources }).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (_, answer) = get(at, "/api/traces?service=web.shop&limit=100&lookback=1h").await;
    let jaeger = sorted(read(folder.path(), &answer).traces);
    let hits = found_by_tempo(at, "{ resource.service.name = \"web.shop\" }").await;
    assert_eq!(hits, ["3", "af7651916cd43dd8448eb211c80319c", "ab12"], "the newest first");
    for path in ["v2/traces", "traces"] {
        let mut tempo = Vec::new();
        for id in &hits {
            let (status, answer) = get(at, &format!("/tempo/api/{path}/{id}")).await;
            assert_eq!(status, 200);
            tempo.extend(read(folder.path(), &answer).traces);
        }
        assert_eq!(sorted(tempo), jaeger);
    }
    assert_eq!(jaeger.iter().map(|opened| opened.trace.spans.len()).sum::<usize>(), 9);
    assert!(jaeger.iter().all(|opened| opened.odd.is_empty() && opened.summary.errors == 2), "{jaeger:?}");

    let (_, jaegers) = get(at, "/api/services").await;
    let (_, tempos) = get(at, "/tempo/api/search/tag/service.name/values").await;
    assert_eq!(jaegers["data"], tempos["tagValues"]);
    let (_, typed) = get(at, "/tempo/api/v2/search/tag/resource.service.name/values").await;
    assert_eq!(typed["tagValues"][0], serde_json::json!({"type": "string", "value": "pay.shop"}));
    for (query, count) in [
        ("{ resource.service.name = \"pay.shop\" && status = error && .big = 9007199254740993 }", 3),
        ("{ resource.service.name = \"web.shop\" } && { .http.status_code = \"503\" }", 3),
        ("{ duration > 1s }", 0),
    ] {
        assert_eq!(found_by_tempo(at, query).await.len(), count, "{query}");
    }
    let (_, some) =
        get(at, &format!("/tempo/api/search?start={}&end={}", begun / 1_000_000 - 9, begun / 1_000_000 - 5))
            .await;
    assert_eq!(some["traces"], serde_json::json!([]));
    for (path, status, words) in [
        ("/tempo/api/search?q=%7B+name+%7D", 400, "invalid TraceQL query: parse error at line 1, col 8"),
        ("/tempo/api/search?limit=few", 400, "invalid limit"),
        ("/tempo/api/v2/traces/99", 404, "trace not found"),
        ("/tempo/api/v2/traces/x", 400, "hex"),
        ("/tempo/api/metrics", 404, "404 page not found"),
        ("/tempo/api/echo", 200, "echo"),
    ] {
        let (code, body) = send(at, "GET", path, "", "").await;
        assert!(code == status && body.contains(words), "{path}: {code} {body}");
    }
    telemetry.stop().await;
}
