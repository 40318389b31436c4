//! The answer, line by line.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Status, Tokens, badge, icon, text};
use crate::selection::{PanelId, Selected};
use egui::{Align, Label, Layout, Ui, vec2};
use mesh::why::{Line, Told, Tone, call, lines};

/// Width of the names.
const NAMES: f32 = 88.0;
/// What stands behind the words: the way to the object.
const WAY: f32 = 30.0;

/// Draws how a call ended that was seen.
pub(super) fn seen(ui: &mut Ui, cx: &Cx<'_>, lines: &[Line]) {
    for (index, one) in lines.iter().enumerate() {
        ui.push_id(("seen", index), |ui| line(ui, cx, one));
    }
    ui.add_space(8.0);
}

/// Draws it.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, told: &Told) {
    let tokens = Tokens::of(ui);
    let title = text::rich(ui, format!("{} calls: {}", told.from, call(told)), size::TEXT, Weight::Semibold);
    ui.add(Label::new(title.color(tokens.text)).wrap());
    ui.add_space(4.0);
    for (index, one) in lines(told).iter().enumerate() {
        ui.push_id(index, |ui| line(ui, cx, one));
    }
}

fn status(tone: Tone) -> Option<Status> {
    match tone {
        Tone::Good => Some(Status::Healthy),
        Tone::Bad => Some(Status::Failing),
        Tone::Unsure => Some(Status::Degraded),
        Tone::Plain | Tone::Faint => None,
    }
}

fn line(ui: &mut Ui, cx: &Cx<'_>, line: &Line) {
    let tokens = Tokens::of(ui);
    let words = (ui.available_width() - NAMES - WAY).max(60.0);
    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.allocate_ui_with_layout(vec2(NAMES - 24.0, 0.0), Layout::left_to_right(Align::Min), |ui| {
            ui.set_min_width(NAMES - 24.0);
            text::muted(ui, line.name);
        });
        ui.allocate_ui_with_layout(vec2(12.0, 0.0), Layout::left_to_right(Align::Min), |ui| {
            ui.set_min_width(12.0);
            if let Some(status) = status(line.tone) {
                badge::dot(ui, status);
            }
        });
        ui.vertical(|ui| {
            ui.set_width(words);
            let color = if line.tone == Tone::Faint { tokens.muted } else { tokens.text };
            let said = text::rich(ui, line.words.as_str(), size::TEXT, Weight::Regular).color(color);
            ui.add(Label::new(said).wrap());
        });
        if let Some(at) = &line.at {
            let open = Button::icon(icon::ARROW_SQUARE_OUT, format!("Open {at}"));
            if ui.add(open).on_hover_text(at.to_string()).clicked() {
                cx.intents.send(Intent::Open(PanelId::Objects));
                cx.intents.send(Intent::Select(Some(Selected::Object(at.clone()))));
            }
        }
    });
}
