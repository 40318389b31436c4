//! The journal: what is on disk of every change before it is sent, so that a run that is cut off can be told
//! about and finished or undone by a later one. Here is what stands in it and how it is read; `cluster` keeps
//! the files.
//!
//! A file is of one run with one cluster (a long run has several), one line is one record, as JSON. A line
//! that was cut off, or that a later version wrote, is passed over. Only specs of kinds that can be edited are
//! kept, and what names their version; no Secret is ever an object of a change, and what kubectl notes of whole
//! objects is left out, save where an undo puts a whole block of annotations back. Of a workload, whose template
//! may hold secrets, only the few places are kept that may be written.

mod form;
mod record;

pub use record::{Cluster, Opening, Record};

use crate::change::Change;
use crate::change_id::ChangeId;
use crate::ledger::{Fact, Part};
use istio::Ref;
use jiff::{SignedDuration, Timestamp};

/// So long after it was sent a change of an earlier run is followed; later nobody waits for it any more.
pub const FOLLOWED: SignedDuration = SignedDuration::from_hours(1);

/// A change of an earlier run, as the journal has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Its name.
    pub id: ChangeId,
    /// When its run began.
    pub run: Timestamp,
    /// What it does.
    pub change: Change,
    /// The changes that were put together to it.
    pub parts: Vec<Part>,
    /// The change that it undoes.
    pub undoes: Option<ChangeId>,
    /// When it was sent.
    pub sent: Timestamp,
    /// What became of it.
    pub facts: Vec<(Timestamp, Fact)>,
}

impl Past {
    /// Whether its run ended while it was being written: nobody knows what is stored.
    pub fn is_open(&self) -> bool {
        let ends = |fact: &Fact| {
            matches!(fact, Fact::Accepted(_) | Fact::Refused(_) | Fact::Conflict { .. } | Fact::Left)
        };
        !self.facts.iter().any(|(_, fact)| ends(fact))
    }
}

/// One run, as one of its files has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// With which cluster, and when it began.
    pub opening: Opening,
    /// Everything after.
    pub records: Vec<Record>,
    /// Lines that could not be read.
    pub unread: usize,
}

impl Run {
    /// Reads a file; `None` when it does not begin as a journal does.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let opening = serde_json::from_str(lines.next()?).ok()?;
        // An empty one ends a line that could not be written whole.
        let lines = lines.filter(|line| !line.is_empty());
        let read: Vec<Option<Record>> = lines.map(|line| serde_json::from_str(line).ok()).collect();
        let unread = read.iter().filter(|record| record.is_none()).count();
        Some(Self { opening, records: read.into_iter().flatten().collect(), unread })
    }
}

/// The changes of these runs, the oldest first. A change of one run may have got its end in a later one.
pub fn past(runs: &[Run]) -> Vec<Past> {
    let mut all: Vec<Past> = Vec::new();
    for run in runs {
        for record in &run.records {
            match record {
                Record::Sent(sent) => all.extend(sent.past(run.opening.began)),
                Record::Tried { sent, problem } => all.extend(sent.past(run.opening.began).map(|past| {
                    let refused = Fact::Refused(problem.clone());
                    Past { facts: vec![(past.sent, refused)], ..past }
                })),
                Record::Told { id, at, fact } => {
                    let past = all.iter_mut().find(|past| past.id == *id);
                    let fact = past.as_ref().and_then(|past| fact.read(past));
                    if let (Some(past), Some(fact)) = (past, fact) {
                        past.facts.push((*at, fact));
                    }
                }
            }
        }
    }
    all.sort_by_key(|past| past.id);
    all
}

/// Those that were cut off and have come to no end since: nobody has finished, undone or left them.
pub fn cut_off(past: &[Past]) -> impl Iterator<Item = &Past> {
    let undone = |id: ChangeId| {
        let undo = past.iter().filter(move |other| other.undoes == Some(id));
        undo.flat_map(|undo| &undo.facts).any(|(_, fact)| matches!(fact, Fact::Accepted(_)))
    };
    past.iter().filter(move |past| past.is_open() && !undone(past.id))
}

/// Those that are stored, and of which nobody knows yet whether the proxies took them. Nothing later writes
/// their objects.
pub fn unconfirmed(past: &[Past]) -> impl Iterator<Item = &Past> {
    let ends = |fact: &Fact| {
        matches!(
            fact,
            Fact::Live
                | Fact::Replaced(_)
                | Fact::Refused(_)
                | Fact::Conflict { .. }
                | Fact::Left
                | Fact::PutBack(_)
        )
    };
    let stored = move |past: &&Past| {
        past.facts.iter().any(|(_, fact)| matches!(fact, Fact::Accepted(_)))
            && !past.facts.iter().any(|(_, fact)| ends(fact))
    };
    let writes = |past: &Past, at: &Ref| past.change.steps.iter().any(|step| step.at == *at);
    let later = move |one: &Past| {
        let mut others = past.iter().filter(|other| other.id > one.id);
        others.any(|other| one.change.steps.iter().any(|step| writes(other, &step.at)))
    };
    past.iter().filter(stored).filter(move |past| !later(past))
}

/// A record as a line of the file.
///
/// # Errors
/// When it cannot be written as JSON: then it is not in the journal.
pub fn line(record: &impl serde::Serialize) -> serde_json::Result<String> {
    serde_json::to_string(record).map(|text| text + "\n")
}

#[cfg(test)]
mod tests;
