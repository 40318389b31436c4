//! What the control plane watches.

use serde_json::Value;
use std::sync::Arc;

/// All API objects at one moment.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Grows with every change.
    pub revision: u64,
    /// Pods, Services, Istio's kinds and whatever else there is.
    pub objects: Vec<Arc<Value>>,
}
