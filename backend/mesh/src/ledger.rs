//! The ledger: every change of this run, how far it has come, and its undo.

use crate::change::Change;
use crate::change_id::ChangeId;
use crate::evidence::Measured;
use istio::{Object, Problem};
use jiff::Timestamp;
use serde::Serialize;

/// How far a change has come. Nothing is called done at HTTP 200.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Stage {
    /// Being judged by the server (dry run).
    Checking,
    /// The dry run went through; the server's warnings.
    Checked(Vec<String>),
    /// Being written.
    Sent,
    /// Stored by the API server.
    Accepted,
    /// Our watch shows it.
    Seen,
    /// Acknowledged by `acked` of `of` affected proxies.
    Synced {
        /// Proxies that acknowledged it.
        acked: usize,
        /// Proxies that it affects.
        of: usize,
    },
    /// The proxies' configuration holds it.
    Live,
    /// Calls made since then agree with it.
    Measured(Measured),
    /// As far as we can know: some later stage cannot be seen, and why.
    Unknowable(Box<Stage>, Problem),
    /// Refused or failed; nothing was left half done, or the problem says what was.
    Failed(Problem),
}

/// News about one change, in order, from the one task that carries it out.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// The dry run went through, with these warnings of the server.
    Checked(Vec<String>),
    /// All steps are stored; the objects as the server returned them.
    Accepted(Vec<Object>),
    /// The watch shows all of it.
    Seen,
    /// So many of the affected proxies have acknowledged it; the names of those that have not yet.
    Acked {
        /// Count.
        acked: usize,
        /// Count.
        of: usize,
        /// Names.
        waiting: Vec<String>,
    },
    /// The affected proxies' configuration holds it.
    Live,
    /// Calls made since then agree with it.
    Measured(Measured),
    /// Refused, failed, or NACKed.
    Refused(Problem),
    /// Confirmation can go no further, and why ("no right to port-forward").
    Unknowable(Problem),
    /// Somebody else changed it first: the object as it is now.
    Conflict {
        /// What the server has now; `None` when it is gone.
        now: Option<Object>,
        /// The same in words.
        problem: Problem,
    },
}

/// One row of the ledger.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub id: ChangeId,
    /// What it does.
    pub change: Change,
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
    /// Affected proxies that have not acknowledged it yet.
    pub waiting: Vec<String>,
    /// Whether the server has stored it (or deleted what it deletes): then it can be undone.
    pub stored: bool,
    /// The objects as the server returned them; needed for undo.
    pub applied: Vec<Object>,
    /// What the server has instead, after a conflict.
    pub conflict: Option<Object>,
    /// The entry that this one undoes.
    pub undoes: Option<ChangeId>,
}

/// Every change of this run, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
}

impl Ledger {
    /// All entries, the oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
    /// One entry.
    pub fn get(&self, id: ChangeId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
    /// Adds a change that is about to be checked; one of the same id that was not sent gives way to it.
    pub fn open(&mut self, id: ChangeId, change: Change, undoes: Option<ChangeId>, now: Timestamp) {
        self.forget(id);
        self.entries.push(Entry {
            id,
            change,
            stage: Stage::Checking,
            asked: now,
            sent: None,
            acked: None,
            live: None,
            waiting: Vec::new(),
            stored: false,
            applied: Vec::new(),
            conflict: None,
            undoes,
        });
    }
    /// Takes out a change that was never sent (the user went on dragging, or dismissed it); one that was sent stays.
    pub fn forget(&mut self, id: ChangeId) {
        self.entries.retain(|entry| entry.id != id || entry.sent.is_some());
    }
    /// The user pressed Push (or Undo went straight on).
    pub fn sent(&mut self, id: ChangeId, now: Timestamp) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.stage = Stage::Sent;
            entry.sent = Some(now);
        }
    }
    /// Takes in one piece of news; late or repeated news does no harm.
    pub fn record(&mut self, id: ChangeId, fact: &Fact, now: Timestamp) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else { return };
        entry.stage = entry.stage.clone().after(fact);
        match fact {
            Fact::Accepted(objects) => {
                entry.stored = true;
                entry.applied.clone_from(objects);
            }
            Fact::Acked { acked, of, waiting } => {
                entry.waiting.clone_from(waiting);
                if acked == of && entry.acked.is_none() {
                    entry.acked = Some(now);
                }
            }
            Fact::Live if entry.live.is_none() => entry.live = Some(now),
            Fact::Conflict { now: object, .. } => entry.conflict.clone_from(object),
            _ => {}
        }
    }
}

