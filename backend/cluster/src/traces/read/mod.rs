//! What tracing backends and files say, as traces of our own: Jaeger's JSON, OpenTelemetry's (OTLP) as JSON and
//! as protobuf, Zipkin's JSON. Pure; a backend and a file are read by the same code. One odd element costs
//! itself and is counted.

mod document;
mod form;
mod gathered;
mod ids;
pub(crate) mod jaeger;
pub(crate) mod otlp;
mod otlp_json;
mod otlp_protobuf;
mod pull;
pub(crate) mod summaries;
pub(crate) mod zipkin;

pub(crate) use form::{Unknown, open};
pub(crate) use ids::trace_id;

/// Why an answer has no traces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The tracing backend's own words.
    Said(String),
    /// It is not an answer of such a backend.
    Foreign,
}

#[cfg(test)]
#[path = "odd_tests.rs"]
mod odd_tests;
