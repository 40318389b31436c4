//! Following the store in process.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;
use tokio::sync::watch as signal;

use super::{handle::Store, history::Change};

/// What happened in the store.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// Forget what you knew: these are all objects. The first event, and again for a follower that was too
    /// slow.
    Reset {
        /// Every object there is.
        objects: Arc<Vec<Arc<Value>>>,
        /// When that was so.
        revision: u64,
    },
    /// A new object.
    Added(Arc<Value>),
    /// An object changed.
    Modified(Arc<Value>),
    /// An object is gone; this is what it was.
    Deleted(Arc<Value>),
}

/// A follower of the store; see [`Store::watch`].
pub struct Watch {
    store: Store,
    signal: signal::Receiver<u64>,
    seen: Option<u64>,
    waiting: VecDeque<WatchEvent>,
}

impl Store {
    /// Follows all objects of all kinds, beginning with a snapshot.
    pub fn watch(&self) -> Watch {
        Watch { store: self.clone(), signal: self.signal(), seen: None, waiting: VecDeque::new() }
    }
}

impl Watch {
    /// The next event; waits until there is one. May be dropped and called again without losing anything.
    pub async fn next(&mut self) -> WatchEvent {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            let Some(seen) = self.seen else { return self.reset() };
            self.signal.borrow_and_update();
            let missed = self.store.read(|state| {
                let entries = state.history.since(seen).map_err(drop)?;
                let events: VecDeque<WatchEvent> = entries
                    .map(|entry| {
                        let object = entry.object.clone();
                        match entry.change {
                            Change::Added => WatchEvent::Added(object),
                            Change::Modified => WatchEvent::Modified(object),
                            Change::Deleted => WatchEvent::Deleted(object),
                        }
                    })
                    .collect();
                Ok::<_, ()>((events, state.revision))
            });
            let Ok((events, revision)) = missed else { return self.reset() };
            self.seen = Some(revision);
            self.waiting = events;
            // The store outlives its followers, so the signal cannot end.
            if self.waiting.is_empty() && self.signal.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn reset(&mut self) -> WatchEvent {
        let (objects, revision) = self.store.snapshot();
        self.seen = Some(revision);
        WatchEvent::Reset { objects, revision }
    }

    /// The same as a stream that does not end.
    pub fn into_stream(self) -> impl futures::Stream<Item = WatchEvent> + Send + 'static {
        futures::stream::unfold(self, |mut watch| async move { Some((watch.next().await, watch)) })
    }
}