impl Stage {
    /// The stage after a fact. Ends stay ends, and no stage goes back.
    #[must_use]
    pub fn after(self, fact: &Fact) -> Self {
        match (self, fact) {
            (end @ (Self::Measured(_) | Self::Failed(_)), _) => end,
            (_, Fact::Refused(problem) | Fact::Conflict { problem, .. }) => Self::Failed(problem.clone()),
            (Self::Checking, Fact::Checked(warnings)) => Self::Checked(warnings.clone()),
            (Self::Sent, Fact::Accepted(_)) => Self::Accepted,
            (Self::Accepted, Fact::Seen) => Self::Seen,
            (Self::Accepted | Self::Seen | Self::Synced { .. }, Fact::Acked { acked, of, .. }) => {
                Self::Synced { acked: *acked, of: *of }
            }
            (Self::Synced { acked, of }, Fact::Live) if acked == of => Self::Live,
            (Self::Live, Fact::Measured(measured)) => Self::Measured(measured.clone()),
            (
                stage @ (Self::Accepted | Self::Seen | Self::Synced { .. } | Self::Live),
                Fact::Unknowable(problem),
            ) => Self::Unknowable(Box::new(stage), problem.clone()),
            (stage, _) => stage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem::new("what", "why", "next")
    }

    fn acked(acked: usize) -> Fact {
        Fact::Acked { acked, of: 2, waiting: Vec::new() }
    }

    #[track_caller]
    fn check(from: Stage, facts: &[Fact], expect: Stage) {
        assert_eq!(facts.iter().fold(from, |stage, fact| stage.after(fact)), expect);
    }

    #[test]
    fn the_way_of_a_change() {
        let measured = Measured { calls: 37, parts: Vec::new() };
        let last = Fact::Measured(measured.clone());
        let all = [Fact::Accepted(Vec::new()), Fact::Seen, acked(1), acked(2), Fact::Live, last];
        check(Stage::Sent, &all, Stage::Measured(measured));
        check(Stage::Sent, &all[..3], Stage::Synced { acked: 1, of: 2 });
        check(Stage::Checking, &[Fact::Checked(vec!["w".into()])], Stage::Checked(vec!["w".into()]));
    }

    #[test]
    fn late_and_early_facts_do_no_harm() {
        check(Stage::Sent, &[Fact::Live, Fact::Measured(Measured::default()), Fact::Seen], Stage::Sent);
        check(Stage::Accepted, &[acked(1), Fact::Live], Stage::Synced { acked: 1, of: 2 });
        check(Stage::Live, &[acked(1), Fact::Seen, Fact::Accepted(Vec::new())], Stage::Live);
        let measured = Stage::Measured(Measured::default());
        check(measured.clone(), &[Fact::Refused(problem())], measured);
        check(Stage::Failed(problem()), &[Fact::Live, acked(2)], Stage::Failed(problem()));
    }

    #[test]
    fn what_cannot_be_known_keeps_what_was_known() {
        let known = Stage::Unknowable(Box::new(Stage::Seen), problem());
        check(Stage::Seen, &[Fact::Unknowable(problem())], known.clone());
        check(known.clone(), &[Fact::Seen], known.clone());
        check(known, &[Fact::Refused(problem())], Stage::Failed(problem()));
    }

    #[test]
    fn times_are_of_the_first_time() {
        let change = crate::edit::mtls(
            &crate::demo::bookinfo(),
            &crate::edit::Scope::Mesh,
            Some(crate::edit::Mode::Strict),
        )
        .unwrap();
        let ledger = crate::demo::ledger([change.clone(), change.clone(), change]);
        let stages: Vec<&Stage> = ledger.entries().iter().map(|entry| &entry.stage).collect();
        assert!(
            matches!(stages[..], [Stage::Measured(_), Stage::Synced { acked: 5, of: 6 }, Stage::Failed(_)]),
            "{stages:?}"
        );
        let entry = ledger.get(ChangeId(1)).unwrap();
        assert!(
            entry.stored
                && entry.asked < entry.sent.unwrap()
                && entry.sent < entry.acked
                && entry.acked < entry.live
        );
        assert_eq!(ledger.get(ChangeId(2)).unwrap().waiting.len(), 1);
        assert!(!ledger.get(ChangeId(3)).unwrap().stored, "what failed was not stored");
    }
}
