//! The shape of a trace: calls that are alike, below the same calls, as one. What flame graphs, comparisons and
//! "usual" are made of.

use super::span::short_operation;
use super::texts::Text;
use super::{Mark, Opened, marks};
use std::collections::HashMap;

/// What calls of one kind come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// How many there are.
    pub count: f64,
    /// How many of them failed.
    pub errors: f64,
    /// How long they took together, in microseconds.
    pub total_us: f64,
    /// The same without what they called.
    pub self_us: f64,
    /// How long the whole trace waited for their own work.
    pub critical_us: f64,
}

/// Calls that are alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Index of what called them.
    pub parent: Option<usize>,
    /// 0 for roots.
    pub depth: usize,
    /// "reviews.bookinfo".
    pub service: String,
    /// "reviews:9080/*".
    pub operation: String,
    /// "server".
    pub kind: String,
    /// What they come to.
    pub sum: Sum,
    /// Their own time and that of all below.
    pub weight_us: f64,
    /// The row of the longest of them.
    pub row: usize,
    /// What the mesh did to them.
    pub marks: Vec<Mark>,
    longest_us: u64,
}

/// A trace by its kinds of calls, each below what called it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// What calls stands before what is called.
    pub nodes: Vec<Node>,
}

impl Shape {
    /// Of one trace.
    pub fn of(opened: &Opened) -> Self {
        let spans = &opened.trace.spans;
        let mut shape = Self::default();
        let mut known: HashMap<(Option<usize>, Text, Text, Text), usize> = HashMap::new();
        let mut nodes: Vec<usize> = Vec::with_capacity(opened.tree.rows.len());
        for (at, row) in opened.tree.rows.iter().enumerate() {
            let packed = &spans.packed[row.span];
            let parent = row.parent.and_then(|parent| nodes.get(parent).copied());
            let key = (parent, spans.service(packed), packed.operation, packed.kind);
            let node = *known.entry(key).or_insert_with(|| {
                let span = spans.at(row.span);
                shape.nodes.push(Node {
                    parent,
                    depth: row.depth,
                    service: span.service().to_owned(),
                    operation: short_operation(span.operation()),
                    kind: span.kind().to_owned(),
                    row: at,
                    ..Node::default()
                });
                shape.nodes.len() - 1
            });
            nodes.push(node);
            let node = &mut shape.nodes[node];
            let critical = opened.critical(at).iter().map(|piece| piece.to_us.saturating_sub(piece.from_us));
            node.sum.count += 1.0;
            node.sum.errors += f64::from(u8::from(packed.error));
            node.sum.total_us += packed.duration_us as f64;
            node.sum.self_us += row.self_us as f64;
            node.sum.critical_us += critical.sum::<u64>() as f64;
            if packed.duration_us > node.longest_us {
                (node.longest_us, node.row) = (packed.duration_us, at);
            }
            for mark in marks(spans.at(row.span)) {
                if !node.marks.contains(&mark) {
                    node.marks.push(mark);
                }
            }
        }
        shape.weigh();
        shape
    }

    /// What is usual: of each kind of call the figures in the middle, where one that is not there counts as 0.
    pub fn usual(of: &[Self]) -> Self {
        let mut usual = Self::default();
        let mut known: HashMap<Key, usize> = HashMap::new();
        let mut sums: Vec<Vec<Sum>> = Vec::new();
        for shape in of {
            let mut places = Vec::with_capacity(shape.nodes.len());
            for node in &shape.nodes {
                let parent = node.parent.and_then(|parent| places.get(parent).copied());
                let place = *known.entry(node.key(parent)).or_insert_with(|| {
                    usual.nodes.push(Node { parent, marks: Vec::new(), ..node.clone() });
                    sums.push(Vec::new());
                    usual.nodes.len() - 1
                });
                places.push(place);
                sums[place].push(node.sum);
            }
        }
        for (node, mut sums) in usual.nodes.iter_mut().zip(sums) {
            sums.resize(of.len(), Sum::default());
            let mut middle = |figure: fn(&Sum) -> f64| {
                sums.sort_by(|one, other| figure(one).total_cmp(&figure(other)));
                sums.get(sums.len() / 2).map_or(0.0, figure)
            };
            node.sum = Sum {
                count: middle(|sum| sum.count),
                errors: middle(|sum| sum.errors),
                total_us: middle(|sum| sum.total_us),
                self_us: middle(|sum| sum.self_us),
                critical_us: middle(|sum| sum.critical_us),
            };
        }
        usual.weigh();
        usual
    }

