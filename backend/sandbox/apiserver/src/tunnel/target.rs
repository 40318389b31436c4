//! The pod at the end of a tunnel.

use std::sync::Arc;

use wire::Stream;

use crate::pods::{PodAccess, Unreachable};

/// The pod that a tunnel leads to.
#[derive(Clone)]
pub(crate) struct PodTarget {
    pub(crate) pods: Arc<dyn PodAccess>,
    pub(crate) namespace: String,
    pub(crate) pod: String,
}

impl PodTarget {
    pub(super) async fn connect(&self, port: u16) -> Result<Stream, NotForwarded> {
        let connected = self.pods.connect(&self.namespace, &self.pod, port).await;
        connected.map_err(|error| NotForwarded { pod: self.pod.clone(), port, error })
    }
}

/// Why a port is not forwarded, as a kubelet says it.
#[derive(Debug, thiserror::Error)]
#[error(
    "error forwarding port {port} to pod {pod}, uid : failed to connect to localhost:{port} inside the pod: \
        {error}"
)]
pub(super) struct NotForwarded {
    pod: String,
    port: u16,
    error: Unreachable,
}
