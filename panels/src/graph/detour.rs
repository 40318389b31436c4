//! Ways around cards: an edge that runs behind a card it does not touch reads as two edges.

use super::curve::{Curve, meets};
use super::placement::Placement;
use egui::{Pos2, Rect, pos2};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use std::collections::HashMap;

/// More edges than this are not looked at one by one.
const MOST: usize = 4000;
/// How far a way keeps from a card.
const CLEAR: f32 = 5.0;
/// How far it goes around one.
const AROUND: f32 = 16.0;
/// Between two ways around the same card.
const LANE: f32 = 7.0;
/// Points of a piece of a curve that stand for it.
const POINTS: usize = 14;

/// The cards of a placement, to be kept clear of.
pub(super) struct Cards<'a> {
    nodes: &'a [Rect],
    tree: RTree<GeomWithData<Rectangle<[f32; 2]>, usize>>,
    /// How many ways go around a card already: above, below.
    lanes: HashMap<(usize, bool), usize>,
}

impl<'a> Cards<'a> {
    /// The cards, unless there are too many edges to care.
    pub(super) fn of(placement: &'a Placement, edges: usize) -> Option<Self> {
        let item = |(index, rect): (usize, &Rect)| {
            let corners = Rectangle::from_corners([rect.min.x, rect.min.y], [rect.max.x, rect.max.y]);
            GeomWithData::new(corners, index)
        };
        let nodes = &placement.nodes[..];
        (edges <= MOST).then(|| Self {
            nodes,
            tree: RTree::bulk_load(nodes.iter().enumerate().map(item).collect()),
            lanes: HashMap::new(),
        })
    }

    /// Cards that a curve runs behind, but for its own ends.
    pub(super) fn behind(&self, curve: &Curve, ends: (usize, usize)) -> Vec<usize> {
        let bounds = curve.bounds().expand(CLEAR);
        let area = AABB::from_corners([bounds.min.x, bounds.min.y], [bounds.max.x, bounds.max.y]);
        let near = self.tree.locate_in_envelope_intersecting(&area).map(|item| item.data);
        let others: Vec<usize> = near.filter(|card| *card != ends.0 && *card != ends.1).collect();
        if others.is_empty() {
            return others;
        }
        let points: Vec<Pos2> = curve.points(POINTS).collect();
        let runs = |card: &usize| {
            let card = self.nodes[*card].expand(CLEAR);
            points.windows(2).any(|pair| meets(card, pair[0], pair[1]))
        };
        others.into_iter().filter(runs).collect()
    }

    /// A way that is clear of cards, or as clear as it gets. `through` makes the curve with these bends.
    pub(super) fn around(
        &mut self,
        curve: Curve,
        ends: (usize, usize),
        bends: &[Pos2],
        through: &dyn Fn(&[Pos2]) -> Curve,
    ) -> Curve {
        let first = self.behind(&curve, ends);
        if first.is_empty() {
            return curve;
        }
        let mut best = (first.len(), curve.length(), curve, None);
        for above in [true, false] {
            let mut hit = first.clone();
            for _ in 0..4 {
                let (bent, lane) = self.bent(&hit, bends, above, best.2.start().x <= best.2.end().x);
                let other = through(&bent);
                let behind = self.behind(&other, ends);
                let new: Vec<usize> = behind.iter().copied().filter(|card| !hit.contains(card)).collect();
                let (count, length) = (behind.len(), other.length());
                if (count, length) < (best.0, best.1) {
                    best = (count, length, other, Some(lane));
                }
                if new.is_empty() {
                    break;
                }
                hit.extend(new);
            }
        }
        if let Some(lane) = best.3 {
            *self.lanes.entry(lane).or_default() += 1;
        }
        best.2
    }

    /// Bends that lead over or under these cards, and the lane that this is.
    fn bent(&self, cards: &[usize], bends: &[Pos2], above: bool, right: bool) -> (Vec<Pos2>, (usize, bool)) {
        let all = cards.iter().map(|card| self.nodes[*card]).fold(Rect::NOTHING, Rect::union);
        let edge =
            |card: &&usize| if above { self.nodes[**card].top() } else { -self.nodes[**card].bottom() };
        let outer = cards.iter().min_by(|a, b| edge(a).total_cmp(&edge(b))).copied().unwrap_or_default();
        let lane = (outer, above);
        let aside = AROUND + LANE * self.lanes.get(&lane).copied().unwrap_or(0).min(4) as f32;
        let y = if above { all.top() - aside } else { all.bottom() + aside };
        let (from, to) = (all.left() - 10.0, all.right() + 10.0);
        let mut bent: Vec<Pos2> =
            bends.iter().copied().filter(|point| point.x < from || point.x > to).collect();
        bent.extend([pos2(from, y), pos2(to, y)]);
        bent.sort_by(|a, b| if right { a.x.total_cmp(&b.x) } else { b.x.total_cmp(&a.x) });
        (bent, lane)
    }
}
