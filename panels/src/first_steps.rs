//! The first minutes on the sandbox: three steps, each ticked when it was done. When all are, it goes with what
//! was selected, never by itself under the hand; or when it is closed. It does not come back.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, card, icon, room, text};
use crate::selection::Selected;
use crate::words;
use egui::{Align, Frame, Label, Layout, Margin, RichText, Ui};
use mesh::ledger::Entry;
use mesh::{Ledger, Stage};
use serde_json::Value;

/// Whose traffic is moved.
const AT: (&str, &str) = ("bookinfo", "reviews");
/// The version, and the percentage that it shall get.
const TO: (&str, i64) = ("v3", 50);

/// The card's own state.
#[derive(Debug, Default)]
pub struct FirstSteps {
    /// It is not shown any more.
    over: bool,
    /// What was selected when the last step was done.
    done_at: Option<Option<Selected>>,
}

/// How far one has come.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    moved: bool,
    pushed: bool,
    watched: bool,
    /// What calls have shown so far.
    seen: String,
}

impl FirstSteps {
    /// `over`: it was done with in an earlier run.
    pub fn new(over: bool) -> Self {
        Self { over, done_at: None }
    }

    /// Draws it, where it is for this mesh and not over.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let there = cx.scene.sandbox
            && !cx.read_only
            && cx
                .scene
                .mesh
                .service(AT.0, AT.1)
                .is_some_and(|of| of.subsets.iter().any(|it| it.name == TO.0));
        if self.over || !there {
            return;
        }
        let done = Done::of(cx.changes);
        if done.watched {
            let done_at = self.done_at.get_or_insert_with(|| {
                cx.intents.send(Intent::FirstStepsDone);
                cx.selected.cloned()
            });
            self.over = done_at.as_ref() != cx.selected;
            if self.over {
                return;
            }
        }
        let margin = Margin { left: 12, right: 12, top: 8, bottom: 4 };
        Frame::new().inner_margin(margin).show(ui, |ui| {
            card(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                self.head(ui, cx, done.watched);
                rows(ui, cx, &done);
            })
        });
    }

    fn head(&mut self, ui: &mut Ui, cx: &Cx<'_>, all: bool) {
        ui.horizontal(|ui| {
            text::strong(ui, if all { "That is how it goes" } else { "First steps" });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.add(Button::icon(icon::X, "Close first steps")).clicked() {
                    self.over = true;
                    cx.intents.send(Intent::FirstStepsDone);
                }
            });
        });
    }
}

fn rows(ui: &mut Ui, cx: &Cx<'_>, done: &Done) {
    let (name, (version, percent)) = (AT.1, TO);
    let selects_it =
        matches!(cx.selected, Some(Selected::Service(namespace, of)) if (&**namespace, &**of) == AT);
    step(ui, 1, done.moved, &format!("Move {name} {version} to {percent} %"));
    if !done.moved && !selects_it {
        ui.horizontal(|ui| {
            ui.add_space(22.0);
            if ui.add(Button::quiet("Select reviews").named("Select reviews")).clicked() {
                cx.intents.send(Intent::Select(Some(Selected::Service(AT.0.to_owned(), name.to_owned()))));
            }
        });
    }
    step(ui, 2, done.pushed, "Push: the bar below says how far it has come");
    step(ui, 3, done.watched, "Watch the calls follow");
    if done.pushed {
        room::keep(ui, "seen", |ui| {
            ui.horizontal(|ui| {
                ui.add_space(22.0);
                let seen = RichText::new(&done.seen).size(size::NOTE).color(Tokens::of(ui).muted);
                ui.add(Label::new(seen).wrap());
            });
        });
    }
    if done.watched {
        text::muted(ui, "Undo in the bar takes it back; the ledger has every change.");
    }
}

/// One step, with its number or its tick.
fn step(ui: &mut Ui, number: usize, done: bool, words: &str) {
    let tokens = Tokens::of(ui);
    let row = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let (mark, color) =
            if done { (icon::CHECK.to_owned(), tokens.healthy) } else { (format!("{number}"), tokens.muted) };
        let mark = RichText::new(mark).size(size::SECONDARY).color(color);
        ui.add_sized([14.0, 16.0], Label::new(mark));
        let ink = if done { tokens.muted } else { tokens.text };
        ui.add(Label::new(RichText::new(words).color(ink)).wrap());
    });
    let said = format!("Step {number}: {words}, {}", if done { "done" } else { "to do" });
    row.response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, said.as_str()));
}

impl Done {
    fn of(ledger: &Ledger) -> Self {
        let moving: Vec<&Entry> = ledger.entries().iter().filter(|entry| moves(entry)).collect();
        let pushed = moving.iter().rev().find(|entry| entry.sent.is_some());
        let far = |entry: &&&Entry| {
            matches!(&entry.stage, Stage::Measured(_) | Stage::Replaced(..))
                || matches!(&entry.stage, Stage::Unknowable(before, _) if **before == Stage::Live)
        };
        Self {
            moved: !moving.is_empty(),
            pushed: pushed.is_some(),
            watched: pushed.filter(far).is_some(),
            seen: pushed.map(|entry| words::measured(entry)).unwrap_or_default(),
        }
    }
}

/// Whether a change gives the version its share.
fn moves(entry: &Entry) -> bool {
    let share = |row: &Value| row["destination"]["subset"] == TO.0 && row["weight"] == TO.1;
    let in_rule = |rule: &Value| rule["route"].as_array().into_iter().flatten().any(share);
    let after =
        entry.change.steps.iter().filter(|step| *step.at.namespace == *AT.0 && *step.at.name == *AT.1);
    let rules = after.filter_map(|step| step.after.as_ref()?.spec()["http"].as_array());
    rules.flatten().any(in_rule)
}
