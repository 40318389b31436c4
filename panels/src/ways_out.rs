//! The first row of whatever is selected: what sort of thing it is, and the ways out.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{size, space};
use crate::kit::{Button, icon, text};
use egui::{FontId, Ui};

/// What sort of thing it is, as far as there is room, and the ways out.
pub(crate) fn row(ui: &mut Ui, cx: &Cx<'_>, kind: &str) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let buttons = 2.0 * space::CONTROL;
        let room = ui.available_width() - buttons - 8.0;
        let shown = text::middle(ui, kind, &FontId::proportional(size::SECONDARY), room);
        let label = text::muted(ui, shown.as_str());
        if shown != kind {
            label.on_hover_text(kind);
        }
        ui.add_space(ui.available_width() - buttons);
        if ui.add(Button::icon(icon::ARROW_LEFT, "Back to what was selected before")).clicked() {
            cx.intents.send(Intent::Back);
        }
        if ui.add(Button::icon(icon::X, "Close detail")).clicked() {
            cx.intents.send(Intent::Select(None));
        }
    });
}
