//! Traces: spans by OTLP into a bounded store, and the query APIs of Jaeger and (below `/tempo`) of Tempo over it.

mod dependencies;
mod jaeger;
mod json;
mod otlp;
mod search;
mod span;
mod store;
mod tempo;
mod texts;
mod traceql;

pub(crate) use otlp::Collector;
pub(crate) use store::Traces;

use std::sync::Arc;

/// Whether a search in TraceQL can be read: for fuzz targets, which stand outside of this crate.
pub fn reads_trace_ql(text: &str) -> bool {
    traceql::TraceQl::read(text).is_ok()
}

/// The routes of both APIs.
pub(crate) fn router(traces: Arc<Traces>) -> axum::Router {
    jaeger::router(Arc::clone(&traces)).nest("/tempo", tempo::router(traces))
}

/// What the span store holds, and what it had to drop to stay within its capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanCount {
    /// Spans kept.
    pub spans: u64,
    /// Traces kept.
    pub traces: u64,
    /// Spans dropped so far.
    pub dropped_spans: u64,
    /// Traces dropped so far, whole.
    pub dropped_traces: u64,
}
