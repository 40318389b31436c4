//! What the tasks of one established connection share.

use crate::connect::Api;
use crate::hub::Hub;
use crate::journal::Journal;
use crate::tunnel::Tunnel;
use crate::{Target, http};
use mesh::journal::Cluster;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long the server may take to say which cluster it is.
const ANSWER: Duration = Duration::from_secs(3);

/// An established connection.
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) target: Target,
    pub(crate) hub: Arc<Hub>,
    pub(crate) tunnel: Tunnel,
    journal: OnceCell<Option<Arc<Journal>>>,
}

impl Session {
    pub(crate) fn new(api: Api, target: Target, hub: Arc<Hub>, tunnel: Tunnel) -> Self {
        Self { api, target, hub, tunnel, journal: OnceCell::new() }
    }

    /// The journal of this run with this cluster, if one is kept.
    pub(crate) async fn journal(&self) -> Option<Arc<Journal>> {
        let made = self.journal.get_or_init(|| async {
            let folder = self.target.journal.clone()?;
            Some(Journal::new(folder, self.cluster().await))
        });
        made.await.clone()
    }

    /// What tells this cluster from others, whatever the context is called.
    async fn cluster(&self) -> Cluster {
        let namespace = http::json::<Value>(&self.api.client, "/api/v1/namespaces/kube-system");
        let namespace = tokio::time::timeout(ANSWER, namespace).await.ok().and_then(Result::ok);
        let uid = namespace.and_then(|found| Some(found["metadata"]["uid"].as_str()?.to_owned()));
        Cluster { uid, ..self.api.cluster.clone() }
    }
}
