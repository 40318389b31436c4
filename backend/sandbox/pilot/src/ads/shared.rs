//! What all connections share: the mesh as it is now, who is connected, and how far each is.

use super::patches;
use super::state::{ProxyStatus, Session};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::registry::gateway_api::ObjectStatus;
use crate::registry::{Registry, Untranslated};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A world, read; and when it was seen.
pub(crate) struct Snapshot {
    pub(crate) registry: Registry,
    pub(crate) objects: Vec<Arc<Value>>,
    pub(crate) seen: Instant,
}

/// Every connected proxy, by `<pod>.<namespace>`.
pub type Statuses = Arc<BTreeMap<String, ProxyStatus>>;

/// What is to be said at the Gateway API's objects.
pub type ObjectStatuses = Arc<Vec<ObjectStatus>>;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) stop: CancellationToken,
    pub(crate) metrics: Metrics,
    snapshots: watch::Sender<Arc<Snapshot>>,
    sessions: Mutex<BTreeMap<u64, Arc<Mutex<Session>>>>,
    /// What each connection said last of itself, by its number: the proxy and how far it is.
    told: Mutex<BTreeMap<u64, (String, ProxyStatus)>>,
    statuses: watch::Sender<Statuses>,
    /// What is to be said at the Gateway API's objects.
    objects: watch::Sender<ObjectStatuses>,
    next: AtomicU64,
    /// Patches without effect that were logged.
    said: Mutex<BTreeSet<Untranslated>>,
}

impl Shared {
    pub(crate) fn new(
        snapshots: watch::Sender<Arc<Snapshot>>,
        options: Options,
        stop: CancellationToken,
    ) -> Self {
        let objects = Arc::new(snapshots.borrow().registry.gateway_api.statuses.clone());
        Self {
            options,
            stop,
            metrics: Metrics::default(),
            snapshots,
            sessions: Mutex::default(),
            told: Mutex::default(),
            statuses: watch::channel(Statuses::default()).0,
            objects: watch::channel(objects).0,
            next: AtomicU64::new(1),
            said: Mutex::default(),
        }
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        let objects = &snapshot.registry.gateway_api.statuses;
        self.objects.send_if_modified(|known| {
            let changed = **known != *objects;
            if changed {
                *known = Arc::new(objects.clone());
            }
            changed
        });
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// The mesh, whenever it changes.
    pub(super) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    pub(crate) fn statuses(&self) -> watch::Receiver<Statuses> {
        self.statuses.subscribe()
    }

    pub(crate) fn objects(&self) -> watch::Receiver<ObjectStatuses> {
        self.objects.subscribe()
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

    pub(super) fn open(&self, session: &Arc<Mutex<Session>>) -> u64 {
        self.metrics.connected();
        let number = session.lock().number;
        self.sessions.lock().insert(number, session.clone());
        number
    }

    pub(super) fn close(&self, number: u64) {
        self.sessions.lock().remove(&number);
        self.publish_status(|told| drop(told.remove(&number)));
    }

    /// Publishes how far this proxy is, if that has changed. Only its own task may call this: then what it
    /// says of itself comes in order, and nobody's old word about others can replace their newer one.
    pub(crate) fn tell(&self, session: &Mutex<Session>) {
        let (number, proxy, status) = {
            let session = session.lock();
            (session.number, session.proxy.clone(), session.status())
        };
        if !proxy.is_empty() {
            self.publish_status(|told| drop(told.insert(number, (proxy, status))));
        }
    }

    /// Logs the patches of EnvoyFilters that have no effect, once all proxies were told of them.
    pub(crate) fn say_patches(&self) {
        let snapshot = self.snapshot();
        let late = |session: &Arc<Mutex<Session>>| session.lock().pushed < snapshot.registry.revision;
        if snapshot.registry.envoy_filters.is_empty() || self.sessions().iter().any(late) {
            return;
        }
        let mut said = self.said.lock();
        for untranslated in patches::untranslated(&snapshot.registry, &self.sessions()) {
            if said.insert(untranslated.clone()) {
                self.options.tell(&untranslated);
            }
        }
    }

    /// Changes what is known, and publishes it before anybody else can change it again.
    fn publish_status(&self, change: impl FnOnce(&mut BTreeMap<u64, (String, ProxyStatus)>)) {
        let mut told = self.told.lock();
        change(&mut told);
        // Of a proxy that came back before its old connection ended, the newest connection counts.
        let now: BTreeMap<String, ProxyStatus> = told.values().cloned().collect();
        self.statuses.send_if_modified(|known| {
            let changed = **known != now;
            if changed {
                *known = Arc::new(now);
            }
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use std::net::SocketAddr;
    use std::sync::Barrier;
    use std::time::Instant;

    /// What is published last has to be how all proxies are, however many speak at once: nobody would ask
    /// again.
    #[test]
    fn the_last_word_is_true_when_many_proxies_speak_at_once() {
        const PROXIES: u64 = 7;
        let sink = SocketAddr::from(([127, 0, 0, 1], 9));
        let snapshot = Snapshot { registry: Registry::default(), objects: Vec::new(), seen: Instant::now() };
        let (snapshots, _) = watch::channel(Arc::new(snapshot));
        let shared =
            Shared::new(snapshots, Options::new(sink, sink).expect("options"), CancellationToken::new());
        let sessions: Vec<_> = (0..PROXIES)
            .map(|number| {
                let mut session = Session::new(number, String::new());
                session.proxy = format!("pod-{number}.demo");
                let session = Arc::new(Mutex::new(session));
                shared.open(&session);
                session
            })
            .collect();
        for round in 1..=500 {
            let at_once = Barrier::new(sessions.len());
            std::thread::scope(|scope| {
                for session in &sessions {
                    scope.spawn(|| {
                        at_once.wait();
                        session.lock().confirmed = round;
                        shared.tell(session);
                    });
                }
            });
            let known = shared.statuses().borrow().clone();
            let late: Vec<_> = known.iter().filter(|(_, status)| status.revision != round).collect();
            assert!(late.is_empty(), "round {round}: {late:?}");
        }
    }
}
