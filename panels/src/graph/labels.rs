//! Pills on edges: in the free middle of the edge, never over a card or another pill. They move, then shorten, then hide, the
//! least important first.

use super::index::Index;
use super::paint::galley;
use super::place::CARD_HEIGHT;
use super::view::View;
use crate::kit::theme::Weight;
use crate::kit::{Status, Tokens, icon};
use egui::{Color32, Painter, Rect, Stroke, StrokeKind, Vec2, pos2, vec2};

/// More edges than this in view, and only those that fail get pills.
const MANY: usize = 160;
/// So few pills find room one after the other, whichever matters most.
const ROOMY: usize = 16;

/// A pill in its place. `rect` is in the graph's coordinates times the zoom, so that panning does not move it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pill {
    /// Index of the line.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// With a lock before the text.
    pub locked: bool,
    /// Where it is.
    pub rect: Rect,
}

/// Measures text: width and height of a pill's words.
pub type Measure<'a> = &'a dyn Fn(&str) -> Vec2;

/// Finds places for the pills of these lines at this zoom.
pub fn place(
    view: &View,
    index: &Index,
    lines: &[usize],
    zoom: f32,
    first: &dyn Fn(usize) -> bool,
    measure: Measure<'_>,
) -> Vec<Pill> {
    let mut order: Vec<usize> = lines
        .iter()
        .copied()
        .filter(|line| !view.lines[*line].labels.is_empty())
        .filter(|line| lines.len() <= MANY || first(*line) || view.lines[*line].status >= Status::Degraded)
        .collect();
    // Where there is room for all, none gives way: pills stay where they are when rates or the selection change.
    if order.len() > ROOMY {
        order.sort_by(|a, b| {
            let weight = |line: usize| view.lines[line].weight + if first(line) { 1e6 } else { 0.0 };
            weight(*b).total_cmp(&weight(*a)).then(a.cmp(b))
        });
    }
    order.truncate(MANY);
    let mut pills: Vec<Pill> = Vec::with_capacity(order.len());
    let titles: Vec<Rect> = view
        .groups
        .iter()
        .map(|group| {
            Rect::from_min_size(group.rect.min, vec2(group.rect.width().min(14.0 + 8.0 * group.name.len() as f32), 32.0))
        })
        .collect();
    for line in order {
        let found = view.lines[line].labels.iter().find_map(|text| {
            let words = measure(text);
            let lock = if view.lines[line].locked { words.y } else { 0.0 };
            // In steps, so that a digit more seldom moves a pill.
            let size = vec2(((words.x + lock + 16.0) / 8.0).ceil() * 8.0, words.y + 6.0);
            let rect = best(view, index, line, lines, size, zoom, &pills, &titles)?;
            Some(Pill { line, text: text.clone(), locked: view.lines[line].locked, rect })
        });
        pills.extend(found);
    }
    pills
}

/// The best free place along a line for a pill of this size, if there is any.
#[expect(clippy::too_many_arguments, reason = "a place depends on all that stands around")]
fn best(
    view: &View,
    index: &Index,
    line: usize,
    lines: &[usize],
    size: Vec2,
    zoom: f32,
    pills: &[Pill],
    titles: &[Rect],
) -> Option<Rect> {
    let curve = &view.lines[line].curve;
    let mut best: Option<(f32, Rect)> = None;
    for part in [0.5, 0.44, 0.56, 0.38, 0.62, 0.3, 0.7, 0.24, 0.76] {
        let at = curve.at(part);
        let along = curve.at((part + 0.04).min(1.0)) - curve.at((part - 0.04).max(0.0));
        let flat = along.y.abs() < along.x.abs() * 0.35;
        // Beside a flat line: right above or below it, or past the cards that it joins.
        let (lift, past) = (size.y / 2.0 + 5.0, CARD_HEIGHT * zoom / 2.0 + size.y / 2.0 + 5.0);
        let shifts: &[f32] = if flat { &[-lift, lift, 0.0, -past, past] } else { &[0.0, -lift, lift, -past, past] };
        for (rank, shift) in shifts.iter().enumerate() {
            let center = pos2(at.x * zoom, at.y * zoom + shift);
            let rect = Rect::from_center_size(center, size);
            let area = Rect::from_min_max((rect.min.to_vec2() / zoom).to_pos2(), (rect.max.to_vec2() / zoom).to_pos2());
            let taken = index.covered(area.expand(3.0 / zoom))
                || pills.iter().any(|pill| pill.rect.expand(3.0).intersects(rect))
                || titles.iter().any(|title| title.intersects(area));
            if taken {
                continue;
            }
            let crossed = if lines.len() <= 60 { crossed(view, line, lines, area) } else { 0.0 };
            let borders =
                view.groups.iter().filter(|group| group.rect.intersects(area) && !group.rect.contains_rect(area)).count() as f32;
            let cost = crossed * 1.5 + borders * 0.8 + (part - 0.5).abs() * 4.0 + rank as f32 * 0.6;
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, rect));
            }
        }
        if best.as_ref().is_some_and(|(cost, _)| *cost < 0.3) {
            break;
        }
    }
    best.map(|(_, rect)| rect)
}

/// How many other lines a pill would cover.
fn crossed(view: &View, line: usize, lines: &[usize], area: Rect) -> f32 {
    let covers = |other: &&usize| {
        let curve = &view.lines[**other].curve;
        **other != line && curve.bounds().intersects(area) && curve.points(12).any(|point| area.contains(point))
    };
    lines.iter().filter(covers).count() as f32
}

/// Draws one pill at its place on the screen.
pub(super) fn paint(painter: &Painter, tokens: &Tokens, pill: &Pill, by: Vec2, dim: bool, chosen: bool, size: f32) {
    let rect = pill.rect.translate(by);
    let fade = |color: Color32| if dim { color.gamma_multiply(0.35) } else { color };
    let stroke = Stroke::new(1.0, fade(if chosen { tokens.accent } else { tokens.line }));
    painter.rect(rect, rect.height() / 2.0, tokens.surface, stroke, StrokeKind::Inside);
    let words = galley(painter, &pill.text, size, Weight::Regular, fade(tokens.text), f32::INFINITY);
    let lock = if pill.locked { words.size().y } else { 0.0 };
    let mut left = rect.center().x - (words.size().x + lock) / 2.0;
    if pill.locked {
        icon::lock(painter, pos2(left + lock / 2.0 - 2.0, rect.center().y), size, fade(tokens.mtls));
        left += lock;
    }
    painter.galley(pos2(left, rect.center().y - words.size().y / 2.0), words, tokens.text);
}
