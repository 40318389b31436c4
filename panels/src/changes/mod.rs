//! The journal: what we changed, in this run and in earlier ones, and what others wrote; as a table, with the
//! one that is chosen in full below it: how far it has come, what it did, its undo, and the way back to it.

mod card;
mod export;
mod lines;
mod view;

pub use view::{Row, View};

pub(crate) use self::lines::stamp;

use self::lines::{ALONE, Foreign, Line, Lines, Of, UNDER, Whose};
use crate::cx::Cx;
use crate::incident;
use crate::intent::{Intent, ListFormat};
use crate::kit::theme::space;
use crate::kit::{Button, Tokens, button, fmt, icon, remote, table, text};
use crate::panel::{About, Panel};
use egui::{Frame, Margin, ScrollArea, Ui, UiBuilder, vec2};
use mesh::incidents::{Incident, Incidents};
use mesh::{ChangeId, Remote};
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Changes",
    icon: egui_phosphor::regular::CLOCK_COUNTER_CLOCKWISE,
    summary: "Every change of this run and of earlier ones, what others wrote, undo and the way back",
};

/// The journal panel.
#[derive(Default)]
pub struct Changes {
    looks: Looks,
    table: table::State,
    foreign: Foreign,
    /// What is shown in full, and under which object it was chosen; else the newest change.
    chosen: Option<(Of, String)>,
    /// The change whose diff is shown.
    open: Option<ChangeId>,
}

/// Whether there is nothing to tell of what happened without a write: not even that it may not be read.
fn nothing(told: &Remote<Incidents>) -> bool {
    match told {
        Remote::Waiting => true,
        Remote::Denied(_) => false,
        Remote::Live(told, _) | Remote::Stale(told, ..) => told.all.is_empty() && told.unknown.is_empty(),
    }
}

/// How it is looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
struct Looks {
    by_object: bool,
    whose: Whose,
}

impl Default for Looks {
    fn default() -> Self {
        Self { by_object: true, whose: Whose::Everyone }
    }
}

impl Panel for Changes {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let told = cx.reads.incidents();
        let incidents = told.value().map(|told| told.all.as_slice()).unwrap_or_default();
        if cx.changes.entries().is_empty() && cx.scene.writes.is_empty() && nothing(&told) {
            let how = "Select a service and move a share, add a fault or set mutual TLS. Each change is listed here with its undo, and what others write, too.";
            remote::empty(ui, ABOUT.icon, "No changes yet", how, None);
            return;
        }
        let foreign = self.foreign.of(cx);
        let others = foreign.len();
        let lines = lines::lines(cx, foreign, incidents, self.looks.whose, self.looks.by_object);
        let chosen = self.chosen(&lines);
        let line = chosen.and_then(|place| lines.get(place));
        let all = ui.available_rect_before_wrap();
        let height = line.map_or(0.0, |_| (all.height() * 0.42).clamp(120.0, 320.0));
        let (list, below) = all.split_top_bottom_at_y((all.bottom() - height).max(all.top()));
        let mut above = ui.new_child(UiBuilder::new().max_rect(list));
        Frame::new().inner_margin(Margin::same(space::L as i8)).show(&mut above, |ui| {
            // How it is looked at may change in the head; these lines were made before.
            let revision = self.revision(cx, &told);
            let rows = Lines { all: &lines, by_object: self.looks.by_object, now: cx.now };
            self.head(ui, cx, &rows, (others, &told));
            ui.add_space(4.0);
            let columns = if rows.by_object { UNDER } else { ALONE };
            let done = table::table(ui, "changes", &mut self.table, columns, &rows, revision, chosen);
            if let Some(line) = done.clicked.and_then(|row| lines.get(row)) {
                self.chosen = Some((line.of, line.object.clone()));
            }
            if let Some(csv) = done.csv {
                cx.intents.send(Intent::Copy(csv, "Changes as CSV".to_owned()));
            }
        });
        if let Some(line) = line {
            ui.painter().hline(below.x_range(), below.top(), Tokens::of(ui).hairline());
            let mut below = ui.new_child(UiBuilder::new().max_rect(below.shrink2(vec2(space::M, 2.0))));
            ScrollArea::vertical().id_salt("what is chosen").auto_shrink([false, false]).show(
                &mut below,
                |ui| {
                    Frame::new().inner_margin(Margin::same(space::M as i8)).show(ui, |ui| {
                        self.card(ui, cx, line, incidents);
                    });
                },
            );
        }
    }

    fn kept(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.looks).ok()
    }

    fn recall(&mut self, kept: serde_json::Value) {
        self.looks = serde_json::from_value(kept).unwrap_or_default();
    }
}

