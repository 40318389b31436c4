//! Serving proxies: who is connected, what each was sent, what each has confirmed or refused.

mod push;
mod session;
mod state;

pub(crate) use state::{Session, Watch};

use crate::metrics::Metrics;
use crate::{Options, Snapshot};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

/// How far one proxy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyStatus {
    /// The revision of the world that it runs on: everything made of it was confirmed.
    pub revision: u64,
    /// Everything that it was sent is confirmed.
    pub synced: bool,
    /// What it refused, in its words, by short type name (`lds`).
    pub refused: BTreeMap<&'static str, String>,
    /// What it has not confirmed, or not asked for yet, in words; empty when it is synced.
    pub waiting: Vec<String>,
}

/// Every connected proxy, by `<pod>.<namespace>`.
pub type Statuses = Arc<BTreeMap<String, ProxyStatus>>;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) stop: CancellationToken,
    pub(crate) metrics: Metrics,
    snapshots: watch::Sender<Arc<Snapshot>>,
    sessions: Mutex<BTreeMap<u64, Arc<Mutex<Session>>>>,
    statuses: watch::Sender<Statuses>,
    next: AtomicU64,
}

impl Shared {
    pub(crate) fn new(snapshots: watch::Sender<Arc<Snapshot>>, options: Options, stop: CancellationToken) -> Self {
        Self {
            options,
            stop,
            metrics: Metrics::default(),
            snapshots,
            sessions: Mutex::default(),
            statuses: watch::channel(Statuses::default()).0,
            next: AtomicU64::new(1),
        }
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.metrics.world_changed();
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    pub(crate) fn statuses(&self) -> watch::Receiver<Statuses> {
        self.statuses.subscribe()
    }

    /// The open connections that have said who they are, by proxy.
    pub(crate) fn sessions(&self) -> Vec<Arc<Mutex<Session>>> {
        let mut sessions: Vec<_> = self.sessions.lock().values().cloned().collect();
        sessions.retain(|session| !session.lock().proxy.is_empty());
        sessions.sort_by_key(|session| session.lock().proxy.clone());
        sessions
    }

    /// A number that was never used before: for connections and nonces.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn open(&self, session: &Arc<Mutex<Session>>) -> u64 {
        let number = session.lock().number;
        self.sessions.lock().insert(number, session.clone());
        number
    }

    fn close(&self, number: u64) {
        self.sessions.lock().remove(&number);
        self.tell();
    }

    /// Publishes how far every proxy is, if that has changed.
    pub(crate) fn tell(&self) {
        let status = |session: &Arc<Mutex<Session>>| {
            let session = session.lock();
            (session.proxy.clone(), session.status())
        };
        let now: BTreeMap<String, ProxyStatus> = self.sessions().iter().map(status).collect();
        self.statuses.send_if_modified(|known| {
            let changed = **known != now;
            if changed {
                *known = Arc::new(now);
            }
            changed
        });
    }
}

/// Answers the streams of proxies.
pub(crate) fn answer(shared: &Arc<Shared>) -> wire::ads::Answer {
    let shared = shared.clone();
    Arc::new(move |requests, from| {
        let (responses, out) = mpsc::channel(16);
        let snapshots = shared.snapshots.subscribe();
        tokio::spawn(session::run(shared.clone(), requests, from, responses, snapshots));
        Box::pin(ReceiverStream::new(out))
    })
}
