//! Telemetry from outside: what comes in over gRPC, from clients of our own and from real Envoys, and what
//! its query APIs answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod envoy;
mod http;
mod mesh;
mod proxies;
mod queries;
mod scraped;
mod tempo;
mod traces;
mod wire_in;
