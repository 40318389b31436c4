//! What every request can reach, and who is asking.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{faults::Faults, openapi, pods::PodAccess, store::Store};

/// What every request can reach.
pub(crate) struct Api {
    pub(crate) store: Store,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    pub(crate) pods: Arc<dyn PodAccess>,
    pub(crate) faults: Faults,
    pub(crate) version: String,
    pub(crate) user: String,
    pub(crate) openapi: openapi::Cache,
    pub(crate) tasks: TaskTracker,
    pub(crate) closing: CancellationToken,
    pub(crate) token: String,
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    User(String),
    Anonymous,
}

impl Caller {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::User(name) => name,
            Self::Anonymous => "system:anonymous",
        }
    }
}
