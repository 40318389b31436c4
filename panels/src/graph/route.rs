//! The way of an edge: smooth curves from side to side, each edge with its own place on the side of a card.

use super::placement::Placement;
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use std::collections::BTreeMap;

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

/// Sides of a card.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn x(self, rect: Rect) -> f32 {
        if self == Self::Left { rect.left() } else { rect.right() }
    }
    fn sign(self) -> f32 {
        if self == Self::Left { -1.0 } else { 1.0 }
    }
}

/// An edge at a side of a card: how high its other end is, its index, and whether it leaves there.
type Port = (f32, usize, bool);

/// The curves of edges with these ends (indices of nodes), in the same order.
pub fn curves(placement: &Placement, ends: &[(usize, usize)]) -> Vec<Curve> {
    let sides: Vec<(Side, Side)> =
        ends.iter().map(|(from, to)| sides(placement.nodes[*from], placement.nodes[*to])).collect();
    // Which edges share a side of a card, and how high their other end is.
    let mut ports: BTreeMap<(usize, Side), Vec<Port>> = BTreeMap::new();
    for (index, ((from, to), (out, into))) in ends.iter().zip(&sides).enumerate() {
        let bends = placement.bends.get(&(*from, *to));
        let first =
            bends.and_then(|bends| bends.first()).map_or(placement.nodes[*to].center().y, |point| point.y);
        let last =
            bends.and_then(|bends| bends.last()).map_or(placement.nodes[*from].center().y, |point| point.y);
        ports.entry((*from, *out)).or_default().push((first, index, true));
        ports.entry((*to, *into)).or_default().push((last, index, false));
    }
    let mut start = vec![0.0f32; ends.len()];
    let mut end = vec![0.0f32; ends.len()];
    for ((node, _), mut list) in ports {
        list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let room = placement.nodes[node].height() - 16.0;
        let step = (room / (list.len().max(2) - 1) as f32).min(9.0);
        let middle = (list.len() - 1) as f32 / 2.0;
        for (place, (_, index, leaves)) in list.iter().enumerate() {
            let dy = (place as f32 - middle) * step;
            if *leaves { start[*index] = dy } else { end[*index] = dy }
        }
    }
    ends.iter()
        .enumerate()
        .map(|(index, (from, to))| {
            let (a, b) = (placement.nodes[*from], placement.nodes[*to]);
            let (out, into) = sides[index];
            let bends = placement.bends.get(&(*from, *to)).map_or(&[][..], Vec::as_slice);
            if from == to {
                return own_loop(a);
            }
            curve(
                pos2(out.x(a), a.center().y + start[index]),
                out,
                pos2(into.x(b), b.center().y + end[index]),
                into,
                bends,
            )
        })
        .collect()
}

/// Leaves to the side where the other end is; within one column, both ends are on the right.
fn sides(a: Rect, b: Rect) -> (Side, Side) {
    if b.left() >= a.right() - 8.0 {
        (Side::Right, Side::Left)
    } else if b.right() <= a.left() + 8.0 {
        (Side::Left, Side::Right)
    } else {
        (Side::Right, Side::Right)
    }
}

fn curve(start: Pos2, out: Side, end: Pos2, into: Side, bends: &[Pos2]) -> Curve {
    if out == into {
        let bulge = 34.0 + (end.y - start.y).abs() * 0.12;
        let x = start.x.max(end.x) + bulge;
        return Curve(vec![[start, pos2(x, start.y), pos2(x, end.y), end]]);
    }
    let sign = out.sign();
    let mut pieces = Vec::with_capacity(bends.len() + 1);
    let mut before = start;
    for next in bends.iter().copied().chain([end]) {
        if (next.x - before.x) * sign < 1.0 && next != end {
            continue;
        }
        let reach = ((next.x - before.x).abs() * 0.5).max(if bends.is_empty() { 24.0 } else { 4.0 });
        pieces.push([before, before + vec2(sign * reach, 0.0), next - vec2(sign * reach, 0.0), next]);
        before = next;
    }
    Curve(pieces)
}

fn own_loop(rect: Rect) -> Curve {
    let start = pos2(rect.right() - 30.0, rect.top());
    let end = pos2(rect.right(), rect.center().y - 6.0);
    Curve(vec![[start, start - vec2(0.0, 44.0), end + vec2(48.0, -14.0), end]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(a: Rect, b: Rect) -> Placement {
        Placement { nodes: vec![a, b], ..Placement::default() }
    }

    #[test]
    fn goes_from_side_to_side() {
        let a = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 40.0));
        let b = Rect::from_min_size(pos2(200.0, 90.0), vec2(100.0, 40.0));
        let curve = &curves(&two(a, b), &[(0, 1)])[0];
        assert_eq!((curve.start(), curve.end()), (pos2(100.0, 20.0), pos2(200.0, 110.0)));
        assert!(curve.heading().x > 0.99);
        assert!(curve.distance(curve.at(0.5)) < 1.0);
        let back = &curves(&two(a, b), &[(1, 0)])[0];
        assert_eq!((back.start(), back.end()), (pos2(200.0, 110.0), pos2(100.0, 20.0)));
    }

    #[test]
    fn edges_of_one_side_keep_apart() {
        let a = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 40.0));
        let b = Rect::from_min_size(pos2(200.0, 0.0), vec2(100.0, 40.0));
        let both = curves(&two(a, b), &[(0, 1), (0, 1)]);
        assert_eq!(both[1].start().y - both[0].start().y, 9.0);
    }
}
