//! A file that is held over the window: what becomes of it when it is let go.

use crate::kit::text;
use crate::kit::theme::{Tokens, Weight, size};
use egui::{Area, Id, Order, Sense, Ui};

/// Covers the window while a file is held over it.
pub fn ui(ui: &Ui) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let tokens = Tokens::of(ui);
    let all = ui.ctx().content_rect();
    Area::new(Id::new("dropping")).order(Order::Foreground).fixed_pos(all.min).show(ui.ctx(), |ui| {
        ui.allocate_rect(all, Sense::hover());
        ui.painter().rect_filled(all, 0.0, tokens.bg.gamma_multiply(0.85));
        let words = text::rich(ui, "Let go to open its traces", size::FIGURE, Weight::Semibold);
        let words = words.color(tokens.text);
        ui.put(egui::Rect::from_center_size(all.center(), egui::vec2(400.0, 40.0)), egui::Label::new(words));
    });
}
