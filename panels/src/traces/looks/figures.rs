//! Services and operations of a trace in a table: how many calls, how long, what was waited for.

use super::derived::Parts;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::{Button, Status, fmt};
use egui::Ui;
use mesh::trace::Figures;

const COLUMNS: &[Column] = &[
    Column::text("Service", 1.2),
    Column::text("Operation", 1.8),
    Column::number("Calls", 0.6),
    Column::number("Failed", 0.6),
    Column::number("Own time", 0.9),
    Column::number("Waited for", 0.9),
    Column::number("p50", 0.8).spare(),
    Column::number("p95", 0.8).spare(),
    Column::number("Longest", 0.9),
];

/// The same without the operation.
const SERVICES: &[Column] = &[
    Column::text("Service", 1.8),
    Column::number("Calls", 0.6),
    Column::number("Failed", 0.6),
    Column::number("Own time", 0.9),
    Column::number("Waited for", 0.9),
    Column::number("p50", 0.8).spare(),
    Column::number("p95", 0.8).spare(),
    Column::number("Longest", 0.9),
];

/// The table, and of what it is.
#[derive(Default)]
pub(super) struct Table {
    operations: bool,
    table: table::State,
}

impl Table {
    /// Draws it. Returns the row of the longest span of what was clicked.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, parts: &Parts) -> Option<usize> {
        ui.horizontal(|ui| {
            for (operations, name) in [(false, "By service"), (true, "By operation")] {
                if ui.add(Button::quiet(name).selected(self.operations == operations)).clicked() {
                    self.operations = operations;
                }
            }
        });
        let figures = if self.operations { &parts.operations } else { &parts.services };
        let revision = parts.revision * 2 + u64::from(self.operations);
        let shown = Shown { figures, operations: self.operations };
        let columns = if self.operations { COLUMNS } else { SERVICES };
        let done = table::table(ui, "statistics", &mut self.table, columns, &shown, revision, None);
        if let Some(csv) = done.csv {
            cx.intents.send(Intent::Copy(csv, "statistics as CSV".into()));
        }
        Some(figures.get(done.clicked?)?.row)
    }
}

struct Shown<'a> {
    figures: &'a [Figures],
    operations: bool,
}

impl Rows for Shown<'_> {
    fn len(&self) -> usize {
        self.figures.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(of) = self.figures.get(row) else { return Cell::default() };
        let column = if self.operations || column == 0 { column } else { column + 1 };
        let time = |us: u64| Cell::number(us as f64, fmt::ms(us as f64 / 1000.0));
        match column {
            0 => Cell {
                status: Some(if of.errors > 0 { Status::Failing } else { Status::Healthy }),
                ..Cell::text(of.service.split('.').next().unwrap_or_default())
            },
            1 => Cell::text(of.operation.clone().unwrap_or_default()),
            2 => Cell::number(of.stats.count as f64, fmt::count(of.stats.count)),
            3 => Cell::number(of.errors as f64, fmt::count(of.errors)),
            4 => time(of.self_us),
            5 => time(of.critical_us),
            6 => time(of.stats.p50),
            7 => time(of.stats.p95),
            _ => time(of.stats.max),
        }
    }

    fn name(&self, row: usize) -> Option<String> {
        let of = self.figures.get(row)?;
        let what = of.operation.as_deref().unwrap_or("all operations");
        let own = fmt::ms(of.self_us as f64 / 1000.0);
        let calls = fmt::counted(of.stats.count, "call", "calls");
        Some(format!("{} {what}: {calls}, {own} of their own", of.service).replace(fmt::THIN, " "))
    }
}
