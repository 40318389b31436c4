//! The graph panel as a user meets it: with data, without, waiting, old, refused.

use super::Graph;
use crate::contexts::Contexts;
use crate::cx::{Cx, Intents};
use crate::intent::{Export, ExportFormat, Intent, ThemeChoice, TracesOf};
use crate::kit::{fmt, theme};
use crate::panel::Panel;
use crate::reads::{Reads, Wanted};
use crate::selection::Selected;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use jiff::Timestamp;
use mesh::graph::{GraphType, NodeKind};
use mesh::trace::End;
use mesh::{Ledger, Problem, Remote, Scene};
use std::sync::mpsc::channel;
use std::time::Duration;

/// The panel and what it sees.
pub(super) struct Seen {
    pub(super) panel: Graph,
    scene: Scene,
    pub(super) selected: Option<Selected>,
    /// Flowing dots would keep a test busy for ever.
    paused: bool,
    pub(super) sent: Vec<Intent>,
    /// What was asked for elsewhere and is yet to be heard.
    asked: Option<Intent>,
}

pub(super) fn harness(scene: Scene) -> Harness<'static, Seen> {
    sized(scene, egui::vec2(1100.0, 720.0))
}

fn sized(scene: Scene, size: egui::Vec2) -> Harness<'static, Seen> {
    let seen =
        Seen { panel: Graph::default(), scene, selected: None, paused: true, sent: Vec::new(), asked: None };
    // Kept from frame to frame, as the window does: what it judges beside it is judged once.
    let wanted = Wanted::default();
    Harness::builder().with_size(size).build_ui_state(
        move |ui, seen: &mut Seen| {
            theme::apply(ui.ctx(), ThemeChoice::Dark);
            let (intents, ledger, contexts) = (Intents::default(), Ledger::default(), Contexts::default());
            let cx = Cx {
                file: None,
                scene: &seen.scene,
                selected: seen.selected.as_ref(),
                changes: &ledger,
                intents: &intents,
                namespaces: &[],
                window_secs: 60,
                paused: seen.paused,
                read_only: false,
                workloads: false,
                reads: Reads::new(&seen.scene, &wanted),
                theme: ThemeChoice::Dark,
                now: seen.scene.traffic.at().unwrap_or(Timestamp::UNIX_EPOCH) + Duration::from_secs(90),
                contexts: &contexts,
            };
            if let Some(intent) = seen.asked.take() {
                seen.panel.follow(&intent, &cx);
            }
            seen.panel.ui(ui, &cx);
            for (_, intent) in intents.take() {
                if let Intent::Select(selected) = &intent {
                    seen.selected.clone_from(selected);
                }
                seen.sent.push(intent);
            }
        },
        seen,
    )
}

fn outage() -> Problem {
    Problem::new(
        "Prometheus does not answer",
        "connection refused",
        "Start it, or give its address with --prometheus",
    )
}

#[test]
fn bookinfo_can_be_read_and_selected() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    for name in [
        "productpage v1",
        "reviews v1",
        "reviews v2",
        "reviews v3",
        "ratings v1",
        "edge productpage to reviews v1",
    ] {
        harness.get_by_label(name);
    }
    harness.get_by_label("ratings v1").click();
    harness.run();
    let ratings = Selected::App("bookinfo".into(), "ratings".into(), Some("v1".into()));
    assert_eq!(harness.state().selected, Some(ratings));
    // A click beside everything selects nothing.
    harness.drag_at(egui::pos2(30.0, 700.0));
    harness.drop_at(egui::pos2(30.0, 700.0));
    harness.run();
    assert_eq!(harness.state().selected, None);
}

#[test]
fn dots_flow_while_data_is_live_and_rest_when_it_is_paused() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.state_mut().paused = false;
    harness.step();
    let delay = |harness: &Harness<'_, Seen>| {
        harness.output().viewport_output.values().map(|output| output.repaint_delay).min()
    };
    assert!(delay(&harness).is_some_and(|delay| delay <= Duration::from_millis(50)), "{:?}", delay(&harness));
    harness.state_mut().paused = true;
    harness.run();
    assert!(delay(&harness).is_none_or(|delay| delay > Duration::from_secs(60)), "{:?}", delay(&harness));
}

