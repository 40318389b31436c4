//! The sandbox: a small mesh on this machine, as one thing.
//!
//! [`Sandbox::start`] gives a Kubernetes API with the objects of a scenario, a control plane, one real Envoy
//! for each pod, the demo services, their metrics and traces, and somebody who uses them. Everything is on
//! 127.0.0.1, and all of it ends with [`Sandbox::stop`], or with this process, however that ends.
//!
//! ```text
//! load ─► ingress Envoy ─► sidecar ─► productpage ─► sidecar ─► sidecar ─► details, reviews ─► … ─► ratings
//!                             │ access log, spans                    ▲ xDS
//!                         telemetry                            control plane ◄── objects ◄── API server ◄── you
//! ```
//!
//! The objects are the only truth: `workloads` runs what they ask for, the control plane translates them, and
//! the directory tells the telemetry who is who by them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod apps;
mod changes;
mod control_plane;
mod directory;
mod doors;
mod envoy;
mod folder;
mod gateway_status;
mod kubeconfig_out;
mod kubernetes;
mod lack;
mod load;
mod readiness;
mod scenario;
mod start;
mod synthetic;
mod workloads;

pub use envoy::{Envoy, WANTED_VERSION, find_envoy};
pub use folder::write_private;
pub use scenario::Scenario;
pub use start::{Options, Ready, Sandbox};
pub use synthetic::Size;
