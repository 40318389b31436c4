//! OTLP as JSON: of Jaeger's API v3, of Tempo, of the Collector's files (one answer in each line).

use super::Refusal;
use super::gathered::{Counts, Gathered};
use super::otlp::{KINDS, Process, STATUSES, Told, as_text};
use crate::element::{Fields, Value, fields, list, text, written};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::value::RawValue;

/// Reads one document after the other.
pub(super) fn read(body: &str, gathered: &mut Gathered) -> Result<(), Refusal> {
    let mut any = false;
    for document in serde_json::Deserializer::from_str(body).into_iter::<&RawValue>() {
        let Ok(document) = document else {
            if !any {
                return Err(Refusal::Foreign);
            }
            gathered.counts.unread += 1;
            break;
        };
        any |= self::document(document, gathered)?;
    }
    if any { Ok(()) } else { Err(Refusal::Foreign) }
}

/// Reads a document, or a list of such. Whether it is one of OTLP's.
pub(super) fn document(document: &RawValue, gathered: &mut Gathered) -> Result<bool, Refusal> {
    if document.get().starts_with('[') {
        let mut any = false;
        for element in list(Some(document)).unwrap_or_default() {
            any |= envelope(element, gathered)?;
        }
        return Ok(any);
    }
    envelope(document, gathered)
}

/// What stands around the spans: `{"resourceSpans"}` itself, `{"batches"}` (Tempo), `{"trace"}` (Tempo's v2),
/// `{"result"}` (Jaeger's v3).
fn envelope(document: &RawValue, gathered: &mut Gathered) -> Result<bool, Refusal> {
    let mut all = fields(document.get());
    for name in ["result", "trace"] {
        let Some(outer) = &all else { return Ok(false) };
        if let Some(words) = outer.get("error").and_then(|error| said(error)) {
            return Err(Refusal::Said(words));
        }
        if name == "trace" && outer.contains_key(name) {
            gathered.told.extend(partial(|name| outer.get(name).copied()));
        }
        if let Some(inner) = outer.get(name) {
            all = fields(inner.get());
        }
    }
    let Some(all) = all else { return Ok(false) };
    let Some(resources) = of(&all, ["resourceSpans", "resource_spans", "batches"]) else {
        // Tempo's own way to say that a trace has nothing in it.
        return Ok(false);
    };
    for resource in list(Some(resources)).ok_or(Refusal::Foreign)? {
        self::resource(resource.get(), gathered);
    }
    Ok(true)
}

/// What Tempo says of a trace that it gives in part.
pub(super) fn partial<'a>(field: impl Fn(&str) -> Option<&'a RawValue>) -> Option<String> {
    Some(text(field("message"))).filter(|words| !words.is_empty())
}

/// An error of Jaeger's v3: `{"httpCode":404,"message":"trace not found"}`.
fn said(error: &RawValue) -> Option<String> {
    let all = fields(error.get())?;
    Some(text(all.get("message").copied())).filter(|words| !words.is_empty())
}

/// A field by the first of its names that is there.
fn of<'a, const N: usize>(all: &Fields<'a>, names: [&str; N]) -> Option<&'a RawValue> {
    names.iter().find_map(|name| all.get(*name).copied())
}

/// Takes the spans of one resource in.
pub(super) fn resource(resource: &str, gathered: &mut Gathered) {
    let Some(all) = fields(resource) else {
        gathered.counts.unread += 1;
        return;
    };
    let mut counts = Counts::default();
    let process: Value<'_> =
        all.get("resource").and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default();
    let process = Process::of(attributes(process.get("attributes"), &mut counts));
    let scopes = of(&all, ["scopeSpans", "scope_spans", "instrumentationLibrarySpans"]);
    for scope in list(scopes).unwrap_or_default() {
        let Some(all) = fields(scope.get()) else {
            gathered.counts.unread += 1;
            continue;
        };
        let scope = of(&all, ["scope", "instrumentationLibrary"]).and_then(|scope| fields(scope.get()));
        let scope = scope.unwrap_or_default();
        let scope = ["name", "version"].map(|name| text(scope.get(name).copied()));
        for span in list(all.get("spans").copied()).unwrap_or_default() {
            match serde_json::from_str(span.get()) {
                Ok(span @ Value::Object(_)) => {
                    let [name, version] = scope.clone();
                    let mut own = std::mem::take(&mut counts);
                    let told = Told { scope: (name, version), ..self::span(&span, &mut own) };
                    told.gather(&process, own, gathered);
                }
                _ => gathered.counts.unread += 1,
            }
        }
    }
}

