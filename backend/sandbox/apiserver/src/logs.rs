//! What a container wrote: the last lines, kept in a ring, and those to come.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::broadcast;

/// One line of a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: jiff::Timestamp,
    /// Without the newline.
    pub text: Arc<str>,
}

/// The log of a container, as of now.
#[derive(Debug)]
pub struct Logs {
    /// What is still known of the past.
    pub past: Vec<LogLine>,
    /// What comes; ends when the container does.
    pub live: broadcast::Receiver<LogLine>,
    /// What the container wrote before it was started again, if it was.
    pub previous: Option<Vec<LogLine>>,
}

/// Keeps the last lines of one container and passes new ones on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogRing(Arc<Mutex<Ring>>);

#[derive(Debug)]
struct Ring {
    lines: VecDeque<LogLine>,
    limit: usize,
    live: broadcast::Sender<LogLine>,
    previous: Option<Vec<LogLine>>,
}

/// Lines that a slow reader may be late before it loses some.
const LATE: usize = 1024;

impl LogRing {
    /// A ring that keeps so many lines.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Ring {
            lines: VecDeque::new(),
            limit: limit.max(1),
            live: broadcast::Sender::new(LATE),
            previous: None,
        })))
    }

    /// Adds a line, written now.
    pub fn push(&self, text: &str) {
        let line = LogLine { at: jiff::Timestamp::now(), text: text.trim_end_matches(['\r', '\n']).into() };
        let mut ring = self.0.lock();
        if ring.lines.len() == ring.limit {
            ring.lines.pop_front();
        }
        ring.lines.push_back(line.clone());
        // Fails only when nobody listens.
        drop(ring.live.send(line));
    }

    /// The past and the future, with nothing lost between them.
    pub fn logs(&self) -> Logs {
        let ring = self.0.lock();
        Logs {
            past: ring.lines.iter().cloned().collect(),
            live: ring.live.subscribe(),
            previous: ring.previous.clone(),
        }
    }

    /// The container is started again: its log begins anew, what it wrote so far is the log before, and
    /// readers come to the end.
    pub fn restart(&self) {
        let mut ring = self.0.lock();
        ring.previous = Some(std::mem::take(&mut ring.lines).into());
        ring.live = broadcast::Sender::new(LATE);
    }
}
