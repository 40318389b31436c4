//! The graph panel's rules, on made-up graphs and on bookinfo.

use super::canvas::{Canvas, Done, Picture, Setting};
use super::find::Find;
use super::layouts::Layout;
use super::place::{place, place_after};
use super::placement::{Boxed, Options, Placement};
use super::sample;
use super::view::{Labels, View};
use crate::intent::ThemeChoice;
use crate::selection::Selected;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use mesh::graph::{Edge, Graph, NodeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Cards cover neither each other nor boxes that are not theirs; namespaces keep apart.
#[track_caller]
fn assert_sound(graph: &Graph, placement: &Placement) {
    assert_eq!(placement.nodes.len(), graph.nodes.len());
    for (index, rect) in placement.nodes.iter().enumerate() {
        assert!(rect.is_finite() && rect.width() > 0.0, "{}", graph.nodes[index].id);
    }
    if graph.nodes.len() > 1200 {
        return;
    }
    for (a, first) in placement.nodes.iter().enumerate() {
        for (b, second) in placement.nodes.iter().enumerate().skip(a + 1) {
            assert!(
                !first.shrink(0.5).intersects(*second),
                "{} covers {}",
                graph.nodes[a].id,
                graph.nodes[b].id
            );
        }
    }
    for frame in &placement.frames {
        for (index, rect) in placement.nodes.iter().enumerate() {
            let member = frame.members.contains(&index);
            let inside = if member {
                frame.rect.contains_rect(*rect)
            } else {
                !frame.rect.shrink(0.5).intersects(*rect)
            };
            assert!(inside, "{} and the box of {}", graph.nodes[index].id, frame.name);
        }
    }
}

#[test]
fn callers_stand_left_and_versions_stand_together() {
    let graph = sample::bookinfo();
    let placement = place(&graph);
    assert_sound(&graph, &placement);
    let place = |id| placement.nodes[graph.nodes.iter().position(|node| node.id == id).expect("is there")];
    let at = |app, version| place(sample::id("bookinfo", app, version));
    let ingress = place(sample::id("istio-system", "istio-ingressgateway", "latest"));
    let page = at("productpage", "v1");
    let (v1, v3, ratings) = (at("reviews", "v1"), at("reviews", "v3"), at("ratings", "v1"));
    assert!(ingress.right() < page.left() && page.right() < v1.left() && v1.right() < ratings.left());
    assert!(v1.left() == v3.left() && v1.bottom() < v3.top());
    assert!((ingress.center().y - page.center().y).abs() < 1.0, "the way in is straight");
    let boxes: Vec<_> =
        placement.frames.iter().map(|frame| (frame.kind, frame.name.as_str(), frame.members.len())).collect();
    assert_eq!(boxes, [(Boxed::Namespace, "bookinfo", 6), (Boxed::App, "reviews", 3)]);
}

#[test]
fn any_graph_is_placed() {
    for (nodes, edges) in [(0, 0), (1, 0), (2, 5), (30, 0), (60, 400), (300, 900), (1000, 3000)] {
        let mut graph = sample::large(nodes, edges);
        assert_sound(&graph, &place(&graph));
        // Turn every third edge around: loops everywhere.
        for edge in graph.edges.iter_mut().step_by(3) {
            let edge = Arc::make_mut(edge);
            std::mem::swap(&mut edge.source, &mut edge.target);
        }
        assert_sound(&graph, &place(&graph));
        for (namespaces, layout) in Layout::ALL.iter().flat_map(|(one, _)| [(true, *one), (false, *one)]) {
            assert_sound(&graph, &place_after(&graph, Options { namespaces, layout }, None));
        }
    }
}

#[test]
fn one_caller_of_all_and_edges_to_nowhere() {
    let mut graph = sample::large(200, 0);
    let (hub, edge) = (graph.nodes[0].id.clone(), Edge::clone(&sample::bookinfo().edges[0]));
    let to = |target: &NodeId| Arc::new(Edge { source: hub.clone(), target: target.clone(), ..edge.clone() });
    graph.edges = graph.nodes.iter().map(|node| to(&node.id)).collect();
    graph.edges.push(to(&sample::id("nowhere", "nobody", "v1")));
    let placement = place(&graph);
    assert_sound(&graph, &placement);
    assert_eq!(View::of(&graph, &placement, Labels::default(), &Find::default()).lines.len(), 200);
}

#[test]
fn numbers_move_nothing() {
    let graph = sample::bookinfo();
    let before = place(&graph);
    let mut later = graph;
    for edge in &mut later.edges {
        Arc::make_mut(edge).rps *= 1000.0;
    }
    later.nodes.iter_mut().for_each(|node| Arc::make_mut(node).rps_in = 123_456.0);
    assert!(before.fits(&later, Options::default()));
    assert_eq!(place(&later), before);
}

#[test]
fn what_stands_keeps_standing_when_one_node_comes_or_goes() {
    let graph = sample::large(120, 300);
    let all = place(&graph);
    let mut fewer = graph.clone();
    let gone = fewer.nodes.remove(77);
    fewer.edges.retain(|edge| edge.source != gone.id && edge.target != gone.id);
    let before = place(&fewer);
    for (from, graph) in [(&before, &graph), (&all, &fewer)] {
        let after = place_after(graph, Options::default(), Some(from));
        assert_sound(graph, &after);
        for (id, rect) in after.ids.iter().zip(&after.nodes) {
            if let Some(index) = from.ids.iter().position(|other| other == id) {
                assert_eq!(from.nodes[index], *rect, "{id} moved");
            }
        }
    }
}

#[test]
fn a_changed_graph_is_put_in_order_anew() {
    let graph = sample::bookinfo();
    let mut quiet = graph.clone();
    quiet.edges.clear();
    let after = place_after(&graph, Options::default(), Some(&place(&quiet)));
    let fresh = place(&graph);
    let moves: Vec<_> = after.nodes.iter().zip(&fresh.nodes).map(|(a, b)| (a.min - b.min).round()).collect();
    assert!(moves.iter().all(|by| *by == moves[0]), "the same picture, perhaps elsewhere: {moves:?}");
}

#[test]
fn what_is_drawn() {
    let graph = sample::bookinfo();
    let view = View::of(&graph, &place(&graph), Labels::default(), &Find::read("%httperr > 5"));
    let mut text = String::new();
    for card in &view.cards {
        let mark = if card.found { "*" } else { " " };
        text += &format!("{mark} {} | {} | {} | {:?}\n", card.name, card.title, card.subtitle, card.status);
    }
    for line in view.lines.iter() {
        let lock = if line.locked { "locked" } else { "open" };
        text += &format!("{} | {} | {lock}\n", line.name, line.labels.join(" > ").replace('\n', " / "));
    }
    insta::assert_snapshot!(text.replace(crate::kit::fmt::THIN, " "), @r"
      details v1 | details | v1 · 9.9 rps | Healthy
      productpage v1 | productpage | v1 · 9.9 rps | Healthy
    * ratings v1 | ratings | v1 · 10.0 rps | Failing
      reviews v1 | v1 | 75 % · 7.4 rps | Healthy
      reviews v2 | v2 | 0 % · idle | Idle
    * reviews v3 | v3 | 25 % · 2.5 rps | Degraded
      istio-ingressgateway latest | istio-ingressgateway | gateway · 9.9 rps | Healthy
    edge productpage to details | 9.9 rps · 4.0 ms > 9.9 rps / 4.0 ms > 9.9 rps | locked
    edge productpage to reviews v1 | 7.4 rps · 18 ms > 7.4 rps / 18 ms > 7.4 rps | locked
    edge productpage to reviews v2 |  | locked
    edge productpage to reviews v3 | 2.5 rps · 31 ms > 2.5 rps / 31 ms > 2.5 rps | locked
    edge reviews v2 to ratings | 7.5 rps · 3.0 ms > 7.5 rps / 3.0 ms > 7.5 rps | locked
    edge reviews v3 to ratings | 2.5 rps · 38 % 503 · 7.0 ms > 2.5 rps / 38 % 503 · 7.0 ms > 2.5 rps / 38 % 503 / 7.0 ms > 38 % 503 | locked
    edge istio-ingressgateway to productpage | 9.9 rps · 41 ms > 9.9 rps / 41 ms > 9.9 rps | locked
    ");
}

fn harness<'a>(selected: &'a RefCell<Option<Selected>>, graph: &Graph) -> Harness<'a, (Canvas, Picture)> {
    let view = View::of(graph, &place(graph), Labels::default(), &Find::default());
    let history = BTreeMap::new();
    Harness::builder().with_size(egui::vec2(1100.0, 700.0)).build_ui_state(
        move |ui, (canvas, picture): &mut (Canvas, Picture)| {
            crate::kit::theme::apply(ui.ctx(), ThemeChoice::Dark);
            let now = selected.borrow().clone();
            let (name, now) = ("Service graph", now.as_ref());
            let setting = Setting {
                name,
                selected: now,
                flowing: false,
                minimap: true,
                movable: true,
                history: &history,
            };
            let Done { select, .. } = canvas.ui(ui, picture, &setting, &mut |_, _, _| {});
            if let Some(select) = select {
                *selected.borrow_mut() = select;
            }
        },
        (Canvas::default(), Picture::new(view)),
    )
}

