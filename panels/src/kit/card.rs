//! Cards, section heads and tiles of figures.

use super::text;
use super::theme::{Tokens, Weight, family, size, space};
use egui::{
    FontId, Frame, InnerResponse, Margin, Rect, Response, Sense, Ui, UiBuilder, WidgetInfo, WidgetType, vec2,
};

/// A framed group of things.
pub fn card<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let tokens = Tokens::of(ui);
    Frame::new()
        .fill(tokens.surface)
        .stroke(tokens.hairline())
        .corner_radius(8)
        .inner_margin(Margin::same(12))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            contents(ui)
        })
}

/// A card that lies over something else, at a place of its own.
pub fn over<R>(ui: &mut Ui, place: Rect, contents: impl FnOnce(&mut Ui) -> R) -> R {
    const INSIDE: Margin = Margin::symmetric(10, 8);
    ui.scope_builder(UiBuilder::new().max_rect(place), |ui| {
        let tokens = Tokens::of(ui);
        let frame = Frame::new().fill(tokens.surface).stroke(tokens.hairline()).corner_radius(8);
        let within = |ui: &mut Ui| {
            ui.set_width(place.width() - INSIDE.sum().x);
            contents(ui)
        };
        frame.inner_margin(INSIDE).show(ui, within).inner
    })
    .inner
}

/// A group on a raised ground, without a border.
pub fn well<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let tokens = Tokens::of(ui);
    Frame::new().fill(tokens.raised).corner_radius(space::RADIUS).inner_margin(Margin::symmetric(12, 8)).show(
        ui,
        |ui| {
            ui.set_min_width(ui.available_width());
            contents(ui)
        },
    )
}

/// The head of a section: its name, and what it is about in muted text.
pub fn section(ui: &mut Ui, name: &str, about: &str) -> Response {
    ui.horizontal_wrapped(|ui| {
        let head = text::strong(ui, name);
        if !about.is_empty() {
            text::muted(ui, about);
        }
        head
    })
    .inner
}

/// A row of figures with their units below, as wide as there is room: ("9.9", "requests / s").
pub fn tiles(ui: &mut Ui, figures: &[(&str, &str)]) {
    let tokens = Tokens::of(ui);
    if figures.is_empty() {
        return;
    }
    let gap = space::S;
    let full = ui.available_width();
    let columns = ((full + gap) / (72.0 + gap)).floor().clamp(1.0, figures.len() as f32) as usize;
    // Rows of equal length: 2 and 2, not 3 and 1.
    let rows = figures.len().div_ceil(columns);
    let columns = figures.len().div_ceil(rows);
    let width = (full - gap * (columns - 1) as f32) / columns as f32;
    let height = 52.0;
    let (area, _) = ui.allocate_exact_size(vec2(full, rows as f32 * (height + gap) - gap), Sense::hover());
    let figure_font = FontId::new(size::FIGURE, family(ui.ctx(), Weight::Semibold));
    for (index, (figure, unit)) in figures.iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let corner = area.min + vec2(column as f32 * (width + gap), row as f32 * (height + gap));
        let rect = Rect::from_min_size(corner, vec2(width, height));
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        painter.rect_filled(rect, space::RADIUS, tokens.raised);
        let figure_galley = painter.layout_no_wrap((*figure).to_owned(), figure_font.clone(), tokens.text);
        painter.galley(rect.min + vec2(10.0, 7.0), figure_galley, tokens.text);
        let unit_galley =
            painter.layout_no_wrap((*unit).to_owned(), FontId::proportional(size::NOTE), tokens.muted);
        painter.galley(rect.min + vec2(10.0, 30.0), unit_galley, tokens.muted);
        let response = ui.interact(rect, ui.id().with(("figure", index, *unit)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("{figure} {unit}")));
    }
}

/// A hairline across.
pub fn rule(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, tokens.hairline());
}
