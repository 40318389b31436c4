//! The lines of the journal's table: what we did and what others wrote, by time or grouped by object.

use super::view::NOT_YET;
use crate::cx::Cx;
use crate::kit::table::{Cell, Column, Rows};
use crate::kit::{Memo, Status, fmt};
use crate::words;
use jiff::{SignedDuration, Timestamp};
use mesh::ChangeId;
use mesh::incidents::{Incident, Sort};
use mesh::ledger::{Entry, Ledger};
use mesh::writes::{Deed, MANAGER, Write};
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Whose lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Whose {
    /// All.
    #[default]
    Everyone,
    /// Changes of this window and of earlier runs.
    Ours,
    /// kubectl's, controllers', other windows'.
    Others,
    /// What happened without anybody writing: restarts, rollouts, Events.
    Cluster,
}

impl Whose {
    pub(super) const ALL: [Self; 4] = [Self::Everyone, Self::Ours, Self::Others, Self::Cluster];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Everyone => "Everyone",
            Self::Ours => "Binnacle",
            Self::Others => "Others",
            Self::Cluster => "Cluster",
        }
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A change of the ledger.
    Change(ChangeId),
    /// A write of somebody else, by its place among those that were heard of.
    Write(usize),
    /// Something that happened, by what tells it from all others.
    Incident(u64),
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) of: Of,
    pub(super) time: Timestamp,
    /// Whether it was done then; a draft was not.
    pub(super) done: bool,
    pub(super) who: String,
    /// The object; of a change that is told once, all of them.
    pub(super) object: String,
    pub(super) what: String,
    pub(super) state: &'static str,
    pub(super) status: Option<Status>,
    pub(super) proxies: String,
}

/// Columns of lines that stand under their object.
pub(super) const UNDER: &[Column] = &[
    Column::number("When", 0.9),
    Column::text("Who", 1.3),
    Column::text("What", 4.0),
    Column::text("State", 1.1),
    Column::text("Proxies", 1.0).spare(),
];
/// Columns of lines by time.
pub(super) const ALONE: &[Column] = &[
    Column::number("When", 0.9),
    Column::text("Who", 1.3),
    Column::text("Object", 2.0),
    Column::text("What", 3.0),
    Column::text("State", 1.1),
    Column::text("Proxies", 1.0).spare(),
];

/// The table's rows.
pub(super) struct Lines<'a> {
    pub(super) all: &'a [Line],
    pub(super) by_object: bool,
    pub(super) now: Timestamp,
}

impl Rows for Lines<'_> {
    fn len(&self) -> usize {
        self.all.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(line) = self.all.get(row) else { return Cell::default() };
        // Under its object, a line does not name it again.
        let column = if self.by_object && column >= 2 { column + 1 } else { column };
        match column {
            0 => {
                let ago = if line.done { fmt::ago(self.now, line.time) } else { NOT_YET.to_owned() };
                Cell::number(line.time.as_microsecond() as f64, ago)
            }
            1 => Cell::text(line.who.clone()),
            2 => Cell::text(line.object.clone()),
            3 => Cell::text(line.what.clone()),
            4 => Cell { status: line.status, ..Cell::text(line.state) },
            _ => Cell::text(line.proxies.clone()),
        }
    }

    fn group(&self, row: usize) -> Option<&str> {
        self.all.get(row).filter(|_| self.by_object).map(|line| line.object.as_str())
    }

    fn name(&self, row: usize) -> Option<String> {
        let line = self.all.get(row)?;
        let state = if line.state.is_empty() { String::new() } else { format!(": {}", line.state) };
        Some(format!("{}, {}, {}{state}", line.what, line.object, line.who))
    }
}

/// Which of the writes that were heard of are nobody's of the ledger; found out when there are new ones.
#[derive(Default)]
pub(super) struct Foreign(Memo<(usize, usize, u64), Vec<usize>>);

impl Foreign {
    pub(super) fn of(&mut self, cx: &Cx<'_>) -> &[usize] {
        let writes = &cx.scene.writes;
        let key = (Arc::as_ptr(writes) as usize, writes.len(), stamp(cx.changes));
        self.0.get(key, |_| {
            let theirs = writes.iter().enumerate().filter(|(_, write)| !write.is_ours(cx.changes));
            theirs.map(|(place, _)| place).collect()
        })
    }
}

