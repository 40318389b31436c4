//! The graph by keyboard, and in a window that changes.

use super::panel_tests::{Seen, harness};
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

/// The name of what has the focus.
fn focused(harness: &Harness<'_, Seen>) -> String {
    let all = harness.query_all_by_role(Role::Button);
    all.filter(|node| node.accesskit_node().is_focused())
        .find_map(|node| node.accesskit_node().label())
        .unwrap_or_default()
}

#[test]
fn arrows_go_from_card_to_card_and_escape_selects_nothing() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("productpage v1").focus();
    harness.run();
    let mut seen = Vec::new();
    for key in [egui::Key::ArrowLeft, egui::Key::ArrowRight, egui::Key::ArrowRight, egui::Key::ArrowDown] {
        harness.key_press(key);
        harness.run();
        seen.push(focused(&harness));
    }
    assert_eq!(seen[..2], ["istio-ingressgateway", "productpage v1"]);
    assert!(seen[2].starts_with("reviews") || seen[2].starts_with("details"), "{seen:?}");
    assert!(seen[3] != seen[2] && seen[3].starts_with("re"), "{seen:?}");
    harness.key_press(egui::Key::Enter);
    harness.run();
    assert!(harness.state().selected.is_some());
    harness.key_press(egui::Key::Escape);
    harness.run();
    assert_eq!(harness.state().selected, None);
    // The mouse leaves the keyboard where it clicked.
    harness.get_by_label("details v1").click();
    harness.run();
    assert_eq!(focused(&harness), "details v1");
    harness.key_press(egui::Key::ArrowLeft);
    harness.run();
    assert_eq!(focused(&harness), "productpage v1");
    // What is open is closed first.
    harness.get_by_label("Show in graph").click();
    harness.run();
    harness.key_press(egui::Key::Escape);
    harness.run();
    assert!(harness.state().selected.is_some(), "it closed the menu");
}

#[test]
fn a_smaller_window_keeps_what_is_in_the_middle() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("Zoom in").click();
    harness.run();
    let middle = |harness: &Harness<'_, Seen>| {
        let canvas = harness.get_by_label("Service graph").rect();
        harness.state().panel.canvas.camera().to_graph(canvas, canvas.center())
    };
    let before = middle(&harness);
    harness.set_size(egui::vec2(700.0, 460.0));
    harness.run();
    assert!(middle(&harness).distance(before) < 2.0, "{:?} was {before:?}", middle(&harness));
}
