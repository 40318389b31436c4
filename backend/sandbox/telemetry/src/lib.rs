//! Access logs and spans in, query APIs of Prometheus, Jaeger and Tempo out.
//!
//! The sandbox's proxies report every request and connection to the access log service, and every span to the
//! trace collector. From them the user gets what a real mesh gives: Istio's standard metrics with all their
//! labels behind a Prometheus HTTP API (and on a `/metrics` page that a real Prometheus can scrape), and
//! traces behind Jaeger's query API, and below `/tempo` behind Tempo's.
//!
//! [`Telemetry::start`] opens four servers: [`als_addr`](Telemetry::als_addr) and
//! [`otlp_addr`](Telemetry::otlp_addr) speak gRPC to Envoy, [`prometheus_addr`](Telemetry::prometheus_addr)
//! and [`jaeger_addr`](Telemetry::jaeger_addr) speak HTTP to whoever asks. Who is who comes from a
//! [`Directory`], which the owner of the objects implements.
//!
//! What Envoy should be configured to send, besides the access log itself:
//! - `log_name` is `inbound` or `outbound` (gateways: `outbound`), with what Telemetry resources change
//!   behind a `|`; the node's id is `type~ip~pod.namespace~domain`.
//! - dynamic metadata `binnacle.peer` / `id` holds the caller's `pod.namespace` on the inbound side.
//! - an optional custom tag `upstream_sans` with the value `%UPSTREAM_LOCAL_URI_SAN%|%UPSTREAM_PEER_URI_SAN%`
//!   says whether an outbound call was mutual TLS; without it the directory's principals are used. Another,
//!   `upstream_cluster` with `%UPSTREAM_CLUSTER_RAW%`, tells what a call was meant for that reached no
//!   endpoint.
//! - optional filter state `envoy.filters.http.grpc_stats` gives gRPC message counts; `content-type` among
//!   the logged request headers and `grpc-status` among the logged trailers tell gRPC from HTTP.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access_log;
mod counters;
mod exposition;
mod labels;
mod listen;
mod params;
mod prometheus;
mod promql;
mod samples;
mod scrape;
mod traces;
mod workload;

pub use listen::{StartError, Telemetry};
pub use promql::Trial;
pub use traces::{SpanCount, reads_trace_ql};
pub use workload::{Directory, Options, Workload};
