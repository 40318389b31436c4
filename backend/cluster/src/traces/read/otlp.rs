//! OpenTelemetry's spans (OTLP) as spans of our own, with the tags that Jaeger's collector makes of them, so that
//! a trace is the same whichever backend kept it.

use super::Refusal;
use super::gathered::{Counts, Gathered};
use super::ids::{key, same, span_id};
use super::jaeger::failed;
use super::{otlp_json, otlp_protobuf};
use mesh::trace::{Found, Span, Tags};
use serde_json::Value;
use std::sync::Arc;

/// Reads the traces of an answer, as JSON or as protobuf.
pub(crate) fn parse(body: &[u8]) -> Result<Found, Refusal> {
    let mut gathered = Gathered::default();
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => otlp_json::read(&String::from_utf8_lossy(body), &mut gathered)?,
        _ => otlp_protobuf::read(body, &mut gathered)?,
    }
    Ok(gathered.found())
}

/// Names and values, in the order in which they are told.
pub(super) type Attributes = Vec<(String, String)>;

/// The value of an attribute: a text itself, else as JSON.
pub(super) fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Who made spans.
#[derive(Clone, Default)]
pub(super) struct Process {
    service: String,
    tags: Arc<Tags>,
}

impl Process {
    /// By the attributes of a resource.
    pub(super) fn of(attributes: Attributes) -> Self {
        let (named, tags): (Vec<_>, Vec<_>) =
            attributes.into_iter().partition(|(key, _)| key == "service.name");
        let service = named.into_iter().map(|(_, name)| name).find(|name| !name.is_empty());
        let service = service.unwrap_or_else(|| "unknown".to_owned());
        Self { service, tags: Arc::new(tags.into_iter().collect()) }
    }
}

/// A span as it was told, in JSON or protobuf. Times in nanoseconds, 0 where they are not told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) state: String,
    pub(super) name: String,
    pub(super) kind: i64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Attributes,
    /// When, what, more of it.
    pub(super) events: Vec<(u64, String, Attributes)>,
    /// Trace and span.
    pub(super) links: Vec<(String, String)>,
    pub(super) status: i64,
    pub(super) message: String,
    /// Library and its version.
    pub(super) scope: (String, String),
}

/// Kinds by their numbers, as Jaeger names them.
pub(super) const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];
/// Statuses by their numbers.
pub(super) const STATUSES: [&str; 3] = ["", "OK", "ERROR"];

fn named(names: &[&'static str], number: i64) -> &'static str {
    usize::try_from(number).ok().and_then(|number| names.get(number)).copied().unwrap_or_default()
}

impl Told {
    /// Puts the span where it belongs.
    pub(super) fn gather(self, process: &Process, mut counts: Counts, gathered: &mut Gathered) {
        let id = span_id(&self.id);
        let kind = named(&KINDS, self.kind);
        let status = named(&STATUSES, self.status);
        let duration = match (self.start, self.end) {
            (0, _) | (_, 0) => {
                counts.endless += 1;
                0
            }
            (start, end) if end < start => {
                counts.negative += 1;
                0
            }
            (start, end) => end - start,
        };
        let mut tags = self.attributes;
        let more = [
            ("otel.scope.name", self.scope.0),
            ("otel.scope.version", self.scope.1),
            ("span.kind", kind.to_owned()),
            ("w3c.tracestate", self.state),
            ("otel.status_code", status.to_owned()),
            ("otel.status_description", self.message),
        ];
        tags.extend(
            more.into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key.to_owned(), value)),
        );
        if status == "ERROR" {
            // One tag, however the span said it.
            tags.retain(|(key, _)| key != "error");
            tags.push(("error".into(), "true".into()));
        }
        let tags: Tags = tags.into_iter().collect();
        let event = |(at, name, fields): (u64, String, Attributes)| {
            let name = Some(("event".to_owned(), name)).filter(|(_, name)| !name.is_empty());
            (at / 1000, name.into_iter().chain(fields).collect())
        };
        let here = key(&self.trace);
        let link = |(trace, span): (String, String)| {
            let (trace, span) = (key(&trace), span_id(&span));
            if trace.is_empty() || same(&trace, &here) { span } else { format!("{trace} {span}") }
        };
        let parent = Some(span_id(&self.parent)).filter(|parent| !parent.is_empty());
        let span = Span {
            parent,
            service: process.service.clone(),
            operation: self.name,
            kind: if kind.is_empty() { "internal" } else { kind }.to_owned(),
            start_us: self.start / 1000,
            duration_us: duration / 1000,
            error: failed(&tags),
            process: Arc::clone(&process.tags),
            logs: self.events.into_iter().map(event).collect(),
            links: self.links.into_iter().map(link).filter(|link| !link.is_empty()).collect(),
            tags,
            id,
            ..Span::default()
        };
        gathered.span(&self.trace, span, counts);
    }
}

#[cfg(test)]
#[path = "otlp_tests.rs"]
mod tests;
