//! Groups of found traces in a table.

use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::{Status, fmt};
use egui::Ui;
use mesh::trace::Group;

const COLUMNS: &[Column] = &[
    Column::text("Group", 3.2),
    Column::number("Traces", 0.7),
    Column::number("With errors", 0.8),
    Column::number("p50", 0.8),
    Column::number("p95", 0.8).spare(),
    Column::number("Longest", 0.8),
];

/// Draws them. Returns the one that was clicked, and all as CSV if that was asked for.
pub(super) fn ui(
    ui: &mut Ui,
    state: &mut table::State,
    groups: &[Group],
    revision: u64,
) -> (Option<usize>, Option<String>) {
    let done = table::table(ui, "groups", state, COLUMNS, &Shown(groups), revision, None);
    (done.clicked, done.csv)
}

struct Shown<'a>(&'a [Group]);

impl Rows for Shown<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(group) = self.0.get(row) else { return Cell::default() };
        let time = |us: u64| Cell::number(us as f64, fmt::ms(us as f64 / 1000.0));
        match column {
            0 => Cell {
                status: Some(if group.failed > 0 { Status::Failing } else { Status::Healthy }),
                ..Cell::text(group.name.clone())
            },
            1 => Cell::number(group.traces.len() as f64, fmt::count(group.traces.len())),
            2 => Cell::number(group.failed as f64, fmt::count(group.failed)),
            3 => time(group.stats.p50),
            4 => time(group.stats.p95),
            _ => time(group.stats.max),
        }
    }

    fn name(&self, row: usize) -> Option<String> {
        let group = self.0.get(row)?;
        Some(format!("group {}: {}", group.name, fmt::counted(group.traces.len(), "trace", "traces")))
    }
}
