//! Boxes around apps and namespaces, and the dots that flow along edges.

use super::batch::{aside, line_color};
use super::camera::{Camera, text_size};
use super::chosen::Chosen;
use super::paint::galley;
use super::placement::Boxed;
use super::view::View;
use crate::kit::Tokens;
use crate::kit::theme::Weight;
use egui::{Painter, Pos2, Rect, Shape, Stroke, StrokeKind, vec2};

/// More edges with dots than this would only flicker.
const FLOWING: usize = 300;
/// Frames per second of flowing dots.
const FRAMES: f32 = 24.0;

/// Draws the boxes in view.
pub(super) fn paint(
    painter: &Painter,
    tokens: &Tokens,
    view: &View,
    chosen: &Chosen,
    place: &dyn Fn(Rect) -> Rect,
    viewport: Rect,
    zoom: f32,
) {
    let seen: Vec<usize> =
        (0..view.groups.len()).filter(|index| place(view.groups[*index].rect).intersects(viewport)).collect();
    for &index in &seen {
        let group = &view.groups[index];
        let rect = place(group.rect);
        if group.kind == Boxed::App && rect.height() < 12.0 && !chosen.groups[index] {
            continue;
        }
        let radius = (10.0 * zoom).clamp(2.0, 10.0);
        let selected = chosen.groups[index];
        let (fill, stroke) = match group.kind {
            Boxed::App if selected => {
                (tokens.selection(), Stroke::new(1.0, tokens.accent.gamma_multiply(0.7)))
            }
            Boxed::App => (tokens.raised.gamma_multiply(0.55), tokens.hairline()),
            Boxed::Namespace => (egui::Color32::TRANSPARENT, tokens.hairline()),
        };
        if group.kind == Boxed::Namespace && seen.len() <= 40 && zoom > 0.2 {
            dashed(painter, rect, stroke);
        } else {
            painter.rect(rect, radius, fill, stroke, StrokeKind::Inside);
        }
    }
}

/// Writes the names of the boxes in view; after the edges, so that they can be read.
pub(super) fn names(
    painter: &Painter,
    tokens: &Tokens,
    view: &View,
    chosen: &Chosen,
    place: &dyn Fn(Rect) -> Rect,
    viewport: Rect,
    zoom: f32,
) {
    for (index, group) in view.groups.iter().enumerate() {
        let rect = place(group.rect);
        if !rect.intersects(viewport) {
            continue;
        }
        let color = if chosen.groups[index] { tokens.accent } else { tokens.muted };
        let size = text_size(12.0, zoom.clamp(0.55, 1.1));
        let room = rect.width() - 20.0;
        if room > 28.0 && rect.height() > 26.0 && (group.kind == Boxed::Namespace || zoom >= 0.34) {
            let words = galley(painter, &group.name, size, Weight::Semibold, color, room);
            let inset = vec2(14.0, 11.0) * zoom.clamp(0.4, 1.0);
            painter.galley(rect.min + inset, words, color);
        }
    }
}

fn dashed(painter: &Painter, rect: Rect, stroke: Stroke) {
    let visible = rect.intersect(painter.clip_rect().expand(24.0));
    if visible.is_negative() {
        return;
    }
    // Each side for itself, with dashes counted from the corner, so that panning does not make them crawl.
    for (from, to) in [
        (rect.left_top(), rect.right_top()),
        (rect.right_top(), rect.right_bottom()),
        (rect.left_bottom(), rect.right_bottom()),
        (rect.left_top(), rect.left_bottom()),
    ] {
        let along = (to - from).normalized();
        let length = from.distance(to);
        let (near, far) = if along.x > 0.5 {
            (visible.left() - from.x, visible.right() - from.x)
        } else {
            (visible.top() - from.y, visible.bottom() - from.y)
        };
        let (dash, gap) = (5.0, 5.0);
        let mut at = ((near / (dash + gap)).floor() * (dash + gap)).max(0.0);
        while at < far.min(length) {
            painter.line_segment([from + along * at, from + along * (at + dash).min(length)], stroke);
            at += dash + gap;
        }
    }
}

/// Draws the dots on the edges in view, and asks for the next frame when they flow.
#[expect(clippy::too_many_arguments, reason = "dots depend on edges, selection, camera and time")]
pub(super) fn flow(
    painter: &Painter,
    tokens: &Tokens,
    view: &View,
    chosen: &Chosen,
    lines: &[usize],
    camera: Camera,
    viewport: Rect,
    flowing: bool,
) {
    let time = if flowing { painter.ctx().input(|input| input.time) as f32 } else { 0.0 };
    let busy: Vec<usize> =
        lines.iter().copied().filter(|index| view.lines[*index].rate > 0.0).take(FLOWING).collect();
    let radius = (2.7 * camera.zoom.sqrt()).clamp(1.5, 3.2);
    for &index in &busy {
        let line = &view.lines[index];
        let length = line.curve.length() * camera.zoom;
        let lively = (1.0 + line.rate).log10() as f32;
        let count = (length / (95.0 - 22.0 * lively.min(3.0))).round().clamp(1.0, 12.0);
        let speed = 26.0 + 26.0 * lively.min(3.0);
        // Edges that leave one card together do not march in step.
        let start = (index as f32 * 0.618).fract();
        let color = line_color(line, tokens, chosen.line_dim(index));
        let color = if aside(chosen.line_dim(index), line.status) { color } else { color.to_opaque() };
        for dot in 0..count as usize {
            let part = ((dot as f32 + start) / count + time * speed / length.max(1.0)).fract();
            let at: Pos2 = camera.to_screen(viewport, line.curve.at(part));
            painter.add(Shape::circle_filled(at, radius, color));
        }
    }
    if flowing && !busy.is_empty() {
        painter.ctx().request_repaint_after(std::time::Duration::from_secs_f32(1.0 / FRAMES));
    }
}
