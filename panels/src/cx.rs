//! What a panel sees of the world in one frame, and its one way to act on it.

use crate::contexts::Contexts;
use crate::file::TraceFile;
use crate::intent::{Intent, ThemeChoice};
use crate::past::Then;
use crate::reads::Reads;
use crate::selection::Selected;
use jiff::Timestamp;
use mesh::traffic::Traffic;
use mesh::{Ledger, Remote, Scene};
use std::cell::RefCell;
use std::panic::Location;

/// All that a panel sees of the world this frame. Nothing in it can be changed; what the user wants goes
/// through `intents`.
pub struct Cx<'a> {
    /// Everything that is known of the mesh.
    pub scene: &'a Scene,
    /// What is selected.
    pub selected: Option<&'a Selected>,
    /// All changes of this run.
    pub changes: &'a Ledger,
    /// What the user wants.
    pub intents: &'a Intents,
    /// Namespaces that the user chose; empty means all.
    pub namespaces: &'a [String],
    /// Measuring window in seconds.
    pub window_secs: u64,
    /// Whether data is paused.
    pub paused: bool,
    /// Whether edits are locked (`--read-only`).
    pub read_only: bool,
    /// Whether changes of workloads, pods and namespaces are allowed in this connection.
    pub workloads: bool,
    /// What is read only while somebody looks at it: traces, ….
    pub reads: Reads<'a>,
    /// Light or dark.
    pub theme: ThemeChoice,
    /// The clock, so that pictures and tests are repeatable.
    pub now: Timestamp,
    /// Contexts for the connect screen.
    pub contexts: &'a Contexts,
    /// The file of traces that is looked at.
    pub file: Option<&'a TraceFile>,
}

impl Cx<'_> {
    /// The moment of the past that graph and detail show; `None`: now.
    pub fn then(&self) -> Option<Then> {
        self.reads.then(self.window_secs, self.now)
    }

    /// What was measured: now, or at the moment of the past that is looked at.
    pub fn traffic(&self) -> Remote<Traffic> {
        self.then().map_or_else(|| self.scene.traffic.clone(), |then| then.traffic)
    }

    /// Over how many seconds what is shown was measured: fewer than were chosen while there is no more, more
    /// where it is rarely read.
    pub fn measured_secs(&self) -> u64 {
        let measured = self.scene.traffic.value().map(|traffic| traffic.window_secs);
        measured.filter(|secs| *secs > 0).unwrap_or(self.window_secs)
    }
}

/// The intents of one frame, each with the place in the code that sent it.
#[derive(Default)]
pub struct Intents(RefCell<Vec<(&'static Location<'static>, Intent)>>);

impl Intents {
    /// Sends an intent; it is carried out after this frame.
    #[track_caller]
    pub fn send(&self, intent: Intent) {
        self.0.borrow_mut().push((Location::caller(), intent));
    }
    /// Looks at the intents of this frame so far: for what the window keeps of its own (drafts, the bar) and
    /// must follow them. Who looks may send more; those are not looked at in the same round.
    pub fn each(&self, look: impl FnMut(&Intent)) {
        let seen: Vec<Intent> = self.0.borrow().iter().map(|(_, intent)| intent.clone()).collect();
        seen.iter().for_each(look);
    }
    /// Takes all of them, in order.
    pub fn take(&self) -> Vec<(&'static Location<'static>, Intent)> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}
