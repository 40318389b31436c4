//! Traces: spans by OTLP into a bounded store, and Jaeger's query API over it.

mod dependencies;
mod jaeger;
mod json;
mod otlp;
mod search;
mod span;
mod store;
mod texts;

pub(crate) use jaeger::router;
pub(crate) use otlp::Collector;
pub(crate) use store::Traces;

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
