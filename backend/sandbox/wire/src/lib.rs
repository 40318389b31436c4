//! Protobuf messages of Envoy and OpenTelemetry, and how the sandbox's servers listen, in one rarely changing
//! crate.
//!
//! - [`envoy`]: the generated messages and gRPC services of Envoy (access log service, aggregated discovery
//!   service).
//! - [`otlp`]: the generated messages and gRPC services of OpenTelemetry (trace service).
//! - [`Address`]: where servers of the sandbox listen, and how to.
//! - [`ads`]: a server of the aggregated discovery service.
//! - [`ext_authz`]: a server of Envoy's external authorization.
//! - [`any`]: Envoy configuration from JSON, by a table of the messages that the control plane uses.
//! - [`patch`]: what users change of it.
//! - [`ratelimit`]: a server of Envoy's rate limit service.

mod address;
pub mod ads;
pub mod ext_authz;
mod json;
pub mod patch;
pub mod ratelimit;
mod schema;

pub use address::{Address, Listener, Stream};
/// Envoy's generated messages and gRPC services: `wire::envoy::service::accesslog::v3::…`.
pub use envoy_types::pb::envoy;
/// Protobuf's well-known types and `google.rpc.Status` as Envoy's messages use them.
pub use envoy_types::pb::google::{self, protobuf};
pub use json::{NotEncodable, any};
/// OpenTelemetry's generated messages and gRPC services: `wire::otlp::collector::trace::v1::…`.
pub use opentelemetry_proto::tonic as otlp;
