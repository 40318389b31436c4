//! What stands above the bar when it is asked for: a card with a head and a body that scrolls.

use crate::kit::theme::size;
use crate::kit::{Button, Tokens, icon, text};
use egui::{Align, Align2, Area, Frame, Id, Label, Layout, Margin, Order, RichText, ScrollArea, Ui, vec2};

/// Height of the bar below.
pub const HEIGHT: f32 = 64.0;

/// Draws it, at most this wide and this high; returns whether it shall close.
pub(super) fn card(
    ui: &Ui,
    (what, about): (&str, &str),
    width: f32,
    height: f32,
    body: impl FnOnce(&mut Ui),
) -> bool {
    let (tokens, screen) = (Tokens::of(ui), ui.ctx().content_rect());
    let mut close = false;
    let area = Area::new(Id::new(("above the bar", what)))
        .order(Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -(HEIGHT + 12.0)));
    area.show(ui.ctx(), |ui| {
        let frame = Frame::new().fill(tokens.surface).stroke(tokens.hairline()).corner_radius(10);
        frame.inner_margin(Margin::same(16)).show(ui, |ui| {
            ui.set_width(width.min(screen.width() - 64.0));
            ui.horizontal(|ui| {
                text::strong(ui, what);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    close |=
                        ui.add(Button::icon(icon::X, format!("Close {}", what.to_lowercase()))).clicked();
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        let about = RichText::new(about).size(size::SECONDARY).color(tokens.muted);
                        ui.add(Label::new(about).truncate());
                    });
                });
            });
            ui.add_space(8.0);
            ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, body);
        });
    });
    close
}
