//! The parts of the window on sample data: each shows all its faces, and a press sends the wish that it
//! promises.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::edit;
use mesh::graph::NodeId;
use mesh::scene::{KindState, Step, StepState};
use mesh::{Change, ChangeId, Fact, Problem, Theirs, demo};
use panels::change_bar::ChangeBar;
use panels::connect::Connect;
use panels::contexts::{ContextId, ContextRow, Contexts, Destination};
use panels::detail::{self, Detail};
use panels::editors::EDITORS;
use panels::intent::SandboxOf;
use panels::selection::PanelId;
use panels::shell::palette::Palette;
use panels::shell::rail;
use panels::shell::top_bar::TopBar;
use panels::{Intent, Panel, Selected};
use support::{World, faces, harness, service};

fn split() -> Change {
    let mesh = demo::bookinfo();
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    let rule = edit::rules(&mesh, reviews).pop().unwrap();
    let wanted = ::mesh::split::Split::new([("v1", 10), ("v2", 10), ("v3", 80)]).unwrap();
    edit::split(&mesh, &rule.at, &wanted).unwrap()
}

fn node(app: &str, version: &str) -> NodeId {
    NodeId::app(&mesh::ClusterId::default(), "bookinfo", app, Some(version))
}

#[test]
fn detail_of_a_service() {
    let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
    insta::assert_yaml_snapshot!(detail::View::of(&mesh, Some(&traffic), &service("reviews")));
}

#[test]
fn detail_of_an_edge() {
    let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
    let edge = Selected::Edge(node("reviews", "v3"), node("ratings", "v1"));
    insta::assert_yaml_snapshot!(detail::View::of(&mesh, Some(&traffic), &edge));
}

#[test]
fn the_ledger_says_what_became_of_each_change() {
    let mut world = World::bookinfo();
    world.ledger = demo::ledger([split(), split(), split()]);
    insta::assert_yaml_snapshot!(panels::changes::View::of(&world.cx()));
    let mut bench =
        harness(world, panels::changes::Changes::default(), [900.0, 700.0], |ui, panel, world| {
            panel.ui(ui, &world.cx());
        });
    for (state, can_undo) in [("Failed", false), ("Syncing", true), ("Measured", true)] {
        let row = format!("VirtualService bookinfo/reviews, Binnacle: {state}");
        bench.get_by_label_contains(&row).click();
        bench.run_steps(3);
        let undo = bench.get_by_label_contains("Undo reviews: v1");
        assert_eq!(undo.accesskit_node().is_disabled(), !can_undo, "{state}");
    }
}

fn bar<'a>(world: World) -> egui_kittest::Harness<'a, (World, ChangeBar)> {
    harness(world, ChangeBar::default(), [1280.0, 800.0], |ui, bar: &mut ChangeBar, world| {
        let cx = world.cx();
        egui::Panel::bottom("bar").exact_size(panels::change_bar::HEIGHT).show(ui, |ui| bar.ui(ui, &cx, &[]));
        cx.intents.each(|intent| bar.follow(intent));
    })
}

#[test]
fn push_waits_for_the_dry_run() {
    let mut world = World::bookinfo();
    let id = ChangeId::fresh();
    world.ledger.open(id, split(), None, demo::NOW);
    let mut bench = bar(world);
    assert!(bench.get_by_label("Push").accesskit_node().is_disabled());
    bench.state_mut().0.ledger.record(id, &Fact::Checked(Vec::new()), demo::NOW);
    bench.run_steps(2);
    bench.get_by_label("Push").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Push(id)]);
}

#[test]
fn a_read_only_window_does_not_push() {
    let mut world = World::bookinfo();
    world.read_only = true;
    world.checked(split());
    let bench = bar(world);
    assert!(bench.get_by_label("Push").accesskit_node().is_disabled());
    bench.get_by_label_contains("This window is read-only");
    let world = World { read_only: true, ..World::bookinfo() };
    harness(world, TopBar::default(), [1280.0, 48.0], |ui, bar: &mut TopBar, world| {
        bar.ui(ui, &world.cx(), rail::WIDE);
    })
    .get_by_label("read-only");
}

#[test]
fn what_was_pushed_can_be_followed_and_undone() {
    let mut world = World::bookinfo();
    world.ledger = demo::ledger([split(), split()]);
    let mut bench = bar(world);
    let of = split().evidence.proxies().len();
    bench.get_by_label(&format!("{} / {of} proxies", of - 1));
    bench.get_by_label("Diff").click();
    bench.run_steps(3);
    bench.get_by_label_contains("removed weight: 20, added weight: 80");
    bench.get_by_label("Undo").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Undo(ChangeId(2))]);
}

