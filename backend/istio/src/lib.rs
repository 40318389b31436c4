//! What Istio means: kinds, names, hosts, durations, selectors, visibility and precedence, and the views that
//! read its objects. Every other crate stands on it.
//!
//! Pure: no I/O, no egui, no tokio, and no other crate of the workspace. What Istio says about a field or
//! about the order of two objects is written down here once.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admit;
pub mod api_routes;
pub mod attach;
pub mod block;
pub mod canonical;
pub mod cluster_name;
pub mod delegation;
pub mod destination;
pub mod duration;
pub mod fault;
pub mod fields;
pub mod flags;
pub mod grpc;
pub mod hashing;
pub mod hosts;
pub mod ids;
pub mod kinds;
pub mod listeners;
pub mod mtls;
pub mod object;
pub mod owner;
pub mod precedence;
pub mod problem;
pub mod protocol;
pub mod refs;
pub mod route;
pub mod routing;
pub mod select;
pub mod shadow;
pub mod telemetry;
pub mod validation;
pub mod views;
pub mod visibility;
pub mod yaml;

pub use duration::Duration;
pub use hosts::fqdn;
pub use ids::{ClusterId, ProxyId, ServiceId, WorkloadId};
pub use kinds::{KINDS, Kind};
pub use object::Object;
pub use precedence::Config;
pub use problem::Problem;
pub use protocol::Protocol;
pub use refs::Ref;
pub use select::{Labels, Selects};
