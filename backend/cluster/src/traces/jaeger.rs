//! Jaeger's JSON (`/api/traces`) as traces of our own.

use crate::element::{self, Fields, fields, list, texts, written};
use mesh::trace::{Found, Odd, Opened, Span, Tags, Trace};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why an answer has no traces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The tracing backend's own words.
    Said(String),
    /// It is not an answer of Jaeger's query API.
    Foreign,
}

/// Reads the traces of an answer of Jaeger's query API.
pub(crate) fn parse(body: &[u8]) -> Result<Found, Refusal> {
    let body = String::from_utf8_lossy(body);
    let answer = data(&body)?;
    let mut found = Found::default();
    let mut read: Vec<Reading> = Vec::new();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    let mut unread = 0;
    for element in answer.elements {
        let Some(reading) = Reading::of(element.get()) else {
            unread += 1;
            continue;
        };
        // One trace may be told in two pieces, under ids of two widths.
        let id = key(&reading.trace.id);
        match by_id.get(&id).filter(|_| !id.is_empty()) {
            Some(known) => read[*known].append(reading),
            None => {
                by_id.insert(id, read.len());
                read.push(reading);
            }
        }
    }
    if unread > 0 {
        found.odd.push(Odd::UnreadTraces(unread));
    }
    found.odd.extend(answer.errors.into_iter().map(Odd::Told));
    found.traces = read.into_iter().map(|reading| Arc::new(reading.opened())).collect();
    Ok(found)
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
    let errors = list(answer.get("errors").copied()).unwrap_or_default().into_iter();
    let message = |error: &RawValue| Some(element::text(fields(error.get())?.get("msg").copied()));
    let errors: Vec<String> = errors.filter_map(message).filter(|words| !words.is_empty()).collect();
    let elements = list(answer.get("data").copied()).ok_or(Refusal::Foreign)?;
    if !elements.is_empty() {
        return Ok(Data { elements, errors });
    }
    match errors[..] {
        [] if has_data(body) => Ok(Data { elements, errors }),
        [] => Err(Refusal::Foreign),
        _ => Err(Refusal::Said(errors.join("; "))),
    }
}

/// Whether data is spoken of at all, be it null: other programs answer JSON too.
fn has_data(body: &str) -> bool {
    let answer: Option<BTreeMap<String, serde::de::IgnoredAny>> = serde_json::from_str(body).ok();
    answer.is_some_and(|answer| answer.contains_key("data"))
}

/// A trace while it is read.
#[derive(Default)]
struct Reading {
    trace: Trace,
    unread: usize,
    unread_fields: usize,
    negative: usize,
    told: Vec<String>,
}

type Process = (String, Arc<Tags>);

impl Reading {
    fn of(text: &str) -> Option<Self> {
        let told = fields(text)?;
        let spans = list(told.get("spans").copied())?;
        let mut reading = Self { told: texts(told.get("warnings").copied()), ..Self::default() };
        reading.trace.id = trace_id(&element::text(told.get("traceID").copied()));
        let processes = reading.processes(&told);
        for span in spans {
            match serde_json::from_str(span.get()) {
                Ok(Value::Object(span)) => {
                    let span = reading.span(Value::Object(span), &processes);
                    reading.trace.spans.push(span);
                }
                _ => reading.unread += 1,
            }
        }
        Some(reading)
    }

    fn append(&mut self, mut other: Self) {
        self.trace.spans.append(&mut other.trace.spans);
        self.told.append(&mut other.told);
        self.unread += other.unread;
        self.unread_fields += other.unread_fields;
        self.negative += other.negative;
    }

