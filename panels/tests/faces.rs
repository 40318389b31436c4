//! Every panel and the detail, in every face: measured, empty, stale, denied, waiting.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::demo;
use mesh::graph::NodeId;
use panels::detail::Detail;
use panels::selection::PanelId;
use panels::{PANELS, Panel, Selected};
use support::{World, faces, harness, service};

/// All that a screen reader would say.
fn spoken<T>(bench: &egui_kittest::Harness<'_, (World, T)>) -> String {
    let said = |node: egui_kittest::Node<'_>| {
        let node = node.accesskit_node();
        node.label().or_else(|| node.value()).unwrap_or_default()
    };
    let all = bench.get_all_by(|_| true).map(said).filter(|text| !text.is_empty());
    all.collect::<Vec<_>>().join(" | ").replace('\u{a0}', " ")
}

/// What is said in a face, and what is not.
#[track_caller]
fn check_said(what: &str, said: &str, there: &[&str], not_there: &[&str]) {
    for text in there {
        assert!(said.contains(text), "{what} does not say {text:?}: {said}");
    }
    for text in not_there {
        assert!(!said.contains(text), "{what} says {text:?}: {said}");
    }
}

const TROUBLE: [&str; 2] = ["connection refused", "It is asked again in 5 s"];

#[test]
fn every_panel_shows_every_face() {
    let empty = "No services in the mesh here";
    for row in PANELS {
        for (face, scene) in faces() {
            let bench = harness(
                World::new(scene),
                (row.make)(),
                [900.0, 600.0],
                |ui, panel: &mut Box<dyn Panel>, world| panel.ui(ui, &world.cx()),
            );
            let said = spoken(&bench);
            let (there, not_there): (Vec<&str>, Vec<&str>) = match (row.id, face) {
                (PanelId::Overview, "empty") => (vec![empty], vec![TROUBLE[0]]),
                (PanelId::Overview, "bookinfo") => {
                    (vec!["2 % of calls fail", "Namespaces", "bookinfo"], vec![empty, TROUBLE[0]])
                }
                (PanelId::Overview, "stale") => {
                    (vec!["2 % of calls fail", "As of 1 s ago", TROUBLE[0]], vec![empty])
                }
                (PanelId::Overview, "denied") => {
                    (vec![TROUBLE[0], TROUBLE[1], "Retry", "bookinfo"], vec!["2 % of calls fail"])
                }
                (PanelId::Overview, _) => (
                    vec!["Waiting for the first measurements", "bookinfo"],
                    vec!["2 % of calls fail", TROUBLE[0]],
                ),
                (PanelId::Graph, "bookinfo") => {
                    (vec!["reviews v3", "edge reviews v3 to ratings"], vec![empty, "As of", TROUBLE[0]])
                }
                (PanelId::Graph, "empty") => (vec![empty, "istio-injection=enabled"], vec!["reviews v3"]),
                (PanelId::Graph, "stale") => {
                    (vec!["edge reviews v3 to ratings", "As of 1 s ago", TROUBLE[0], TROUBLE[1]], vec![empty])
                }
                (PanelId::Graph, "denied") => {
                    (vec!["No rates", TROUBLE[0], TROUBLE[1], "reviews v3"], vec!["edge "])
                }
                (PanelId::Graph, _) => (vec!["reviews v3"], vec!["edge ", TROUBLE[0]]),
                (PanelId::Traces, "bookinfo" | "stale") => (vec!["Looking for traces"], vec![TROUBLE[0]]),
                (PanelId::Traces, "denied") => {
                    (vec![TROUBLE[0], TROUBLE[1], "Search again"], vec!["Looking for traces"])
                }
                (PanelId::Traces, _) => (vec!["No search yet"], vec![TROUBLE[0]]),
                (PanelId::Changes, _) => (vec!["No changes yet"], vec![TROUBLE[0]]),
                (PanelId::Metrics, _) => (
                    vec!["Metrics of all calls", "Waiting for Prometheus", "Duration, p99"],
                    vec![TROUBLE[0]],
                ),
                (PanelId::Logs, _) => (vec!["Nothing is selected"], vec![TROUBLE[0]]),
                (PanelId::Proxies, "empty") => (vec!["No proxies"], vec![TROUBLE[0]]),
                (PanelId::Proxies, "denied") => (vec![TROUBLE[0], TROUBLE[1], "Retry"], vec!["in sync"]),
                (PanelId::Proxies, "waiting") => (vec!["Waiting for istiod"], vec!["in sync"]),
                (PanelId::Proxies, _) => (vec!["in sync", "Search proxies"], vec![TROUBLE[0]]),
                (PanelId::Explain, _) => (vec!["Say whom the call is for"], vec![TROUBLE[0]]),
                (PanelId::Problems, _) => (vec!["No problem was found", "checks not made"], vec![TROUBLE[0]]),
                (PanelId::Objects, "empty") => (vec!["No objects of Istio here"], vec![TROUBLE[0]]),
                (PanelId::Objects, _) => (vec!["VirtualService bookinfo/reviews"], vec![TROUBLE[0]]),
            };
            check_said(&format!("{} {face}", row.about.name), &said, &there, &not_there);
        }
    }
}

