//! Boxes that are collapsed to one node, and expanded again.

use super::panel_tests::harness;
use crate::selection::Selected;
use egui_kittest::kittest::Queryable;
use mesh::graph::NodeId;

#[test]
fn an_app_is_collapsed_to_one_node_and_expanded() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("app reviews").click_secondary();
    harness.run();
    harness.get_by_label("Collapse to one node").click();
    harness.run();
    assert!(
        harness.query_by_label("reviews v1").is_none() && harness.query_by_label("app reviews").is_none()
    );
    harness.get_by_label("edge productpage to reviews");
    harness.get_by_label("reviews").click_secondary();
    harness.run();
    harness.get_by_label("Expand").click();
    harness.run();
    harness.get_by_label("reviews v1");
}

#[test]
fn all_namespaces_are_collapsed_and_one_is_selected() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("Show in graph").click();
    harness.run();
    harness.get_by_label("Collapse all namespaces").click();
    harness.run();
    harness.get_by_label("edge istio-system to bookinfo");
    harness.get_by_label("bookinfo").click();
    harness.run();
    assert!(
        matches!(&harness.state().selected, Some(Selected::Node(NodeId::Namespace(_, name))) if &**name == "bookinfo"),
        "{:?}",
        harness.state().selected
    );
    harness.get_by_label("Show in graph").click();
    harness.run();
    harness.get_by_label("Expand all").click();
    harness.run();
    harness.get_by_label("ratings v1");
    // Its box is what is selected now.
    assert!(harness.state().selected.is_some());
    harness.get_by_label("box of namespace bookinfo");
}
