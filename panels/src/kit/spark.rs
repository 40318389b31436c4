//! A line of a few pixels: how something went, without numbers. What was not measured is a gap.

use super::theme::Tokens;
use egui::{Color32, Rect, Shape, Stroke, Ui, pos2};

/// Draws pieces of a series of times and values into a place; the largest value is at least `top`.
pub fn spark(ui: &Ui, place: Rect, pieces: &[&[(f64, f64)]], [from, to]: [f64; 2], top: f64, color: Color32) {
    let tokens = Tokens::of(ui);
    let values = pieces.iter().flat_map(|piece| piece.iter().map(|(_, value)| *value));
    let top = values.fold(top, f64::max).max(f64::EPSILON);
    let span = (to - from).max(f64::EPSILON);
    let at = |(x, y): &(f64, f64)| {
        let (x, y) = (((x - from) / span).clamp(0.0, 1.0) as f32, (y / top).clamp(0.0, 1.0) as f32);
        pos2(place.left() + x * place.width(), place.bottom() - y * place.height())
    };
    ui.painter().hline(place.x_range(), place.bottom(), Stroke::new(1.0, tokens.line));
    for piece in pieces {
        let points: Vec<_> = piece.iter().map(at).collect();
        match points.as_slice() {
            [point] => drop(ui.painter().circle_filled(*point, 1.0, color)),
            _ => drop(ui.painter().add(Shape::line(points, Stroke::new(1.5, color)))),
        }
    }
}