fn node(app: &str, version: &str) -> NodeId {
    NodeId::app(&mesh::ClusterId::default(), "bookinfo", app, Some(version))
}

#[test]
fn the_detail_shows_every_face() {
    let edge = Selected::Edge(node("reviews", "v3"), node("ratings", "v1"));
    let object = Selected::Object(mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews"));
    // What is said of each, measured or not; and what of its calls, when they are.
    let things: [(Option<Selected>, &str, &str); 5] = [
        (None, "Mesh · sandbox on this machine", "45.0 calls / s"),
        (Some(service("reviews")), "Traces of reviews", "2 % of calls that it makes fail"),
        (Some(edge), "reviews v3 → ratings v1", "2 % of calls fail, most with 503 FI"),
        (Some(object), "VirtualService · bookinfo", ""),
        (Some(Selected::Node(NodeId::Unknown)), "Not named by telemetry", "all calls succeed"),
    ];
    for (selected, always, measured) in things {
        for (face, scene) in faces() {
            let said = detail_says(scene, selected.clone());
            let what = format!("{always}, {face}");
            let of_calls = !measured.is_empty();
            match face {
                "bookinfo" => check_said(&what, &said, &[always, measured], &["as of", TROUBLE[0]]),
                "stale" if of_calls => {
                    check_said(&what, &said, &[always, measured, "as of 1 s ago"], &["Not measured"]);
                }
                "denied" if of_calls => {
                    check_said(&what, &said, &[always, "Not measured", TROUBLE[0], "Retry"], &[measured]);
                }
                "waiting" if of_calls => {
                    check_said(&what, &said, &[always, "Waiting for the first measurements"], &[measured]);
                }
                // Of an object it is no matter what is measured.
                "stale" | "denied" | "waiting" => {
                    check_said(&what, &said, &[always, "YAML of VirtualService bookinfo/reviews"], &TROUBLE);
                }
                _ => check_said(&what, &said, &[], &["2 % of calls", "45.0 calls"]),
            }
        }
    }
}

/// What was there when it was selected may go.
#[test]
fn the_detail_says_what_is_gone() {
    for (face, scene) in faces() {
        let said = detail_says(scene, Some(service("nowhere")));
        check_said(
            face,
            &said,
            &["bookinfo/nowhere is gone", "Select nothing"],
            &["Traces of", "requests / s"],
        );
    }
    for (selected, name) in [
        (service("reviews"), "bookinfo/reviews is gone"),
        (
            Selected::Object(mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")),
            "VirtualService bookinfo/reviews is gone",
        ),
    ] {
        check_said("empty", &detail_says(demo::empty_scene(), Some(selected)), &[name], &["YAML of"]);
    }
    check_said("empty", &detail_says(demo::empty_scene(), None), &["No services in these namespaces"], &[]);
}

fn detail_says(scene: mesh::Scene, selected: Option<Selected>) -> String {
    let world = World { selected, ..World::new(scene) };
    let bench = harness(world, Detail::default(), [384.0, 900.0], |ui, detail: &mut Detail, world| {
        detail.ui(ui, &world.cx());
    });
    spoken(&bench)
}
