//! A trouble beside the thing it concerns: what happened, why, and the way on.

use super::button::Button;
use super::theme::{Tokens, Weight, size};
use super::{icon, text};
use egui::{Color32, Frame, Margin, Response, RichText, Ui};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something does not work.
    Error,
    /// Something works less well.
    Warning,
    /// Good to know.
    Note,
}

impl Level {
    fn face(self, tokens: &Tokens) -> (Color32, &'static str) {
        match self {
            Self::Error => (tokens.failing, icon::WARNING_OCTAGON),
            Self::Warning => (tokens.degraded, icon::WARNING),
            Self::Note => (tokens.accent, icon::INFO),
        }
    }
}

/// Shows a trouble in full. With an action ("Try again"), returns whether its button was clicked.
pub fn problem(ui: &mut Ui, level: Level, what: &str, why: &str, next: &str, action: Option<&str>) -> bool {
    let tokens = Tokens::of(ui);
    let (color, symbol) = level.face(tokens);
    let mut clicked = false;
    Frame::new().fill(tokens.tint(color)).corner_radius(6).inner_margin(Margin::symmetric(12, 10)).show(
        ui,
        |ui| {
            ui.set_min_width(ui.available_width());
            ui.horizontal_top(|ui| {
                ui.label(RichText::new(symbol).size(17.0).color(color));
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 3.0;
                    let head = text::rich(ui, what, size::TEXT, Weight::Semibold).color(tokens.text);
                    ui.add(egui::Label::new(head).wrap());
                    if !why.is_empty() {
                        ui.add(
                            egui::Label::new(RichText::new(why).size(size::SECONDARY).color(tokens.text))
                                .wrap(),
                        );
                    }
                    if !next.is_empty() {
                        ui.add(
                            egui::Label::new(RichText::new(next).size(size::SECONDARY).color(tokens.muted))
                                .wrap(),
                        );
                    }
                    if let Some(action) = action {
                        ui.add_space(4.0);
                        clicked = ui.add(Button::quiet(action)).clicked();
                    }
                });
            });
        },
    );
    clicked
}

/// One line of trouble, for rows and bars; hovering tells all of it.
pub fn line(ui: &mut Ui, level: Level, what: &str, why: &str, next: &str) -> Response {
    let (color, symbol) = level.face(Tokens::of(ui));
    let row = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(RichText::new(symbol).color(color));
        ui.add(egui::Label::new(RichText::new(what).color(color)).truncate());
    });
    let full: Vec<&str> = [what, why, next].into_iter().filter(|part| !part.is_empty()).collect();
    row.response.on_hover_text(full.join("\n"))
}
