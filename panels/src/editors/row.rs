//! One scope of a sheet: what the cluster has there, the draft, and the change that was made of it last.

use super::edits::{Edits, Scoped};
use super::kept::{Kept, Standing};
use super::kept_form::KeptRow;
use crate::cx::Cx;
use crate::held::Why;
use crate::intent::Intent;
use crate::kit::number::Refused;
use crate::words;
use mesh::anew::Known;
use mesh::ledger::Entry;
use mesh::plan::{Plan, Stop};
use mesh::{Change, ChangeId, Mesh};

/// The draft of one editor for one of its scopes.
pub(super) struct Row<E: Edits> {
    pub(super) scoped: Scoped<E::Scope, E>,
    pub(super) kept: Kept<E>,
    /// The draft as it was when the user let go of it last.
    pub(super) settled: E,
    /// The change that was made of the draft last.
    pub(super) asked: Option<(ChangeId, Change)>,
    /// What a field of it shows that was refused: the draft is not what the user sees.
    pub(super) refused: Option<Refused>,
    /// How often it was taken back: what was refused before does not come again.
    pub(super) turn: u32,
    /// Why no change can be made of it.
    pub(super) stop: Option<Stop>,
    /// What it is for is gone; the draft is still here.
    pub(super) gone: bool,
    /// The last change that could be made of it before that.
    lost: Option<Change>,
}

impl<E: Edits> Row<E> {
    pub(super) fn new(scoped: Scoped<E::Scope, E>) -> Self {
        let kept = Kept::new(scoped.now.clone());
        let settled = scoped.now.clone();
        Self {
            scoped,
            kept,
            settled,
            asked: None,
            refused: None,
            turn: 0,
            stop: None,
            gone: false,
            lost: None,
        }
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
    /// Whether it was written, and nothing shows it yet: live data is paused.
    pub(super) fn unseen(&self, cx: &Cx<'_>) -> bool {
        cx.paused && self.entry(cx).is_some_and(|entry| entry.sent.is_some() && entry.is_stored())
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
        // It was begun before something else took the calls.
        if let Some((_, why)) = &self.scoped.locked {
            return Err(Stop::NotYet(format!("Nothing to push: {why}")));
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
        if self.refused.is_some() {
            self.dismiss(cx);
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
    /// Takes in what its fields show that was refused. While that stands there, nothing is pushed.
    pub(super) fn refuse(&mut self, refused: Option<Refused>, cx: &Cx<'_>) {
        let was = std::mem::replace(&mut self.refused, refused);
        match (was, &self.refused) {
            (None, Some(_)) => self.check(cx),
            // What is being typed is judged when it is done.
            (Some(was), None) if !was.typing => self.check(cx),
            _ => {}
        }
    }
    pub(super) fn reset(&mut self) {
        self.kept.reset();
        (self.stop, self.refused) = (None, None);
        self.turn += 1;
    }
    /// Takes in what the cluster has now; what the user did is no deed of that.
    pub(super) fn follow(&mut self, now: Scoped<E::Scope, E>) {
        let rests = self.settled == self.kept.wanted;
        self.kept.follow(now.now.clone());
        self.scoped = now;
        if rests {
            self.settled = self.kept.wanted.clone();
        }
    }
    /// Makes the draft on what somebody else made of it.
    pub(super) fn rebuild(&mut self) {
        self.kept.rebuild();
        self.settled = self.kept.wanted.clone();
    }
    /// What it is for is gone.
    pub(super) fn lose(&mut self, cx: &Cx<'_>) {
        if !std::mem::replace(&mut self.gone, true) {
            self.lost = self.asked.as_ref().map(|(_, change)| change.clone());
            self.stop = Some(Stop::Gone);
            self.dismiss(cx);
        }
    }
    /// What it was for has come back.
    pub(super) fn found(&mut self) -> bool {
        let gone = std::mem::take(&mut self.gone);
        if gone {
            (self.stop, self.lost) = (None, None);
        }
        gone
    }
    /// The change that creates its object again, with what is wanted of it; `None` where that is not known.
    fn again(&self, mesh: &Mesh) -> Option<Change> {
        let lost = self.lost.as_ref().filter(|_| self.gone)?;
        let again = lost.clone().anew(mesh, Known::Whole, true).ok()?;
        (again != *lost).then_some(again)
    }
    /// Has that judged.
    pub(super) fn ask_again(&mut self, cx: &Cx<'_>) {
        if let Some(change) = self.again(&cx.scene.mesh) {
            let id = ChangeId::fresh();
            self.asked = Some((id, change.clone()));
            self.stop = None;
            cx.intents.send(Intent::Check(id, Box::new(change)));
        }
    }
    /// Why it cannot be pushed, if it wants something and cannot; `shown` when it is the one that is judged.
    pub(super) fn held(&self, shown: bool, cx: &Cx<'_>) -> Option<Why> {
        let sent = self.entry(cx).is_some_and(|entry| entry.sent.is_some());
        match &self.stop {
            _ if !self.differs() || sent => None,
            _ if self.gone && self.asked.is_some() => None,
            Some(Stop::Gone) => Some(Why::Gone { again: self.again(&cx.scene.mesh).is_some() }),
            _ if self.standing() == Standing::Superseded => Some(Why::Superseded),
            _ if shown && self.refused.is_some() => {
                self.refused.as_ref().map(|refused| Why::NotYet(refused.words.clone()))
            }
            Some(Stop::NotYet(why)) if shown => Some(Why::NotYet(why.clone())),
            _ => None,
        }
    }
    /// The draft, as it is kept for the next run; `None` where it wants nothing.
    pub(super) fn keep(&self, shown: bool) -> Option<KeptRow> {
        let json = |value: &E| serde_json::to_value(value).ok();
        let (words, object) = (self.scoped.words.clone(), self.scoped.object.clone());
        let kept = || {
            Some(KeptRow {
                words,
                object,
                base: json(self.kept.base())?,
                wanted: json(&self.kept.wanted)?,
                shown,
            })
        };
        self.differs().then(kept)?
    }
    /// Takes up a draft that was kept, on what the cluster has now.
    pub(super) fn recall(&mut self, kept: &KeptRow) -> bool {
        let read = |value: &serde_json::Value| serde_json::from_value::<E>(value.clone()).ok();
        let Some((base, wanted)) = read(&kept.base).zip(read(&kept.wanted)) else { return false };
        self.kept = Kept::again(base, wanted, self.scoped.now.clone());
        self.settled = self.kept.wanted.clone();
        true
    }
}
