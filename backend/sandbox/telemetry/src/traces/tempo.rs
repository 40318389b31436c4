//! Tempo's query API over the same store: search by TraceQL, traces as OTLP's JSON.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    span::{Log, Span, Tag, TagValue, TraceId},
    store::Traces,
    traceql::{TraceQl, Whole},
};
use crate::params::Params;

/// As many as Tempo finds, and of each as many spans as it tells, where nothing else is said.
const DEFAULT_LIMIT: usize = 20;
const DEFAULT_SPANS: usize = 3;
const MOST_TRACES: usize = 10_000;

type Shared = State<Arc<Traces>>;

/// All routes.
pub(crate) fn router(traces: Arc<Traces>) -> Router {
    Router::new()
        .route("/ready", get(async || "ready"))
        .route("/api/echo", get(async || "echo"))
        .route("/api/search", get(search))
        .route("/api/search/tag/{tag}/values", get(values))
        .route("/api/v2/search/tag/{tag}/values", get(typed_values))
        .route("/api/traces/{id}", get(batches))
        .route("/api/v2/traces/{id}", get(trace))
        .fallback(async || (StatusCode::NOT_FOUND, "404 page not found"))
        .with_state(traces)
}

fn bad(words: String) -> Response {
    (StatusCode::BAD_REQUEST, words).into_response()
}

/// The values of a tag: of services only, which is what is asked for.
fn known(traces: &Traces, tag: &str) -> Vec<Arc<str>> {
    let services = matches!(tag, "service.name" | ".service.name" | "resource.service.name");
    if services { traces.services() } else { Vec::new() }
}

async fn values(State(traces): Shared, Path(tag): Path<String>) -> Response {
    let values: Vec<Value> = known(&traces, &tag).iter().map(|name| Value::from(&**name)).collect();
    Json(json!({"tagValues": values, "metrics": {}})).into_response()
}

async fn typed_values(State(traces): Shared, Path(tag): Path<String>) -> Response {
    let value = |name: &Arc<str>| json!({"type": "string", "value": &**name});
    let values: Vec<Value> = known(&traces, &tag).iter().map(value).collect();
    Json(json!({"tagValues": values, "metrics": {}})).into_response()
}

async fn batches(State(traces): Shared, Path(id): Path<String>) -> Response {
    one(&traces, &id, |resources| json!({"batches": resources}))
}

async fn trace(State(traces): Shared, Path(id): Path<String>) -> Response {
    one(&traces, &id, |resources| json!({"trace": {"resourceSpans": resources}, "metrics": {}}))
}

fn one(traces: &Traces, id: &str, around: fn(Vec<Value>) -> Value) -> Response {
    let Some(id) = TraceId::read(id) else {
        return bad("trace IDs can only contain hex characters".to_owned());
    };
    match traces.trace(id) {
        Some(spans) => Json(around(resources(&spans))).into_response(),
        None => (StatusCode::NOT_FOUND, "trace not found").into_response(),
    }
}

async fn search(State(traces): Shared, params: Params) -> Response {
    let query = match TraceQl::read(params.first("q").unwrap_or("{}")) {
        Ok(query) => query,
        Err(wrong) => return bad(wrong.to_string()),
    };
    let number = |name: &'static str| {
        let wrong = |text: &str| format!("invalid {name}: {text} is not a number");
        params.first(name).map(|text| text.parse::<u64>().map_err(|_| wrong(text))).transpose()
    };
    let (start, end, limit, spans) = match (number("start"), number("end"), number("limit"), number("spss")) {
        (Ok(start), Ok(end), Ok(limit), Ok(spans)) => (start, end, limit, spans),
        (Err(wrong), ..) | (_, Err(wrong), ..) | (_, _, Err(wrong), _) | (.., Err(wrong)) => {
            return bad(wrong);
        }
    };
    let from_us = start.map_or(0, |start| start.saturating_mul(1_000_000));
    let to_us = end.map_or(u64::MAX, |end| end.saturating_mul(1_000_000));
    let few = |told: Option<u64>, default: usize| {
        told.map_or(default, |told| usize::try_from(told).unwrap_or(MOST_TRACES).min(MOST_TRACES))
    };
    let (limit, shown) = (few(limit, DEFAULT_LIMIT), few(spans, DEFAULT_SPANS));
    // Looking through many spans takes long enough to keep it off the I/O threads.
    let sought = tokio::task::spawn_blocking(move || {
        let all = traces.newest(from_us, to_us);
        let inspected = all.len();
        let hits = all.iter().filter_map(|spans| hit(spans, &query, shown));
        json!({"traces": hits.take(limit).collect::<Vec<_>>(), "metrics": {"inspectedTraces": inspected}})
    });
    match sought.await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            tracing::error!(%error, "a search for traces broke down");
            (StatusCode::INTERNAL_SERVER_ERROR, "the search broke down; the log tells where").into_response()
        }
    }
}

