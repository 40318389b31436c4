//! A proxy beside another one, or beside what it held before: what only one of them has, and what differs.

use super::kept::Reading;
use super::raw::{Raw, told};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::aside::Aside;
use crate::kit::diff::diff;
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::theme::space;
use crate::kit::{Button, Memo, Status, Tokens, fmt, icon, remote, text};
use egui::{Label, RichText, ScrollArea, Ui, UiBuilder, vec2};
use jiff::Timestamp;
use mesh::dump::compare::{self, Compared, Difference, Is, PARTS};
use mesh::dump::{Dump, Entry, Part};
use mesh::{Read, Remote};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Longer texts are not laid beside each other line by line.
const LONG: usize = 60_000;
/// So many are named that differ alike.
const NAMED: usize = 20;
/// What has fewer entries, and less text in them, is compared in the frame that asks for it.
const FEW: (usize, usize) = (40, 60_000);

/// What it is compared with.
#[derive(Clone)]
pub(super) enum With {
    Proxy(String),
    Earlier(Reading),
}

/// What was compared, and what came of it.
struct Made {
    /// In the order of the comparison.
    dumps: [Arc<Dump>; 2],
    all: Compared,
}

/// What a difference is of, what it is called, and whether it is one of order.
type Known = (Part, String, bool);

/// Both texts of a difference of two readings.
type Texts = Memo<([Timestamp; 2], Known), [String; 2]>;

/// The comparison.
pub(super) struct Beside {
    with: With,
    made: Aside<[Timestamp; 2], Made>,
    part: Option<Part>,
    table: table::State,
    /// By what it is of and what it is called: it stays when a proxy is read again.
    chosen: Option<Known>,
    texts: Texts,
    raw: Raw,
}

impl Beside {
    pub(super) fn of(with: With) -> Self {
        Self {
            with,
            made: Aside::default(),
            part: None,
            table: table::State::default(),
            chosen: None,
            texts: Memo::default(),
            raw: Raw::default(),
        }
    }

    /// Draws it beside this reading of a proxy. Returns whether it is done with.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, proxy: &str, now: &Reading) -> bool {
        let mut done = false;
        ui.horizontal_wrapped(|ui| {
            let with = match &self.with {
                With::Proxy(other) => format!("Compared with {other}"),
                With::Earlier(reading) => {
                    let time = reading.at.strftime("%H:%M:%S");
                    format!("Compared with itself {} ({time} UTC)", fmt::ago(cx.now, reading.at))
                }
            };
            text::medium(ui, with);
            done = ui.add(Button::quiet("Stop comparing").with_icon(icon::X)).clicked();
        });
        let (readings, sides) = match &self.with {
            With::Earlier(then) => {
                let sides = ["it then".to_owned(), "it now".to_owned()];
                ([then.clone(), now.clone()], sides)
            }
            With::Proxy(other) => {
                let Some(there) = read(ui, cx, other) else { return done };
                ([now.clone(), there], [proxy.to_owned(), other.clone()])
            }
        };
        let key = [readings[0].at, readings[1].at];
        let dumps = readings.map(|reading| reading.dump);
        let few = dumps.iter().all(|dump| is_small(dump));
        let make = move || {
            let all = Compared::of(&dumps[0], &dumps[1]);
            Made { dumps, all }
        };
        let Some(made) = self.made.get(ui.ctx(), key, few, make) else {
            remote::waiting(ui, "Comparing");
            return done;
        };
        summary(ui, made, &mut self.part, &mut self.table);
        if made.all.differences.is_empty() {
            text::muted(ui, "What is compared is the same");
            return done;
        }
        let wanted = |one: &&Difference| self.part.is_none_or(|part| one.part == part);
        let rows: Vec<&Difference> = made.all.differences.iter().filter(wanted).collect();
        let lines = Lines { rows: &rows, sides: &sides };
        let row = self.chosen.as_ref().and_then(|chosen| rows.iter().position(|one| known(one) == *chosen));
        let all = ui.available_rect_before_wrap();
        let height = row.map_or(0.0, |_| (all.height() * 0.5).clamp(120.0, 480.0));
        let (list, below) = all.split_top_bottom_at_y((all.bottom() - height).max(all.top()));
        let mut above = ui.new_child(UiBuilder::new().max_rect(list));
        let mut hasher = DefaultHasher::new();
        (key, self.part).hash(&mut hasher);
        let clicked = {
            let done = table::table(
                &mut above,
                "differences",
                &mut self.table,
                COLUMNS,
                &lines,
                hasher.finish(),
                row,
            );
            if let Some(csv) = done.csv {
                cx.intents.send(Intent::Copy(csv, "Differences as CSV".to_owned()));
            }
            done.clicked.and_then(|row| rows.get(row)).map(|one| known(one))
        };
        if let Some(one) = row.and_then(|row| rows.get(row)) {
            ui.painter().hline(below.x_range(), below.top(), Tokens::of(ui).hairline());
            let below = below.shrink2(vec2(0.0, space::S));
            let mut below = ui.new_child(UiBuilder::new().max_rect(below));
            let key = (key, known(one));
            beside(&mut below, cx, made, one, key, &mut self.texts, &mut self.raw);
        }
        if let Some(clicked) = clicked {
            self.chosen = (self.chosen.as_ref() != Some(&clicked)).then_some(clicked);
        }
        done
    }
}

