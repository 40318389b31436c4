//! One scope of a sheet: what the cluster has there, the draft, and the change that was made of it last.

use super::edits::{Edits, Scoped};
use super::kept::{Kept, Standing};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::words;
use mesh::ledger::Entry;
use mesh::plan::{Plan, Stop};
use mesh::{Change, ChangeId, Mesh};

/// The draft of one editor for one of its scopes.
pub(super) struct Row<E: Edits> {
    pub(super) scoped: Scoped<E::Scope, E>,
    pub(super) kept: Kept<E>,
    /// The change that was made of the draft last.
    pub(super) asked: Option<(ChangeId, Change)>,
    /// Why no change can be made of it.
    pub(super) stop: Option<Stop>,
    /// What it is for is gone; the draft is still here.
    pub(super) gone: bool,
}

impl<E: Edits> Row<E> {
    pub(super) fn new(scoped: Scoped<E::Scope, E>) -> Self {
        let kept = Kept::new(scoped.now.clone());
        Self { scoped, kept, asked: None, stop: None, gone: false }
    }
    pub(super) fn differs(&self) -> bool {
        self.kept.standing() != Standing::Same
    }
    pub(super) fn standing(&self) -> Standing {
        self.kept.standing()
    }
    /// What became of the change that was asked for last.
    pub(super) fn entry<'a>(&self, cx: &Cx<'a>) -> Option<&'a Entry> {
        cx.changes.of_draft(self.asked.as_ref()?.0)
    }
    /// Whether it is on its way to the proxies.
    pub(super) fn under_way(&self, cx: &Cx<'_>) -> bool {
        self.entry(cx).is_some_and(|entry| entry.sent.is_some() && words::is_open(&entry.stage))
    }
    /// Its name, while it is in the set that is not pushed yet.
    pub(super) fn pending(&self, cx: &Cx<'_>) -> Option<ChangeId> {
        self.asked.as_ref().map(|(id, _)| *id).filter(|id| cx.changes.set().has(*id))
    }
    /// Whether a change is made of this draft, alone or with others.
    pub(super) fn is_in(&self, change: ChangeId, cx: &Cx<'_>) -> bool {
        let asked = self.asked.as_ref().map(|(id, _)| *id);
        asked == Some(change) || self.entry(cx).is_some_and(|entry| entry.id == change)
    }
    /// Takes back what was asked before.
    pub(super) fn dismiss(&mut self, cx: &Cx<'_>) {
        if let Some(id) = self.pending(cx) {
            cx.intents.send(Intent::Dismiss(id));
        }
        self.asked = None;
    }
    pub(super) fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Stop> {
        if self.gone {
            return Err(Stop::Gone);
        }
        if !self.differs() {
            return Ok(None);
        }
        let mut plan = Plan::new(mesh);
        self.kept.wanted.plan(self.kept.base(), &self.scoped.at, &mut plan);
        plan.change()
    }
    /// Sends the draft to be judged; when there is nothing to push of it, takes back what was asked before.
    /// While somebody else's change lies underneath, nothing is sent: the user first sees what it is.
    pub(super) fn check(&mut self, cx: &Cx<'_>) {
        if self.standing() == Standing::Superseded {
            return;
        }
        let wanted = self.change(&cx.scene.mesh);
        self.stop = wanted.as_ref().err().cloned();
        match wanted {
            Ok(Some(change)) => {
                let pending = self.pending(cx);
                let same = self.asked.as_ref().is_some_and(|(_, asked)| *asked == change);
                if !same || pending.is_none() {
                    let id = pending.unwrap_or_else(ChangeId::fresh);
                    self.asked = Some((id, change.clone()));
                    cx.intents.send(Intent::Check(id, Box::new(change)));
                }
            }
            _ => self.dismiss(cx),
        }
    }
    pub(super) fn reset(&mut self) {
        self.kept.reset();
        self.stop = None;
    }
}
