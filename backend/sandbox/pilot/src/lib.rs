//! The control plane: Istio resources in, Envoy configuration out.
//!
//! It watches a [`World`] of API objects, translates it for every proxy as istiod would (`translate`), serves
//! it over the aggregated discovery service with certificates from its own authority ([`Authority`]), and
//! answers istiod's debug pages.
//!
//! **How traffic gets into the proxies without root.** Pods have cluster-like addresses, but everything
//! listens on 127.0.0.1; the Pod annotation [`PORTS_ANNOTATION`] maps ports inside the pod to real ones, or
//! to Unix sockets. An application calls a service by connecting to its own sidecar's real port for 15001 and
//! writing a PROXY protocol (version 1) line with the service's address first; `virtualOutbound` restores
//! that as the original destination and hands the connection to the listener that istiod would name
//! (`0.0.0.0_9080`, `10.96.0.9_3306`). Calls to a pod go to the real port that its annotation gives for the
//! container's port, where the sidecar listens; the application itself is at `app/<port>`.
//!
//! **What is not translated is said**: it is logged once per object, told to [`Options::notice`], and listed
//! at `/debug/untranslatedz`.

mod ads;
mod bootstrap;
mod ca;
mod debug;
mod error;
mod follow;
mod identity;
mod log;
mod metrics;
mod options;
mod pilot;
mod read;
pub mod registry;
mod resolve;
mod translate;
mod without_effect;
mod world;
mod xds;

pub use ads::shared::{ObjectStatuses, Statuses};
pub use ads::state::ProxyStatus;
pub use bootstrap::{ALS_CLUSTER, OTLP_CLUSTER, XDS_CLUSTER};
pub use ca::Authority;
pub use debug::dump::config_dumps;
pub use error::Error;
pub use identity::{CLUSTER_ID, ISTIO_VERSION};
pub use log::Log;
pub use options::{Notice, Options};
pub use pilot::Pilot;
pub use registry::gateway_api::ObjectStatus;
pub use registry::workload::PORTS_ANNOTATION;
pub use world::World;
