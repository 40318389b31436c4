//! OTLP as protobuf (`TracesData`), message by message: what cannot be read costs itself. The messages are those
//! of opentelemetry-proto, with every part that may be odd as the bytes that it is.

use super::gathered::{Counts, Gathered};
use super::ids::hex;
use super::otlp::{Process, Told, as_text};
use super::otlp_json::sized;
use super::pull::Pull;
use super::{Refusal, Unknown};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message;
use serde_json::{Number, Value};

/// So deep values may nest.
const DEEPEST: usize = 64;

#[derive(Clone, PartialEq, Message)]
struct TracesData {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    resources: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(bytes = "bytes", tag = "1")]
    resource: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    scopes: Vec<Bytes>,
}

/// A resource, a list of values, a map: a list in the first place.
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    elements: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(bytes = "bytes", tag = "1")]
    scope: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    spans: Vec<Bytes>,
}

/// A library with its version, an attribute with its value, the two ids of a link.
#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(bytes = "bytes", tag = "1")]
    first: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    second: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "bytes", tag = "1")]
    trace: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    id: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    state: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    parent: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    name: Bytes,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(bytes = "bytes", repeated, tag = "9")]
    attributes: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    events: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "13")]
    links: Vec<Bytes>,
    #[prost(bytes = "bytes", tag = "15")]
    status: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(fixed64, tag = "1")]
    at: u64,
    #[prost(bytes = "bytes", tag = "2")]
    name: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    attributes: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(bytes = "bytes", tag = "2")]
    message: Bytes,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(bytes = "bytes", optional, tag = "1")]
    text: Option<Bytes>,
    #[prost(bool, optional, tag = "2")]
    bool: Option<bool>,
    #[prost(int64, optional, tag = "3")]
    int: Option<i64>,
    #[prost(double, optional, tag = "4")]
    double: Option<f64>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    array: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "6")]
    map: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "7")]
    bytes: Option<Bytes>,
}

/// Reads a document. What has no span in it is none: many bytes are protobuf of some kind.
pub(super) fn read(body: &[u8], gathered: &mut Gathered) -> Result<(), Refusal> {
    let data = TracesData::decode(Bytes::copy_from_slice(body)).map_err(|_| Refusal::Foreign)?;
    data.resources.into_iter().for_each(|resource| self::resource(resource, gathered));
    if gathered.is_empty() { Err(Refusal::Foreign) } else { Ok(()) }
}

/// The same of a file, one resource after the other.
pub(super) fn read_from(file: &mut Pull<'_>, gathered: &mut Gathered) -> Result<(), Unknown> {
    while !file.ended()? {
        let tag = varint(file)?;
        let length = match tag & 7 {
            0 => {
                varint(file)?;
                continue;
            }
            1 => 8,
            2 => varint(file)?,
            5 => 4,
            _ => return Err(Unknown::Foreign),
        };
        let length = usize::try_from(length).map_err(|_| Unknown::Foreign)?;
        let field = file.bytes(length)?.ok_or(Unknown::Foreign)?;
        if tag == RESOURCES {
            resource(field.into(), gathered);
        }
    }
    if gathered.is_empty() { Err(Unknown::Foreign) } else { Ok(()) }
}

/// The tag of field 1 of `TracesData`.
const RESOURCES: u64 = 1 << 3 | 2;

fn varint(file: &mut Pull<'_>) -> Result<u64, Unknown> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = file.bytes(1)?.and_then(|byte| byte.first().copied()).ok_or(Unknown::Foreign)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Unknown::Foreign)
}

fn resource(resource: Bytes, gathered: &mut Gathered) {
    let Ok(ResourceSpans { resource, scopes }) = ResourceSpans::decode(resource) else {
        gathered.counts.unread += 1;
        return;
    };
    let mut counts = Counts::default();
    let process = Process::of(attributes(list(resource, &mut counts), &mut counts));
    for scope in scopes {
        let Ok(ScopeSpans { scope, spans }) = ScopeSpans::decode(scope) else {
            gathered.counts.unread += 1;
            continue;
        };
        let scope = Pair::decode(scope).unwrap_or_default();
        let scope = (text(&scope.first), text(&scope.second));
        for span in spans {
            let Ok(span) = Span::decode(span) else {
                gathered.counts.unread += 1;
                continue;
            };
            let mut own = std::mem::take(&mut counts);
            let told = Told { scope: scope.clone(), ..told(span, &mut own) };
            told.gather(&process, own, gathered);
        }
    }
}

fn told(span: Span, counts: &mut Counts) -> Told {
    let status = decoded::<Status>(span.status, counts);
    let mut told = Told {
        trace: hex(&span.trace),
        id: hex(&span.id),
        parent: hex(&span.parent),
        state: text(&span.state),
        name: text(&span.name),
        kind: span.kind.into(),
        start: span.start,
        end: span.end,
        attributes: attributes(span.attributes, counts),
        status: status.code.into(),
        message: text(&status.message),
        ..Told::default()
    };
    for event in span.events {
        let Event { at, name, attributes: fields } = decoded(event, counts);
        told.events.push((at, text(&name), attributes(fields, counts)));
    }
    for link in span.links {
        let Pair { first, second } = decoded(link, counts);
        told.links.push((hex(&first), hex(&second)));
    }
    told
}

fn decoded<M: Message + Default>(bytes: Bytes, counts: &mut Counts) -> M {
    M::decode(bytes).unwrap_or_else(|_| {
        counts.fields += 1;
        M::default()
    })
}

fn list(bytes: Bytes, counts: &mut Counts) -> Vec<Bytes> {
    decoded::<List>(bytes, counts).elements
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn attributes(all: Vec<Bytes>, counts: &mut Counts) -> Vec<(String, String)> {
    let mut read = Vec::new();
    for attribute in all {
        let Ok(Pair { first, second }) = Pair::decode(attribute) else {
            counts.fields += 1;
            continue;
        };
        let any: AnyValue = decoded(second, counts);
        let value = match &any.bytes {
            Some(bytes) => sized(&STANDARD.encode(bytes), bytes.len()),
            None => as_text(plain(any, 0, counts)),
        };
        read.push((text(&first), value));
    }
    read
}

/// A value as JSON; what nests too deep is left out and counted.
fn plain(any: AnyValue, depth: usize, counts: &mut Counts) -> Value {
    if depth > DEEPEST {
        counts.fields += 1;
        return Value::Null;
    }
    let AnyValue { text: words, bool, int, double, array, map, bytes } = any;
    if let Some(elements) = array {
        let all = list(elements, counts);
        return all.into_iter().map(|value| plain(decoded(value, counts), depth + 1, counts)).collect();
    }
    if let Some(entries) = map {
        let mut all = serde_json::Map::new();
        for entry in list(entries, counts) {
            let Pair { first, second } = decoded(entry, counts);
            all.insert(text(&first), plain(decoded(second, counts), depth + 1, counts));
        }
        return all.into();
    }
    let number = |value: f64| Number::from_f64(value).map_or_else(|| unlimited(value).into(), Value::Number);
    words
        .map(|words| text(&words).into())
        .or_else(|| bool.map(Value::from))
        .or_else(|| int.map(Value::from))
        .or_else(|| double.map(number))
        .or_else(|| bytes.map(|bytes| STANDARD.encode(bytes).into()))
        .unwrap_or_default()
}

/// What JSON has no number for, as OTLP writes it there.
fn unlimited(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}
