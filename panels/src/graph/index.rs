//! What is where: finds cards and edges in view and under the pointer without looking at all of them.

use super::view::View;
use egui::{Pos2, Rect};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

type Item = GeomWithData<Rectangle<[f32; 2]>, u32>;

/// Cards and lines by place.
#[derive(Default)]
pub struct Index {
    cards: RTree<Item>,
    lines: RTree<Item>,
}

impl Index {
    /// Takes in a view.
    pub fn new(view: &View) -> Self {
        let item = |index: usize, rect: Rect| {
            GeomWithData::new(
                Rectangle::from_corners([rect.min.x, rect.min.y], [rect.max.x, rect.max.y]),
                index as u32,
            )
        };
        Self {
            cards: RTree::bulk_load(
                view.cards.iter().enumerate().map(|(index, card)| item(index, card.rect)).collect(),
            ),
            lines: RTree::bulk_load(
                view.lines.iter().enumerate().map(|(index, line)| item(index, line.curve.bounds())).collect(),
            ),
        }
    }
    /// Cards that reach into a part of the graph, in their order.
    pub fn cards(&self, area: Rect) -> Vec<usize> {
        within(&self.cards, area)
    }
    /// Lines whose bounds reach into a part of the graph, in their order.
    pub fn lines(&self, area: Rect) -> Vec<usize> {
        within(&self.lines, area)
    }
    /// Whether any card reaches into a part of the graph.
    pub fn covered(&self, area: Rect) -> bool {
        self.cards.locate_in_envelope_intersecting(&envelope(area)).next().is_some()
    }
    /// The card at a point.
    pub fn card_at(&self, point: Pos2) -> Option<usize> {
        self.cards(Rect::from_min_max(point, point)).last().copied()
    }
}

fn envelope(area: Rect) -> AABB<[f32; 2]> {
    AABB::from_corners([area.min.x, area.min.y], [area.max.x, area.max.y])
}

fn within(tree: &RTree<Item>, area: Rect) -> Vec<usize> {
    if !(area.width() >= 0.0 && area.height() >= 0.0) {
        return Vec::new();
    }
    let mut found: Vec<usize> =
        tree.locate_in_envelope_intersecting(&envelope(area)).map(|item| item.data as usize).collect();
    found.sort_unstable();
    found
}
