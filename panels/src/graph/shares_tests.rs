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

/// What is read of an edge is not covered by the handle of its share, nor is another handle.
#[test]
fn handles_cover_nothing_that_is_read() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("reviews v3").click();
    harness.run();
    harness.get_by_label("app reviews").click();
    harness.run();
    let handles: Vec<egui::Rect> =
        harness.get_all_by_label_contains(" share by edge productpage").map(|node| node.rect()).collect();
    assert!(!handles.is_empty());
    let panel = &harness.state().panel;
    let card = panel.shown.as_ref().unwrap().picture.view.cards.iter().find(|card| card.name == "reviews v3");
    let (camera, stands) = (panel.canvas.camera(), harness.get_by_label("reviews v3").rect().min);
    let corner = stands - camera.pan - card.unwrap().rect.min.to_vec2() * camera.zoom;
    let pills = panel.canvas.pills(egui::Rect::from_min_size(corner, vec2(1.0, 1.0)));
    assert!(!pills.is_empty());
    for (index, handle) in handles.iter().enumerate() {
        let others = handles.iter().skip(index + 1);
        let covered = pills.iter().chain(others).find(|other| other.intersects(*handle));
        assert_eq!(covered, None, "by {handle:?}");
    }
}
