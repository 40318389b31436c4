//! The ledger: every change of this run, how far it has come, what it did, and its undo.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size, space};
use crate::kit::{Button, Tokens, badge, button, diff, fmt, icon, problem, remote, text};
use crate::panel::{About, Panel};
use crate::words;
use crate::yaml;
use egui::{Align, Frame, Label, Layout, Margin, RichText, ScrollArea, Ui, WidgetInfo, WidgetType};
use jiff::Timestamp;
use mesh::ledger::Entry;
use mesh::{ChangeId, Moment, Ref, Restore, Stage};
use serde::Serialize;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Changes",
    icon: egui_phosphor::regular::CLOCK_COUNTER_CLOCKWISE,
    summary: "Every change of this run and of earlier ones, how far it has come, and its undo",
};

/// The ledger panel.
#[derive(Default)]
pub struct Changes {
    open: Option<ChangeId>,
}

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
    /// "5 s ago".
    pub when: String,
    /// "Live".
    pub stage: &'static str,
    /// "7 / 7 proxies".
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
    fn of(entry: &Entry, cx: &Cx<'_>) -> Self {
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
            when: fmt::ago(now, entry.sent.unwrap_or(entry.asked)),
            stage,
            proxies: words::proxies(entry)
                .map(|(acked, of)| format!("{acked} / {of} proxies"))
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

impl Panel for Changes {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if cx.changes.entries().is_empty() {
            let how = "Select a service and move a share, add a fault or set mutual TLS. Each change is listed here with its undo.";
            remote::empty(ui, ABOUT.icon, "No changes yet", how, None);
            return;
        }
        let view = View::of(cx);
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            Frame::new().inner_margin(Margin::same(space::XL as i8)).show(ui, |ui| {
                ui.set_max_width(980.0_f32.min(ui.available_width()));
                ui.horizontal(|ui| {
                    text::title(ui, ABOUT.name);
                    let own = view.rows.iter().filter(|row| row.run.is_none()).count();
                    text::muted(ui, format!("{} of this run", fmt::counted(own, "change", "changes")));
                });
                ui.add_space(8.0);
                ui.spacing_mut().item_spacing.y = 8.0;
                let mut run = None;
                for (row, entry) in view.rows.iter().zip(cx.changes.entries().iter().rev()) {
                    if row.run != run
                        && let Some(began) = row.run
                    {
                        ui.add_space(8.0);
                        text::muted(ui, format!("The run that began {}", fmt::ago(cx.now, began)))
                            .on_hover_text(fmt::absolute(began));
                    }
                    run = row.run;
                    self.row(ui, cx, row, entry);
                }
            });
        });
    }
}

