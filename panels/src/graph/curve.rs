//! Smooth curves, and what they reach into.

use egui::{Pos2, Rect, Vec2};

/// A smooth curve of cubic pieces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve(pub Vec<[Pos2; 4]>);

impl Curve {
    /// Where it starts.
    pub fn start(&self) -> Pos2 {
        self.0.first().map_or(Pos2::ZERO, |piece| piece[0])
    }
    /// Where it ends.
    pub fn end(&self) -> Pos2 {
        self.0.last().map_or(Pos2::ZERO, |piece| piece[3])
    }
    /// The point at a part of its way, from 0 to 1.
    pub fn at(&self, part: f32) -> Pos2 {
        let count = self.0.len();
        if count == 0 {
            return Pos2::ZERO;
        }
        let scaled = part.clamp(0.0, 1.0) * count as f32;
        let index = (scaled as usize).min(count - 1);
        cubic(&self.0[index], scaled - index as f32)
    }
    /// So many points on it, both ends with them, evenly by parameter.
    pub fn points(&self, per_piece: usize) -> impl Iterator<Item = Pos2> + '_ {
        let first = self.0.first().map(|piece| piece[0]);
        let steps = per_piece.max(1);
        let rest = self
            .0
            .iter()
            .flat_map(move |piece| (1..=steps).map(move |step| cubic(piece, step as f32 / steps as f32)));
        first.into_iter().chain(rest)
    }
    /// The box around its control points, which holds all of it.
    pub fn bounds(&self) -> Rect {
        self.0
            .iter()
            .flatten()
            .fold(Rect::NOTHING, |rect, point| rect.union(Rect::from_min_max(*point, *point)))
    }
    /// How far away a point is, about.
    pub fn distance(&self, point: Pos2) -> f32 {
        let mut nearest = f32::MAX;
        let mut before: Option<Pos2> = None;
        for next in self.points(16) {
            if let Some(before) = before {
                nearest = nearest.min(from_segment(point, before, next));
            }
            before = Some(next);
        }
        nearest
    }
    /// Its length, about.
    pub fn length(&self) -> f32 {
        let points: Vec<Pos2> = self.points(8).collect();
        points.windows(2).map(|pair| pair[0].distance(pair[1])).sum()
    }
    /// The direction in which it ends.
    pub fn heading(&self) -> Vec2 {
        self.0.last().map_or(Vec2::X, |piece| (piece[3] - piece[2]).normalized())
    }
}

fn cubic([a, b, c, d]: &[Pos2; 4], t: f32) -> Pos2 {
    let s = 1.0 - t;
    let sum = a.to_vec2() * (s * s * s)
        + b.to_vec2() * (3.0 * s * s * t)
        + c.to_vec2() * (3.0 * s * t * t)
        + d.to_vec2() * (t * t * t);
    sum.to_pos2()
}

fn from_segment(point: Pos2, a: Pos2, b: Pos2) -> f32 {
    let along = b - a;
    let part = ((point - a).dot(along) / along.length_sq().max(1e-6)).clamp(0.0, 1.0);
    point.distance(a + along * part)
}

/// Whether a straight piece of a line reaches into an area.
pub(super) fn meets(area: Rect, a: Pos2, b: Pos2) -> bool {
    let (mut from, mut to) = (0.0f32, 1.0f32);
    let along = b - a;
    for (start, by, low, high) in
        [(a.x, along.x, area.min.x, area.max.x), (a.y, along.y, area.min.y, area.max.y)]
    {
        if by.abs() < 1e-6 {
            if start < low || start > high {
                return false;
            }
            continue;
        }
        let (one, other) = ((low - start) / by, (high - start) / by);
        (from, to) = (from.max(one.min(other)), to.min(one.max(other)));
    }
    from <= to
}
