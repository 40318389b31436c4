//! The part of a graph that is around one node: who calls it, whom it calls, and so on for some hops.

use super::{Graph, NodeId};
use std::collections::BTreeSet;

impl Graph {
    /// Whether this node is in it.
    pub fn has(&self, id: &NodeId) -> bool {
        self.nodes.binary_search_by(|node| node.id.cmp(id)).is_ok()
    }

    /// What is within so many calls of a node, with all edges between; the graph itself where the node is not in
    /// it.
    #[must_use]
    pub fn around(self, id: &NodeId, hops: usize) -> Self {
        if !self.has(id) {
            return self;
        }
        let mut near: BTreeSet<&NodeId> = BTreeSet::from([id]);
        for _ in 0..hops {
            let ends =
                self.edges.iter().filter(|edge| near.contains(&edge.source) || near.contains(&edge.target));
            let next: Vec<&NodeId> = ends.flat_map(|edge| [&edge.source, &edge.target]).collect();
            let known = near.len();
            near.extend(next);
            if near.len() == known {
                break;
            }
        }
        let nodes = self.nodes.iter().filter(|node| near.contains(&node.id)).cloned().collect();
        let inside =
            |edge: &&std::sync::Arc<super::Edge>| near.contains(&edge.source) && near.contains(&edge.target);
        let edges = self.edges.iter().filter(inside).cloned().collect();
        Self { nodes, edges, ..self }
    }
}

#[cfg(test)]
mod tests {
    use crate::demo;
    use crate::graph::{Graph, GraphOptions};
    use std::sync::Arc;

    #[test]
    fn hops_go_both_ways() {
        let traffic = Arc::new(demo::bookinfo_traffic());
        let graph = Graph::build(&demo::bookinfo(), Some(&traffic), &GraphOptions::default(), demo::NOW);
        let ratings = graph.nodes.iter().find(|node| node.name == "ratings").unwrap().id.clone();
        let names = |hops: usize| -> Vec<String> {
            graph.clone().around(&ratings, hops).nodes.iter().map(|node| node.id.title()).collect()
        };
        assert_eq!(names(0), ["ratings v1"]);
        assert_eq!(names(1), ["ratings v1", "reviews v2", "reviews v3"]);
        assert!(
            names(2).contains(&"productpage v1".to_owned()) && !names(2).contains(&"details v1".to_owned())
        );
        let all = graph.clone().around(&ratings, 9);
        assert!(all.ends().iter().all(Option::is_some) && all.edges.len() > 4);
        let elsewhere = crate::graph::NodeId::External("nowhere".into());
        assert_eq!(graph.clone().around(&elsewhere, 1), graph);
    }
}
