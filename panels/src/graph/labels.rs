//! Pills on edges: each on its own edge, over no card, no other pill, no other edge where there is room for
//! that, and over no border of a box unless they would have to say less. They move, then shorten, then stand
//! beside their edge, then hide, the least important first.

use super::camera::text_size;
use super::curve::meets;
use super::index::Index;
use super::paint::galley;
use super::placement::CARD_HEIGHT;
use super::view::View;
use crate::kit::theme::Weight;
use crate::kit::{Status, Tokens, icon};
use egui::{Color32, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2, pos2, vec2};
use std::cell::OnceCell;

/// More edges than this in view, and only those that fail get pills.
const MANY: usize = 160;
/// So few pills find room one after the other, whichever matters most.
const ROOMY: usize = 16;
/// Points of a curve that stand for it, per piece.
const POINTS: usize = 24;

/// A pill in its place. `rect` is in the graph's coordinates times the zoom, so that panning does not move
/// it.
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

/// The size of a pill's letters at this zoom: they grow and shrink less than the cards do.
pub fn letters(zoom: f32) -> f32 {
    text_size(11.0, zoom.clamp(0.66, 1.2))
}

/// Finds places for the pills of these lines at this zoom.
pub fn place(
    view: &View,
    index: &Index,
    lines: &[usize],
    zoom: f32,
    first: &dyn Fn(usize) -> bool,
    stood: &dyn Fn(usize) -> Option<Pos2>,
    measure: Measure<'_>,
) -> Vec<Pill> {
    let mut order: Vec<usize> = lines
        .iter()
        .copied()
        .filter(|line| !view.lines[*line].labels.is_empty())
        .filter(|line| lines.len() <= MANY || first(*line) || view.lines[*line].status >= Status::Degraded)
        .collect();
    // Where there is room for all, none gives way: pills stay where they are when rates or the selection
    // change.
    if order.len() > ROOMY {
        order.sort_by(|a, b| {
            let weight = |line: usize| view.lines[line].weight + if first(line) { 1e6 } else { 0.0 };
            weight(*b).total_cmp(&weight(*a)).then(a.cmp(b))
        });
    }
    order.truncate(MANY);
    let ground = Ground::of(view, index, zoom);
    let mut pills: Vec<Pill> = Vec::with_capacity(order.len());
    for line in order {
        let locked = view.lines[line].locked;
        let mut best: Option<(f32, Pill)> = None;
        for (shorter, text) in view.lines[line].labels.iter().enumerate() {
            let lines = text.lines().map(|line| measure(&widest(line)));
            let words = lines.fold(Vec2::ZERO, |all, line| vec2(all.x.max(line.x), all.y + line.y));
            let lock = if locked { measure("0").y } else { 0.0 };
            let size = vec2((words.x + lock + 14.0).ceil(), words.y + 6.0);
            // The last one says less.
            let last = shorter > 0 && shorter + 1 == view.lines[line].labels.len();
            let rows = text.lines().count().saturating_sub(1) as f32;
            let cost_so_far = if last { LESS } else { ROW * rows };
            if let Some((cost, rect)) = ground.best(line, size, &pills, stood(line))
                && best.as_ref().is_none_or(|(least, _)| cost + cost_so_far < *least)
            {
                best = Some((cost + cost_so_far, Pill { line, text: text.clone(), locked, rect }));
            }
        }
        pills.extend(best.map(|(_, pill)| pill));
    }
    pills
}

/// The words with every number as wide as it gets, so that a digit more neither moves nor shortens a pill.
fn widest(text: &str) -> String {
    let mut wide = String::with_capacity(text.len() + 4);
    let mut number = false;
    for letter in text.chars() {
        let part = letter.is_ascii_digit() || (number && letter == '.');
        if part && !number {
            wide.push_str("000");
        } else if !part {
            wide.push(letter);
        }
        number = part;
    }
    wide
}

// What a place costs. Who reads a pill must see first whose it is, then what it covers.
const CROSSED: f32 = 6.0;
const BESIDE: f32 = 2.5;
const BORDER: f32 = 3.0;
/// For each row after the first, and where not all is said.
const ROW: f32 = 0.8;
const LESS: f32 = 3.4;
/// So much better a new place must be than the one where the pill stood.
const STAYS: f32 = 3.0;
const ASIDE: f32 = 1.5;

/// What pills have to keep clear of.
struct Ground<'a> {
    view: &'a View,
    index: &'a Index,
    zoom: f32,
    titles: Vec<Rect>,
    /// The lines as points, made when they are needed.
    ways: Vec<OnceCell<Vec<Pos2>>>,
}

impl<'a> Ground<'a> {
    fn of(view: &'a View, index: &'a Index, zoom: f32) -> Self {
        let title = |group: &super::view::Group| {
            Rect::from_min_size(
                group.rect.min,
                vec2(group.rect.width().min(14.0 + 8.0 * group.name.len() as f32), 32.0),
            )
        };
        let titles = view.groups.iter().map(title).collect();
        Self { view, index, zoom, titles, ways: vec![OnceCell::new(); view.lines.len()] }
    }

