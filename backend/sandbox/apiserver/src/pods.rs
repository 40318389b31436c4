//! What the server cannot know by itself: what runs inside the pods.

use std::fmt::{self, Display};

use async_trait::async_trait;
use wire::Stream;

use crate::logs::Logs;

/// Why a port inside a pod cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// There is no such pod.
    #[error("pod {0} is gone")]
    Gone(PodName),
    /// Nothing in it has the port.
    #[error("nothing listens on port {1} in pod {0}")]
    Closed(PodName, u16),
    /// Nobody answers.
    #[error("failed to connect to port {1} in pod {0}: {2}")]
    Refused(PodName, u16, std::io::Error),
}

/// A pod's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What runs inside the pods.
#[async_trait]
pub trait PodAccess: Send + Sync {
    /// A connection to a port inside a pod, for port-forward and proxy.
    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Result<Stream, Unreachable>;

    /// What a container wrote; nothing when there is no such container.
    fn logs(&self, namespace: &str, pod: &str, container: &str) -> Option<Logs>;
}
