//! Telemetry from outside: what comes in over gRPC, from clients of our own and from real Envoys, and what its query APIs answer.

mod envoy;
mod http;
mod mesh;
mod proxies;
mod queries;
mod wire_in;
