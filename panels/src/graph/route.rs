//! The way of an edge: smooth curves from side to side, each edge with its own place on the side of a card.

pub use super::curve::Curve;
use super::detour::Cards;
use super::placement::Placement;
use egui::{Pos2, Rect, pos2, vec2};
use std::collections::BTreeMap;

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
    let mut cards = Cards::of(placement, ends.len());
    ends.iter()
        .enumerate()
        .map(|(index, (from, to))| {
            let (a, b) = (placement.nodes[*from], placement.nodes[*to]);
            let (out, into) = sides[index];
            let bends = placement.bends.get(&(*from, *to)).map_or(&[][..], Vec::as_slice);
            if from == to {
                return own_loop(a);
            }
            let through = |bends: &[Pos2]| {
                let start = pos2(out.x(a), a.center().y + start[index]);
                let end = pos2(into.x(b), b.center().y + end[index]);
                curve(start, out, end, into, bends)
            };
            let straight = through(bends);
            match &mut cards {
                // Within one column there is no way around, but a wider or a narrower one.
                Some(cards) if out == into => {
                    let ways =
                        [12.0, 24.0, 70.0, 110.0].map(|by| bulge(straight.start(), straight.end(), by));
                    let all = std::iter::once(straight).chain(ways);
                    all.min_by_key(|way| cards.behind(way, (*from, *to)).len()).unwrap_or_default()
                }
                Some(cards) => cards.around(straight, (*from, *to), bends, &through),
                None => straight,
            }
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
        return bulge(start, end, 34.0 + (end.y - start.y).abs() * 0.12);
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

/// From one side of a column out, and back to it.
fn bulge(start: Pos2, end: Pos2, by: f32) -> Curve {
    let x = start.x.max(end.x) + by;
    Curve(vec![[start, pos2(x, start.y), pos2(x, end.y), end]])
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