fn span(span: &Value<'_>, counts: &mut Counts) -> Told {
    let word = |names: [&str; 2]| written(either(span, names)).into_owned();
    let mut told = Told {
        trace: word(["traceId", "trace_id"]),
        id: word(["spanId", "span_id"]),
        parent: word(["parentSpanId", "parent_span_id"]),
        state: word(["traceState", "trace_state"]),
        name: written(span.get("name")).into_owned(),
        ..Told::default()
    };
    told.kind = number_of(span.get("kind"), "SPAN_KIND_", &KINDS, counts);
    told.start = counts.whole(either(span, ["startTimeUnixNano", "start_time_unix_nano"]));
    told.end = counts.whole(either(span, ["endTimeUnixNano", "end_time_unix_nano"]));
    told.attributes = attributes(span.get("attributes"), counts);
    for event in elements(span.get("events"), counts) {
        let at = counts.whole(either(event, ["timeUnixNano", "time_unix_nano"]));
        let name = written(event.get("name")).into_owned();
        told.events.push((at, name, attributes(event.get("attributes"), counts)));
    }
    for link in elements(span.get("links"), counts) {
        let [trace, span] = [["traceId", "trace_id"], ["spanId", "span_id"]];
        let id = |names| written(either(link, names)).into_owned();
        told.links.push((id(trace), id(span)));
    }
    let status = span.get("status");
    told.message = written(status.get("message")).into_owned();
    told.status = number_of(status.get("code"), "STATUS_CODE_", &STATUSES, counts);
    told
}

/// A field of an object by the first of its names that is there.
fn either<'a>(of: &'a Value<'a>, names: [&str; 2]) -> &'a Value<'a> {
    let field = of.as_object().and_then(|all| names.into_iter().find_map(|name| all.get(name)));
    field.unwrap_or(&Value::Null)
}

/// A number, or a name that stands for it.
fn number_of(value: &Value<'_>, prefix: &str, names: &[&str], counts: &mut Counts) -> i64 {
    let read = match value {
        Value::Null => Some(0),
        Value::Number(number) => number.as_i64(),
        Value::Str(text) => match text.strip_prefix(prefix) {
            Some("UNSPECIFIED" | "UNSET") => Some(0),
            Some(name) => names
                .iter()
                .position(|known| known.eq_ignore_ascii_case(name))
                .and_then(|at| i64::try_from(at).ok()),
            None => text.parse().ok(),
        },
        _ => None,
    };
    counts.fields += usize::from(read.is_none());
    read.unwrap_or_default()
}

/// The objects of a list.
fn elements<'a>(value: &'a Value<'a>, counts: &mut Counts) -> Vec<&'a Value<'a>> {
    let all: &[Value<'_>] = match value {
        Value::Array(all) => all,
        Value::Null => return Vec::new(),
        _ => {
            counts.fields += 1;
            return Vec::new();
        }
    };
    let objects: Vec<&Value<'_>> = all.iter().filter(|element| element.is_object()).collect();
    counts.fields += all.len() - objects.len();
    objects
}

fn attributes(value: &Value<'_>, counts: &mut Counts) -> Vec<(String, String)> {
    let mut read = Vec::new();
    for attribute in elements(value, counts) {
        if !attribute.as_object().is_some_and(|all| all.contains_key("key")) {
            counts.fields += 1;
            continue;
        }
        let value = attribute.get("value");
        let value = match bytes(value) {
            Some((text, length)) => sized(text, length),
            None => as_text(plain(value, counts)),
        };
        read.push((written(attribute.get("key")).into_owned(), value));
    }
    read
}

/// Bytes as text: their base64 and how many there are.
pub(super) fn sized(base64: &str, length: usize) -> String {
    format!("{base64} ({length} {})", if length == 1 { "byte" } else { "bytes" })
}

fn bytes<'a>(any: &'a Value<'a>) -> Option<(&'a str, usize)> {
    let text = either(any, ["bytesValue", "bytes_value"]).as_str()?;
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?;
    Some((text, decoded.len()))
}

/// A value without what says of which type it is. Some write the value itself.
fn plain(any: &Value<'_>, counts: &mut Counts) -> serde_json::Value {
    let Some((of, value)) = typed(any) else { return any.into() };
    match of {
        Type::Plain => value.into(),
        Type::Int => match value.as_str().map(str::parse::<i64>) {
            Some(Ok(number)) => number.into(),
            Some(Err(_)) => {
                counts.fields += 1;
                value.into()
            }
            None => value.into(),
        },
        Type::List => {
            let values = value.get("values").as_array().unwrap_or_default().iter();
            values.map(|value| plain(value, counts)).collect()
        }
        Type::Map => {
            let mut all = serde_json::Map::new();
            for entry in elements(value.get("values"), counts) {
                all.insert(written(entry.get("key")).into_owned(), plain(entry.get("value"), counts));
            }
            all.into()
        }
    }
}

enum Type {
    Plain,
    Int,
    List,
    Map,
}

/// What a value says of itself, and what it holds.
fn typed<'a>(any: &'a Value<'a>) -> Option<(Type, &'a Value<'a>)> {
    let fields = any.as_object()?;
    if fields.is_empty() {
        return Some((Type::Plain, &Value::Null));
    }
    let (name, value) = fields.iter().find(|(_, value)| !value.is_null())?;
    let of = match name {
        "stringValue" | "string_value" | "boolValue" | "bool_value" | "bytesValue" | "bytes_value" => {
            Type::Plain
        }
        "doubleValue" | "double_value" => Type::Plain,
        "intValue" | "int_value" => Type::Int,
        "arrayValue" | "array_value" => Type::List,
        "kvlistValue" | "kvlist_value" => Type::Map,
        _ => return None,
    };
    Some((of, value))
}