/// Changes when a change of the ledger comes further.
pub(crate) fn stamp(ledger: &Ledger) -> u64 {
    let mut hasher = DefaultHasher::new();
    for entry in ledger.entries() {
        entry.id.hash(&mut hasher);
        entry.sent.hash(&mut hasher);
        std::mem::discriminant(&entry.stage).hash(&mut hasher);
        entry.stored.iter().filter(|stored| stored.is_some()).count().hash(&mut hasher);
    }
    hasher.finish()
}

/// All lines, the newest first.
pub(super) fn lines(
    cx: &Cx<'_>,
    foreign: &[usize],
    incidents: &[Incident],
    whose: Whose,
    by_object: bool,
) -> Vec<Line> {
    let mut all = Vec::new();
    if matches!(whose, Whose::Everyone | Whose::Ours) {
        for entry in cx.changes.entries() {
            let line = ours(entry, cx);
            if by_object {
                let steps = entry.change.steps.iter();
                all.extend(steps.map(|step| Line { object: step.at.to_string(), ..line.clone() }));
            } else {
                all.push(line);
            }
        }
    }
    if matches!(whose, Whose::Everyone | Whose::Others) {
        let write = |place: &usize| cx.scene.writes.get(*place).map(|write| theirs(*place, write));
        all.extend(foreign.iter().filter_map(write));
    }
    if matches!(whose, Whose::Everyone | Whose::Cluster) {
        // What is older, and Events that warn of nothing, are shown where nothing else is.
        let recent = cx.now - SignedDuration::from_hours(24);
        let shown = |one: &&Incident| whose == Whose::Cluster || one.sort != Sort::Event && one.when > recent;
        all.extend(incidents.iter().filter(shown).map(happened));
    }
    all.sort_by_key(|line| std::cmp::Reverse(line.time));
    all
}

/// What tells one thing that happened from all others.
pub(super) fn which(incident: &Incident) -> u64 {
    let mut hasher = DefaultHasher::new();
    (incident.when, incident.sort, &incident.object, &incident.what).hash(&mut hasher);
    hasher.finish()
}

fn happened(incident: &Incident) -> Line {
    let bad = matches!(incident.sort, Sort::Restart | Sort::Warning);
    Line {
        of: Of::Incident(which(incident)),
        time: incident.when,
        done: true,
        who: incident.by.clone(),
        object: incident.object.clone(),
        what: incident.what.clone(),
        state: if bad { "Warning" } else { "" },
        status: bad.then_some(Status::Degraded),
        proxies: String::new(),
    }
}

fn ours(entry: &Entry, cx: &Cx<'_>) -> Line {
    let (status, state) = words::standing(entry, cx.changes);
    let names: Vec<String> = entry.change.steps.iter().map(|step| step.at.to_string()).collect();
    Line {
        of: Of::Change(entry.id),
        time: entry.sent.unwrap_or(entry.asked),
        done: entry.sent.is_some(),
        who: if entry.run.is_some() { "Binnacle, earlier run" } else { "Binnacle" }.to_owned(),
        object: names.join(", "),
        what: words::sentence(entry),
        state,
        status: Some(status),
        proxies: words::taken(entry).map(|(acked, of, _)| format!("{acked} / {of}")).unwrap_or_default(),
    }
}

fn theirs(place: usize, write: &Write) -> Line {
    Line {
        of: Of::Write(place),
        // By this clock, as ours are; the server's tells whole seconds only.
        time: if write.deed == Deed::Before { write.when } else { write.heard },
        done: true,
        who: who(write),
        object: write.at.to_string(),
        what: deed(write),
        state: "",
        status: None,
        proxies: String::new(),
    }
}

/// Who has written.
pub(super) fn who(write: &Write) -> String {
    match write.by.as_deref() {
        Some(MANAGER) => "Binnacle elsewhere".to_owned(),
        Some(manager) => manager.to_owned(),
        None => "not told".to_owned(),
    }
}

/// What was done, in one line.
pub(super) fn deed(write: &Write) -> String {
    let places = write.what.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = write.what.len().saturating_sub(3);
    let places = if more > 0 { format!("{places} and {more} more") } else { places };
    match write.deed {
        Deed::Created => "created".to_owned(),
        Deed::Changed => places,
        Deed::Deleted => "deleted".to_owned(),
        Deed::Before if places.is_empty() => "wrote it before we looked".to_owned(),
        Deed::Before => format!("wrote {places} before we looked"),
    }
}
