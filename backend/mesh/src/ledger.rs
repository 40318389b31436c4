//! The ledger: every change of this run and of earlier ones, how far it has come, and its undo. What is not
//! sent yet is one change set, which drafts join and leave.

mod stage;
mod stands;

pub use stage::{Fact, Instead, Judged, Stage};
pub use stands::stands;

use crate::Mesh;
use crate::change::{Change, Edit};
use crate::change_id::ChangeId;
use crate::change_set::ChangeSet;
use crate::evidence::Progress;
use crate::journal::Past;
use crate::stored::{Standing, Stored, Theirs};
use istio::Ref;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One of the changes that an entry does as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The id that its draft keeps.
    pub id: ChangeId,
    /// What it does.
    pub title: String,
    /// Its steps among those of the entry.
    pub steps: Vec<usize>,
}

/// One row of the ledger.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub id: ChangeId,
    /// What it does, as one change.
    pub change: Change,
    /// The changes that were put together to it.
    pub parts: Vec<Part>,
    /// What the dry run says of each step, as far as it has come.
    pub judged: Vec<Option<Judged>>,
    /// How far it has come.
    pub stage: Stage,
    /// When the user asked for it.
    pub asked: Timestamp,
    /// When it was sent to the server.
    pub sent: Option<Timestamp>,
    /// When the last affected proxy had acknowledged it.
    pub acked: Option<Timestamp>,
    /// When it was live.
    pub live: Option<Timestamp>,
    /// Pods that are as they are to be and ready, of those that there are to be.
    pub rolled: Option<(usize, usize)>,
    /// Affected proxies that have not acknowledged it yet, or pods that are not ready.
    pub waiting: Vec<String>,
    /// What calls have shown so far of each of its parts, until that is told.
    pub counted: BTreeMap<usize, Progress>,
    /// What the server made of each step; `None` where it is not written. Needed for undo.
    pub stored: Vec<Option<Stored>>,
    /// Objects of a push that was cut off which somebody else has changed since.
    pub foreign: Vec<Ref>,
    /// What the server has instead, after a conflict.
    pub conflict: Option<Theirs>,
    /// The entry that this one undoes.
    pub undoes: Option<ChangeId>,
    /// When the earlier run that made it began; `None` for one that this run has sent, or will.
    pub run: Option<Timestamp>,
    /// Whether two of its parts write the same place, so that it cannot be pushed as one.
    pub clash: bool,
}

impl Entry {
    fn new(id: ChangeId, change: Change, parts: Vec<Part>, now: Timestamp) -> Self {
        let steps = change.steps.len();
        Self {
            id,
            change,
            parts,
            judged: vec![None; steps],
            stage: Stage::Checking,
            asked: now,
            sent: None,
            acked: None,
            live: None,
            rolled: None,
            waiting: Vec::new(),
            counted: BTreeMap::new(),
            stored: vec![None; steps],
            foreign: Vec::new(),
            conflict: None,
            undoes: None,
            run: None,
            clash: false,
        }
    }
    /// Whether anything of it is written, so that it can be undone.
    pub fn is_stored(&self) -> bool {
        self.stored.iter().any(Option::is_some)
    }
    /// Whether it was made of this draft.
    pub fn is_of(&self, draft: ChangeId) -> bool {
        self.parts.iter().any(|part| part.id == draft)
    }

    fn record(&mut self, fact: &Fact, now: Timestamp) {
        self.stage = self.stage.clone().after(fact);
        let step = |stored: &mut Vec<Option<Stored>>, number: usize, to: Option<Stored>| {
            if let Some(slot) = stored.get_mut(number) {
                *slot = to;
            }
        };
        match fact {
            Fact::Judged(number, judged) => {
                if let Some(slot) = self.judged.get_mut(*number) {
                    *slot = Some(judged.clone());
                }
            }
            Fact::Wrote(number, stored) => step(&mut self.stored, *number, Some((**stored).clone())),
            Fact::PutBack(number) => step(&mut self.stored, *number, None),
            Fact::Accepted(all) => {
                for (number, stored) in all.iter().enumerate() {
                    step(&mut self.stored, number, Some(stored.clone()));
                }
            }
            Fact::CutOff(standings) => self.found(standings),
            Fact::Acked { acked, of, waiting } => {
                self.waiting.clone_from(waiting);
                if acked == of && self.acked.is_none() {
                    self.acked = Some(now);
                }
            }
            Fact::Rolled { ready, of, waiting } => {
                self.rolled = Some((*ready, *of));
                self.waiting.clone_from(waiting);
            }
            Fact::Live if self.live.is_none() => self.live = Some(now),
            Fact::Counted(part, progress) if self.stage == Stage::Live => {
                self.counted.insert(*part, progress.clone());
            }
            Fact::Measured(_) | Fact::Unknowable(_) | Fact::Replaced(_) => self.counted.clear(),
            Fact::Conflict { theirs, .. } => self.conflict = Some(theirs.clone()),
            _ => {}
        }
    }

    fn found(&mut self, standings: &[Standing]) {
        self.foreign.clear();
        for (number, standing) in standings.iter().enumerate() {
            let (Some(slot), Some(step)) = (self.stored.get_mut(number), self.change.steps.get(number))
            else {
                continue;
            };
            match standing {
                // What the answer had told before says more than what is found now.
                Standing::Written(stored) => *slot = slot.take().or_else(|| Some(stored.clone())),
                Standing::Untouched => *slot = None,
                Standing::Changed(_) => {
                    *slot = None;
                    self.foreign.push(step.at.clone());
                }
            }
        }
    }
}

