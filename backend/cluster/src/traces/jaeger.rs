//! Jaeger's JSON (`/api/traces`) as traces of our own.

use mesh::trace::{Span, Trace};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    data: Option<Vec<JaegerTrace>>,
    errors: Option<Vec<JaegerError>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JaegerError {
    msg: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JaegerTrace {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<JaegerSpan>,
    processes: BTreeMap<String, Process>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(rename = "parentSpanID")]
    parent_span_id: Option<String>,
    operation_name: String,
    references: Option<Vec<Reference>>,
    start_time: u64,
    duration: u64,
    tags: Option<Vec<Tag>>,
    logs: Option<Vec<Log>>,
    #[serde(rename = "processID")]
    process_id: String,
    process: Option<Process>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tag {
    key: String,
    value: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Log {
    timestamp: u64,
    fields: Option<Vec<Tag>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Process {
    service_name: String,
    tags: Option<Vec<RawTag>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct RawTag {
    key: String,
    value: Value,
}

/// Reads the traces of an answer of Jaeger's query API (also a file that its page saved).
///
/// # Errors
/// When it is no such answer, or Jaeger's own words when it tells an error.
pub fn parse_jaeger(body: &[u8]) -> Result<Vec<Trace>, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| format!("not an answer of Jaeger: {error}"))?;
    match (answer.data, answer.errors) {
        (Some(traces), _) if !traces.is_empty() => Ok(traces.into_iter().map(trace).collect()),
        (_, Some(errors)) if !errors.is_empty() => {
            Err(errors.into_iter().map(|error| error.msg).collect::<Vec<_>>().join("; "))
        }
        _ => Ok(Vec::new()),
    }
}

fn trace(trace: JaegerTrace) -> Trace {
    let JaegerTrace { trace_id, spans, processes } = trace;
    let processes: BTreeMap<String, (String, BTreeMap<String, String>)> = processes
        .into_iter()
        .map(|(id, process)| (id, (process.service_name, process_tags(process.tags))))
        .collect();
    let nobody = (String::from("unknown"), BTreeMap::new());
    let spans = spans
        .into_iter()
        .map(|mut span| {
            let own = span.process.take().map(|process| (process.service_name, process_tags(process.tags)));
            let (service, tags) =
                own.unwrap_or_else(|| processes.get(&span.process_id).unwrap_or(&nobody).clone());
            of_span(span, service, tags)
        })
        .collect();
    Trace { id: trace_id, spans }
}

fn process_tags(tags: Option<Vec<RawTag>>) -> BTreeMap<String, String> {
    tags.into_iter().flatten().map(|tag| (tag.key, text(tag.value))).collect()
}

fn of_span(span: JaegerSpan, service: String, process: BTreeMap<String, String>) -> Span {
    let tags = texts(span.tags);
    let references = span.references.unwrap_or_default();
    let same = |reference: &&Reference| reference.trace_id.is_empty() || reference.trace_id == span.trace_id;
    let parent = references
        .iter()
        .filter(same)
        .find(|reference| reference.ref_type == "CHILD_OF")
        .or_else(|| references.iter().find(same))
        .map(|reference| reference.span_id.clone())
        .or(span.parent_span_id)
        .filter(|id| !id.is_empty() && id.bytes().any(|digit| digit != b'0'));
    Span {
        id: span.span_id,
        parent,
        service,
        operation: span.operation_name,
        kind: tags.get("span.kind").cloned().unwrap_or_else(|| "internal".into()),
        start_us: span.start_time,
        duration_us: span.duration,
        error: failed(&tags),
        logs: span.logs.into_iter().flatten().map(|log| (log.timestamp, texts(log.fields))).collect(),
        tags,
        process,
    }
}

fn texts(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    tags.into_iter().flatten().map(|tag| (tag.key, text(tag.value))).collect()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn failed(tags: &BTreeMap<String, String>) -> bool {
    let tag = |names: &[&str]| names.iter().find_map(|name| tags.get(*name)).map(String::as_str);
    let http =
        tag(&["http.status_code", "http.response.status_code"]).and_then(|code| code.parse::<u16>().ok());
    let grpc = tag(&["grpc.status_code", "rpc.grpc.status_code"]);
    tag(&["error"]) == Some("true")
        || tag(&["otel.status_code"]) == Some("ERROR")
        || http.is_some_and(|code| code >= 500)
        || grpc.is_some_and(|code| code != "0" && !code.is_empty())
}

#[cfg(test)]
#[path = "jaeger_tests.rs"]
mod tests;
