//! The way of an edge: smooth curves from side to side, each edge with its own place on the side of a card.

pub use super::curve::Curve;
use super::detour::Cards;
use super::layouts::Layout;
use super::placement::Placement;
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use std::collections::BTreeMap;

/// Sides of a card.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
    Top,
    Bottom,
}

impl Side {
    /// The point so far from its middle.
    fn at(self, rect: Rect, by: f32) -> Pos2 {
        match self {
            Self::Left => rect.left_center() + vec2(0.0, by),
            Self::Right => rect.right_center() + vec2(0.0, by),
            Self::Top => rect.center_top() + vec2(by, 0.0),
            Self::Bottom => rect.center_bottom() + vec2(by, 0.0),
        }
    }
    /// Away from the card.
    fn out(self) -> Vec2 {
        match self {
            Self::Left => -Vec2::X,
            Self::Right => Vec2::X,
            Self::Top => -Vec2::Y,
            Self::Bottom => Vec2::Y,
        }
    }
    fn upright(self) -> bool {
        matches!(self, Self::Left | Self::Right)
    }
    /// Where a point is along it.
    fn along(self, point: Pos2) -> f32 {
        if self.upright() { point.y } else { point.x }
    }
    fn length(self, rect: Rect) -> f32 {
        if self.upright() { rect.height() } else { rect.width() }
    }
}

/// An edge at a side of a card: where along it its other end is, its index, and whether it leaves there.
type Port = (f32, usize, bool);

/// The curves of edges with these ends (indices of nodes), in the same order.
pub fn curves(placement: &Placement, ends: &[(usize, usize)]) -> Vec<Curve> {
    let sides: Vec<(Side, Side)> = ends
        .iter()
        .map(|(from, to)| {
            let (a, b) = (placement.nodes[*from], placement.nodes[*to]);
            let layered = placement.options.layout == Layout::Layered;
            upright(a, b).filter(|_| !layered).unwrap_or_else(|| sides(a, b))
        })
        .collect();
    // Which edges share a side of a card, and where along it their other end is.
    let mut ports: BTreeMap<(usize, Side), Vec<Port>> = BTreeMap::new();
    for (index, ((from, to), (out, into))) in ends.iter().zip(&sides).enumerate() {
        let bends = placement.bends.get(&(*from, *to));
        let first = bends.and_then(|bends| bends.first()).copied();
        let last = bends.and_then(|bends| bends.last()).copied();
        let first = out.along(first.unwrap_or_else(|| placement.nodes[*to].center()));
        let last = into.along(last.unwrap_or_else(|| placement.nodes[*from].center()));
        ports.entry((*from, *out)).or_default().push((first, index, true));
        ports.entry((*to, *into)).or_default().push((last, index, false));
    }
    let mut start = vec![0.0f32; ends.len()];
    let mut end = vec![0.0f32; ends.len()];
    for ((node, side), mut list) in ports {
        list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let room = side.length(placement.nodes[node]) - 16.0;
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
            let through =
                |bends: &[Pos2]| curve(out.at(a, start[index]), out, into.at(b, end[index]), into, bends);
            let straight = through(bends);
            match &mut cards {
                // Within one column there is no way around, but a wider or a narrower one.
                Some(cards) if out == into => {
                    let ways =
                        [12.0, 24.0, 70.0, 110.0].map(|by| bulge(straight.start(), straight.end(), by));
                    let all = std::iter::once(straight).chain(ways);
                    all.min_by_key(|way| cards.behind(way, (*from, *to)).len()).unwrap_or_default()
                }
                // From above or below there is one way; where it runs behind a card, from the side.
                Some(cards) if !out.upright() => {
                    let before = cards.behind(&straight, (*from, *to)).len();
                    if before == 0 {
                        return straight;
                    }
                    let (out, into) = self::sides(a, b);
                    let through = |bends: &[Pos2]| curve(out.at(a, 0.0), out, into.at(b, 0.0), into, bends);
                    let other = match out == into {
                        true => through(&[]),
                        false => cards.around(through(&[]), (*from, *to), &[], &through),
                    };
                    if cards.behind(&other, (*from, *to)).len() < before { other } else { straight }
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

/// From top to bottom, where the other end is farther up or down than aside.
fn upright(a: Rect, b: Rect) -> Option<(Side, Side)> {
    let aside = (b.left() - a.right()).max(a.left() - b.right()).max(0.0);
    match (b.top() - a.bottom(), a.top() - b.bottom()) {
        (below, _) if below > aside => Some((Side::Bottom, Side::Top)),
        (_, above) if above > aside => Some((Side::Top, Side::Bottom)),
        _ => None,
    }
}

fn curve(start: Pos2, out: Side, end: Pos2, into: Side, bends: &[Pos2]) -> Curve {
    if out == into {
        return bulge(start, end, 34.0 + (end.y - start.y).abs() * 0.12);
    }
    if !out.upright() {
        let reach = ((end.y - start.y).abs() * 0.5).max(12.0);
        return Curve(vec![[start, start + out.out() * reach, end + into.out() * reach, end]]);
    }
    let sign = out.out().x;
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

/// Around the lower right corner: badges stand on the upper one.
fn own_loop(rect: Rect) -> Curve {
    let start = pos2(rect.right() - 30.0, rect.bottom());
    let end = pos2(rect.right(), rect.center().y + 6.0);
    Curve(vec![[start, start + vec2(0.0, 52.0), end + vec2(56.0, 14.0), end]])
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
    fn what_stands_above_or_below_is_reached_from_there_but_in_layers() {
        let a = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 40.0));
        let b = Rect::from_min_size(pos2(40.0, 140.0), vec2(100.0, 40.0));
        let mut placement = two(a, b);
        let ends = |placement: &Placement| {
            let curve = &curves(placement, &[(0, 1)])[0];
            (curve.start(), curve.end())
        };
        assert_eq!(ends(&placement), (pos2(100.0, 20.0), pos2(140.0, 160.0)));
        placement.options.layout = Layout::Force;
        assert_eq!(ends(&placement), (pos2(50.0, 40.0), pos2(90.0, 140.0)));
        // A card between them: around it.
        placement.nodes.push(Rect::from_min_size(pos2(20.0, 80.0), vec2(100.0, 20.0)));
        assert_eq!(ends(&placement), (pos2(100.0, 20.0), pos2(140.0, 160.0)));
    }

    #[test]
    fn edges_of_one_side_keep_apart() {
        let a = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 40.0));
        let b = Rect::from_min_size(pos2(200.0, 0.0), vec2(100.0, 40.0));
        let both = curves(&two(a, b), &[(0, 1), (0, 1)]);
        assert_eq!(both[1].start().y - both[0].start().y, 9.0);
    }
}
