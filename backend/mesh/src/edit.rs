//! Edits of more than a few fields, as parts of a [`Plan`], over the mesh that the user saw.

pub mod access;
pub mod balancing;
pub mod external;
pub mod fault;
pub mod mirrors;
pub mod mtls;
pub mod policy;
pub mod rate_limit;
pub mod routes;
pub mod rule_words;
pub mod rules;
pub mod split;
pub mod tokens;
pub mod visibility;
pub mod way_in;

pub use fault::{HeaderIs, fault};
pub use mtls::{Mode, Scope, mtls};
pub use rules::{Rule, rules};
pub use split::split;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::plan::Plan;

/// What a fault does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultSpec {
    /// Delay in milliseconds and the percentage of requests that get it.
    pub delay: Option<(u64, f64)>,
    /// HTTP status and the percentage of requests that get it.
    pub abort: Option<(u16, f64)>,
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
