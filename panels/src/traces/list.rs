//! The list of found traces: sortable, searchable, as many as there are.

use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::{Status, fmt};
use egui::Ui;
use jiff::Timestamp;
use mesh::trace::{Middles, Summary};

const COLUMNS: &[Column] = &[
    Column::text("Trace", 1.25),
    Column::text("Begins at", 2.6),
    Column::text("What went wrong", 1.6),
    Column::number("Duration", 0.9),
    Column::number("Spans", 0.7).spare(),
    Column::number("Services", 0.7).spare(),
    Column::number("When", 1.1),
];

/// "3f2a0000…": enough of an id to know it again.
pub(super) fn short_id(id: &str) -> String {
    let short: String = id.chars().take(8).collect();
    if short.len() < id.len() { format!("{short}…") } else { short }
}

/// A trace in words, with plain spaces as screen readers and searches want them: "trace 3f2a… productpage 12
/// ms, 8 spans, 1 error".
pub(super) fn in_words(summary: &Summary) -> String {
    let service = summary.service.split('.').next().unwrap_or(&summary.service);
    let errors = match summary.errors {
        0 => String::new(),
        errors => format!(", {}", fmt::counted(errors, "error", "errors")),
    };
    let took = fmt::ms(summary.duration_us as f64 / 1000.0);
    let words = format!(
        "trace {} {service} {took}, {}{errors}",
        short_id(&summary.id),
        fmt::counted(summary.spans, "span", "spans")
    );
    words.replace(fmt::THIN, " ")
}

struct Found<'a> {
    summaries: &'a [Summary],
    middles: &'a Middles,
    now: Timestamp,
}

impl Found<'_> {
    /// What went wrong, and whether it is slower than usual.
    fn wrong(&self, summary: &Summary) -> String {
        let slow = self.middles.exceeds(summary).then(|| "slower than usual".to_owned());
        summary.trouble.clone().into_iter().chain(slow).collect::<Vec<_>>().join(", ")
    }
}

impl Rows for Found<'_> {
    fn len(&self) -> usize {
        self.summaries.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(summary) = self.summaries.get(row) else { return Cell::default() };
        match column {
            0 => Cell {
                status: Some(if summary.errors > 0 { Status::Failing } else { Status::Healthy }),
                ..Cell::text(short_id(&summary.id))
            },
            1 => Cell::text(format!(
                "{} · {}",
                summary.service.split('.').next().unwrap_or_default(),
                summary.operation
            )),
            2 => Cell::text(self.wrong(summary)),
            3 => Cell::number(summary.duration_us as f64, fmt::ms(summary.duration_us as f64 / 1000.0)),
            4 => Cell::number(summary.spans as f64, fmt::count(summary.spans)),
            5 => Cell::number(summary.services.len() as f64, fmt::count(summary.services.len())),
            _ => Cell::number(
                summary.start_us as f64,
                began(summary.start_us).map_or_else(String::new, |at| fmt::ago(self.now, at)),
            ),
        }
    }

    fn name(&self, row: usize) -> Option<String> {
        let summary = self.summaries.get(row)?;
        let slow = if self.middles.exceeds(summary) { ", slower than usual" } else { "" };
        Some(in_words(summary) + slow)
    }
}

/// When a trace began.
pub(super) fn began(start_us: u64) -> Option<Timestamp> {
    Timestamp::from_microsecond(i64::try_from(start_us).ok()?).ok()
}

/// Draws the list. Returns the trace that was clicked, and the list as CSV if that was asked for.
pub(super) fn ui(
    ui: &mut Ui,
    state: &mut table::State,
    (summaries, middles): (&[Summary], &Middles),
    revision: u64,
    now: Timestamp,
    chosen: Option<usize>,
) -> (Option<usize>, Option<String>) {
    let done =
        table::table(ui, "traces", state, COLUMNS, &Found { summaries, middles, now }, revision, chosen);
    (done.clicked, done.csv)
}
