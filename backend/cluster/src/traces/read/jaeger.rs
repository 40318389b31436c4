//! Jaeger's JSON (`/api/traces`) as traces of our own.

use super::Refusal;
use super::gathered::Gathered;
pub(super) use super::gathered::Reading;
use super::ids::{key, same, span_id, trace_id};
use super::otlp_json::sized;
use crate::element::{self, Value, fields, list, texts, written};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesh::trace::{Found, Kept, ProcessId, Span, Tags};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Reads the traces of an answer of Jaeger's query API.
pub(crate) fn parse(body: &[u8]) -> Result<Found, Refusal> {
    let mut gathered = Gathered::default();
    read(&String::from_utf8_lossy(body), &mut gathered)?;
    Ok(gathered.found())
}

pub(super) fn read(body: &str, gathered: &mut Gathered) -> Result<(), Refusal> {
    let answer = data(body)?;
    gather(answer.elements, gathered);
    gathered.told.extend(answer.errors);
    Ok(())
}

/// Takes in traces. One may be told in two pieces, under ids of two widths.
pub(super) fn gather(traces: Vec<&RawValue>, gathered: &mut Gathered) {
    for trace in traces {
        match Reading::of(trace.get()) {
            Some(reading) => gathered.piece(reading),
            None => gathered.unread_traces += 1,
        }
    }
}

/// Reads the names of services, sorted.
pub(crate) fn services(body: &[u8]) -> Result<Vec<String>, Refusal> {
    let body = String::from_utf8_lossy(body);
    let named = data(&body)?.elements.into_iter().map(|element| element::text(Some(element)));
    let mut services: Vec<String> = named.filter(|name| !name.is_empty()).collect();
    services.sort();
    Ok(services)
}

struct Data<'a> {
    elements: Vec<&'a RawValue>,
    /// Said although there is data.
    errors: Vec<String>,
}

/// What every answer has: data, or errors, or both.
fn data(body: &str) -> Result<Data<'_>, Refusal> {
    let answer = fields(body).ok_or(Refusal::Foreign)?;
    let errors = errors(answer.get("errors").copied());
    let elements = list(answer.get("data").copied()).ok_or(Refusal::Foreign)?;
    if !elements.is_empty() {
        return Ok(Data { elements, errors });
    }
    match errors[..] {
        [] if speaks_of_data(body) => Ok(Data { elements, errors }),
        [] => Err(Refusal::Foreign),
        _ => Err(Refusal::Said(errors.join("; "))),
    }
}

/// What is said of failures, though there may be data.
pub(super) fn errors(told: Option<&RawValue>) -> Vec<String> {
    let errors = list(told).unwrap_or_default().into_iter();
    let message = |error: &RawValue| Some(element::text(fields(error.get())?.get("msg").copied()));
    errors.filter_map(message).filter(|words| !words.is_empty()).collect()
}

/// Whether data is spoken of at all, be it null: other programs answer JSON too.
pub(super) fn speaks_of_data(body: &str) -> bool {
    let answer: Option<BTreeMap<String, serde::de::IgnoredAny>> = serde_json::from_str(body).ok();
    answer.is_some_and(|answer| answer.contains_key("data"))
}

/// A trace while its spans come, of which each names its process: those are told before or after.
#[derive(Default)]
pub(super) struct Processes(BTreeMap<String, ProcessId>);

impl Reading {
    fn of(text: &str) -> Option<Self> {
        let told = fields(text)?;
        let spans = list(told.get("spans").copied())?;
        let mut reading = Self::begun(told.get("traceID").copied());
        spans.into_iter().for_each(|span| reading.span(span.get()));
        reading.rest(|name| told.get(name).copied());
        Some(reading)
    }

    /// One with this id, if that is told already.
    pub(super) fn begun(id: Option<&RawValue>) -> Self {
        let trace = Kept { id: trace_id(&element::text(id)), ..Kept::default() };
        Self { trace, ..Self::default() }
    }