#[test]
fn every_node_and_edge_can_be_named_and_clicked() {
    let selected = RefCell::new(None);
    let mut harness = harness(&selected, &sample::bookinfo());
    harness.run();
    for name in [
        "reviews v3",
        "productpage v1",
        "app reviews",
        "edge productpage to reviews v3",
        "edge reviews v3 to ratings",
    ] {
        harness.get_by_label(name);
    }
    let about = harness
        .get_by_label("edge reviews v3 to ratings")
        .accesskit_node()
        .description()
        .expect("has numbers");
    let about = about.replace(crate::kit::fmt::THIN, " ");
    assert!(about.contains("Rate 2.5 rps") && about.contains("38 % 503"), "{about}");
    harness.get_by_label("reviews v3").click();
    harness.run();
    assert_eq!(
        *selected.borrow(),
        Some(Selected::App("bookinfo".into(), "reviews".into(), Some("v3".into())))
    );
    harness.get_by_label("edge productpage to details").click();
    harness.run();
    let edge =
        Selected::Edge(sample::id("bookinfo", "productpage", "v1"), sample::id("bookinfo", "details", "v1"));
    assert_eq!(*selected.borrow(), Some(edge));
    harness.get_by_label("app reviews").click();
    harness.run();
    assert_eq!(*selected.borrow(), Some(Selected::App("bookinfo".into(), "reviews".into(), None)));
}

