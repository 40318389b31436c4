//! The way of calls through a thing: all lines by which calls come to it, and all by which they go on from it.
//! Pure.

use super::view::View;

/// More lines than these are no way any more, but the mesh.
const MOST: usize = 400;

/// What reaches a card, and what it reaches.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Way {
    /// The lines of both.
    pub(super) lines: Vec<usize>,
    /// How many cards reach it, be it through others.
    pub(super) before: usize,
    /// How many it reaches.
    pub(super) after: usize,
}

impl Way {
    /// Through this card.
    pub(super) fn through(view: &View, card: usize) -> Self {
        let (mut to, mut from) = (vec![Vec::new(); view.cards.len()], vec![Vec::new(); view.cards.len()]);
        for (index, line) in view.lines.iter().enumerate() {
            to[line.to].push((index, line.from));
            from[line.from].push((index, line.to));
        }
        let (before, after) = (reach(&to, card), reach(&from, card));
        let mut lines: Vec<usize> = before.1.into_iter().chain(after.1).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.truncate(MOST);
        Self { lines, before: before.0, after: after.0 }
    }
}

/// Cards that are come to, without the first, and the lines on the way.
fn reach(next: &[Vec<(usize, usize)>], first: usize) -> (usize, Vec<usize>) {
    let mut seen = vec![false; next.len()];
    let (mut lines, mut open, mut count) = (Vec::new(), vec![first], 0);
    seen[first] = true;
    while let Some(card) = open.pop() {
        for (line, to) in &next[card] {
            lines.push(*line);
            if !std::mem::replace(&mut seen[*to], true) {
                count += 1;
                open.push(*to);
            }
        }
    }
    (count, lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::find::Find;
    use crate::graph::place;
    use crate::graph::view::Labels;
    use mesh::graph::{Graph, GraphOptions};
    use std::sync::Arc;

    #[test]
    fn calls_come_to_it_and_go_on() {
        let (mesh, traffic) = (mesh::demo::bookinfo(), Arc::new(mesh::demo::bookinfo_traffic()));
        let graph = Graph::build(&mesh, Some(&traffic), &GraphOptions::default(), mesh::demo::NOW);
        let view = View::of(&graph, &place(&graph), Labels::default(), &Find::read(""));
        let way = |name: &str| {
            let card = view.cards.iter().position(|card| card.name == name).unwrap();
            let way = Way::through(&view, card);
            let names: Vec<&str> = way.lines.iter().map(|line| view.lines[*line].name.as_str()).collect();
            (way.before, way.after, names.join(", "))
        };
        let (before, after, lines) = way("reviews v3");
        assert!(before >= 2 && after == 1, "{before} {after}");
        assert!(
            lines.contains("edge productpage to reviews v3") && lines.contains("edge reviews v3 to ratings")
        );
        assert!(!lines.contains("details") && !lines.contains("reviews v2"), "{lines}");
        assert_eq!(way("details v1").1, 0);
    }
}
