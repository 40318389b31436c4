//! What stands keeps standing, and edges keep clear of cards.

use super::detour::Cards;
use super::find::Find;
use super::index::Index;
use super::labels;
use super::place::{place, place_after};
use super::placement::{Options, Placement};
use super::route::curves;
use super::sample;
use super::view::{Labels, View};
use egui::Rect;
use mesh::graph::{Edge, Graph, Node, NodeId};
use std::sync::Arc;

fn stands(placement: &Placement, id: &NodeId) -> Rect {
    placement.nodes[placement.ids.iter().position(|other| other == id).expect("is there")]
}

#[track_caller]
fn assert_stands(before: &Placement, after: &Placement) {
    for id in after.ids.iter().filter(|id| before.ids.contains(id)) {
        assert_eq!(stands(before, id), stands(after, id), "{id} moved");
    }
}

fn after(graph: &Graph, before: &Placement) -> Placement {
    place_after(graph, Options::default(), Some(before))
}

/// Prometheus begins anew: all edges go, and come back one by one.
#[test]
fn edges_that_come_back_move_nothing() {
    let graph = sample::bookinfo();
    let first = place(&graph);
    let mut quiet = graph.clone();
    quiet.edges.clear();
    let mut placement = after(&quiet, &first);
    assert_stands(&first, &placement);
    for edges in 1..=graph.edges.len() {
        quiet.edges = graph.edges.iter().rev().take(edges).cloned().collect();
        placement = after(&quiet, &placement);
        assert_stands(&first, &placement);
    }
    assert_eq!(placement.bends, first.bends);
}

/// The first rates of a mesh come one by one, too: a callee never ends up left of its caller.
#[test]
fn callees_stand_right_of_their_callers_whatever_came_first() {
    let graph = sample::bookinfo();
    let mut some = graph.clone();
    some.edges.clear();
    let mut placement = place(&some);
    for edges in 1..=graph.edges.len() {
        some.edges = graph.edges.iter().rev().take(edges).cloned().collect();
        placement = after(&some, &placement);
        for edge in &some.edges {
            let (from, to) = (stands(&placement, &edge.source), stands(&placement, &edge.target));
            assert!(from.right() <= to.left(), "{} stands right of {}", edge.source, edge.target);
        }
    }
}

#[test]
fn what_goes_and_comes_back_stands_where_it_stood() {
    let graph = sample::bookinfo();
    let first = place(&graph);
    for gone in graph.nodes.iter().map(|node| node.id.clone()) {
        let mut fewer = graph.clone();
        fewer.nodes.retain(|node| node.id != gone);
        fewer.edges.retain(|edge| edge.source != gone && edge.target != gone);
        let without = after(&fewer, &first);
        assert_stands(&first, &without);
        assert_stands(&first, &after(&graph, &without));
    }
}

#[test]
fn an_idle_node_moves_no_other() {
    let graph = sample::bookinfo();
    let first = place(&graph);
    for (namespace, app) in [("bookinfo", "curl"), ("istio-system", "curl"), ("elsewhere", "curl")] {
        let mut more = graph.clone();
        let node = Node {
            id: sample::id(namespace, app, "v1"),
            namespace: namespace.to_owned(),
            name: app.to_owned(),
            app: Some(app.to_owned()),
            ..Node::clone(&graph.nodes[0])
        };
        more.nodes.push(Arc::new(node));
        more.nodes.sort_by(|a, b| a.id.cmp(&b.id));
        assert_stands(&first, &after(&more, &first));
    }
}

/// Edges of a graph that run behind a card that is not theirs.
fn behind(graph: &Graph, placement: &Placement) -> Vec<String> {
    let ends: Vec<(usize, usize)> = graph.ends().into_iter().flatten().collect();
    let cards = Cards::of(placement, ends.len()).expect("few enough");
    let runs = curves(placement, &ends).into_iter().zip(&ends).flat_map(|(curve, ends)| {
        let name = |node: usize| graph.nodes[node].id.to_string();
        let card = |card: usize| format!("{} to {} behind {}", name(ends.0), name(ends.1), name(card));
        cards.behind(&curve, *ends).into_iter().map(card).collect::<Vec<_>>()
    });
    runs.collect()
}

#[test]
fn edges_keep_clear_of_cards() {
    // A caller beside the way in: gateway to productpage must not read as gateway to loadgen to productpage.
    let mut graph = sample::bookinfo();
    let like = Node::clone(&graph.nodes[0]);
    let edge = Edge::clone(&graph.edges[0]);
    for (namespace, app, to) in [
        ("bookinfo", "loadgen", "productpage"),
        ("load", "loadgen", "productpage"),
        ("bookinfo", "cron", "ratings"),
    ] {
        let id = sample::id(namespace, app, "v1");
        let node = Node {
            id: id.clone(),
            namespace: namespace.to_owned(),
            name: app.to_owned(),
            app: Some(app.to_owned()),
            ..like.clone()
        };
        graph.nodes.push(Arc::new(node));
        graph.nodes.sort_by(|a, b| a.id.cmp(&b.id));
        let target = sample::id("bookinfo", to, "v1");
        graph.edges.push(Arc::new(Edge { source: id, target, ..edge.clone() }));
        assert_eq!(behind(&graph, &place(&graph)), Vec::<String>::new());
    }
    for (nodes, edges) in [(12, 24), (30, 60), (80, 160)] {
        let graph = sample::large(nodes, edges);
        let wrong = behind(&graph, &place(&graph));
        assert!(wrong.len() * 50 <= edges, "{} of {edges}: {wrong:#?}", wrong.len());
    }
}

/// Other words, even longer ones, on the same edge: the pill stays where it is.
#[test]
fn a_pill_stays_when_its_words_change() {
    let graph = sample::bookinfo();
    let placement = place(&graph);
    let mut later = graph.clone();
    for edge in &mut later.edges {
        let edge = Arc::make_mut(edge);
        (edge.rps, edge.p95_ms) = (edge.rps * 12.0, edge.p95_ms.map(|ms| ms * 40.0));
    }
    let measure = |text: &str| egui::vec2(text.chars().count() as f32 * 6.0, 13.0);
    let view = |graph: &Graph| View::of(graph, &placement, Labels::default(), &Find::default());
    let (before, after) = (view(&graph), view(&later));
    let lines: Vec<usize> = (0..before.lines.len()).collect();
    let first = labels::place(&before, &Index::new(&before), &lines, 0.86, &|_| false, &|_| None, &measure);
    let stood = |line: usize| first.iter().find(|pill| pill.line == line).map(|pill| pill.rect.center());
    let then = labels::place(&after, &Index::new(&after), &lines, 0.86, &|_| false, &stood, &measure);
    for pill in &then {
        assert_ne!(before.lines[pill.line].labels, after.lines[pill.line].labels);
        if let Some(at) = stood(pill.line) {
            assert!(pill.rect.center().distance(at) < 1.0, "“{}” moved from {at:?}", pill.text);
        }
    }
    assert!(then.len() >= first.len() && first.len() >= 6);
}

/// What was chosen to be said is said on every edge: an error takes no other fact away.
#[test]
fn every_pill_says_all_that_was_chosen() {
    let graph = sample::bookinfo();
    let view = View::of(&graph, &place(&graph), Labels::default(), &Find::default());
    for line in view.lines.iter().filter(|line| !line.labels.is_empty()) {
        for label in &line.labels[..2] {
            assert!(label.contains("rps") && label.contains("ms"), "{label} on {}", line.name);
        }
    }
}