#[test]
fn the_keyboard_selects() {
    let selected = RefCell::new(None);
    let mut harness = harness(&selected, &sample::bookinfo());
    harness.run();
    harness.get_by_label("details v1").focus();
    harness.run();
    harness.key_press(egui::Key::Enter);
    harness.run();
    assert_eq!(
        *selected.borrow(),
        Some(Selected::App("bookinfo".into(), "details".into(), Some("v1".into())))
    );
}

#[test]
fn what_is_selected_elsewhere_comes_into_view() {
    let selected = RefCell::new(None);
    let graph = sample::large(300, 900);
    let mut harness = harness(&selected, &graph);
    harness.run();
    harness.state_mut().0.look(super::camera::Camera { zoom: 1.0, pan: egui::vec2(-1.0e4, -1.0e4) });
    harness.run();
    let name = format!("{} v1", graph.nodes[120].name);
    assert!(harness.query_by_label(&name).is_none());
    *selected.borrow_mut() = Some(super::view::selects(&graph.nodes[120]));
    harness.run();
    harness.get_by_label(&name);
}

#[test]
fn a_still_graph_asks_for_no_frames() {
    let selected = RefCell::new(None);
    let mut harness = harness(&selected, &sample::large(300, 900));
    harness.run();
    let delay = harness.output().viewport_output.values().map(|output| output.repaint_delay).min();
    assert!(delay.is_none_or(|delay| delay > std::time::Duration::from_secs(60)), "{delay:?}");
}

#[test]
fn pills_cover_neither_cards_nor_each_other() {
    let graph = sample::large(80, 160);
    let view = View::of(&graph, &place(&graph), Labels::default(), &Find::default());
    let index = super::index::Index::new(&view);
    let lines: Vec<usize> = (0..view.lines.len()).collect();
    let measure = |text: &str| egui::vec2(text.chars().count() as f32 * 6.0, 13.0);
    for zoom in [0.7, 1.0, 1.6] {
        let pills = super::labels::place(&view, &index, &lines, zoom, &|_| false, &|_| None, &measure);
        assert!(pills.len() > 40, "{} at {zoom}", pills.len());
        for (at, pill) in pills.iter().enumerate() {
            for other in pills.iter().skip(at + 1) {
                assert!(!pill.rect.intersects(other.rect));
            }
            for card in &view.cards {
                let rect = egui::Rect::from_min_max(
                    (card.rect.min.to_vec2() * zoom).to_pos2(),
                    (card.rect.max.to_vec2() * zoom).to_pos2(),
                );
                assert!(!pill.rect.intersects(rect), "{} over {}", pill.text, card.name);
            }
        }
    }
}