impl Changes {
    /// The line that is shown in full: as chosen, else of the newest change of ours.
    fn chosen(&self, lines: &[Line]) -> Option<usize> {
        let place = |test: &dyn Fn(&Line) -> bool| lines.iter().position(test);
        match &self.chosen {
            Some((of, object)) => place(&|line| line.of == *of && line.object == *object)
                .or_else(|| place(&|line| line.of == *of)),
            None => place(&|line| matches!(line.of, Of::Change(_))),
        }
    }

    /// Changes with the lines, but for what time alone changes in them.
    fn revision(&self, cx: &Cx<'_>, incidents: &Remote<Incidents>) -> u64 {
        let mut hasher = DefaultHasher::new();
        let writes = &cx.scene.writes;
        (Arc::as_ptr(writes) as usize, writes.len(), stamp(cx.changes)).hash(&mut hasher);
        let told = incidents.value().map_or(0, |told| Arc::as_ptr(told) as usize);
        (self.looks.by_object, self.looks.whose, told).hash(&mut hasher);
        hasher.finish()
    }

    fn head(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        rows: &Lines<'_>,
        (others, told): (usize, &Remote<Incidents>),
    ) {
        ui.horizontal_wrapped(|ui| {
            text::title(ui, ABOUT.name);
            let own = cx.changes.entries().iter().filter(|entry| entry.run.is_none()).count();
            text::muted(ui, format!("{} of this run", fmt::counted(own, "change", "changes")));
            let writes = fmt::counted(others, "write", "writes");
            text::muted(ui, format!("{writes} of others"));
            if let Some(told) = told.value() {
                let events = fmt::counted(told.all.len(), "event", "events");
                text::muted(ui, format!("{events} of the cluster"))
                    .on_hover_text("Restarts, rollouts and warnings of the last day are shown; all there are, and other Events, by Cluster");
            }
            for problem in incident::unknown(told) {
                text::muted(ui, format!("Not known: {}", problem.what)).on_hover_text(&problem.why);
            }
        });
        ui.horizontal_wrapped(|ui| {
            let looks = &mut self.looks;
            if ui.add(Button::quiet("By object").selected(looks.by_object)).clicked() {
                looks.by_object = !looks.by_object;
            }
            button::menu(ui, looks.whose.name(), "Whose changes", |ui| {
                for whose in Whose::ALL {
                    if button::choice(ui, looks.whose == whose, whose.name()) {
                        looks.whose = whose;
                        ui.close();
                    }
                }
            });
            button::menu(ui, icon::EXPORT, "Export changes", |ui| {
                for (name, format) in [("Save as CSV…", ListFormat::Csv), ("Save as JSON…", ListFormat::Json)]
                {
                    if button::item(ui, name) {
                        let columns = if rows.by_object { UNDER } else { ALONE };
                        let in_sight = table::in_sight(&self.table, columns, rows);
                        let of: Vec<Of> =
                            in_sight.into_iter().filter_map(|row| Some(rows.all.get(row)?.of)).collect();
                        cx.intents.send(Intent::Save(
                            export::export(cx, &of, cx.reads.incidents().value(), format),
                            None,
                        ));
                    }
                }
            });
        });
    }

    fn card(&mut self, ui: &mut Ui, cx: &Cx<'_>, line: &Line, incidents: &[Incident]) {
        match line.of {
            Of::Change(id) => {
                if let Some(entry) = cx.changes.get(id)
                    && card::change(ui, cx, &Row::of(entry, cx), entry, &mut self.open)
                {
                    // What comes of it is newer, and does not take its place under the pointer.
                    self.chosen = Some((line.of, line.object.clone()));
                }
            }
            Of::Write(place) => {
                if let Some(write) = cx.scene.writes.get(place) {
                    card::write(ui, cx, write);
                }
            }
            Of::Incident(which) => {
                if let Some(one) = incidents.iter().find(|one| lines::which(one) == which) {
                    card::happened(ui, cx, one);
                }
            }
        }
    }
}
