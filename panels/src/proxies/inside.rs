//! One proxy: what it holds, by its own words.

use super::beside::Beside;
use super::choose;
use super::kept::{Kept, Reading};
use super::raw::{Raw, told};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::theme::space;
use crate::kit::{Button, Memo, Status, Tokens, fmt, icon, remote, text};
use egui::{Label, RichText, Ui, UiBuilder, vec2};
use jiff::Timestamp;
use mesh::dump::{Dump, Entry, Part};
use mesh::{Read, Remote};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// So many troubles are said above the table; each stands in it, too.
const TOLD: usize = 2;

/// What is looked at of a proxy.
pub(super) struct Inside {
    /// "reviews-v1-abc.bookinfo".
    proxy: String,
    part: Part,
    table: table::State,
    /// By its cells, which stay when it is read again.
    chosen: Option<[String; 4]>,
    places: Memo<(Timestamp, Part), Vec<usize>>,
    raw: Raw,
    /// What it is compared with.
    beside: Option<Beside>,
    /// Which of the other proxies are looked for, to compare it with one.
    search: String,
}

impl Inside {
    pub(super) fn of(proxy: &str) -> Self {
        Self {
            proxy: proxy.to_owned(),
            part: Part::default(),
            table: table::State::default(),
            chosen: None,
            places: Memo::default(),
            raw: Raw::default(),
            beside: None,
            search: String::new(),
        }
    }

