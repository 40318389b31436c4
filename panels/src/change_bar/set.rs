//! The changes of a set: each with what the dry run says of it and the way out of the set, and the order in
//! which their objects are written, with the reason.

use super::above;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Status, Tokens, badge, icon, text};
use crate::words;
use egui::{Align, Label, Layout, RichText, Ui, vec2};
use mesh::change_set::Turn;
use mesh::ledger::{Entry, Part};

const WIDTH: f32 = 640.0;

/// Draws the list above the bar; returns whether it shall close.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) -> bool {
    let body = |ui: &mut Ui| {
        for part in &entry.parts {
            change(ui, cx, entry, part);
        }
        if entry.change.steps.len() > 1 && !entry.clash {
            order(ui, entry);
        }
    };
    let height = ui.ctx().content_rect().height() * 0.66;
    above::card(ui, ("Changes", "pushed as one, undone as one"), WIDTH, height, body)
}

/// One change, and its way out of the set.
fn change(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, part: &Part) {
    let tokens = Tokens::of(ui);
    let unsent = entry.sent.is_none();
    let (status, judged) = words::judged(entry, part);
    ui.horizontal(|ui| {
        if unsent {
            // A draft is not healthy: it would be taken. What else is to be said stands below.
            let word = if status == Status::Healthy { &*judged } else { status.word() };
            badge::mark(ui, status, word);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if unsent && ui.add(Button::icon(icon::X, format!("Take out {}", part.title))).clicked() {
                cx.intents.send(Intent::Dismiss(part.id));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let title = text::rich(ui, &part.title, size::TEXT, Weight::Medium).color(tokens.text);
                ui.add(Label::new(title).wrap()).on_hover_text(&judged);
            });
        });
    });
    if unsent && status != Status::Healthy {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(20.0);
            let color = if status == Status::Failing { tokens.failing } else { tokens.muted };
            ui.label(RichText::new(&judged).size(size::SECONDARY).color(color));
        });
    }
}

/// The objects in the order in which they are written.
fn order(ui: &mut Ui, entry: &Entry) {
    let tokens = Tokens::of(ui);
    ui.add_space(8.0);
    text::strong(ui, "Written in this order");
    for (number, step) in entry.change.steps.iter().enumerate() {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            let number = RichText::new(format!("{}", number + 1)).color(tokens.muted);
            ui.add_sized(vec2(16.0, 18.0), Label::new(number).selectable(false));
            text::mono(ui, step.at.to_string());
            let why = RichText::new(Turn::of(step).reason()).size(size::SECONDARY).color(tokens.muted);
            ui.add(Label::new(why).wrap());
        });
    }
}
