//! The diff of a change, object by object; after a conflict both versions beside each other.

use super::words;
use crate::Cx;
use crate::intent::Intent;
use crate::kit::{Button, Tokens, diff, icon, problem, text};
use crate::yaml;
use egui::{Align, Align2, Frame, Id, Key, Layout, Margin, Modifiers, ScrollArea, Ui, vec2};
use mesh::Edit;
use mesh::ledger::Entry;

/// Draws the diff above the bar; returns whether it shall close.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) -> bool {
    let tokens = Tokens::of(ui);
    let screen = ui.ctx().content_rect();
    let mut close = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    let height = (screen.height() * 0.62).min(560.0);
    egui::Area::new(Id::new("diff"))
        .order(egui::Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -(super::HEIGHT + 12.0)))
        .show(ui.ctx(), |ui| {
            let frame = Frame::new()
                .fill(tokens.surface)
                .stroke(tokens.hairline())
                .corner_radius(10)
                .inner_margin(Margin::same(16));
            frame.show(ui, |ui| {
                ui.set_width(720.0_f32.min(screen.width() - 64.0));
                ui.horizontal(|ui| {
                    text::strong(ui, "Diff");
                    text::muted(ui, words::sentence(entry));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        close |= ui.add(Button::icon(icon::X, "Close diff")).clicked();
                    });
                });
                ui.add_space(8.0);
                ScrollArea::vertical()
                    .max_height(height)
                    .auto_shrink([false, true])
                    .show(ui, |ui| objects(ui, cx, entry));
            });
        });
    close
}

fn objects(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
    if let Some(trouble) = words::problem(&entry.stage) {
        let action = entry.conflict.is_some().then_some("Rebuild on theirs");
        if problem::problem(ui, problem::Level::Error, &trouble.what, &trouble.why, &trouble.next, action) {
            cx.intents.send(Intent::Rebuild(entry.id));
        }
        ui.add_space(8.0);
    }
    for step in &entry.change.steps {
        let deed = match step.edit {
            Edit::Patch(_) => "changed",
            Edit::Create(_) => "created",
            Edit::Delete { .. } => "deleted",
        };
        ui.horizontal(|ui| {
            text::mono(ui, step.at.to_string());
            text::muted(ui, deed);
        });
        let before = yaml::of(ui, step.before.as_ref());
        let after = yaml::of(ui, step.after.as_ref());
        let theirs = entry.conflict.as_ref().filter(|object| object.at().as_ref() == Some(&step.at));
        match theirs {
            None => diff::diff(ui, &format!("Diff of {}", step.at), &before, &after),
            Some(theirs) => {
                text::muted(ui, "Theirs: what somebody else made of what you saw");
                diff::diff(ui, &format!("Theirs of {}", step.at), &before, &yaml::of(ui, Some(theirs)));
                text::muted(ui, "Mine: what you want");
                diff::diff(ui, &format!("Mine of {}", step.at), &before, &after);
            }
        }
        ui.add_space(12.0);
    }
}
