//! Text in the sizes and weights of the design: one function per role.

use super::theme::{Tokens, Weight, family, size};
use egui::text::{LayoutJob, TextWrapping};
use egui::{Color32, FontId, Response, RichText, Ui, pos2};

/// Text in a weight and size; for buttons and other places that take text.
pub fn rich(ui: &Ui, text: impl Into<String>, size: f32, weight: Weight) -> RichText {
    RichText::new(text).font(FontId::new(size, family(ui.ctx(), weight)))
}

/// The title of a panel or of the selected thing.
pub fn title(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::TITLE, Weight::Semibold).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Emphasised text: the name of a thing, the head of a section.
pub fn strong(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::TEXT, Weight::Semibold).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Text of medium weight.
pub fn medium(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::TEXT, Weight::Medium).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Secondary text.
pub fn muted(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = RichText::new(text).size(size::SECONDARY).color(Tokens::of(ui).muted);
    ui.label(text)
}

/// A note: the smallest text.
pub fn note(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = RichText::new(text).size(size::NOTE).color(Tokens::of(ui).muted);
    ui.label(text)
}

/// A figure.
pub fn figure(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::FIGURE, Weight::Semibold).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Names of fields, YAML, code.
pub fn mono(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = RichText::new(text).monospace().color(Tokens::of(ui).text);
    ui.label(text)
}

/// Text in the middle of a row, cut with an ellipsis where it must end; returns where it ends.
pub fn cut(ui: &Ui, text: &str, font: FontId, color: Color32, [left, right, y]: [f32; 3]) -> f32 {
    if text.is_empty() || right - left < 12.0 {
        return left;
    }
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = TextWrapping::truncate_at_width(right - left);
    let galley = ui.painter().layout_job(job);
    let end = left + galley.size().x;
    ui.painter().galley(pos2(left, y - galley.size().y / 2.0), galley, color);
    end
}