#[test]
fn the_menu_of_a_card_leads_to_its_traces() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("details v1").click_secondary();
    harness.run();
    harness.get_by_label("Failed traces").click();
    harness.run();
    let end = End { service: "details.bookinfo".into(), version: Some("v1".into()) };
    let wanted = Intent::TracesOf(TracesOf { end, call: None, failed: true });
    assert!(harness.state().sent.contains(&wanted), "{:?}", harness.state().sent);
}

#[test]
fn the_menu_of_a_card_offers_its_editors() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("reviews v3").click_secondary();
    harness.run();
    harness.get_by_label("Fault of reviews…").click();
    harness.run();
    let selected = Selected::App("bookinfo".into(), "reviews".into(), Some("v3".into()));
    assert!(harness.state().sent.contains(&Intent::Edit(selected, "Fault")), "{:?}", harness.state().sent);
}

/// Every editor's sheet is opened for the names in a menu: once, not in every frame.
#[test]
fn an_open_menu_opens_no_sheets_again() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("reviews v3").click_secondary();
    harness.run();
    let selected = Selected::App("bookinfo".into(), "reviews".into(), Some("v3".into()));
    let key = (harness.state().scene.mesh.revision(), selected);
    let offered = harness.state_mut().panel.offered.get(key, |_| panic!("opened in this frame"));
    assert!(offered.len() > 1, "{}", offered.len());
}

#[test]
fn ticks_of_the_menu_say_what_they_do_now() {
    let mut scene = mesh::demo::scene();
    let (traffic, at) = (scene.traffic.value().unwrap(), scene.traffic.at().unwrap());
    let mut traffic = mesh::traffic::Traffic::clone(traffic);
    let to_details = |path: &mesh::traffic::Path| &*path.destination.app == "details";
    for (_, flow) in traffic.flows.iter_mut().filter(|(path, _)| to_details(path)) {
        *flow = mesh::traffic::Flow::default();
    }
    scene.traffic = Remote::Live(traffic.into(), at);
    let mut harness = harness(scene);
    harness.run();
    harness.get_by_label("details v1");
    harness.get_by_label("Show in graph").click();
    harness.run();
    harness.get_by_label("Small map where not all fits");
    harness.get_by_label("Idle services (1 now)").click();
    harness.run();
    harness.get_by_label("Idle services");
    assert!(harness.query_by_label("details v1").is_none(), "it carries nothing");
    harness.get_by_label("reviews v3");
}

/// A picture that a thread finishes belongs to what was ordered, whatever was chosen meanwhile.
#[test]
fn choosing_while_a_picture_is_made_mixes_nothing_up() {
    let mut harness = harness(mesh::demo::synthetic_scene(400, 1000));
    let (sender, woken) = channel();
    harness.ctx.set_request_repaint_callback(move |_| {
        sender.send(()).ok();
    });
    harness.step();
    harness.state_mut().panel.choices().graph_type = GraphType::Service;
    harness.step();
    harness.state_mut().panel.anew += 1;
    harness.step();
    let service = |seen: &Seen| {
        let shown = seen.panel.shown.as_ref();
        shown.is_some_and(|shown| shown.graph.nodes.iter().any(|node| node.kind == NodeKind::Service))
    };
    while harness.state().panel.work.busy() || !service(harness.state()) {
        woken.recv_timeout(Duration::from_secs(60)).expect("the thread wakes the window");
        harness.step();
    }
    let (graph, placement) = harness.state().panel.shown().unwrap();
    assert_eq!(*placement, super::place(graph), "as if nothing had stood there before");
}

#[test]
fn other_types_and_finding() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("Graph type").click();
    harness.run();
    harness.get_by_role_and_label(Role::RadioButton, "Workload").click();
    harness.run();
    harness.get_by_label("reviews-v3").click();
    harness.run();
    assert_eq!(harness.state().selected, Some(Selected::Workload("bookinfo".into(), "reviews-v3".into())));
    harness.get_by_label("Find in graph").focus();
    harness.run();
    harness.get_by_label("Find in graph").type_text("details-v1");
    harness.run();
    assert!(harness.query_by_label_contains("found").is_some());
}