impl Changes {
    fn row(&mut self, ui: &mut Ui, cx: &Cx<'_>, row: &Row, entry: &Entry) {
        let tokens = Tokens::of(ui);
        let open = self.open == Some(row.id);
        let frame = Frame::new()
            .fill(tokens.surface)
            .stroke(tokens.hairline())
            .corner_radius(8)
            .inner_margin(Margin::symmetric(14, 10));
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 3.0;
            let head = ui.horizontal(|ui| {
                let (status, _) = words::standing(entry, cx.changes);
                badge::dot(ui, status);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add_enabled_ui(row.undo && !cx.read_only, |ui| {
                        let undo = ui.add(Button::quiet("Undo").named(format!("Undo {}", row.title)));
                        let why = match () {
                            () if cx.read_only => "This window is read-only",
                            () if row.undone => "It was undone already",
                            () => "Only what was written can be undone",
                        };
                        if undo.on_disabled_hover_text(why).clicked() {
                            cx.intents.send(Intent::Undo(row.id));
                        }
                    });
                    if entry.is_stored() || row.undone {
                        restore(ui, cx, row, entry);
                    }
                    if row.cut_off {
                        let ready = entry.foreign.is_empty() && !cx.read_only;
                        let finish = Button::quiet("Finish").named(format!("Finish {}", row.title));
                        if ui.add_enabled(ready, finish).clicked() {
                            cx.intents.send(Intent::Finish(row.id));
                        }
                    }
                    let symbol = if open { icon::CARET_UP } else { icon::CARET_DOWN };
                    if ui.add(Button::icon(symbol, format!("Diff of {}", row.title)).selected(open)).clicked()
                    {
                        self.open = if open { None } else { Some(row.id) };
                    }
                    let stage =
                        Label::new(RichText::new(row.stage).color(status.color(tokens))).selectable(false);
                    let meaning = match row.stage {
                        "Undone" => "It was taken back, and the proxies hold that",
                        "Being undone" => "It is being taken back: see the entry that does it",
                        "Undo not confirmed" => "What takes it back is not confirmed: see its entry",
                        _ => words::meaning(&entry.stage),
                    };
                    ui.add(stage).on_hover_text(meaning);
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        let title =
                            text::rich(ui, &row.title, size::TEXT, Weight::Semibold).color(tokens.text);
                        ui.add(Label::new(title).truncate());
                    });
                });
            });
            head.response.widget_info(|| {
                WidgetInfo::labeled(WidgetType::Label, true, format!("{}: {}", row.title, row.stage))
            });
            ui.spacing_mut().interact_size.y = 18.0;
            for part in &row.parts {
                ui.horizontal(|ui| {
                    ui.add_space(20.0);
                    ui.add(Label::new(RichText::new(part).color(tokens.text)).truncate());
                });
            }
            ui.horizontal_wrapped(|ui| {
                ui.add_space(20.0);
                let who = match (entry.undoes.is_some(), row.run.is_some()) {
                    (true, false) => "Undo from this window",
                    (false, false) => "From this window",
                    (true, true) => "Undo from an earlier run",
                    (false, true) => "From an earlier run",
                };
                let facts = [
                    who.to_owned(),
                    row.when.clone(),
                    row.objects.clone(),
                    row.proxies.clone(),
                    row.took.clone(),
                    row.measured.clone(),
                ];
                let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
                let asked = entry.sent.unwrap_or(entry.asked);
                text::muted(ui, facts.join("  ·  ")).on_hover_text(fmt::absolute(asked));
            });
            if let Some(trouble) = words::problem(&entry.stage).filter(|_| !row.undone) {
                let level = if matches!(entry.stage, Stage::Failed(_)) {
                    problem::Level::Error
                } else {
                    problem::Level::Warning
                };
                problem::problem(ui, level, &trouble.what, &trouble.why, &words::next(entry, trouble), None);
            }
            if open {
                for step in &entry.change.steps {
                    ui.add_space(4.0);
                    text::mono(ui, step.at.to_string());
                    let before = yaml::of(ui, step.before.as_ref());
                    let after = yaml::of(ui, step.after.as_ref());
                    diff::diff(ui, &format!("Diff of {}", step.at), &before, &after);
                }
            }
        });
    }
}

/// Ways back to an earlier moment: each is a change like any other, that waits for Push.
fn restore(ui: &mut Ui, cx: &Cx<'_>, row: &Row, entry: &Entry) {
    ui.add_enabled_ui(!cx.read_only, |ui| {
        let menu = button::menu(ui, "Restore", &format!("Restore to {}", row.title), |ui| {
            let way = |ui: &mut Ui, label: &str, to: Moment, only: Vec<Ref>| {
                if button::item(ui, label) {
                    cx.intents.send(Intent::Restore(Restore { to, only }));
                }
            };
            let (before, after) = (Moment::Before(entry.id), Moment::After(entry.id));
            let objects: Vec<Ref> = entry.change.steps.iter().map(|step| step.at.clone()).collect();
            ui.add_enabled_ui(cx.changes.is_followed(entry.id), |ui| {
                way(ui, "Everything to here: as it was after this change", after, Vec::new());
                for at in &objects {
                    way(ui, &format!("Only {at} to here"), after, vec![at.clone()]);
                }
            });
            way(ui, "Everything as it was before this change", before, Vec::new());
            for at in &objects {
                way(ui, &format!("Only {at} as it was before"), before, vec![at.clone()]);
            }
        });
        menu.response.on_hover_text(words::RESTORE).on_disabled_hover_text(words::READ_ONLY);
    });
}
