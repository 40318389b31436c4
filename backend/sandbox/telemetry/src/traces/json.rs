//! Traces in Jaeger's JSON.

use std::sync::Arc;

use serde_json::{Value, json};

use super::span::{Process, Span, Tag, TagValue};

/// One trace: its spans, and its processes under short names.
pub(crate) fn trace(spans: &[Span]) -> Value {
    let mut processes: Vec<&Arc<Process>> = Vec::new();
    let mut list = Vec::with_capacity(spans.len());
    for span in spans {
        let at = processes.iter().position(|known| *known == &span.process).unwrap_or_else(|| {
            processes.push(&span.process);
            processes.len() - 1
        });
        list.push(one(span, at + 1));
    }
    let id = spans.first().map(|span| span.trace.to_string()).unwrap_or_default();
    let named: serde_json::Map<String, Value> = processes
        .iter()
        .enumerate()
        .map(|(at, process)| {
            (format!("p{}", at + 1), json!({"serviceName": &*process.service, "tags": tags(&process.tags)}))
        })
        .collect();
    json!({"traceID": id, "spans": list, "processes": named, "warnings": null})
}

fn one(span: &Span, process: usize) -> Value {
    let parent = (span.parent != 0).then(|| reference("CHILD_OF", &span.trace.to_string(), span.parent));
    let links = span.links.iter().map(|(trace, id)| reference("FOLLOWS_FROM", &trace.to_string(), *id));
    let references: Vec<Value> = parent.into_iter().chain(links).collect();
    let logs: Vec<Value> =
        span.logs.iter().map(|log| json!({"timestamp": log.at_us, "fields": tags(&log.fields)})).collect();
    json!({
        "traceID": span.trace.to_string(),
        "spanID": format!("{:016x}", span.id),
        "flags": 1,
        "operationName": &*span.operation,
        "references": references,
        "startTime": span.start_us,
        "duration": span.duration_us,
        "tags": tags(&span.tags),
        "logs": logs,
        "processID": format!("p{process}"),
        "warnings": null,
    })
}

fn reference(kind: &str, trace: &str, span: u64) -> Value {
    json!({"refType": kind, "traceID": trace, "spanID": format!("{span:016x}")})
}

fn tags(tags: &[Tag]) -> Vec<Value> {
    tags.iter()
        .map(|tag| {
            let (kind, value) = match &tag.value {
                TagValue::Text(text) => ("string", Value::from(&**text)),
                TagValue::Bool(value) => ("bool", Value::from(*value)),
                TagValue::Int(value) => ("int64", Value::from(*value)),
                TagValue::Float(value) => ("float64", Value::from(*value)),
            };
            json!({"key": &*tag.key, "type": kind, "value": value})
        })
        .collect()
}
