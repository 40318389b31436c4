//! The events of all spans as one log.

use super::derived::Parts;
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::{fmt, icon, remote};
use egui::Ui;
use mesh::trace::{Event, Opened};

const COLUMNS: &[Column] = &[
    Column::number("After", 0.7),
    Column::text("Service", 0.9),
    Column::text("Event", 1.2),
    Column::text("Fields", 2.6),
];

/// The log.
#[derive(Default)]
pub(super) struct Log {
    table: table::State,
}

impl Log {
    /// Draws it. Returns the row of the event that was clicked.
    pub(super) fn ui(&mut self, ui: &mut Ui, opened: &Opened, parts: &Parts) -> Option<usize> {
        if parts.events.is_empty() {
            let how = "Spans of Envoy's have none. Applications write them with OpenTelemetry or Jaeger's libraries.";
            remote::empty(ui, icon::LIST_DASHES, "No events in this trace", how, None);
            return None;
        }
        let shown = Shown { opened, events: &parts.events };
        let done = table::table(ui, "events", &mut self.table, COLUMNS, &shown, parts.revision, None);
        Some(parts.events.get(done.clicked?)?.row)
    }
}

struct Shown<'a> {
    opened: &'a Opened,
    events: &'a [Event],
}

impl Rows for Shown<'_> {
    fn len(&self) -> usize {
        self.events.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let told = || {
            let event = self.events.get(row)?;
            let span = self.opened.span(event.row)?;
            let (_, fields) = span.logs().nth(event.number)?;
            Some(match column {
                0 => {
                    let after = event.at_us.saturating_sub(self.opened.tree.start_us);
                    Cell::number(after as f64, fmt::ms(after as f64 / 1000.0))
                }
                1 => Cell::text(span.short_service()),
                2 => Cell::text(fields.get("event").or_else(|| fields.get("message")).unwrap_or_default()),
                _ => {
                    let others = fields.iter().filter(|(name, _)| *name != "event");
                    let words: Vec<String> = others.map(|(name, value)| format!("{name}={value}")).collect();
                    Cell::text(words.join(" "))
                }
            })
        };
        told().unwrap_or_default()
    }
}
