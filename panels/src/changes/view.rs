//! What the journal says of our changes, as plain data.

use crate::cx::Cx;
use crate::kit::fmt;
use crate::words;
use jiff::Timestamp;
use mesh::ChangeId;
use mesh::ledger::Entry;
use serde::Serialize;

/// When something was done that is not: how old a draft is, nobody notes.
pub(super) const NOT_YET: &str = "not pushed";

/// What the ledger says, as plain data; the newest first.
#[derive(Debug, PartialEq, Serialize)]
pub struct View {
    /// One row per change.
    pub rows: Vec<Row>,
}

/// One change.
#[derive(Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its number.
    pub id: ChangeId,
    /// What it does.
    pub title: String,
    /// Its changes, where they are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Whose objects.
    pub objects: String,
    /// "5 s ago", "not pushed".
    pub when: String,
    /// "Live".
    pub stage: &'static str,
    /// "7 / 7 proxies", "2 / 2 pods ready".
    pub proxies: String,
    /// Time from Push to acknowledged, and to live.
    pub took: String,
    /// What calls showed: "v3 79 % (wanted 80 %) of 300 calls since then".
    pub measured: String,
    /// Why it failed or cannot be followed.
    pub trouble: String,
    /// Whether it can be undone.
    pub undo: bool,
    /// Whether it was taken back since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undone: bool,
    /// Whether it was cut off, so that it can be finished.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// The earlier run that made it, by when it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Timestamp>,
}

impl View {
    /// The rows of a ledger.
    pub fn of(cx: &Cx<'_>) -> Self {
        Self { rows: cx.changes.entries().iter().rev().map(|entry| Row::of(entry, cx)).collect() }
    }
}

impl Row {
    /// What is said of one change.
    pub fn of(entry: &Entry, cx: &Cx<'_>) -> Self {
        let now = cx.now;
        let undone = words::is_undone(entry, cx.changes);
        let (_, stage) = words::standing(entry, cx.changes);
        let acked = words::took(entry, now)
            .filter(|_| entry.acked.is_some())
            .map(|took| format!("acked {}", fmt::ms(took)));
        let live = words::to_live(entry).map(|took| format!("live {}", fmt::ms(took)));
        Self {
            id: entry.id,
            title: words::sentence(entry),
            parts: match entry.parts.as_slice() {
                [] | [_] => Vec::new(),
                several => several.iter().map(|part| part.title.clone()).collect(),
            },
            objects: words::objects(&entry.change),
            when: entry.sent.map_or_else(|| NOT_YET.to_owned(), |sent| fmt::ago(now, sent)),
            stage,
            proxies: words::taken(entry)
                .map(|(acked, of, who)| format!("{acked} / {of} {who}"))
                .unwrap_or_default(),
            took: acked.into_iter().chain(live).collect::<Vec<_>>().join(" · "),
            measured: words::measured(entry),
            trouble: words::problem(&entry.stage)
                .filter(|_| !undone)
                .map(|trouble| format!("{}: {}", trouble.what, trouble.why))
                .unwrap_or_default(),
            undo: words::can_undo(entry, cx.changes),
            undone,
            cut_off: words::is_cut_off(entry, cx.changes),
            run: entry.run,
        }
    }
}