    /// The best free place along a line for a pill of this size and what it costs, if there is any.
    fn best(&self, line: usize, size: Vec2, pills: &[Pill], stood: Option<Pos2>) -> Option<(f32, Rect)> {
        let curve = &self.view.lines[line].curve;
        // Beside a line: right above or below it, or past the cards that it joins.
        let (lift, past) = (size.y / 2.0 + 5.0, CARD_HEIGHT * self.zoom / 2.0 + size.y / 2.0 + 5.0);
        let stood =
            stood.filter(|at| curve.distance((at.to_vec2() / self.zoom).to_pos2()) * self.zoom < past);
        let mut best: Option<(f32, Rect)> = stood.and_then(|at| {
            let rect = Rect::from_center_size(at, size);
            Some((self.covers(line, rect, pills)? - STAYS, rect))
        });
        for (rank, shift) in [0.0, -lift, lift, -past, past].into_iter().enumerate() {
            let beside = if rank == 0 { 0.0 } else { BESIDE + rank as f32 * 0.6 };
            for step in 0..=32u32 {
                // From the middle outward: 0.5, 0.475, 0.525, …
                let by = step.div_ceil(2) as f32 * 0.025;
                let aside = beside + by * 2.0 * ASIDE;
                if best.as_ref().is_some_and(|(least, _)| *least <= aside) {
                    break;
                }
                let at = curve.at(if step % 2 == 1 { 0.5 - by } else { 0.5 + by });
                let rect = Rect::from_center_size(pos2(at.x * self.zoom, at.y * self.zoom + shift), size);
                let Some(covered) = self.covers(line, rect, pills) else { continue };
                if best.as_ref().is_none_or(|(least, _)| aside + covered < *least) {
                    best = Some((aside + covered, rect));
                }
            }
        }
        best
    }

    /// What a pill would cover of other lines and of borders; `None` where it cannot stand.
    fn covers(&self, line: usize, rect: Rect, pills: &[Pill]) -> Option<f32> {
        let scaled = |rect: Rect| {
            Rect::from_min_max(
                (rect.min.to_vec2() / self.zoom).to_pos2(),
                (rect.max.to_vec2() / self.zoom).to_pos2(),
            )
        };
        let area = scaled(rect);
        let taken = self.index.covered(scaled(rect.expand(3.0)))
            || pills.iter().any(|pill| pill.rect.expand(3.0).intersects(rect))
            || self.titles.iter().any(|title| title.intersects(area));
        if taken {
            return None;
        }
        let around = scaled(rect.expand(2.0));
        let crossed = self
            .index
            .lines(around)
            .into_iter()
            .filter(|other| *other != line && self.crosses(*other, around))
            .count();
        let border =
            |group: &&super::view::Group| group.rect.intersects(around) && !group.rect.contains_rect(around);
        let borders = self.view.groups.iter().filter(border).count();
        Some(crossed as f32 * CROSSED + borders as f32 * BORDER)
    }

    fn crosses(&self, line: usize, area: Rect) -> bool {
        let way = self.ways[line].get_or_init(|| self.view.lines[line].curve.points(POINTS).collect());
        way.windows(2).any(|pair| meets(area, pair[0], pair[1]))
    }
}

/// Draws one pill at its place on the screen.
pub(super) fn paint(
    painter: &Painter,
    tokens: &Tokens,
    pill: &Pill,
    by: Vec2,
    dim: bool,
    chosen: bool,
    size: f32,
) {
    let rect = pill.rect.translate(by);
    let fade = |color: Color32| if dim { color.gamma_multiply(0.35) } else { color };
    let stroke = Stroke::new(1.0, fade(if chosen { tokens.accent } else { tokens.line }));
    painter.rect(rect, (rect.height() / 2.0).min(12.0), tokens.surface, stroke, StrokeKind::Inside);
    let line = |text: &str| galley(painter, text, size, Weight::Regular, fade(tokens.text), f32::INFINITY);
    let lines: Vec<_> = pill.text.lines().map(line).collect();
    let wide = lines.iter().map(|line| line.size().x).fold(0.0, f32::max);
    let high: f32 = lines.iter().map(|line| line.size().y).sum();
    let lock = if pill.locked { high / lines.len().max(1) as f32 } else { 0.0 };
    let left = rect.center().x - (wide + lock) / 2.0;
    if pill.locked {
        icon::lock(painter, pos2(left + lock / 2.0 - 2.0, rect.center().y), size, fade(tokens.mtls));
    }
    let mut at = pos2(left + lock, rect.center().y - high / 2.0);
    for line in lines {
        let below = line.size().y;
        painter.galley(at, line, tokens.text);
        at.y += below;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_lines_meet_areas() {
        let area = Rect::from_min_max(pos2(0.0, 0.0), pos2(10.0, 4.0));
        for (a, b, expect) in [
            (pos2(-5.0, 2.0), pos2(15.0, 2.0), true),
            (pos2(5.0, -9.0), pos2(5.0, 9.0), true),
            (pos2(2.0, 1.0), pos2(3.0, 2.0), true),
            (pos2(-5.0, 6.0), pos2(15.0, 6.0), false),
            (pos2(-4.0, 0.0), pos2(0.0, 8.0), false),
        ] {
            assert_eq!(meets(area, a, b), expect, "{a:?} {b:?}");
        }
    }

    #[test]
    fn numbers_of_any_length_are_as_wide() {
        assert_eq!(widest("9.9 rps · 4.0 ms"), "000 rps · 000 ms");
        assert_eq!(widest("120 rps · 18 ms"), widest("9.9 rps · 4.0 ms"));
        assert_eq!(widest("38 % 503"), "000 % 000");
    }
}
