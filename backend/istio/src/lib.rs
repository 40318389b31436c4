//! What Istio means: kinds, names, objects and the views that read them. Every other crate stands on it.
//!
//! Pure: no I/O, no egui, no tokio, and no other crate of the workspace. What Istio says about a field or about the
//! order of two objects is written down here once.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod duration;
pub mod grpc;
pub mod ids;
pub mod kinds;
pub mod object;
pub mod problem;
pub mod refs;
pub mod select;
pub mod validation;
pub mod views;

pub use duration::Span;
pub use ids::{ClusterId, ProxyId, ServiceId, WorkloadId};
pub use kinds::{KINDS, Kind};
pub use object::Object;
pub use problem::Problem;
pub use refs::{Ref, fqdn};
pub use select::{Labels, Selects};
