//! The pods of a selection.

use mesh::Workload;
use serde::Serialize;

/// One pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodRow {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// "Running".
    pub phase: String,
    /// Ready condition.
    pub ready: bool,
    /// Whether it has a proxy.
    pub sidecar: bool,
}

/// The pods of a workload.
pub(super) fn pod_rows(workload: &Workload) -> impl Iterator<Item = PodRow> {
    workload.pods.iter().map(|pod| PodRow {
        name: pod.name.to_string(),
        namespace: workload.namespace.to_string(),
        phase: pod.phase.clone(),
        ready: pod.ready,
        sidecar: pod.sidecar,
    })
}
