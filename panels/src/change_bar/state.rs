//! What the bar keeps of its own.

use mesh::ChangeId;
use std::collections::BTreeSet;

/// The bar's own state.
#[derive(Default)]
pub struct ChangeBar {
    pub(super) hidden: BTreeSet<ChangeId>,
    pub(super) above: Option<Above>,
    /// The set that the user asked to drop, until that is said again.
    pub(super) dropping: Option<ChangeId>,
    /// Whether a way back waits for Push, which no editor could bring back.
    pub(super) restoring: bool,
    /// What was dropped last, and can be brought back.
    pub(super) dropped: Option<String>,
    /// How the change stands that is shown, in a sentence: read out when it becomes another one.
    pub(super) said: String,
    /// Room of the button that sent the entry of this name, which stays its own.
    pub(super) sender: Option<(ChangeId, f32)>,
}

/// What is shown above the bar.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Above {
    /// The diff of an entry.
    Diff(ChangeId),
    /// The changes of the set, whatever its entry is.
    Set,
}

impl ChangeBar {
    /// Opens what is shown above the bar, or closes it.
    pub(super) fn toggle(&mut self, above: Above) {
        self.above = if self.above == Some(above) { None } else { Some(above) };
    }
}