    fn opened(self) -> Opened {
        let counted = [
            (self.unread, Odd::Unread as fn(usize) -> Odd),
            (self.unread_fields, Odd::UnreadFields),
            (self.negative, Odd::Negative),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, odd)| odd(count));
        let odd = counted.chain(self.told.into_iter().map(Odd::Told)).collect();
        Opened::of(self.trace, odd)
    }

    fn processes(&mut self, trace: &Fields<'_>) -> BTreeMap<String, Process> {
        let processes = trace.get("processes").and_then(|processes| fields(processes.get()));
        let mut read = BTreeMap::new();
        for (id, process) in processes.into_iter().flatten() {
            let process = serde_json::from_str(process.get()).unwrap_or_default();
            read.insert(id.into_owned(), self.process(process));
        }
        read
    }

    fn process(&mut self, mut process: Value) -> Process {
        let name = process["serviceName"].as_str().filter(|name| !name.is_empty()).unwrap_or("unknown");
        let name = name.to_owned();
        let tags = if process.is_object() { process["tags"].take() } else { Value::Null };
        (name, Arc::new(self.tags(tags)))
    }

    fn span(&mut self, mut span: Value, processes: &BTreeMap<String, Process>) -> Span {
        let own = match span["process"].take() {
            Value::Null => processes.get(span["processID"].as_str().unwrap_or_default()).cloned(),
            process => Some(self.process(process)),
        };
        let (service, process) = own.unwrap_or_else(|| ("unknown".into(), Arc::default()));
        let tags = span["tags"].take();
        let tags = self.tags(tags);
        let span_id = span_id(&written(span["spanID"].take()));
        let (parent, links) = self.references(&mut span, &span_id);
        let mut logs = Vec::new();
        for mut log in self.elements(span["logs"].take()) {
            if log.is_object() {
                let fields = log["fields"].take();
                logs.push((self.time(&log["timestamp"]), self.tags(fields)));
            } else {
                self.unread_fields += 1;
            }
        }
        let duration = &span["duration"];
        if duration.as_f64().is_some_and(|duration| duration < 0.0) {
            self.negative += 1;
        }
        let duration_us =
            if duration.as_f64().is_some_and(|told| told < 0.0) { 0 } else { self.time(duration) };
        Span {
            id: span_id,
            parent,
            service,
            kind: tags.get("span.kind").unwrap_or("internal").to_owned(),
            start_us: self.time(&span["startTime"]),
            duration_us,
            operation: written(span["operationName"].take()),
            error: failed(&tags),
            logs,
            links,
            tags,
            process,
            ..Span::default()
        }
    }

    /// The parent, and what else a span points at. Which it only follows is not its parent.
    fn references(&mut self, span: &mut Value, own: &str) -> (Option<String>, Vec<String>) {
        let trace = key(span["traceID"].as_str().unwrap_or(&self.trace.id));
        let (mut parent, mut links) = (None, Vec::new());
        for mut reference in self.elements(span["references"].take()) {
            if !reference.is_object() {
                self.unread_fields += 1;
                continue;
            }
            let to = span_id(&written(reference["spanID"].take()));
            let elsewhere = key(reference["traceID"].as_str().unwrap_or_default());
            let here = elsewhere.is_empty() || elsewhere == trace;
            let child = matches!(reference["refType"].as_str(), None | Some("" | "CHILD_OF"));
            if to.is_empty() || (here && to == own) {
                continue;
            }
            match here {
                true if child && parent.is_none() => parent = Some(to),
                true => links.push(to),
                false => links.push(format!("{elsewhere} {to}")),
            }
        }
        let told = || Some(span_id(span["parentSpanID"].as_str()?)).filter(|to| !to.is_empty() && to != own);
        (parent.or_else(told), links)
    }

    fn elements(&mut self, value: Value) -> Vec<Value> {
        match value {
            Value::Array(elements) => elements,
            Value::Null => Vec::new(),
            _ => {
                self.unread_fields += 1;
                Vec::new()
            }
        }
    }

    fn tags(&mut self, tags: Value) -> Tags {
        let mut read = Vec::new();
        for mut tag in self.elements(tags) {
            match tag.as_object().is_some_and(|tag| tag.contains_key("key")) {
                true => read.push((written(tag["key"].take()), written(tag["value"].take()))),
                false => self.unread_fields += 1,
            }
        }
        read.into_iter().collect()
    }

    /// Microseconds; 0 where they are not told.
    fn time(&mut self, value: &Value) -> u64 {
        let told = match value {
            Value::Null => return 0,
            Value::String(text) => text.parse().ok(),
            // As near as a number with a fraction comes.
            number => number.as_u64().or_else(|| number.as_f64().map(|told| told.max(0.0) as u64)),
        };
        self.unread_fields += usize::from(told.is_none());
        told.unwrap_or_default()
    }
}

/// What tells an id from others, however it is written: in lower case, without zeros before it. Zeros alone
/// are none.
fn key(text: &str) -> String {
    text.trim().trim_start_matches('0').to_ascii_lowercase()
}

/// A span's id in one way of writing: sixteen digits.
fn span_id(text: &str) -> String {
    let bare = key(text);
    match bare.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        true if !bare.is_empty() => format!("{bare:0>16}"),
        true => bare,
        false => text.to_owned(),
    }
}

/// A trace's id as it is shown: one of 64 bits may be told with sixteen zeros before it.
fn trace_id(text: &str) -> String {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_prefix("0000000000000000") {
        Some(short) if short.len() == 16 => short.to_owned(),
        _ => text,
    }
}

fn failed(tags: &Tags) -> bool {
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
