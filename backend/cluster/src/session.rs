//! What the tasks of one established connection share.

use crate::Target;
use crate::connect::{self, Api};
use crate::hub::Hub;
use crate::journal::Journal;
use crate::prometheus::Hours;
use crate::traces::Known;
use crate::tunnel::Tunnel;
use mesh::journal::Cluster;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

/// An established connection.
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) target: Target,
    pub(crate) hub: Arc<Hub>,
    pub(crate) tunnel: Tunnel,
    /// Which tracing backend answers.
    pub(crate) traces: Known,
    /// What was usual at moments of the past.
    pub(crate) hours: Hours,
    journal: OnceCell<Option<Arc<Journal>>>,
    cluster: OnceCell<Cluster>,
}

/// Connections, the newest.
pub(crate) type Sessions = watch::Receiver<Option<Arc<Session>>>;

impl Session {
    pub(crate) fn new(api: Api, target: Target, hub: Arc<Hub>, tunnel: Tunnel) -> Self {
        Self {
            api,
            target,
            hub,
            tunnel,
            traces: Known::default(),
            hours: Hours::default(),
            journal: OnceCell::new(),
            cluster: OnceCell::new(),
        }
    }

    /// The journal of this run with this cluster, if one is kept.
    pub(crate) async fn journal(&self) -> Option<Arc<Journal>> {
        let made = self.journal.get_or_init(|| async {
            let folder = self.target.journal.clone()?;
            Some(Journal::new(folder, self.cluster().await.clone()))
        });
        made.await.clone()
    }

    /// What tells this cluster from others, whatever the context is called.
    pub(crate) async fn cluster(&self) -> &Cluster {
        let read = self.cluster.get_or_init(|| async {
            if self.api.cluster.uid.is_some() {
                return self.api.cluster.clone();
            }
            // It could not be asked when the connection began.
            Cluster { uid: connect::uid(&self.api.client).await, ..self.api.cluster.clone() }
        });
        read.await
    }
}

/// The newest connection to one cluster, for what outlives a connection.
pub(crate) struct Newest {
    session: Arc<Session>,
    sessions: Sessions,
}

impl Newest {
    pub(crate) fn new(session: Arc<Session>, sessions: Sessions) -> Self {
        Self { session, sessions }
    }

    /// This connection, and no later one.
    pub(crate) fn only(session: Arc<Session>) -> Self {
        Self::new(session, watch::Sender::new(None).subscribe())
    }

    /// The newest connection; none of another cluster, to which the context may lead by now.
    pub(crate) async fn get(&mut self) -> Arc<Session> {
        let newest = self.sessions.borrow_and_update().clone();
        if let Some(newest) = newest.filter(|newest| !Arc::ptr_eq(newest, &self.session))
            && newest.cluster().await.is(self.session.cluster().await)
        {
            self.session = newest;
        }
        Arc::clone(&self.session)
    }

    /// Returns when there is a newer one; never, when there will be none.
    pub(crate) async fn changed(&mut self) {
        if self.sessions.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Rests until there is a newer connection, or the user wants a retry. Returns how long it was.
    pub(crate) async fn rest(&mut self, pause: Duration) -> Duration {
        let begun = Instant::now();
        let mut retry = self.session.hub.retry.subscribe();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.changed() => {}
            Ok(()) = retry.changed() => {}
        }
        begun.elapsed()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::mock::{Mock, Shared, kubernetes};
    use crate::write::tests::session_with;
    use serde_json::json;

    pub(crate) async fn of_cluster(uid: &str) -> (Arc<Session>, Mock) {
        let objects = Shared::default();
        let system = json!({ "kind": "Namespace", "metadata": { "uid": uid } });
        objects.lock().all.insert("/api/v1/namespaces/kube-system".into(), system);
        let mock = kubernetes(&objects).await;
        (session_with(mock.client()), mock)
    }

    #[tokio::test]
    async fn the_newest_connection_counts_where_it_is_of_the_same_cluster() {
        let ((old, _a), (new, _b), (other, _c)) =
            tokio::join!(of_cluster("a"), of_cluster("a"), of_cluster("b"));
        let sessions = watch::Sender::new(Some(Arc::clone(&old)));
        let mut newest = Newest::new(Arc::clone(&old), sessions.subscribe());
        assert!(Arc::ptr_eq(&newest.get().await, &old));
        sessions.send_replace(Some(other));
        assert!(Arc::ptr_eq(&newest.get().await, &old), "the context leads elsewhere by now");
        sessions.send_replace(Some(Arc::clone(&new)));
        assert!(Arc::ptr_eq(&newest.get().await, &new));
        sessions.send_replace(None);
        assert!(Arc::ptr_eq(&newest.get().await, &new));
    }
}