    /// Draws it. Returns whether all proxies are wanted again.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, kept: &mut Kept) -> bool {
        let answer = cx.reads.inside(&self.proxy);
        let reading = match &answer {
            Remote::Live(dump, at) | Remote::Stale(dump, at, _) => {
                Some(Reading { at: *at, dump: dump.clone() })
            }
            Remote::Waiting | Remote::Denied(_) => None,
        };
        let mut back = false;
        ui.horizontal_wrapped(|ui| {
            back = ui.add(Button::quiet("All proxies").with_icon(icon::ARROW_LEFT)).clicked();
            text::title(ui, &self.proxy);
            if ui.add(Button::icon(icon::ARROWS_CLOCKWISE, "Read the proxy again")).clicked() {
                cx.reads.again(Read::Inside(self.proxy.clone()));
            }
            if let Some(reading) = &reading {
                kept.begin(&self.proxy, reading);
                let chosen = choose::ui(ui, cx, &self.proxy, reading, kept, &mut self.search);
                if let Some(with) = chosen {
                    self.beside = Some(Beside::of(with));
                }
            }
        });
        if let Some(lag) =
            cx.scene.proxies.value().and_then(|all| all.iter().find(|one| one.name == self.proxy)?.lag())
        {
            text::muted(ui, format!("By istiod: {lag}"));
        }
        match answer {
            Remote::Waiting => remote::waiting(ui, "Waiting for the proxy"),
            Remote::Denied(trouble) => {
                if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                    cx.reads.again(Read::Inside(self.proxy.clone()));
                }
            }
            Remote::Live(dump, at) => {
                text::note(ui, format!("read {}", fmt::ago(cx.now, at)));
                self.held(ui, cx, &Reading { at, dump });
            }
            Remote::Stale(dump, at, trouble) => {
                remote::stale(ui, &fmt::ago(cx.now, at), &trouble.what, &trouble.why, &trouble.next);
                self.held(ui, cx, &Reading { at, dump });
            }
        }
        back
    }

    fn held(&mut self, ui: &mut Ui, cx: &Cx<'_>, reading: &Reading) {
        match &mut self.beside {
            Some(beside) => {
                if beside.ui(ui, cx, &self.proxy, reading) {
                    self.beside = None;
                }
            }
            None => self.dump(ui, cx, &reading.dump, reading.at),
        }
    }

    fn dump(&mut self, ui: &mut Ui, cx: &Cx<'_>, dump: &Dump, at: Timestamp) {
        let troubled: Vec<&Entry> = dump.entries.iter().filter(|entry| entry.trouble.is_some()).collect();
        for entry in troubled.iter().take(TOLD) {
            let trouble = entry.trouble.as_deref().unwrap_or_default();
            let said = format!("{} {}: {trouble}", entry.part.name(), entry.cells[0]);
            ui.add(Label::new(RichText::new(&said).color(Tokens::of(ui).text)).truncate())
                .on_hover_text(&said);
        }
        if troubled.len() > TOLD {
            text::muted(ui, format!("and {} more that are not as they were wanted", troubled.len() - TOLD));
        }
        if dump.unread > 0 {
            text::muted(ui, format!("{} could not be read", fmt::counted(dump.unread, "entry", "entries")));
        }
        ui.horizontal_wrapped(|ui| {
            for part in Part::ALL {
                let label = format!("{} {}", part.name(), fmt::count(dump.of(part).count()));
                if ui.add(Button::quiet(label).named(part.name()).selected(self.part == part)).clicked() {
                    (self.part, self.chosen, self.table) = (part, None, table::State::default());
                }
            }
        });
        let (part, key) = (self.part, at);
        let places = self.places.get((key, part), |_| {
            let of = |(place, entry): (usize, &Entry)| (entry.part == part).then_some(place);
            dump.entries.iter().enumerate().filter_map(of).collect()
        });
        if part == Part::Stats {
            text::note(ui, "What never counted anything is left out");
        }
        if places.is_empty() {
            let why = dump.unknown.get(&part);
            text::muted(
                ui,
                why.map_or_else(|| "It holds none".to_owned(), |why| format!("Not known: {why}")),
            );
            return;
        }
        let lines = Lines { dump, places };
        let chosen = self.chosen.as_ref();
        let row = chosen.and_then(|cells| {
            (0..lines.len()).find(|row| lines.entry(*row).is_some_and(|one| one.cells == *cells))
        });
        let all = ui.available_rect_before_wrap();
        let height = row.map_or(0.0, |_| (all.height() * 0.5).clamp(120.0, 420.0));
        let (list, below) = all.split_top_bottom_at_y((all.bottom() - height).max(all.top()));
        let mut above = ui.new_child(UiBuilder::new().max_rect(list));
        let [one, two, three, four] = part.columns();
        let mut columns = vec![
            Column::names(one, 2.6),
            Column::names(two, 1.6),
            Column::names(three, 1.6),
            Column::text(four, 1.8),
        ];
        if !matches!(part, Part::Endpoints | Part::Secrets | Part::Certificates | Part::Stats) {
            columns.push(Column::names("Made from", 2.0).spare());
        }
        let mut hasher = DefaultHasher::new();
        (key, part).hash(&mut hasher);
        let name = part.name();
        let done = table::table(&mut above, name, &mut self.table, &columns, &lines, hasher.finish(), row);
        if let Some(entry) = done.clicked.and_then(|row| lines.entry(row)) {
            self.chosen = (self.chosen.as_ref() != Some(&entry.cells)).then(|| entry.cells.clone());
        }
        if let Some(csv) = done.csv {
            cx.intents.send(Intent::Copy(csv, format!("{name} of {} as CSV", self.proxy)));
        }
        if let Some(entry) = row.and_then(|row| lines.entry(row)) {
            ui.painter().hline(below.x_range(), below.top(), Tokens::of(ui).hairline());
            let mut below = ui.new_child(UiBuilder::new().max_rect(below.shrink2(vec2(0.0, space::S))));
            told(&mut below, cx, entry);
            self.raw.ui(&mut below, cx, entry, key);
        }
    }
}

/// The rows of the table.
struct Lines<'a> {
    dump: &'a Dump,
    places: &'a [usize],
}

impl Lines<'_> {
    fn entry(&self, row: usize) -> Option<&Entry> {
        self.dump.entries.get(*self.places.get(row)?)
    }
}

impl Rows for Lines<'_> {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(entry) = self.entry(row) else { return Cell::default() };
        let status = entry.trouble.as_ref().filter(|_| column == 0).map(|_| Status::Degraded);
        let text = match entry.cells.get(column) {
            Some(text) => text.clone(),
            None => entry.of.as_ref().map_or_else(String::new, ToString::to_string),
        };
        Cell { status, ..Cell::text(text) }
    }
}
