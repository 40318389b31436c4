//! The trace collector: OpenTelemetry's spans become spans of the store, translated as Jaeger's collector
//! does.

use std::sync::Arc;

use parking_lot::Mutex;
use tonic::{Request, Response, Status};
use wire::otlp::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse, trace_service_server::TraceService,
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    trace::v1::{self as otlp, ResourceSpans, span::SpanKind, status::StatusCode},
};

use super::{
    span::{Kind, Log, Process, Span, Tag, TagValue, TraceId},
    store::Traces,
    texts::Texts,
};

/// Receives the spans of all proxies.
pub(crate) struct Collector {
    traces: Arc<Traces>,
    texts: Mutex<Texts>,
}

impl Collector {
    pub(crate) fn new(traces: Arc<Traces>) -> Self {
        Self { traces, texts: Mutex::default() }
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans;
        let spans = {
            let mut texts = self.texts.lock();
            resources.iter().flat_map(|resource| spans(resource, &mut texts)).collect()
        };
        self.traces.add(spans);
        Ok(Response::new(ExportTraceServiceResponse { partial_success: None }))
    }
}

/// All well-formed spans of one resource.
pub(crate) fn spans(resource: &ResourceSpans, texts: &mut Texts) -> Vec<Span> {
    let process = Arc::new(process(resource, texts));
    resource
        .scope_spans
        .iter()
        .flat_map(|scope| scope.spans.iter().map(move |span| (scope.scope.as_ref(), span)))
        .filter_map(|(scope, span)| translated(span, scope, &process, texts))
        .collect()
}

impl Texts {
    fn tag(&mut self, key: &str, value: TagValue) -> Tag {
        Tag { key: self.of(key), value }
    }

    fn tags(&mut self, attributes: &[KeyValue]) -> Vec<Tag> {
        attributes.iter().map(|attribute| self.attribute(attribute)).collect()
    }

    fn attribute(&mut self, attribute: &KeyValue) -> Tag {
        let value = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Value::BoolValue(value)) => TagValue::Bool(*value),
            Some(Value::IntValue(value)) => TagValue::Int(*value),
            Some(Value::DoubleValue(value)) => TagValue::Float(*value),
            Some(Value::StringValue(text)) => TagValue::Text(self.of(text)),
            other => TagValue::Text(self.of(&json(other).to_string())),
        };
        self.tag(&attribute.key, value)
    }
}

/// Lists and maps become JSON text.
fn json(value: Option<&Value>) -> serde_json::Value {
    let inner = |value: &AnyValue| json(value.value.as_ref());
    match value {
        None | Some(Value::StringValueStrindex(_)) => serde_json::Value::Null,
        Some(Value::StringValue(text)) => text.as_str().into(),
        Some(Value::BoolValue(value)) => (*value).into(),
        Some(Value::IntValue(value)) => (*value).into(),
        Some(Value::DoubleValue(value)) => (*value).into(),
        Some(Value::ArrayValue(list)) => list.values.iter().map(inner).collect(),
        Some(Value::KvlistValue(list)) => list
            .values
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.as_ref().map_or(serde_json::Value::Null, inner)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Some(Value::BytesValue(bytes)) => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(bytes).into()
        }
    }
}

fn process(resource: &ResourceSpans, texts: &mut Texts) -> Process {
    let attributes = resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
    let mut service = None;
    let mut tags = Vec::new();
    for tag in texts.tags(attributes) {
        if &*tag.key == "service.name" { service = Some(tag.value.shown()) } else { tags.push(tag) }
    }
    let service =
        service.filter(|name| !name.is_empty()).unwrap_or_else(|| "OTLPResourceNoServiceName".to_owned());
    Process { service: texts.of(&service), tags }
}

fn number<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn translated(
    span: &otlp::Span,
    scope: Option<&InstrumentationScope>,
    process: &Arc<Process>,
    texts: &mut Texts,
) -> Option<Span> {
    let trace = TraceId(u128::from_be_bytes(number(&span.trace_id)?));
    let id = u64::from_be_bytes(number(&span.span_id)?);
    let start_us = span.start_time_unix_nano / 1000;
    let kind = kind(span.kind());
    Some(Span {
        trace,
        id,
        parent: number(&span.parent_span_id).map_or(0, u64::from_be_bytes),
        links: span
            .links
            .iter()
            .filter_map(|link| {
                Some((
                    TraceId(u128::from_be_bytes(number(&link.trace_id)?)),
                    u64::from_be_bytes(number(&link.span_id)?),
                ))
            })
            .collect(),
        process: Arc::clone(process),
        operation: texts.of(&span.name),
        kind,
        start_us,
        duration_us: (span.end_time_unix_nano / 1000).saturating_sub(start_us),
        tags: tags(span, scope, kind, texts),
        logs: span.events.iter().map(|event| log(event, texts)).collect(),
    })
}

fn kind(kind: SpanKind) -> Kind {
    match kind {
        SpanKind::Unspecified => "",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

fn log(event: &otlp::span::Event, texts: &mut Texts) -> Log {
    let mut fields = Vec::new();
    if !event.name.is_empty() {
        let name = TagValue::Text(texts.of(&event.name));
        fields.push(texts.tag("event", name));
    }
    fields.extend(texts.tags(&event.attributes));
    Log { at_us: event.time_unix_nano / 1000, fields }
}

fn tags(span: &otlp::Span, scope: Option<&InstrumentationScope>, kind: Kind, texts: &mut Texts) -> Vec<Tag> {
    let mut tags = texts.tags(&span.attributes);
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            let value = TagValue::Text(texts.of(value));
            tags.push(texts.tag(key, value));
        }
    };
    if let Some(scope) = scope {
        text("otel.scope.name", &scope.name);
        text("otel.scope.version", &scope.version);
    }
    text("span.kind", kind);
    text("w3c.tracestate", &span.trace_state);
    let status = span.status.as_ref();
    match status.map(otlp::Status::code) {
        Some(StatusCode::Ok) => text("otel.status_code", "OK"),
        Some(StatusCode::Error) => text("otel.status_code", "ERROR"),
        _ => {}
    }
    text("otel.status_description", status.map_or("", |status| &status.message));
    let failed =
        status.is_some_and(|status| status.code() == StatusCode::Error) || tags.iter().any(says_failed);
    if failed {
        // One tag, a boolean, however the span said it.
        tags.retain(|tag| &*tag.key != "error");
        tags.push(texts.tag("error", TagValue::Bool(true)));
    }
    // Tens of thousands of spans are kept.
    tags.shrink_to_fit();
    tags
}

/// A tag that tells of a failure: the proxy's own mark, or a status of 500 and above.
fn says_failed(tag: &Tag) -> bool {
    match &*tag.key {
        "error" => tag.value.is("true"),
        "http.status_code" | "http.response.status_code" => {
            tag.value.shown().parse::<u16>().is_ok_and(|code| (500..600).contains(&code))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