#[test]
fn a_conflict_shows_both_and_rebuilds() {
    let mut world = World::bookinfo();
    let id = world.checked(split());
    world.ledger.sent(id, demo::NOW);
    let theirs = Theirs { at: split().steps[0].at.clone(), now: split().steps[0].before.clone() };
    let problem = Problem::new(
        "reviews was not changed",
        "Somebody else changed it first",
        "Rebuild the change on theirs",
    );
    world.ledger.record(id, &Fact::Conflict { theirs, problem }, demo::NOW);
    let mut bench = bar(world);
    bench.get_by_label("Diff").click();
    bench.run_steps(3);
    bench.get_by_label_contains("Theirs of VirtualService bookinfo/reviews");
    bench.get_by_label_contains("Mine of VirtualService bookinfo/reviews");
    bench.get_all_by_label("Rebuild on theirs").next().unwrap().click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Rebuild(id)]);
}

/// Somebody else has deleted it: that is their version.
#[test]
fn a_deletion_is_shown_as_theirs() {
    let mut world = World::bookinfo();
    let id = world.checked(split());
    world.ledger.sent(id, demo::NOW);
    let theirs = Theirs { at: split().steps[0].at.clone(), now: None };
    let problem = Problem::new("reviews was not changed", "It was deleted meanwhile", "Make it anew");
    world.ledger.record(id, &Fact::Conflict { theirs, problem }, demo::NOW);
    let mut bench = bar(world);
    bench.get_by_label("Diff").click();
    bench.run_steps(3);
    bench.get_by_label("Theirs: somebody else has deleted it");
    bench.get_by_label_contains("Theirs of VirtualService bookinfo/reviews: removed");
    bench.get_by_label_contains("Mine of VirtualService bookinfo/reviews: removed");
}

#[test]
fn what_was_not_written_can_be_tried_again() {
    let mut world = World::bookinfo();
    let id = world.checked(split());
    world.ledger.sent(id, demo::NOW);
    world.ledger.record(
        id,
        &Fact::Refused(Problem::new("reviews was not changed", "Nothing listens", "Retry")),
        demo::NOW,
    );
    let mut bench = bar(world);
    bench.get_by_label_contains("Nothing listens");
    bench.get_by_label("Try again").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Rebuild(id)]);
}

#[test]
fn what_proxies_refused_can_be_undone() {
    let mut world = World::bookinfo();
    let id = world.checked(split());
    world.ledger.sent(id, demo::NOW);
    world.ledger.record(id, &Fact::Accepted(mesh::Stored::as_wanted(&split())), demo::NOW);
    let problem = Problem::new("productpage-v1 refused it", "NACK: unknown cluster", "Undo it");
    world.ledger.record(id, &Fact::Refused(problem), demo::NOW);
    let mut bench = bar(world);
    bench.get_by_label_contains("NACK: unknown cluster");
    bench.get_by_label("Undo").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Undo(id)]);
}

#[test]
fn dismissing_hides_the_change() {
    let mut world = World::bookinfo();
    world.checked(split());
    let mut bench = bar(world);
    bench.get_by_label("Dismiss").click();
    bench.run_steps(3);
    bench.get_by_label("No change is pending");
}

fn contexts() -> Contexts {
    let row = |name: &str| ContextRow {
        name: name.into(),
        server: format!("https://{name}:6443"),
        ..ContextRow::default()
    };
    let problem =
        Problem::new("Its user needs a program that is missing", "kubelogin is not in PATH", "Install it");
    let broken = ContextRow { problem: Some(problem), ..row("broken") };
    Contexts {
        rows: vec![row("prod"), broken, row("staging")],
        last: Some(Destination::Context(context("staging", ""))),
        ..Contexts::default()
    }
}

fn connect<'a>(
    contexts: Contexts,
    steps: &[(Step, StepState)],
) -> egui_kittest::Harness<'a, (World, Connect)> {
    let mut world = World::new(mesh::Scene::default());
    world.contexts = contexts;
    world.scene.steps = steps.iter().cloned().collect();
    harness(world, Connect::default(), [1280.0, 800.0], |ui, connect: &mut Connect, world| {
        if connect.covers(&world.cx()) {
            connect.ui(ui, &world.cx());
        }
    })
}