/// Every change of this run and of earlier ones in this cluster, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    set: ChangeSet,
    pending: Option<ChangeId>,
}

/// A change that is to be judged by the server.
pub type ToJudge = (ChangeId, Box<Change>);

impl Ledger {
    /// All entries, the oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
    /// One entry.
    pub fn get(&self, id: ChangeId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
    /// The last entry that a draft's change became a part of.
    pub fn of_draft(&self, draft: ChangeId) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.is_of(draft))
    }
    /// The change set that is not sent yet.
    pub fn pending(&self) -> Option<&Entry> {
        self.get(self.pending?)
    }
    /// Its changes.
    pub fn set(&self) -> &ChangeSet {
        &self.set
    }

    /// A draft's change joins the set that is not sent yet; its newer one takes the place of its older one.
    /// Returns what is to be judged now: the set is another one, with an id of its own, so that no earlier
    /// verdict counts for it.
    pub fn put(&mut self, draft: ChangeId, change: Change, mesh: &Mesh, now: Timestamp) -> Option<ToJudge> {
        self.set.put(draft, change);
        self.renew(mesh, now)
    }

    /// Takes a draft's change out of the set, or the whole set, or another change that was never sent.
    /// Returns what is to be judged anew.
    pub fn dismiss(&mut self, id: ChangeId, mesh: &Mesh, now: Timestamp) -> Option<ToJudge> {
        if self.set.remove(id) {
            return self.renew(mesh, now);
        }
        if self.pending == Some(id) {
            self.set = ChangeSet::default();
            self.pending = None;
        }
        self.forget(id);
        None
    }

    fn renew(&mut self, mesh: &Mesh, now: Timestamp) -> Option<ToJudge> {
        if let Some(old) = self.pending.take() {
            self.forget(old);
        }
        if self.set.is_empty() {
            return None;
        }
        let id = ChangeId::fresh();
        let (change, clash) = match self.set.whole(mesh) {
            Ok(change) => (change, None),
            Err(clash) => (self.set.apart(), Some(clash.problem())),
        };
        let parts = self.set.parts(&change);
        self.entries.push(Entry { clash: clash.is_some(), ..Entry::new(id, change.clone(), parts, now) });
        self.pending = Some(id);
        match clash {
            Some(problem) => {
                self.record(id, &Fact::Refused(problem), now);
                None
            }
            None => Some((id, Box::new(change))),
        }
    }

    /// Adds a change that stands alone and is about to be checked; one of the same id that was not sent gives
    /// way to it.
    pub fn open(&mut self, id: ChangeId, change: Change, undoes: Option<ChangeId>, now: Timestamp) {
        self.forget(id);
        let part = Part { id, title: change.title.clone(), steps: (0..change.steps.len()).collect() };
        self.entries.push(Entry { undoes, ..Entry::new(id, change, vec![part], now) });
    }

    fn remember(&mut self, past: &Past) {
        if self.get(past.id).is_some() {
            return;
        }
        let mut entry = Entry {
            undoes: past.undoes,
            run: Some(past.run),
            stage: Stage::Sent,
            sent: Some(past.sent),
            ..Entry::new(past.id, past.change.clone(), past.parts.clone(), past.sent)
        };
        for (at, fact) in &past.facts {
            entry.record(fact, *at);
        }
        let after = self.entries.iter().position(|other| other.id > entry.id);
        let at = after.unwrap_or(self.entries.len());
        self.entries.insert(at, entry);
        self.replace(at);
    }

    /// What an entry has stored takes the place of what earlier ones have.
    fn replace(&mut self, at: usize) {
        let (earlier, later) = self.entries.split_at_mut(at);
        let Some(later) = later.first() else { return };
        for entry in earlier.iter_mut().filter(|entry| entry.is_stored()) {
            let steps = entry.change.steps.iter().filter_map(|step| {
                let place = later.change.steps.iter().position(|other| other.at == step.at)?;
                let stored = later.stored.get(place)?.as_ref()?;
                let gone = matches!(later.change.steps[place].edit, Edit::Delete { .. });
                (gone || stored.after.is_some()).then_some((step, stored.after.as_ref()))
            });
            let mut fallen = steps.filter(|(step, now)| !stands(step, *now)).peekable();
            if fallen.peek().is_some() {
                let gone = fallen.any(|(_, now)| now.is_none());
                let instead = if gone { Instead::Nothing } else { Instead::Other };
                entry.stage = entry.stage.clone().after(&Fact::Replaced(instead));
                entry.counted.clear();
            }
        }
    }

    /// What was sent stays, and so does an undo that was refused before it was sent.
    fn forget(&mut self, id: ChangeId) {
        let refused = |entry: &Entry| entry.undoes.is_some() && matches!(entry.stage, Stage::Failed(_));
        self.entries.retain(|entry| entry.id != id || entry.sent.is_some() || refused(entry));
    }

    /// The user pressed Push (or Undo went straight on, or a push that was cut off is finished).
    pub fn sent(&mut self, id: ChangeId, now: Timestamp) {
        if self.pending == Some(id) {
            self.pending = None;
            self.set = ChangeSet::default();
        }
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.stage = Stage::Sent;
            entry.sent = Some(now);
            entry.run = None;
        }
    }

    /// Takes in one piece of news; late or repeated news does no harm.
    pub fn record(&mut self, id: ChangeId, fact: &Fact, now: Timestamp) {
        if let Fact::Remembered(past) = fact {
            self.remember(past);
        } else if let Some(at) = self.entries.iter().position(|entry| entry.id == id) {
            self.entries[at].record(fact, now);
            if matches!(fact, Fact::Accepted(_)) {
                self.replace(at);
            }
        }
    }
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;
