//! Cards that were moved by hand: they stand so far from where the layout puts them, in this and later runs, until
//! everything is put in order anew.

use super::placement::{Placement, enclose};
use egui::{Vec2, vec2};
use mesh::graph::{Graph, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far each node stands from where the layout puts it, by its name; in points at 100 %.
pub(super) type Offsets = BTreeMap<String, [f32; 2]>;

/// So many are remembered for one layout of one cluster.
const MOST: usize = 1_000;

/// What was moved, by the cluster and how it was laid out: see [`Choices::laid_out`](super::Choices).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moved(BTreeMap<String, Arc<Offsets>>);

impl Moved {
    /// What was moved there.
    pub(super) fn of(&self, laid_out: &str) -> Arc<Offsets> {
        self.0.get(laid_out).cloned().unwrap_or_default()
    }

    /// Moves a node further.
    pub(super) fn put(&mut self, laid_out: &str, node: &NodeId, by: Vec2) {
        let offsets = Arc::make_mut(self.0.entry(laid_out.to_owned()).or_default());
        if offsets.len() >= MOST {
            offsets.pop_first();
        }
        let [x, y] = offsets.entry(node.to_string()).or_default();
        (*x, *y) = (*x + by.x, *y + by.y);
    }

    /// Everything stands again where the layout puts it.
    pub(super) fn forget(&mut self, laid_out: &str) {
        self.0.remove(laid_out);
    }
}

/// A placement with its cards where they were put. Edges of those take the straight way.
pub(super) fn put(placement: &Arc<Placement>, graph: &Graph, offsets: &Offsets) -> Arc<Placement> {
    if offsets.is_empty() {
        return Arc::clone(placement);
    }
    let offset = |id: &NodeId| offsets.get(&id.to_string()).map(|[x, y]| vec2(*x, *y));
    let moves: Vec<Option<Vec2>> = graph.nodes.iter().map(|node| offset(&node.id)).collect();
    if moves.iter().all(Option::is_none) {
        return Arc::clone(placement);
    }
    let mut put = Placement::clone(placement);
    for (rect, by) in put.nodes.iter_mut().zip(&moves) {
        *rect = rect.translate(by.unwrap_or_default());
    }
    put.bends.retain(|(from, to), _| moves[*from].is_none() && moves[*to].is_none());
    enclose(&mut put);
    Arc::new(put)
}

#[cfg(test)]
mod tests {
    use super::super::panel_tests::{Seen, harness};
    use super::super::{place, sample};
    use super::*;
    use crate::panel::Panel as _;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    #[test]
    fn a_card_stands_where_it_was_put_and_its_box_goes_with_it() {
        let graph = sample::bookinfo();
        let placement = Arc::new(place(&graph));
        let at = graph.nodes.iter().position(|node| node.name == "ratings").unwrap();
        let mut moved = Moved::default();
        moved.put("here", &graph.nodes[at].id, vec2(30.0, 0.0));
        moved.put("here", &graph.nodes[at].id, vec2(370.0, -20.0));
        assert!(Arc::ptr_eq(&put(&placement, &graph, &moved.of("elsewhere")), &placement));
        let there = put(&placement, &graph, &moved.of("here"));
        let stands: Vec<Vec2> =
            there.nodes.iter().zip(&placement.nodes).map(|(now, was)| now.min - was.min).collect();
        assert!((stands[at] - vec2(400.0, -20.0)).length() < 0.1);
        assert_eq!(stands.iter().filter(|by| **by != Vec2::ZERO).count(), 1);
        assert!(there.frames[0].rect.contains_rect(there.nodes[at]));
        assert!(there.bounds.contains_rect(there.nodes[at]));
        let kept = serde_json::to_string(&moved).unwrap();
        assert_eq!(serde_json::from_str::<Moved>(&kept).unwrap(), moved);
        moved.forget("here");
        assert!(moved.of("here").is_empty());
    }

    #[test]
    fn a_card_is_dragged_and_stays_there_until_everything_is_put_in_order_anew() {
        let mut harness = harness(mesh::demo::scene());
        harness.run();
        let place = |harness: &Harness<'_, Seen>, name: &str| harness.get_by_label(name).rect().center();
        let (from, other) = (place(&harness, "ratings v1"), place(&harness, "details v1"));
        harness.drag_at(from);
        harness.step();
        for step in 1..=6 {
            harness.hover_at(from + vec2(10.0, 5.0) * step as f32);
            harness.step();
        }
        harness.drop_at(from + vec2(60.0, 30.0));
        harness.run();
        let there = place(&harness, "ratings v1");
        assert!((there - from - vec2(60.0, 30.0)).length() < 12.0, "{from} {there}");
        assert!((place(&harness, "details v1") - other).length() < 1.0, "the graph itself stays");
        let kept = harness.state().panel.kept().expect("kept");
        assert!(kept["moved"].to_string().contains("app/bookinfo/ratings/v1"), "{kept}");
        harness.get_by_label("Show in graph").click();
        harness.run();
        harness.get_by_label("Put in order anew").click();
        harness.run();
        assert!((place(&harness, "ratings v1") - from).length() < 2.0);
    }
}