#[test]
fn contexts_are_buttons_with_their_names() {
    let mut bench = connect(contexts(), &[]);
    assert!(bench.get_by_label("broken").accesskit_node().is_disabled());
    bench.get_by_label("prod").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Connect(context("prod", ""))]);
    bench.get_by_label("Start sandbox").click();
    bench.run_steps(2);
    let wanted = |scenario: &str, read_only| {
        Intent::StartSandbox(SandboxOf { scenario: scenario.to_owned(), read_only })
    };
    assert_eq!(bench.state_mut().0.wishes(), [wanted("bookinfo", false)]);
    // Another one, that is not to be changed.
    bench.get_by_label("Scenario").click();
    bench.run_steps(2);
    bench.get_by_label("Tutorial").click();
    bench.run_steps(2);
    bench.get_by_label("Read-only").click();
    bench.run_steps(2);
    bench.get_by_label("Start sandbox").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [wanted("tutorial", true)]);
}

#[test]
fn the_keyboard_is_enough_to_connect() {
    let mut bench = connect(contexts(), &[]);
    bench.key_press(egui::Key::ArrowDown);
    bench.run_steps(2);
    bench.key_press(egui::Key::Enter);
    bench.run_steps(2);
    assert_eq!(
        bench.state_mut().0.wishes(),
        [Intent::Connect(context("staging", ""))],
        "the one used last comes first"
    );
}

#[test]
fn only_the_context_of_the_same_file_was_used_last() {
    let row = |file: &str| ContextRow { name: "sandbox".into(), file: file.into(), ..ContextRow::default() };
    let used = |last| Contexts { last: Some(last), ..Contexts::default() };
    let in_a = used(Destination::Context(context("sandbox", "a")));
    assert!(in_a.is_last(&row("a")) && !in_a.is_last(&row("b")));
    assert!(!used(Destination::Sandbox("bookinfo".into())).is_last(&row("a")), "the window's own sandbox");
}

#[test]
fn two_files_may_have_a_context_of_one_name() {
    let row = |file: &str| ContextRow { name: "default".into(), file: file.into(), ..ContextRow::default() };
    let mut bench = connect(Contexts { rows: vec![row("a"), row("b")], ..Contexts::default() }, &[]);
    bench.get_by_label("default of b").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Connect(context("default", "b"))]);
    let connecting = Some(Destination::Context(context("default", "b")));
    let here = Contexts { rows: vec![row("a"), row("b")], connecting, ..Contexts::default() };
    assert_eq!(here.others().map(|row| row.file.as_str()).collect::<Vec<_>>(), ["a"]);
}

fn context(name: &str, file: &str) -> ContextId {
    ContextId { name: name.into(), file: file.into() }
}

#[test]
fn a_context_that_is_called_sandbox_is_none() {
    let connecting = Some(Destination::Context(context("sandbox", "")));
    let steps = [(Step::Context, StepState::Done("sandbox at https://far:6443".into()))];
    let bench = connect(Contexts { connecting, ..Contexts::default() }, &steps);
    bench.get_by_label("Connecting to sandbox");
    bench.get_by_label_contains("Context done");
    assert!(bench.query_by_label_contains("Sandbox").is_none());
    let connecting = Some(Destination::Sandbox("bookinfo".into()));
    connect(Contexts { connecting, ..Contexts::default() }, &steps).get_by_label("Sandbox waits");
}

#[test]
fn a_sandbox_that_cannot_start_says_why() {
    let envoy =
        Problem::new("No sandbox can be started", "Envoy 1.40.0 was not found", "Run cargo xtask setup");
    let bench = connect(Contexts { sandbox: Some(envoy), ..Contexts::default() }, &[]);
    assert!(bench.get_by_label("Start sandbox").accesskit_node().is_disabled());
    bench.get_by_label("Envoy 1.40.0 was not found");
    bench.get_by_label("No cluster to connect to");
}

#[test]
fn a_failed_step_has_its_way_on() {
    let trouble =
        Problem::new("istiod was not found", "No Service istiod in istio-system", "Name it with --istiod");
    let steps = [
        (Step::Context, StepState::Done("context prod".into())),
        (Step::Api, StepState::Done("Kubernetes 1.33, 5 ms".into())),
        (Step::Kinds, StepState::Pending),
        (Step::Istiod, StepState::Failed(trouble)),
    ];
    let mut bench = connect(contexts(), &steps);
    bench.get_by_label("No Service istiod in istio-system");
    bench.get_by_label("istiod failed");
    bench.get_by_label("Retry").click();
    bench.run_steps(2);
    bench.get_by_label("Back").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Retry, Intent::Disconnect]);
    bench.get_by_label("Continue without").click();
    bench.run_steps(3);
    assert!(bench.query_by_label("Retry").is_none(), "the mesh is shown as far as it is known");
}

