//! What all sheets can do, whatever their editor is.

use super::kept_form::{KeptForm, KeptRow};
use crate::cx::Cx;
use crate::held::{Held, Why};
use crate::intent::Intent;
use crate::whose::Whose;
use egui::Ui;
use mesh::plan::Stop;
use mesh::{Change, Mesh};

/// The drafts of any editor on one thing.
pub trait AnySheet {
    /// Names what is edited; the same thing gives the same id, from wherever it is selected.
    fn id(&self) -> &str;
    /// What it edits, in the user's words: "reviews".
    fn subject(&self) -> &str;
    /// Whether the cluster has something of this kind already, so that it is shown without asking.
    fn present(&self) -> bool;
    /// Whether there is a draft, shown or in another scope.
    fn holds(&self) -> bool;
    /// Draws it; returns whether it shall be folded away.
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool;
    /// Takes in what the cluster has now, without losing a draft.
    fn follow(&mut self, cx: &Cx<'_>);
    /// Follows what was asked of a change or a draft elsewhere: it was dismissed, or shall be made anew.
    /// `deed` is the number of that.
    fn follow_intent(&mut self, intent: &Intent, deed: u64, cx: &Cx<'_>);

    /// Its drafts that cannot be pushed.
    fn held(&self, cx: &Cx<'_>) -> Vec<Held>;
    /// Its drafts, as they are kept for the next run.
    fn kept(&self, whose: &Whose) -> Option<KeptForm>;
    /// Takes up drafts that were kept; returns those that it cannot, and why: their scope is not there, or has
    /// a draft by now.
    fn recall(&mut self, kept: Vec<KeptRow>, cx: &Cx<'_>) -> Vec<(KeptRow, Why)>;
    /// The deed that was done last to its drafts, and the one that was taken back last.
    fn deeds(&self) -> (Option<u64>, Option<u64>);
    /// Takes the last deed back, or does it again.
    fn step(&mut self, back: bool, cx: &Cx<'_>);

    /// In which words its scopes are chosen.
    fn scopes(&self) -> Vec<String>;
    /// Shows another scope.
    fn choose(&mut self, scope: usize);
    /// Makes one of the editor's samples the draft that is shown; `false` when there are no more.
    fn try_on(&mut self, sample: usize) -> bool;
    /// The change that makes the draft true that is shown; `None` when it is true already.
    ///
    /// # Errors
    /// When what it was made for is gone, or when something is still to be said.
    fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Stop>;
}
