use wire::otlp::{
    common::v1::ArrayValue,
    resource::v1::Resource,
    trace::v1::{ScopeSpans, Status as SpanStatus, span},
};

use super::*;
use crate::traces::json::trace;

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn resource(spans: Vec<otlp::Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", "reviews.bookinfo"), text("telemetry.sdk.name", "envoy")],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn example() -> otlp::Span {
    otlp::Span {
        trace_id: 0xabc_u128.to_be_bytes().to_vec(),
        span_id: 7_u64.to_be_bytes().to_vec(),
        parent_span_id: 6_u64.to_be_bytes().to_vec(),
        name: "reviews.bookinfo.svc.cluster.local:9080/*".to_owned(),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: 1_000_000_500,
        end_time_unix_nano: 1_002_000_000,
        attributes: vec![
            text("http.status_code", "503"),
            text("error", "true"),
            attribute("retries", Value::IntValue(2)),
            attribute("share", Value::DoubleValue(0.5)),
            attribute(
                "hosts",
                Value::ArrayValue(ArrayValue {
                    values: vec![AnyValue { value: Some(Value::BoolValue(true)) }],
                }),
            ),
        ],
        events: vec![span::Event {
            time_unix_nano: 1_000_100_000,
            name: "retry".to_owned(),
            ..span::Event::default()
        }],
        ..otlp::Span::default()
    }
}

#[test]
fn a_span_becomes_jaegers_json() {
    let json = trace(&spans(&resource(vec![example()]), &mut Texts::default()));
    let expected = serde_json::json!({
        "traceID": "0000000000000abc",
        "spans": [{
            "traceID": "0000000000000abc",
            "spanID": "0000000000000007",
            "flags": 1,
            "operationName": "reviews.bookinfo.svc.cluster.local:9080/*",
            "references": [{"refType": "CHILD_OF", "traceID": "0000000000000abc", "spanID": "0000000000000006"}],
            "startTime": 1_000_000,
            "duration": 2000,
            "tags": [
                {"key": "http.status_code", "type": "string", "value": "503"},
                {"key": "retries", "type": "int64", "value": 2},
                {"key": "share", "type": "float64", "value": 0.5},
                {"key": "hosts", "type": "string", "value": "[true]"},
                {"key": "span.kind", "type": "string", "value": "client"},
                {"key": "error", "type": "bool", "value": true},
            ],
            "logs": [{"timestamp": 1_000_100, "fields": [{"key": "event", "type": "string", "value": "retry"}]}],
            "processID": "p1",
            "warnings": null,
        }],
        "processes": {"p1": {"serviceName": "reviews.bookinfo", "tags": [{"key": "telemetry.sdk.name", "type": "string", "value": "envoy"}]}},
        "warnings": null,
    });
    assert_eq!(json, expected);
}

#[test]
fn a_failure_is_marked_however_the_span_says_it() {
    let status = |code: StatusCode| Some(SpanStatus { code: code.into(), ..SpanStatus::default() });
    for (attributes, status, expected) in [
        (vec![], None, false),
        (vec![text("http.status_code", "404")], status(StatusCode::Ok), false),
        (vec![text("http.status_code", "500")], None, true),
        (vec![attribute("http.response.status_code", Value::IntValue(504))], None, true),
        (vec![text("error", "false")], None, false),
        (vec![], status(StatusCode::Error), true),
    ] {
        let span = otlp::Span { attributes, status, ..example() };
        let failed = spans(&resource(vec![span]), &mut Texts::default())[0]
            .tags
            .iter()
            .any(|tag| &*tag.key == "error" && tag.value.is("true"));
        assert_eq!(failed, expected);
    }
}

#[test]
fn malformed_spans_are_left_out() {
    let short = otlp::Span { trace_id: vec![1, 2], ..example() };
    let nameless = otlp::Span { span_id: Vec::new(), ..example() };
    let rootless = otlp::Span { parent_span_id: Vec::new(), ..example() };
    let list = spans(&resource(vec![short, nameless, rootless]), &mut Texts::default());
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].parent, 0);
    let anonymous = ResourceSpans { resource: None, ..resource(vec![example()]) };
    assert_eq!(&*spans(&anonymous, &mut Texts::default())[0].process.service, "OTLPResourceNoServiceName");
}
