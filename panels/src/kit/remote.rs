//! The faces of something that lives elsewhere: nothing there, awaited, old, refused. What was true stays in
//! sight.

use super::button::Button;
use super::problem::{Level, problem};
use super::theme::{Tokens, Weight, size, space};
use super::{icon, text};
use egui::{Align, Frame, Layout, Margin, Rect, RichText, Sense, Ui, vec2};

/// Nothing is here: what would be, and how to get it. Returns whether the action's button was clicked.
pub fn empty(ui: &mut Ui, symbol: &str, what: &str, how: &str, action: Option<&str>) -> bool {
    let tokens = Tokens::of(ui);
    let mut clicked = false;
    centered(ui, 150.0, |ui| {
        ui.label(RichText::new(symbol).size(32.0).color(tokens.faint));
        let head = text::rich(ui, what, size::FIGURE, Weight::Semibold).color(tokens.text);
        ui.label(head);
        ui.label(RichText::new(how).color(tokens.muted));
        if let Some(action) = action {
            ui.add_space(space::S);
            clicked = ui.add(Button::quiet(action)).clicked();
        }
    });
    clicked
}

/// It was asked for and is not here yet: grey lines where it will be, and what is awaited.
pub fn waiting(ui: &mut Ui, what: &str) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(icon::HOURGLASS_MEDIUM).size(15.0).color(tokens.muted));
        text::muted(ui, what);
    });
    for share in [0.9, 0.7, 0.8, 0.5] {
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width() * share, 14.0), Sense::hover());
        let bar = Rect::from_min_size(rect.min, vec2(rect.width().min(480.0), rect.height()));
        ui.painter().rect_filled(bar, 4.0, tokens.raised);
    }
}

/// It is old: how old, and why. The old value is drawn below by the caller.
pub fn stale(ui: &mut Ui, age: &str, what: &str, why: &str, next: &str) {
    let tokens = Tokens::of(ui);
    let color = tokens.degraded;
    Frame::new().fill(tokens.tint(color)).corner_radius(6).inner_margin(Margin::symmetric(10, 6)).show(
        ui,
        |ui| {
            ui.set_min_width(ui.available_width());
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                ui.label(RichText::new(icon::CLOCK_COUNTER_CLOCKWISE).color(color));
                let head = text::rich(ui, format!("As of {age}"), size::SECONDARY, Weight::Semibold)
                    .color(tokens.text);
                ui.label(head);
                ui.label(RichText::new(format!("{what}: {why}")).size(size::SECONDARY).color(tokens.text));
                if !next.is_empty() {
                    text::muted(ui, next);
                }
            });
        },
    );
}

/// It was refused or cannot be reached: which right is missing or what failed, and the way on.
pub fn denied(ui: &mut Ui, what: &str, why: &str, next: &str, action: Option<&str>) -> bool {
    problem(ui, Level::Warning, what, why, next, action)
}

/// Draws something in the middle of the free space; `height` is a guess of how high it will be.
pub fn centered<R>(ui: &mut Ui, height: f32, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let space = ((ui.available_height() - height) / 2.0).clamp(0.0, 4000.0);
    ui.add_space(if space.is_finite() { space } else { 0.0 });
    ui.with_layout(Layout::top_down(Align::Center), contents).inner
}
