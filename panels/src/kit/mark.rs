//! The product's mark.

use super::theme::Tokens;
use egui::{Pos2, Rect, Sense, Shape, Stroke, Ui, WidgetInfo, WidgetType, vec2};

/// The product's mark: a compass card in its bowl.
pub fn mark(ui: &mut Ui, size: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(size, size), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, "Binnacle"));
    paint_mark(ui, rect);
}

fn paint_mark(ui: &Ui, rect: Rect) {
    let accent = Tokens::of(ui).accent;
    let (center, radius) = (rect.center(), rect.width() / 2.0);
    let width = (radius * 0.18).max(1.5);
    ui.painter().circle_stroke(center, radius - width / 2.0, Stroke::new(width, accent));
    let needle = |tip: f32, opacity: f32| {
        let half = radius * 0.24;
        let points: Vec<Pos2> = vec![
            center + vec2(0.0, tip * radius * 0.62),
            center + vec2(half, 0.0),
            center + vec2(-half, 0.0),
        ];
        Shape::convex_polygon(points, accent.gamma_multiply(opacity), Stroke::NONE)
    };
    ui.painter().add(needle(-1.0, 1.0));
    ui.painter().add(needle(1.0, 0.45));
}