/// What the other proxy holds; says why where that is not known.
fn read(ui: &mut Ui, cx: &Cx<'_>, other: &str) -> Option<Reading> {
    match cx.reads.inside(other) {
        Remote::Waiting => {
            remote::waiting(ui, &format!("Waiting for {other}"));
            None
        }
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.reads.again(Read::Inside(other.to_owned()));
            }
            None
        }
        Remote::Live(dump, at) => Some(Reading { at, dump }),
        Remote::Stale(dump, at, trouble) => {
            remote::stale(ui, &fmt::ago(cx.now, at), &trouble.what, &trouble.why, &trouble.next);
            Some(Reading { at, dump })
        }
    }
}

fn is_small(dump: &Dump) -> bool {
    let (entries, letters) = FEW;
    dump.entries.len() <= entries
        && dump.entries.iter().map(|entry| entry.raw.len()).sum::<usize>() <= letters
}

fn known(one: &Difference) -> Known {
    (one.part, one.title.clone(), one.is == Is::Ordered)
}

/// How many differences there are, of what; a click leaves only those of a part.
fn summary(ui: &mut Ui, made: &Made, chosen: &mut Option<Part>, table: &mut table::State) {
    let all = &made.all;
    let same = fmt::counted(all.same, "entry is", "entries are");
    text::note(ui, format!("{same} the same. Statistics and certificates are not compared"));
    for (part, why) in &all.unknown {
        text::muted(ui, format!("{} are not compared: not known of both: {why}", part.name()));
    }
    if all.unread > 0 {
        text::muted(ui, format!("{} could not be read", fmt::counted(all.unread, "entry", "entries")));
    }
    ui.horizontal_wrapped(|ui| {
        let of = |part: Part| {
            all.differences.iter().filter(|one| one.part == part).map(Difference::count).sum::<usize>()
        };
        let parts = PARTS.into_iter().map(|part| (Some(part), part.name(), of(part)));
        let whole =
            std::iter::once((None, "All differences", all.differences.iter().map(Difference::count).sum()));
        for (part, name, count) in whole.chain(parts) {
            if count == 0 && part.is_some() {
                continue;
            }
            let label = format!("{name} {}", fmt::count(count));
            if ui.add(Button::quiet(label).named(name).selected(*chosen == part)).clicked() {
                (*chosen, *table) = (part, table::State::default());
            }
        }
    });
}

/// One difference: each field, and both texts; or the text of what only one of them has.
fn beside(
    ui: &mut Ui,
    cx: &Cx<'_>,
    made: &Made,
    one: &Difference,
    key: ([Timestamp; 2], Known),
    texts: &mut Texts,
    raw: &mut Raw,
) {
    let entry = |side: usize| one.at[side].and_then(|at| made.dumps[side].entries.get(at));
    let (first, second) = match (entry(0), entry(1)) {
        (Some(first), Some(second)) => (first, second),
        (Some(only), None) | (None, Some(only)) => {
            let side = usize::from(one.at[0].is_none());
            told(ui, cx, only);
            raw.ui(ui, cx, only, key.0[side]);
            return;
        }
        (None, None) => return,
    };
    ScrollArea::vertical().id_salt("what differs").auto_shrink([false, false]).show(ui, |ui| {
        if let Some(of) = second.of.as_ref().or(first.of.as_ref()) {
            told(ui, cx, &Entry { of: Some(of.clone()), ..Entry::default() });
        }
        let color = Tokens::of(ui).text;
        for place in &one.places {
            ui.add(Label::new(RichText::new(place).monospace().color(color)).wrap());
        }
        if !one.also.is_empty() {
            let more = one.also.len().saturating_sub(NAMED);
            let mut names = one.also.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            if more > 0 {
                names += &format!(" and {} more", fmt::count(more));
            }
            text::muted(ui, format!("The same in {names}"));
        }
        if one.is == Is::Ordered {
            text::note(ui, "The first route that fits takes a call");
            return;
        }
        if first.raw.len().max(second.raw.len()) > LONG {
            text::note(ui, "Too long to show line by line; each proxy alone shows its text");
            return;
        }
        let [first, second] = texts.get(key, |_| [first, second].map(compare::text));
        if first != second {
            diff(ui, &format!("Difference of {}", one.title), first, second);
        }
    });
}

const COLUMNS: &[Column] = &[
    Column::text("What", 1.0),
    Column::names("Name", 2.8),
    Column::names("How", 2.0),
    Column::names("Fields", 3.2).spare(),
];

/// The rows of the table.
struct Lines<'a> {
    rows: &'a [&'a Difference],
    sides: &'a [String; 2],
}

impl Rows for Lines<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(one) = self.rows.get(row) else { return Cell::default() };
        match column {
            0 => {
                let status = if one.troubled { Some(Status::Failing) } else { None };
                Cell { status, ..Cell::text(one.part.name()) }
            }
            1 if one.also.is_empty() => Cell::text(one.title.as_str()),
            1 => Cell::text(format!("{}, and {} alike", one.title, fmt::count(one.also.len()))),
            2 => Cell::text(match one.is {
                Is::OnlyFirst => format!("only {}", self.sides[0]),
                Is::OnlySecond => format!("only {}", self.sides[1]),
                Is::Other if one.troubled => "one of them refuses it or waits".to_owned(),
                Is::Other => "differs".to_owned(),
                Is::Ordered => "in another order".to_owned(),
            }),
            _ => {
                let first = one.places.first().map_or("", String::as_str);
                match one.places.len() {
                    0 | 1 => Cell::text(first),
                    more => Cell::text(format!("{first}, and {} more", more - 1)),
                }
            }
        }
    }
}
