//! What a panel sees of the world in one frame, and its one way to act on it.

use crate::intent::{Intent, ThemeChoice};
use crate::reads::Reads;
use crate::selection::Selected;
use jiff::Timestamp;
use mesh::{Ledger, Problem, Scene};
use std::cell::RefCell;
use std::panic::Location;

/// All that a panel sees of the world this frame. Nothing in it can be changed; wishes go through `intents`.
pub struct Cx<'a> {
    /// Everything that is known of the mesh.
    pub scene: &'a Scene,
    /// What is selected.
    pub selected: Option<&'a Selected>,
    /// All changes of this run.
    pub changes: &'a Ledger,
    /// Wishes.
    pub intents: &'a Intents,
    /// Namespaces that the user chose; empty means all.
    pub namespaces: &'a [String],
    /// Measuring window in seconds.
    pub window_secs: u64,
    /// Whether data is paused.
    pub paused: bool,
    /// Whether edits are locked (`--read-only`).
    pub read_only: bool,
    /// What is read only while somebody looks at it: traces, ….
    pub reads: Reads<'a>,
    /// Light or dark.
    pub theme: ThemeChoice,
    /// The clock, so that pictures and tests are repeatable.
    pub now: Timestamp,
    /// Contexts for the connect screen.
    pub contexts: &'a Contexts,
}

/// What the connect screen offers.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    /// Contexts of the merged kubeconfigs.
    pub rows: Vec<ContextRow>,
    /// Why there are none, or why a file could not be read.
    pub problems: Vec<Problem>,
    /// The context used last.
    pub last: Option<String>,
    /// The kubeconfig file that it is in; `None` when that is not known.
    pub last_file: Option<String>,
    /// Why no sandbox can be started here (no Envoy, …), if none can.
    pub sandbox: Option<Problem>,
    /// The context being connected to, if any: the screen shows the scene's steps.
    pub connecting: Option<String>,
}

impl Contexts {
    /// Whether it was used last; a context of the same name in another file was not.
    pub fn is_last(&self, row: &ContextRow) -> bool {
        self.last.as_ref() == Some(&row.name) && self.last_file.as_ref().is_none_or(|file| *file == row.file)
    }
}

/// One context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextRow {
    /// Its name.
    pub name: String,
    /// Cluster name.
    pub cluster: String,
    /// Server URL.
    pub server: String,
    /// User name.
    pub user: String,
    /// Namespace of the context.
    pub namespace: Option<String>,
    /// File that it comes from.
    pub file: String,
    /// Whether it is the current context of the kubeconfig.
    pub current: bool,
    /// Why it cannot be used.
    pub problem: Option<Problem>,
}

/// The wishes of one frame, each with the place in the code that sent it.
#[derive(Default)]
pub struct Intents(RefCell<Vec<(&'static Location<'static>, Intent)>>);

impl Intents {
    /// Sends a wish; it is carried out after this frame.
    #[track_caller]
    pub fn send(&self, intent: Intent) {
        self.0.borrow_mut().push((Location::caller(), intent));
    }
    /// Looks at the wishes of this frame so far: for what the window keeps of its own (drafts, the bar) and must follow them.
    /// Who looks may send more; those are not looked at in the same round.
    pub fn each(&self, look: impl FnMut(&Intent)) {
        let seen: Vec<Intent> = self.0.borrow().iter().map(|(_, intent)| intent.clone()).collect();
        seen.iter().for_each(look);
    }
    /// Takes all wishes, in order.
    pub fn take(&self) -> Vec<(&'static Location<'static>, Intent)> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}
