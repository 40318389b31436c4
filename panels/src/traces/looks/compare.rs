//! A trace against what is usual, or against another one: why it is slow, and what differs, the most first.

use super::derived::Parts;
use super::usual;
use crate::kit::field::{self, Choice};
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::theme::space;
use crate::kit::{Memo, Status, button, fmt, text};
use crate::traces::list::short_id;
use egui::Ui;
use mesh::trace::{Differs, Found, Opened, Pair, Shape, Sum, compare, same_kind};
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    Column::text("Call", 2.2),
    Column::text("What differs", 1.4),
    Column::number("Own time", 0.9),
    Column::number("There", 0.9),
    Column::number("Longer by", 0.9),
    Column::number("Calls", 0.7).spare(),
    Column::number("There", 0.7).spare(),
    Column::number("Failed", 0.7).spare(),
];

/// What it is held against.
#[derive(Default)]
pub(super) struct Compare {
    /// The id of another trace; else what is usual.
    with: Option<String>,
    pairs: Memo<(u64, usize), Vec<Pair>>,
    table: table::State,
}

impl Compare {
    /// Draws it. Returns the row that was asked for.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        opened: &Opened,
        parts: &Parts,
        found: Option<&Arc<Found>>,
    ) -> Option<usize> {
        let mut row = usual::ui(ui, opened, parts);
        ui.add_space(space::S);
        let others = others(opened, found);
        let mut with =
            self.with.as_ref().and_then(|id| others.iter().copied().find(|one| one.trace.id == *id));
        ui.horizontal_wrapped(|ui| {
            text::strong(ui, "Differences");
            if let Some(chosen) = choose(ui, parts, &others, with) {
                with = chosen.and_then(|at| others.get(at).copied());
                self.with = with.map(|one| one.trace.id.clone());
            }
        });
        let pairs: &[Pair] = match with {
            Some(other) => {
                let key = (parts.revision, Arc::as_ptr(other) as usize);
                self.pairs.get(key, |_| compare(&parts.shape, &Shape::of(other)))
            }
            None => &parts.pairs,
        };
        if pairs.is_empty() {
            text::note(ui, "Choose a trace to hold it against");
            return row;
        }
        let alike = pairs.iter().filter(|pair| pair.differs == Differs::Alike).count();
        let words = match pairs.len() - alike {
            0 => "Both take the same way, in about the same time".to_owned(),
            differ => format!(
                "{} of {} differ",
                fmt::count(differ),
                fmt::counted(pairs.len(), "kind of call", "kinds of calls")
            ),
        };
        text::note(ui, words);
        let revision = parts.revision << 8 ^ with.map_or(0, |other| Arc::as_ptr(other) as u64);
        let done = table::table(ui, "differences", &mut self.table, COLUMNS, &Shown(pairs), revision, None);
        row = row.or_else(|| pairs.get(done.clicked?)?.row);
        row
    }
}

/// Traces that it can be held against, those that begin alike first.
fn others<'a>(opened: &Opened, found: Option<&'a Arc<Found>>) -> Vec<&'a Arc<Opened>> {
    let all = found.map(|found| found.traces.iter()).into_iter().flatten();
    let other = |one: &&Arc<Opened>| one.is_whole() && one.trace.id != opened.trace.id;
    let mut others: Vec<&Arc<Opened>> = all.filter(other).collect();
    others.sort_by_key(|one| !same_kind(&one.summary, &opened.summary));
    others
}

/// Draws the choice: `Some(None)` is what is usual.
fn choose(
    ui: &mut Ui,
    parts: &Parts,
    others: &[&Arc<Opened>],
    with: Option<&Arc<Opened>>,
) -> Option<Option<usize>> {
    let usual = parts
        .usual
        .as_ref()
        .map(|usual| format!("The usual of {}", fmt::counted(usual.traces, "trace", "traces")));
    let name = |one: &Opened| {
        let took = fmt::ms(one.summary.duration_us as f64 / 1000.0);
        format!("{} · {} · {took}", short_id(&one.summary.id), one.summary.operation)
    };
    let now =
        with.map(|one| name(one)).or_else(|| usual.clone()).unwrap_or_else(|| "Another trace".to_owned());
    let mut chosen = None;
    button::menu(ui, &now, "Compare with", |ui| {
        let usual_row = usual.iter().map(|label| Choice {
            label: label.clone(),
            chosen: with.is_none(),
            ..Choice::default()
        });
        let rows: Vec<Choice> = usual_row
            .chain(others.iter().map(|one| Choice {
                label: name(one),
                chosen: with.is_some_and(|with| Arc::ptr_eq(with, one)),
                ..Choice::default()
            }))
            .collect();
        if let Some(picked) = field::choices(ui, "trace", &rows) {
            chosen = Some(if usual.is_some() { picked.checked_sub(1) } else { Some(picked) });
            ui.close();
        }
    });
    chosen
}

struct Shown<'a>(&'a [Pair]);

impl Shown<'_> {
    fn words(pair: &Pair) -> &'static str {
        match pair.differs {
            Differs::OnlyHere => "only in this one",
            Differs::OnlyThere => "not in this one",
            Differs::Errors => "failures",
            Differs::Count => "number of calls",
            Differs::Slower => "slower",
            Differs::Faster => "faster",
            Differs::Alike => "alike",
        }
    }
}

impl Rows for Shown<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(pair) = self.0.get(row) else { return Cell::default() };
        let figure = |sum: Option<Sum>, of: fn(Sum) -> f64, text: fn(f64) -> String| {
            sum.map_or_else(|| Cell::number(-1.0, "–"), |sum| Cell::number(of(sum), text(of(sum))))
        };
        let time = |us: f64| fmt::ms(us / 1000.0);
        let whole = |count: f64| fmt::count(count as usize);
        match column {
            0 => Cell::text(pair.name.clone()),
            1 => Cell {
                status: Some(match pair.differs {
                    Differs::Errors | Differs::OnlyThere => Status::Failing,
                    Differs::OnlyHere | Differs::Slower | Differs::Count => Status::Degraded,
                    Differs::Faster | Differs::Alike => Status::Healthy,
                }),
                ..Cell::text(Self::words(pair))
            },
            2 => figure(pair.here, |sum| sum.self_us, time),
            3 => figure(pair.there, |sum| sum.self_us, time),
            4 => {
                let longer = pair.longer_us();
                // What is less than can be told is nothing.
                let text = match longer {
                    hardly if hardly.abs() < 50.0 => "–".to_owned(),
                    less if less < 0.0 => format!("−{}", time(-less)),
                    more => format!("+{}", time(more)),
                };
                Cell::number(longer, text)
            }
            5 => figure(pair.here, |sum| sum.count, whole),
            6 => figure(pair.there, |sum| sum.count, whole),
            _ => figure(pair.here, |sum| sum.errors, whole),
        }
    }

    fn name(&self, row: usize) -> Option<String> {
        let pair = self.0.get(row)?;
        let sign = if pair.longer_us() < 0.0 { "-" } else { "+" };
        let longer = fmt::ms(pair.longer_us().abs() / 1000.0);
        Some(format!("{}: {}, {sign}{longer}", pair.name, Self::words(pair)).replace(fmt::THIN, " "))
    }
}
