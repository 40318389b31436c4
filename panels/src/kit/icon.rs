//! The icons in use: Phosphor, regular. One name per meaning, so that a thing looks the same everywhere.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, vec2};

pub use egui_phosphor::regular::*;

/// A closed lock, filled: at the size of a note a drawn outline reads as a bag.
pub fn lock(painter: &Painter, center: Pos2, height: f32, color: Color32) {
    let at = |x: f32, y: f32| center + vec2(x, y) * height;
    painter.rect_filled(Rect::from_min_max(at(-0.36, -0.08), at(0.36, 0.46)), height * 0.1, color);
    let arc = (0..=8).map(|step| std::f32::consts::PI * (1.0 + step as f32 / 8.0));
    let top = arc.map(|angle| at(0.21 * angle.cos(), -0.22 + 0.21 * angle.sin()));
    let shackle = std::iter::once(at(-0.21, -0.06)).chain(top).chain(std::iter::once(at(0.21, -0.06)));
    painter.add(Shape::line(shackle.collect(), Stroke::new(height * 0.12, color)));
}
