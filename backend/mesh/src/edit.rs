//! Edits of more than a few fields, as parts of a [`Plan`], over the mesh that the user saw.

pub mod access;
pub mod balancing;
pub mod extensions;
pub mod external;
pub mod fault;
pub mod mirrors;
pub mod mtls;
pub mod operated;
pub mod policy;
pub mod rate_limit;
pub mod routes;
pub mod rule_words;
pub mod rules;
pub mod seen;
pub mod shares;
pub mod split;
pub mod telemetry;
pub mod tokens;
pub mod visibility;
pub mod way_in;
pub mod workload;

pub use fault::{HeaderIs, fault};
pub use mtls::{Mode, Scope, mtls};
pub use rules::{Rule, rules};
pub use split::split;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::plan::Plan;

/// How a call fails on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// With this status of HTTP.
    Http(u16),
    /// With this status of gRPC, by its number.
    Grpc(u32),
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http(status) => status.fmt(f),
            Self::Grpc(status) => istio::grpc::name(*status).unwrap_or_default().fmt(f),
        }
    }
}

/// What a fault does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultSpec {
    /// Delay in milliseconds and the percentage of requests that get it.
    pub delay: Option<(u64, f64)>,
    /// Status and the percentage of requests that get it.
    pub abort: Option<(Status, f64)>,
}

impl FaultSpec {
    /// Whether it does nothing.
    pub fn is_none(&self) -> bool {
        self.delay.is_none() && self.abort.is_none()
    }
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod acting_tests;
#[cfg(test)]
mod mtls_tests;
#[cfg(test)]
mod sentence_tests;
#[cfg(test)]
mod tests;
