//! What happened lately: a bounded ring of events that watches read from. A watch that is slower than the
//! ring is long learns that it is too late; nothing is kept for it.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use super::key::Key;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    pub(crate) change: Change,
    pub(crate) object: Arc<Value>,
    /// What it was before; watches with selectors need it.
    pub(crate) previous: Option<Arc<Value>>,
}

/// The ring.
#[derive(Debug)]
pub(crate) struct History {
    entries: VecDeque<Entry>,
    limit: usize,
    /// Everything up to here is forgotten.
    forgotten: u64,
}

/// The revision that was asked for is no longer known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooOld {
    pub(crate) oldest: u64,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), limit: limit.max(1), forgotten: 0 }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        if self.entries.len() == self.limit
            && let Some(oldest) = self.entries.pop_front()
        {
            self.forgotten = oldest.revision;
        }
        self.entries.push_back(entry);
    }

    /// Forgets everything up to now, as an API server does every few minutes.
    pub(crate) fn compact(&mut self, revision: u64) {
        self.entries.clear();
        self.forgotten = revision;
    }

    /// What came after this revision.
    pub(crate) fn since(&self, revision: u64) -> Result<impl Iterator<Item = &Entry>, TooOld> {
        if revision < self.forgotten {
            return Err(TooOld { oldest: self.forgotten });
        }
        let from = self.entries.partition_point(|entry| entry.revision <= revision);
        Ok(self.entries.range(from..))
    }
}
