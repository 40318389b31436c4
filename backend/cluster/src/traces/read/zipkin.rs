//! Zipkin's JSON (v2): lists of spans, each with its trace's id.

use super::Refusal;
use super::gathered::{Counts, Gathered};
use super::ids::span_id;
use super::jaeger::failed;
use crate::element::{list, written};
use mesh::trace::{Found, Span, Tags};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Reads the traces of an answer: a list of spans, or one list for each trace.
pub(crate) fn parse(body: &[u8]) -> Result<Found, Refusal> {
    let body = String::from_utf8_lossy(body);
    let document: &RawValue = serde_json::from_str(&body).map_err(|_| Refusal::Foreign)?;
    let mut gathered = Gathered::default();
    if read(document, &mut gathered) { Ok(gathered.found()) } else { Err(Refusal::Foreign) }
}

/// Reads the names of services, or of spans, sorted.
pub(crate) fn names(body: &[u8]) -> Result<Vec<String>, Refusal> {
    let body = String::from_utf8_lossy(body);
    let document: &RawValue = serde_json::from_str(&body).map_err(|_| Refusal::Foreign)?;
    let all = list(Some(document)).ok_or(Refusal::Foreign)?;
    let mut names: Vec<String> = all.into_iter().map(|name| crate::element::text(Some(name))).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    Ok(names)
}

/// Whether it is a list.
pub(super) fn read(document: &RawValue, gathered: &mut Gathered) -> bool {
    let Some(elements) = list(Some(document)) else { return false };
    for element in elements {
        match element.get().as_bytes().first() {
            Some(b'[') => {
                let spans = list(Some(element)).unwrap_or_default();
                spans.into_iter().for_each(|span| self::span(span.get(), gathered));
            }
            _ => self::span(element.get(), gathered),
        }
    }
    true
}

/// Takes one span in.
pub(super) fn span(told: &str, gathered: &mut Gathered) {
    let Ok(mut told @ Value::Object(_)) = serde_json::from_str(told) else {
        gathered.counts.unread += 1;
        return;
    };
    let mut counts = Counts::default();
    let trace = written(told["traceId"].take());
    let id = span_id(&written(told["id"].take()));
    let parent = Some(span_id(&written(told["parentId"].take()))).filter(|parent| !parent.is_empty());
    let kind = written(told["kind"].take()).to_ascii_lowercase();
    let start_us = counts.whole(&told["timestamp"]);
    let duration_us = counts.duration(&told["duration"]);
    let mut tags = Vec::new();
    match told["tags"].take() {
        Value::Null => {}
        Value::Object(all) => tags.extend(all.into_iter().map(|(key, value)| (key, written(value)))),
        _ => counts.fields += 1,
    }
    if !kind.is_empty() {
        tags.push(("span.kind".to_owned(), kind.clone()));
    }
    // Its mere presence says so, whatever stands in it.
    let error = tags.iter().any(|(key, value)| key == "error" && value != "false");
    let (service, process) = own(told["localEndpoint"].take());
    tags.extend(peer(told["remoteEndpoint"].take()));
    let mut logs = Vec::new();
    match told["annotations"].take() {
        Value::Null => {}
        Value::Array(all) => {
            for mut annotation in all {
                if annotation.is_object() {
                    let at = counts.whole(&annotation["timestamp"]);
                    logs.push((
                        at,
                        [("event".to_owned(), written(annotation["value"].take()))].into_iter().collect(),
                    ));
                } else {
                    counts.fields += 1;
                }
            }
        }
        _ => counts.fields += 1,
    }
    let tags: Tags = tags.into_iter().collect();
    let span = Span {
        id,
        parent,
        service,
        operation: written(told["name"].take()),
        kind: if kind.is_empty() { "internal".to_owned() } else { kind },
        start_us,
        duration_us,
        error: error || failed(&tags),
        process: Arc::new(process),
        logs,
        tags,
        ..Span::default()
    };
    gathered.span(&trace, span, counts);
}

/// The service and where it runs.
fn own(mut endpoint: Value) -> (String, Tags) {
    let told = service_name(&mut endpoint);
    let service = if told.is_empty() { "unknown".to_owned() } else { told };
    (service, place(endpoint, ["ipv4", "ipv6", "port"]).into_iter().collect())
}

fn service_name(endpoint: &mut Value) -> String {
    endpoint.get_mut("serviceName").map(|name| written(name.take())).unwrap_or_default()
}

/// The other side.
fn peer(mut endpoint: Value) -> Vec<(String, String)> {
    let name = service_name(&mut endpoint);
    let mut tags = place(endpoint, ["peer.ipv4", "peer.ipv6", "peer.port"]);
    if !name.is_empty() {
        tags.push(("peer.service".to_owned(), name));
    }
    tags
}

fn place(mut endpoint: Value, names: [&str; 3]) -> Vec<(String, String)> {
    if !endpoint.is_object() {
        return Vec::new();
    }
    let told = names.into_iter().zip(["ipv4", "ipv6", "port"]);
    let told = told.map(|(name, field)| (name.to_owned(), written(endpoint[field].take())));
    told.filter(|(_, value)| !value.is_empty()).collect()
}

#[cfg(test)]
#[path = "zipkin_tests.rs"]
mod tests;