    /// Takes in what stands beside the spans.
    pub(super) fn rest<'a>(&mut self, field: impl Fn(&str) -> Option<&'a RawValue>) {
        self.told = texts(field("warnings"));
        self.trace.id = trace_id(&element::text(field("traceID")));
        let processes = field("processes").and_then(|processes| fields(processes.get()));
        for (id, process) in processes.into_iter().flatten() {
            let (name, tags) = self.process(&serde_json::from_str(process.get()).unwrap_or_default());
            if let Some(process) = self.processes.0.get(&*id) {
                self.trace.spans.tell_process(*process, &name, &tags);
            }
        }
    }

    fn process(&mut self, process: &Value<'_>) -> (String, Tags) {
        let name = process.get("serviceName").as_str().filter(|name| !name.is_empty()).unwrap_or("unknown");
        (name.to_owned(), self.tags(process.get("tags")))
    }

    /// Takes one span in.
    pub(super) fn span(&mut self, text: &str) {
        let Ok(told @ Value::Object(_)) = serde_json::from_str(text) else {
            self.counts.unread += 1;
            return;
        };
        let process = match told.get("process") {
            Value::Null => {
                let id = told.get("processID").as_str().unwrap_or_default();
                match self.processes.0.get(id) {
                    Some(known) => *known,
                    None => {
                        let process = self.trace.spans.process_to_be_told();
                        self.processes.0.insert(id.to_owned(), process);
                        process
                    }
                }
            }
            own => {
                let (name, tags) = self.process(own);
                self.trace.spans.process(&name, &tags)
            }
        };
        let span = self.made(&told);
        self.trace.spans.push_of(&span, process);
    }

    fn made(&mut self, span: &Value<'_>) -> Span {
        let tags = self.tags(span.get("tags"));
        let span_id = span_id(&written(span.get("spanID")));
        let (parent, links) = self.references(span, &span_id);
        let mut logs = Vec::new();
        for log in self.elements(span.get("logs")) {
            if log.is_object() {
                logs.push((self.counts.whole(log.get("timestamp")), self.tags(log.get("fields"))));
            } else {
                self.counts.fields += 1;
            }
        }
        let duration_us = self.counts.duration(span.get("duration"));
        Span {
            id: span_id,
            parent,
            kind: tags.get("span.kind").unwrap_or("internal").to_owned(),
            start_us: self.counts.whole(span.get("startTime")),
            duration_us,
            operation: written(span.get("operationName")).into_owned(),
            error: failed(&tags),
            logs,
            links,
            tags,
            ..Span::default()
        }
    }

    /// The parent, and what else a span points at. Which it only follows is not its parent.
    fn references(&mut self, span: &Value<'_>, own: &str) -> (Option<String>, Vec<String>) {
        let trace = key(span.get("traceID").as_str().unwrap_or(&self.trace.id));
        let (mut parent, mut links, mut itself) = (None, Vec::new(), false);
        for reference in self.elements(span.get("references")) {
            if !reference.is_object() {
                self.counts.fields += 1;
                continue;
            }
            let to = span_id(&written(reference.get("spanID")));
            let elsewhere = key(reference.get("traceID").as_str().unwrap_or_default());
            let here = elsewhere.is_empty() || trace.is_empty() || same(&elsewhere, &trace);
            let child = matches!(reference.get("refType").as_str(), None | Some("" | "CHILD_OF"));
            if to.is_empty() || (here && to == own) {
                itself |= child && !to.is_empty();
                continue;
            }
            match here {
                true if child && parent.is_none() => parent = Some(to),
                true => links.push(to),
                false => links.push(format!("{elsewhere} {to}")),
            }
        }
        let told = || Some(span_id(span.get("parentSpanID").as_str()?)).filter(|to| !to.is_empty());
        (parent.or_else(told).or_else(|| itself.then(|| own.to_owned())), links)
    }

    fn elements<'a>(&mut self, value: &'a Value<'a>) -> &'a [Value<'a>] {
        match value {
            Value::Array(elements) => elements,
            Value::Null => &[],
            _ => {
                self.counts.fields += 1;
                &[]
            }
        }
    }

    fn tags(&mut self, tags: &Value<'_>) -> Tags {
        let tags = self.elements(tags);
        let mut read = Vec::with_capacity(tags.len());
        for tag in tags {
            match tag.as_object().is_some_and(|tag| tag.contains_key("key")) {
                true => {
                    let value = written(tag.get("value")).into_owned();
                    let value =
                        if tag.get("type").as_str() == Some("binary") { binary(value) } else { value };
                    read.push((written(tag.get("key")).into_owned(), value));
                }
                false => self.counts.fields += 1,
            }
        }
        read.into_iter().collect()
    }
}

/// Bytes stand there as base64.
fn binary(text: String) -> String {
    match STANDARD.decode(&text) {
        Ok(bytes) => sized(&text, bytes.len()),
        Err(_) => text,
    }
}

/// Whether tags tell of a failure.
pub(super) fn failed(tags: &Tags) -> bool {
    let any = |names: &[&str], fails: fn(&str) -> bool| names.iter().any(|name| tags.all(name).any(fails));
    any(&["error"], |value| value == "true")
        || any(&["otel.status_code"], |value| value == "ERROR")
        || any(&["http.status_code", "http.response.status_code"], |code| {
            code.parse::<u16>().is_ok_and(|code| code >= 500)
        })
        || any(&["grpc.status_code", "rpc.grpc.status_code"], |code| code != "0" && !code.is_empty())
}

#[cfg(test)]
#[path = "jaeger_tests.rs"]
mod tests;
