//! Edits: from what the user wants to a [`Change`]. Pure functions over the mesh that the user saw; `None` when the wish
//! is what is there already, or when what it was made for is gone.

mod build;
pub mod fault;
pub mod mtls;
pub mod rules;
pub mod split;

pub use fault::{HeaderIs, fault};
pub use mtls::{Mode, Scope, mtls};
pub use rules::{Rule, RuleAt, rules};
pub use split::split;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::Change;

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
mod tests;