#[test]
fn enter_steps_through_what_was_found() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    harness.get_by_label("ratings v1").click();
    harness.run();
    harness.get_by_label("Find in graph").focus();
    harness.run();
    harness.get_by_label("Find in graph").type_text("reviews");
    harness.run();
    harness.get_by_label_contains(" found");
    let shown = harness.state().panel.shown.as_ref().unwrap();
    let view = &shown.picture.view;
    let chosen = super::chosen::Chosen::of(view, harness.state().selected.as_ref());
    let lit = |name: &str| !chosen.card_dim(view.cards.iter().position(|card| card.name == name).unwrap());
    assert!(lit("reviews v1") && lit("reviews v2") && lit("ratings v1") && !lit("details v1"));
    for version in ["v1", "v2", "v3"] {
        harness.key_press(egui::Key::Enter);
        harness.run();
        assert_eq!(
            harness.state().selected,
            Some(Selected::App("bookinfo".into(), "reviews".into(), Some(version.into())))
        );
    }
    harness.get_by_label_contains("3 of ");
    harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::Enter);
    harness.run();
    assert_eq!(
        harness.state().selected,
        Some(Selected::App("bookinfo".into(), "reviews".into(), Some("v2".into())))
    );
}

#[test]
fn the_toolbar_never_overlaps() {
    for width in [300.0, 400.0, 520.0, 600.0, 615.0, 712.0, 790.0, 833.0, 1000.0] {
        let mut harness = sized(mesh::demo::scene(), egui::vec2(width, 600.0));
        harness.run();
        harness.get_by_label("Find in graph").focus();
        harness.run();
        harness.get_by_label("Find in graph").type_text("reviews or %httperr > 5");
        harness.run();
        let names = [
            "Graph type",
            "Edge labels",
            "Show in graph",
            "Find in graph",
            "Zoom out",
            "Zoom in",
            "Fit graph to window",
        ];
        let mut places: Vec<(&str, egui::Rect)> = names
            .iter()
            .flat_map(|name| harness.query_all_by_label(name).map(|node| (*name, node.rect())))
            .collect();
        places.extend(harness.query_all_by_label_contains(" found").map(|node| ("found", node.rect())));
        assert!(places.len() >= if width < 450.0 { 5 } else { 8 }, "{places:?} at {width}");
        for (at, (name, rect)) in places.iter().enumerate() {
            assert!(rect.left() >= 0.0 && rect.right() <= width, "{name} at {width}: {rect:?}");
            assert!(*name != "Find in graph" || rect.width() > 50.0, "no room for typing at {width}");
            for (other, beside) in &places[at + 1..] {
                assert!(
                    !rect.shrink(0.5).intersects(*beside),
                    "{name} {rect:?} over {other} {beside:?} at {width}"
                );
            }
        }
    }
}

#[test]
fn a_banner_that_comes_moves_nothing() {
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    let before = harness.get_by_label("reviews v2").rect();
    let traffic = std::mem::take(&mut harness.state_mut().scene.traffic);
    harness.state_mut().scene.traffic = traffic.failed(outage());
    harness.run();
    harness.get_by_label_contains("Prometheus does not answer");
    assert_eq!(harness.get_by_label("reviews v2").rect(), before);
}

#[test]
fn waiting_says_for_what() {
    let mut harness = harness(Scene::default());
    harness.run();
    harness.get_by_label("Reading services, workloads and pods");
}

#[test]
fn an_empty_mesh_says_how_to_fill_it() {
    let mut harness = harness(mesh::demo::empty_scene());
    harness.run();
    harness.get_by_label("No services in the mesh here");
    harness.get_by_label_contains("istio-injection=enabled");
}

#[test]
fn old_rates_stay_with_their_age() {
    let mut scene = mesh::demo::scene();
    scene.traffic = scene.traffic.failed(outage());
    let mut harness = harness(scene);
    harness.run();
    harness.get_by_label_contains(&format!("As of 90{}s ago", fmt::THIN));
    harness.get_by_label("edge productpage to reviews v1");
}

#[test]
fn without_rates_the_structure_is_shown_and_why() {
    let mut scene = mesh::demo::scene();
    scene.traffic = Remote::Denied(outage());
    let mut harness = harness(scene);
    harness.run();
    harness.get_by_label("No rates: Prometheus does not answer");
    harness.get_by_label_contains("--prometheus");
    harness.get_by_label("reviews v2");
    assert!(harness.query_by_label("edge productpage to reviews v1").is_none());
    let said = harness.get_by_label("reviews v2").accesskit_node().description().expect("has facts");
    assert!(said.contains("not measured") && !said.contains("Idle") && !said.contains("rps"), "{said}");
    let view = &harness.state().panel.shown.as_ref().unwrap().picture.view;
    assert!(
        view.cards.iter().all(|card| card.subtitle.ends_with('–')),
        "what was not measured is not called idle"
    );
}