fn hit(spans: &[Span], query: &TraceQl, shown: usize) -> Option<Value> {
    let matched = query.matches(spans);
    let first = matched.first()?;
    let whole = Whole::of(spans);
    let root = |of: fn(&Span) -> &str, none: &'static str| whole.root.map_or(none, of).to_owned();
    let told = matched.iter().take(shown).map(|span| {
        json!({"spanID": format!("{:016x}", span.id), "startTimeUnixNano": nanos(span.start_us),
            "durationNanos": nanos(span.duration_us)})
    });
    Some(json!({
        "traceID": format!("{:x}", first.trace.0),
        "rootServiceName": root(|span| &span.process.service, "<root span not yet received>"),
        "rootTraceName": root(|span| &span.operation, ""),
        "startTimeUnixNano": nanos(whole.start_us),
        "durationMs": whole.duration_us / 1000,
        "spanSets": [{"spans": told.collect::<Vec<_>>(), "matched": matched.len()}],
    }))
}

fn nanos(us: u64) -> String {
    us.saturating_mul(1000).to_string()
}

/// The spans by who made them, and by which library.
fn resources(spans: &[Span]) -> Vec<Value> {
    let mut groups: Vec<(&Span, [String; 2], Vec<Value>)> = Vec::new();
    for span in spans {
        let scope = ["otel.scope.name", "otel.scope.version"].map(|key| said(span, key));
        let told = one_span(span);
        let same = |(known, of, _): &&mut (&Span, [String; 2], Vec<Value>)| {
            known.process == span.process && *of == scope
        };
        match groups.iter_mut().find(same) {
            Some((_, _, group)) => group.push(told),
            None => groups.push((span, scope, vec![told])),
        }
    }
    let resource = |(of, [name, version], spans): (&Span, [String; 2], Vec<Value>)| {
        let mut attributes =
            vec![json!({"key": "service.name", "value": {"stringValue": &*of.process.service}})];
        attributes.extend(of.process.tags.iter().map(attribute));
        json!({
            "resource": {"attributes": attributes},
            "scopeSpans": [{"scope": {"name": name, "version": version}, "spans": spans}],
        })
    };
    groups.into_iter().map(resource).collect()
}

/// What the collector made tags of.
const OWN: [&str; 6] = [
    "otel.scope.name",
    "otel.scope.version",
    "otel.status_code",
    "otel.status_description",
    "span.kind",
    "w3c.tracestate",
];

fn said(span: &Span, key: &str) -> String {
    span.tags.iter().find(|tag| &*tag.key == key).map(|tag| tag.value.shown()).unwrap_or_default()
}

fn one_span(span: &Span) -> Value {
    let kind = if span.kind.is_empty() { "unspecified" } else { span.kind };
    let attributes: Vec<Value> =
        span.tags.iter().filter(|tag| !OWN.contains(&&*tag.key)).map(attribute).collect();
    let links =
        span.links.iter().map(|(trace, id)| json!({"traceId": of_trace(*trace), "spanId": of_span(*id)}));
    let mut told = json!({
        "traceId": of_trace(span.trace),
        "spanId": of_span(span.id),
        "traceState": said(span, "w3c.tracestate"),
        "name": &*span.operation,
        "kind": format!("SPAN_KIND_{}", kind.to_uppercase()),
        "startTimeUnixNano": nanos(span.start_us),
        "endTimeUnixNano": nanos(span.start_us.saturating_add(span.duration_us)),
        "attributes": attributes,
        "events": span.logs.iter().map(event).collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "status": {"message": said(span, "otel.status_description")},
    });
    if span.parent != 0 {
        told["parentSpanId"] = of_span(span.parent).into();
    }
    let code = said(span, "otel.status_code");
    if !code.is_empty() {
        told["status"]["code"] = format!("STATUS_CODE_{code}").into();
    }
    told
}

/// Bytes, which Tempo writes as base64.
fn of_trace(id: TraceId) -> String {
    STANDARD.encode(id.0.to_be_bytes())
}

fn of_span(id: u64) -> String {
    STANDARD.encode(id.to_be_bytes())
}

fn event(log: &Log) -> Value {
    let (name, fields): (Vec<&Tag>, Vec<&Tag>) = log.fields.iter().partition(|tag| &*tag.key == "event");
    json!({
        "timeUnixNano": nanos(log.at_us),
        "name": name.first().map(|tag| tag.value.shown()).unwrap_or_default(),
        "attributes": fields.into_iter().map(attribute).collect::<Vec<_>>(),
    })
}

fn attribute(tag: &Tag) -> Value {
    let value = match &tag.value {
        TagValue::Text(text) => json!({"stringValue": &**text}),
        TagValue::Bool(value) => json!({"boolValue": value}),
        // 64-bit integers stand in quotes.
        TagValue::Int(value) => json!({"intValue": value.to_string()}),
        TagValue::Float(value) => json!({"doubleValue": value}),
    };
    json!({"key": &*tag.key, "value": value})
}
