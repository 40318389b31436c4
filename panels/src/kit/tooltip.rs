//! Tooltips with a head and rows of name and value.

use super::text;
use super::theme::{Tokens, size};
use egui::{Grid, Response, RichText, Ui};

/// Fills a tooltip: a head, then rows of name and value.
pub fn rows(ui: &mut Ui, head: &str, rows: &[(String, String)]) {
    let tokens = Tokens::of(ui);
    ui.set_max_width(340.0);
    ui.spacing_mut().interact_size.y = 0.0;
    text::strong(ui, head);
    Grid::new("rows").num_columns(2).spacing([16.0, 3.0]).min_row_height(0.0).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(RichText::new(name).size(size::SECONDARY).color(tokens.muted));
            ui.label(RichText::new(value).size(size::SECONDARY).color(tokens.text));
            ui.end_row();
        }
    });
}

/// Shows such a tooltip while the pointer rests on something.
pub fn on(response: Response, head: &str, about: impl FnOnce() -> Vec<(String, String)>) -> Response {
    response.on_hover_ui(|ui| rows(ui, head, &about()))
}

/// Shows relative text with the absolute on hover ("5 s ago" / "2026-11-22 17:20:03 UTC").
pub fn when(ui: &mut Ui, relative: &str, absolute: &str) -> Response {
    text::muted(ui, relative).on_hover_text(absolute)
}
