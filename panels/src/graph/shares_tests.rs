//! Shares on the edges of the graph.

use super::panel_tests::harness;
use crate::intent::Intent;
use egui::vec2;
use egui_kittest::kittest::Queryable;

const HANDLE: &str = "reviews v3 share by edge productpage to reviews v3";

#[test]
fn a_share_is_dragged_on_its_edge_and_the_camera_stays() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    assert!(harness.query_by_label(HANDLE).is_none(), "nothing is selected");
    harness.get_by_label("reviews v3").click();
    harness.run();
    let from = harness.get_by_label(HANDLE).rect().center();
    let camera = harness.state().panel.canvas.camera();
    harness.drag_at(from);
    harness.run();
    harness.hover_at(from + vec2(20.0, 0.0));
    harness.run();
    harness.drop_at(from + vec2(20.0, 0.0));
    harness.run();
    assert_eq!(harness.state().panel.canvas.camera(), camera, "the graph was not dragged");
    let service = mesh::demo::bookinfo().service("bookinfo", "reviews").map(mesh::plan::id).unwrap();
    let asked = crate::editors::dragged::asked(&harness.ctx, &service).unwrap();
    assert_eq!((asked.part.as_str(), asked.settled), ("v3", true));
    assert!((28..=30).contains(&asked.percent), "20 % and 20 points: {}", asked.percent);
    let edits = harness.state().sent.iter().filter(|sent| matches!(sent, Intent::Edit(..))).count();
    assert_eq!(edits, 0, "its editor is open already");
}

#[test]
fn a_share_is_moved_by_keys() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("productpage v1").click();
    harness.run();
    harness.get_by_label(HANDLE).focus();
    harness.run();
    harness.key_press(egui::Key::ArrowRight);
    harness.run();
    let service = mesh::demo::bookinfo().service("bookinfo", "reviews").map(mesh::plan::id).unwrap();
    let asked = crate::editors::dragged::asked(&harness.ctx, &service).unwrap();
    assert_eq!((asked.percent, asked.settled), (21, true));
    let edits = |sent: &Intent| matches!(sent, Intent::Edit(_, editor) if *editor == "Traffic split");
    assert!(harness.state().sent.iter().any(edits), "productpage is selected, not reviews");
    harness.key_press(egui::Key::Escape);
    harness.run();
    let asked = crate::editors::dragged::asked(&harness.ctx, &service).unwrap();
    assert_eq!((asked.percent, asked.settled), (20, true), "Esc leaves it as it was");
}