#[test]
fn a_large_mesh_is_placed_by_a_thread_that_wakes_the_window() {
    let mut harness = harness(mesh::demo::synthetic_scene(400, 1000));
    let (sender, woken) = channel();
    harness.ctx.set_request_repaint_callback(move |_| {
        // The receiver is gone once the graph was seen.
        sender.send(()).ok();
    });
    harness.step();
    while harness.state().panel.shown().is_none() {
        woken.recv_timeout(Duration::from_secs(60)).expect("the thread wakes the window");
        harness.step();
    }
    harness.run();
    let told = harness
        .get_all_by_role(Role::Button)
        .filter(|node| node.accesskit_node().description().is_some())
        .count();
    assert!((100..=700).contains(&told), "{told} elements are told");
}

/// What is hidden is left out, and counted as long as it is.
#[test]
fn what_is_hidden_is_counted() {
    let mut harness = harness(mesh::demo::scene());
    harness.state_mut().panel.choices().hide = "app = reviews".to_owned();
    harness.run();
    assert!(harness.query_by_label("reviews v3").is_none());
    harness.get_by_label("ratings v1");
    harness.get_by_label("3 hidden");
    harness.state_mut().panel.choices().hide.clear();
    harness.run();
    harness.get_by_label("reviews v3");
    assert!(harness.query_by_label_contains("hidden").is_none());
}

/// Much traffic in a small mesh keeps no frame waiting, and what nobody could read is not drawn but said.
#[test]
fn more_than_can_be_drawn_is_said() {
    let mut scene = mesh::demo::scene();
    let mut traffic = scene.traffic.value().unwrap().as_ref().clone();
    let (path, flow) = traffic.flows.iter().next().map(|(path, flow)| (path.clone(), flow.clone())).unwrap();
    for number in 0..super::MOST_NODES {
        let mut path = path.clone();
        path.source.workload = format!("w-{number}").into();
        path.source.app = path.source.workload.clone();
        traffic.flows.insert(path, flow.clone());
    }
    scene.traffic = Remote::Live(traffic.into(), mesh::demo::NOW);
    let mut harness = harness(mesh::demo::scene());
    harness.run();
    let (sender, woken) = channel();
    harness.ctx.set_request_repaint_callback(move |_| {
        sender.send(()).ok();
    });
    harness.state_mut().scene = scene;
    harness.step();
    assert!(harness.state().panel.work.busy(), "by a thread");
    while harness.query_by_label_contains("nodes are more than can be drawn").is_none() {
        woken.recv_timeout(Duration::from_secs(60)).expect("the thread wakes the window");
        harness.step();
    }
    harness.get_by_label("Choose namespaces above, collapse all (Show), or take another graph type: up to 12\u{a0}000 are drawn");
}

#[test]
fn what_is_saved_is_what_is_shown() {
    let mut harness = harness(mesh::demo::scene());
    harness.state_mut().panel.choices().graph_type = GraphType::Workload;
    harness.state_mut().panel.choices().idle = false;
    harness.run();
    harness.state_mut().asked = Some(Intent::ExportGraph(ExportFormat::Svg));
    harness.run();
    let sent = std::mem::take(&mut harness.state_mut().sent);
    let [Intent::Save(Export::Drawing(draw), None)] = &sent[..] else { panic!("{sent:?}") };
    let (graph, placement) = harness.state().panel.shown().unwrap();
    assert_eq!(draw(), super::svg(graph, placement, true));
    assert!(draw().contains("reviews-v1"), "a graph of workloads");
    harness.state_mut().asked = Some(Intent::ExportGraph(ExportFormat::Png));
    harness.run();
    assert_eq!(harness.state().sent, [Intent::Save(Export::Window, None)]);
}

#[test]
fn the_choices_are_kept_but_not_what_was_searched_for() {
    let mut before = Graph::default();
    before.choices().graph_type = GraphType::Service;
    before.choices().find = "reviews".into();
    let mut after = Graph::default();
    after.recall(before.kept().unwrap());
    assert_eq!((after.choices().graph_type, after.choices().find.as_str()), (GraphType::Service, ""));
    after.recall("of another shape".into());
    assert_eq!(after.choices().graph_type, GraphType::default());
}
