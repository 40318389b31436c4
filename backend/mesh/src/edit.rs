//! Edits: from what the user wants to a [`Change`](crate::Change). Pure functions over the mesh that the user saw.

use serde::{Deserialize, Serialize};

/// What a fault does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultSpec {
    /// Delay in milliseconds and the percentage of requests that get it.
    pub delay: Option<(u64, f64)>,
    /// HTTP status and the percentage of requests that get it.
    pub abort: Option<(u16, f64)>,
}