    fn weigh(&mut self) {
        for at in (0..self.nodes.len()).rev() {
            self.nodes[at].weight_us += self.nodes[at].sum.self_us;
            let weight = self.nodes[at].weight_us;
            if let Some(parent) = self.nodes[at].parent {
                self.nodes[parent].weight_us += weight;
            }
        }
    }

    /// From where to where each node reaches when all of them stand below what called them, as wide as their
    /// weight: shares of the whole.
    pub fn spread(&self) -> Vec<(f64, f64)> {
        let roots = self.nodes.iter().filter(|node| node.parent.is_none());
        let all = roots.map(|node| node.weight_us).sum::<f64>().max(1.0);
        let mut places: Vec<(f64, f64)> = Vec::with_capacity(self.nodes.len());
        // Where the next child of each begins.
        let mut next: Vec<f64> = Vec::with_capacity(self.nodes.len());
        let mut root = 0.0;
        for node in &self.nodes {
            let from = match node.parent {
                Some(parent) => &mut next[parent],
                None => &mut root,
            };
            let place = (*from, *from + node.weight_us / all);
            *from = place.1;
            places.push(place);
            next.push(place.0);
        }
        places
    }

    /// Which node of another shape each of its own is.
    pub(super) fn places_in(&self, other: &Self) -> Vec<Option<usize>> {
        let known: HashMap<Key, usize> =
            other.nodes.iter().enumerate().map(|(at, node)| (node.key(node.parent), at)).collect();
        let mut places: Vec<Option<usize>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let parent = node.parent.map(|parent| places.get(parent).copied().flatten());
            places.push(match parent {
                // What called it is not there.
                Some(None) => None,
                parent => known.get(&node.key(parent.flatten())).copied(),
            });
        }
        places
    }
}

/// What tells nodes apart below one parent.
type Key = (Option<usize>, String, String, String);

impl Node {
    fn key(&self, parent: Option<usize>) -> Key {
        (parent, self.service.clone(), self.operation.clone(), self.kind.clone())
    }

    /// "reviews reviews:9080/*", the service without its namespace.
    pub fn name(&self) -> String {
        let service = self.service.split('.').next().unwrap_or(&self.service);
        format!("{service} {}", self.operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn calls_that_are_alike_are_one() {
        let shape = Shape::of(&demo::synthetic_trace(400).into());
        assert_eq!((shape.nodes[0].sum.count, shape.nodes[0].depth), (1.0, 0));
        assert_eq!(shape.nodes.iter().map(|node| node.sum.count).sum::<f64>(), 400.0);
        assert!(shape.nodes.len() < 90, "{}", shape.nodes.len());
        let own: f64 = shape.nodes.iter().map(|node| node.sum.self_us).sum();
        assert_eq!(shape.nodes[0].weight_us, own, "all weight is below the root");
        let places = shape.spread();
        assert_eq!(places[0], (0.0, 1.0));
        let within = |at: usize, node: &Node| {
            node.parent.is_none_or(|parent| {
                places[parent].0 - 1e-9 <= places[at].0 && places[at].1 <= places[parent].1 + 1e-9
            })
        };
        assert!(shape.nodes.iter().enumerate().all(|(at, node)| within(at, node)));
        assert!(
            shape.nodes.iter().enumerate().all(|(at, node)| node.parent.is_none_or(|parent| parent < at))
        );
    }

    #[test]
    fn the_middle_is_usual() {
        let with = |factor: u64| {
            let mut trace = demo::trace();
            trace.spans.iter_mut().for_each(|span| {
                span.duration_us *= factor;
                span.start_us = 1_000_000 + (span.start_us % 1_000_000) * factor;
            });
            Shape::of(&trace.into())
        };
        let usual = Shape::usual(&[with(1), with(2), with(100)]);
        assert_eq!(usual.nodes[0].sum.total_us, with(2).nodes[0].sum.total_us);
        assert_eq!(usual.places_in(&with(1)), (0..8).map(Some).collect::<Vec<_>>());
    }
}