/// The pills of Bookinfo as the window fits it at 1280×800, 1440×900 and larger.
#[test]
fn pills_lie_on_their_own_edges_and_cross_nothing_else() {
    let graph = sample::bookinfo();
    let view = View::of(&graph, &place(&graph), Labels::default(), &Find::default());
    let index = super::index::Index::new(&view);
    let lines: Vec<usize> = (0..view.lines.len()).collect();
    let mut wrong: Vec<String> = Vec::new();
    for zoom in [0.69, 0.78, 0.86, 1.0, 1.2, 1.4] {
        let size = super::labels::letters(zoom);
        let measure = |text: &str| egui::vec2(text.chars().count() as f32 * size * 0.52, size * 1.21);
        let pills = super::labels::place(&view, &index, &lines, zoom, &|_| false, &|_| None, &measure);
        assert_eq!(
            pills.len(),
            view.lines.iter().filter(|line| !line.labels.is_empty()).count(),
            "at {zoom}"
        );
        let scaled = |point: egui::Pos2| (point.to_vec2() * zoom).to_pos2();
        for pill in &pills {
            let whose = format!("“{}” of {} at {zoom}", pill.text, view.lines[pill.line].name);
            let center = (pill.rect.center().to_vec2() / zoom).to_pos2();
            if view.lines[pill.line].curve.distance(center) > 1.0 {
                wrong.push(format!("{whose} stands beside its edge"));
            }
            for (_, line) in view.lines.iter().enumerate().filter(|(other, _)| *other != pill.line) {
                if line.curve.points(200).any(|point| pill.rect.contains(scaled(point))) {
                    wrong.push(format!("{whose} covers {}", line.name));
                }
            }
            for group in view.groups.iter() {
                let rect = egui::Rect::from_min_max(scaled(group.rect.min), scaled(group.rect.max));
                // A border is worth less than words; one is crossed to say more, never for nothing.
                let whole = view.lines[pill.line].labels.last() != Some(&pill.text);
                if !whole && rect.intersects(pill.rect) && !rect.contains_rect(pill.rect) {
                    wrong.push(format!("{whose} lies across the border of {}", group.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_fails_keeps_its_colour_whatever_is_selected() {
    let tokens = crate::kit::Tokens::dark(true);
    let graph = sample::bookinfo();
    let view = View::of(&graph, &place(&graph), Labels::default(), &Find::default());
    let at = |name: &str| view.lines.iter().position(|line| line.name == name).unwrap();
    let failing = at("edge reviews v3 to ratings");
    let away = Selected::App("bookinfo".into(), "details".into(), Some("v1".into()));
    let chosen = super::chosen::Chosen::of(&view, Some(&away));
    let color = |line: usize, dim: bool| super::batch::line_color(&view.lines[line], tokens, dim);
    assert!(chosen.line_dim(failing), "it stands aside");
    assert_eq!(color(failing, true), color(failing, false));
    assert_ne!(
        color(at("edge productpage to reviews v1"), true),
        color(at("edge productpage to reviews v1"), false)
    );
    // Selected itself, it is drawn in its own colour, on a band.
    let output = egui::Context::default().run_ui(egui::RawInput::default(), |ui| {
        let mut store = super::paint::Store::new(&view);
        let area = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(2000.0, 2000.0));
        let meta = super::paint::Meta::new(super::camera::Camera::default(), area);
        store.line(ui.painter(), &meta, failing, true);
    });
    let strokes: Vec<_> = output
        .shapes
        .iter()
        .filter_map(|shape| match &shape.shape {
            egui::Shape::Path(path) if !path.closed => Some((path.stroke.width, path.stroke.color.clone())),
            _ => None,
        })
        .collect();
    output.drop_without_applying_deltas();
    let solid = egui::epaint::ColorMode::Solid(color(failing, false).to_opaque());
    assert!(strokes.len() == 2 && strokes[0].0 > strokes[1].0 && strokes[1].1 == solid, "{strokes:?}");
}
