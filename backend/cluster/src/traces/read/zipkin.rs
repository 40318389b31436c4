//! Zipkin's JSON (v2): lists of spans, each with its trace's id.

use super::Refusal;
use super::gathered::{Counts, Gathered};
use super::ids::span_id;
use super::jaeger::failed;
use crate::element::{Value, list, written};
use mesh::trace::{Found, Span, Tags};
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
    let Ok(told @ Value::Object(_)) = serde_json::from_str(told) else {
        gathered.counts.unread += 1;
        return;
    };
    let mut counts = Counts::default();
    let trace = written(told.get("traceId"));
    let id = span_id(&written(told.get("id")));
    let parent = Some(span_id(&written(told.get("parentId")))).filter(|parent| !parent.is_empty());
    let kind = written(told.get("kind")).to_ascii_lowercase();
    let start_us = counts.whole(told.get("timestamp"));
    let duration_us = counts.duration(told.get("duration"));
    let mut tags = Vec::new();
    match told.get("tags") {
        Value::Null => {}
        Value::Object(all) => {
            tags.extend(all.iter().map(|(key, value)| (key.to_owned(), written(value).into_owned())));
        }
        _ => counts.fields += 1,
    }
    if !kind.is_empty() {
        tags.push(("span.kind".to_owned(), kind.clone()));
    }
    // Its mere presence says so, whatever stands in it.
    let error = tags.iter().any(|(key, value)| key == "error" && value != "false");
    let (service, process) = own(told.get("localEndpoint"));
    tags.extend(peer(told.get("remoteEndpoint")));
    let mut logs = Vec::new();
    match told.get("annotations") {
        Value::Null => {}
        Value::Array(all) => {
            for annotation in all {
                if annotation.is_object() {
                    let event = ("event".to_owned(), written(annotation.get("value")).into_owned());
                    logs.push((counts.whole(annotation.get("timestamp")), [event].into_iter().collect()));
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
        operation: written(told.get("name")).into_owned(),
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
fn own(endpoint: &Value<'_>) -> (String, Tags) {
    let told = written(endpoint.get("serviceName"));
    let service = if told.is_empty() { "unknown".to_owned() } else { told.into_owned() };
    (service, place(endpoint, ["ipv4", "ipv6", "port"]).collect())
}

/// The other side.
fn peer(endpoint: &Value<'_>) -> Vec<(String, String)> {
    let mut tags: Vec<_> = place(endpoint, ["peer.ipv4", "peer.ipv6", "peer.port"]).collect();
    let name = written(endpoint.get("serviceName"));
    if !name.is_empty() {
        tags.push(("peer.service".to_owned(), name.into_owned()));
    }
    tags
}

fn place<'a>(endpoint: &'a Value<'a>, names: [&'a str; 3]) -> impl Iterator<Item = (String, String)> {
    let told = names.into_iter().zip(["ipv4", "ipv6", "port"]);
    let told = told.map(|(name, field)| (name.to_owned(), written(endpoint.get(field)).into_owned()));
    told.filter(|(_, value)| !value.is_empty())
}

#[cfg(test)]
#[path = "zipkin_tests.rs"]
mod tests;