#[test]
fn the_palette_finds_and_does() {
    let mut bench = harness(
        World::bookinfo(),
        Palette::default(),
        [1000.0, 700.0],
        |ui, palette: &mut Palette, world| {
            palette.ui(ui, &world.cx());
        },
    );
    bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::K);
    bench.run_steps(3);
    bench.get_by_label("Find or do what").type_text("reviews");
    bench.run_steps(3);
    bench.get_by_label("Service reviews bookinfo");
    bench.key_press(egui::Key::Enter);
    bench.run_steps(3);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Select(Some(service("reviews")))]);
    assert!(!bench.state().1.is_open());
    // Hands that are faster than the window: letters and Enter come with one frame.
    bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::K);
    bench.run_steps(3);
    let press = |key, modifiers| egui::Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers,
    };
    let enter = || press(egui::Key::Enter, egui::Modifiers::NONE);
    bench.input_mut().events.extend([egui::Event::Text("ratings".into()), enter()]);
    bench.run_steps(3);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Select(Some(service("ratings")))]);
    let open = press(egui::Key::K, egui::Modifiers::COMMAND);
    bench.input_mut().events.extend([enter(), open]);
    bench.run_steps(3);
    assert_eq!(bench.state_mut().0.wishes(), [], "that Enter was pressed before it was open");
    assert!(bench.state().1.is_open());
}

#[test]
fn the_rail_opens_panels_and_folds() {
    let mut bench = harness(World::bookinfo(), true, [184.0, 700.0], |ui, wide: &mut bool, world| {
        rail::ui(ui, &world.cx(), PanelId::Graph, wide);
    });
    bench.get_by_label("Traces").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Open(PanelId::Traces)]);
    bench.get_by_label("Collapse the rail").click();
    bench.run_steps(2);
    assert!(!bench.state().1);
}

#[test]
fn the_top_bar_says_what_is_looked_at() {
    for (name, scene) in faces() {
        let mut bench = harness(World::new(scene), (), [1280.0, 48.0], |ui, (), world| {
            TopBar::default().ui(ui, &world.cx(), rail::WIDE);
        });
        bench.get_by_label("Context and namespaces");
        bench.get_by_label("Pause live data").click();
        bench.run_steps(2);
        assert_eq!(bench.state_mut().0.wishes(), [Intent::Pause(true)], "{name}");
    }
}

#[test]
fn missing_kinds_of_istio_are_said_and_their_editors_not_offered() {
    let mut world = World::bookinfo();
    for kind in [&mesh::kinds::VIRTUAL_SERVICE, &mesh::kinds::PEER_AUTHENTICATION] {
        world.scene.kinds.insert(kind, KindState::Missing);
    }
    let said = "2 of Istio's kinds are not installed: VirtualService, PeerAuthentication";
    let scene = world.scene.clone();
    let mut bench = harness(world, (), [1280.0, 600.0], |ui, (), world| {
        egui::Panel::top("bar")
            .exact_size(48.0)
            .show(ui, |ui| TopBar::default().ui(ui, &world.cx(), rail::WIDE));
    });
    bench.get_by_label("Sources").click();
    bench.run_steps(3);
    bench.get_by_label(said);
    let detail = |selected| {
        let world = World { selected, ..World::new(scene.clone()) };
        harness(world, Detail::default(), [384.0, 2600.0], |ui, detail: &mut Detail, world| {
            detail.ui(ui, &world.cx());
        })
    };
    detail(None).get_by_label(said);
    let reviews = detail(Some(service("reviews")));
    reviews.get_by_label("Mutual TLS needs kind PeerAuthentication, which this cluster does not have");
    let writing = EDITORS.iter().filter(|row| row.needs.contains(&&mesh::kinds::VIRTUAL_SERVICE)).count();
    assert!(writing > 3, "splits, faults, timeouts, …");
    assert_eq!(reviews.query_all_by_label_contains("needs kind VirtualService").count(), writing);
    assert!(reviews.query_by_label("Mutual TLS").is_none(), "what cannot be written is not offered");
}

#[test]
fn the_time_range_is_a_menu() {
    let mut bench = harness(World::bookinfo(), (), [1280.0, 600.0], |ui, (), world| {
        egui::Panel::top("bar")
            .exact_size(48.0)
            .show(ui, |ui| TopBar::default().ui(ui, &world.cx(), rail::WIDE));
    });
    bench.get_by_label("Time range").click();
    bench.run_steps(3);
    bench.get_by_label("Last 10 min").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Window(600)]);
}
