//! Around the panels: the top bar, its menus, the order of Tab, the sheet of keys, the connect screen by
//! keyboard.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use panels::Intent;
use panels::connect::Connect;
use panels::contexts::{ContextId, ContextRow, Contexts, Destination};
use panels::selection::PanelId;
use panels::shell::layout::Layout;
use panels::shell::rail;
use panels::shell::top_bar::TopBar;
use support::window::{Bench, Window, window};
use support::{World, harness, service};

#[test]
fn the_top_bar_counts_what_fails_and_leads_there() {
    let mut bench = harness(World::bookinfo(), TopBar::default(), [1440.0, 48.0], |ui, bar, world| {
        bar.ui(ui, &world.cx(), rail::WIDE);
    });
    assert!(bench.query_by_label_contains("failing").is_none(), "nothing fails");
    let mut led = Vec::new();
    for _ in 0..3 {
        bench.get_by_label("2 degraded").click();
        bench.run_steps(2);
        let wishes = bench.state_mut().0.wishes();
        let [Intent::Open(PanelId::Graph), Intent::Select(Some(selected))] = &wishes[..] else {
            panic!("{wishes:?}")
        };
        led.push(selected.clone());
        bench.state_mut().0.selected = Some(selected.clone());
        bench.run_steps(1);
    }
    assert!(led[0] != led[1] && led[2] == led[0], "each in turn: {led:?}");
}

/// Thirty-two contexts in a low window: nothing of the menu is outside of it, and typing finds any.
#[test]
fn a_long_menu_stays_in_the_window_and_is_searched() {
    let context = |number: usize| ContextRow {
        name: format!("team-{number}-with-a-long-name-in-the-middle-{number}"),
        server: "https://10.0.0.1".into(),
        ..ContextRow::default()
    };
    let world = World {
        contexts: Contexts { rows: (1..=32).map(context).collect(), ..Contexts::default() },
        ..World::bookinfo()
    };
    let mut bench = harness(world, TopBar::default(), [1024.0, 400.0], |ui, bar: &mut TopBar, world| {
        egui::Panel::top("bar").exact_size(48.0).show(ui, |ui| bar.ui(ui, &world.cx(), rail::WIDE));
    });
    bench.get_by_label("Context and namespaces").click();
    bench.run_steps(4);
    let field = bench.get_by_label("Find context");
    assert!(field.rect().bottom() <= 400.0 && field.rect().right() <= 1024.0);
    let window = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1024.0, 400.0));
    let popup = bench.get_by_label("Disconnect");
    assert!(popup.rect().left() >= 0.0 && popup.rect().right() <= 1024.0);
    assert!(bench.query_all_by_label_contains("team-").count() < 32, "what is out of sight is not drawn");
    field.type_text("team-27");
    bench.run_steps(3);
    let hit = bench.get_by_label("team-27-with-a-long-name-in-the-middle-27");
    assert!(window.contains_rect(hit.rect()), "{:?}", hit.rect());
    bench.key_press(egui::Key::Enter);
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    assert!(
        matches!(&wishes[..], [Intent::Connect(ContextId { name, .. })] if name.starts_with("team-27")),
        "{wishes:?}"
    );
}

#[test]
fn tab_goes_through_the_window_as_one_reads() {
    let mut bench = harness(World::bookinfo(), Layout::default(), [1440.0, 900.0], |ui, layout, _| {
        layout.ui(ui, &mut |ui, part, _| drop(ui.button(format!("{part:?}"))));
    });
    let mut order = Vec::new();
    for _ in 0..6 {
        bench.key_press(egui::Key::Tab);
        bench.run_steps(2);
        let focus = bench.root().children_recursive().find(|node| node.accesskit_node().is_focused());
        order.push(focus.and_then(|node| node.accesskit_node().label()).unwrap_or_default());
    }
    assert_eq!(order, ["TopBar", "Rail", "Centre", "Width of the detail", "Detail", "ChangeBar"]);
    let width =
        |bench: &egui_kittest::Harness<'_, (World, Layout)>| bench.get_by_label("Detail").rect().left();
    let before = width(&bench);
    bench.get_by_label("Width of the detail").focus();
    bench.run_steps(2);
    bench.key_press(egui::Key::ArrowLeft);
    bench.run_steps(2);
    assert!(width(&bench) < before, "an arrow moves it");
}

#[test]
fn a_question_mark_shows_the_keys() {
    let mut bench =
        harness(World::bookinfo(), TopBar::default(), [1280.0, 800.0], |ui, bar: &mut TopBar, world| {
            egui::Panel::top("bar").exact_size(48.0).show(ui, |ui| bar.ui(ui, &world.cx(), rail::WIDE));
        });
    assert!(bench.query_by_label("Push what was checked").is_none());
    bench.event(egui::Event::Text("?".into()));
    bench.run_steps(3);
    bench.get_by_label("Push what was checked");
    bench.key_press(egui::Key::Escape);
    bench.run_steps(3);
    assert!(bench.query_by_label("Push what was checked").is_none());
}

/// Twelve contexts: one types at once, the first hit is chosen; Escape goes back while connecting.
#[test]
fn the_connect_screen_is_used_by_keyboard() {
    let context = |number: usize| ContextRow { name: format!("team-{number}"), ..ContextRow::default() };
    let contexts = Contexts { rows: (1..=12).map(context).collect(), ..Contexts::default() };
    let world = World { contexts, ..World::new(mesh::Scene::default()) };
    let mut bench =
        harness(world, Connect::default(), [1280.0, 800.0], |ui, connect: &mut Connect, world| {
            connect.ui(ui, &world.cx());
        });
    let top = |name: &str| bench.get_by_label(name).rect().top();
    assert!(top("team-2") < top("team-10") && top("team-9") < top("team-10"), "in their natural order");
    bench.event(egui::Event::Text("team-1".into()));
    bench.run_steps(2);
    assert!(bench.query_by_label("team-2").is_none(), "what is typed is searched for");
    bench.key_press(egui::Key::ArrowDown);
    bench.key_press(egui::Key::Enter);
    bench.run_steps(2);
    let wishes = bench.state_mut().0.wishes();
    assert!(
        matches!(&wishes[..], [Intent::Connect(ContextId { name, .. })] if name.starts_with("team-1")),
        "{wishes:?}"
    );
    bench.state_mut().0.contexts.connecting = Some(Destination::Sandbox("bookinfo".into()));
    bench.run_steps(2);
    bench.key_press(egui::Key::Escape);
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Disconnect]);
}

/// A button with the focus takes Enter; Ctrl Enter is none of its business. And what is being typed was not
/// checked: the first press leaves the field.
#[test]
fn ctrl_enter_pushes_what_was_checked_and_nothing_else() {
    let world = World::bookinfo().select(service("ratings"));
    let mut bench = window(world, Window::new(PanelId::Graph), egui::vec2(1440.0, 900.0));
    bench.state().0.intents.send(Intent::Edit(service("ratings"), "Fault"));
    bench.run_steps(3);
    bench.get_by_label("abort calls").click();
    bench.run_steps(3);
    let pushes = |bench: &mut Bench<'_>| {
        bench.state_mut().0.wishes();
        bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
        bench.run_steps(3);
        let wishes = bench.state_mut().0.wishes();
        wishes.into_iter().filter(|wish| matches!(wish, Intent::Push(_))).count()
    };
    bench.get_by_label("Remove fault").focus();
    bench.run_steps(2);
    assert_eq!(pushes(&mut bench), 1);
    let checked =
        |bench: &Bench<'_>| bench.state().0.ledger.pending().map(|entry| entry.change.title.clone());
    assert!(checked(&bench).is_some_and(|title| title.contains("503")), "{:?}", checked(&bench));
    bench.get_by_label("abort status").focus();
    bench.run_steps(2);
    bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    bench.event(egui::Event::Text("418".into()));
    bench.run_steps(2);
    assert_eq!(pushes(&mut bench), 0);
    assert!(checked(&bench).is_some_and(|title| title.contains("418")), "{:?}", checked(&bench));
    assert_eq!(pushes(&mut bench), 1);
}

/// A window that is open above all others takes the keys; Escape then closes one thing after the other.
#[test]
fn no_key_acts_behind_what_is_open() {
    let selected = || Some(service("ratings"));
    let world = World { selected: selected(), ..World::bookinfo() };
    let mut bench = window(world, Window::new(PanelId::Graph), egui::vec2(1440.0, 900.0));
    bench.state().0.intents.send(Intent::Edit(service("ratings"), "Fault"));
    bench.run_steps(3);
    bench.get_by_label("abort calls").click();
    bench.run_steps(3);
    assert!(bench.state().0.ledger.pending().is_some());
    let press = |bench: &mut Bench<'_>, key: egui::Key, ctrl: bool| {
        let modifiers = if ctrl { egui::Modifiers::COMMAND } else { egui::Modifiers::NONE };
        bench.key_press_modifiers(modifiers, key);
        bench.run_steps(3);
        bench.state_mut().0.wishes()
    };
    bench.get_by_label("Diff").click();
    bench.run_steps(3);
    bench.event(egui::Event::Text("?".into()));
    bench.run_steps(3);
    bench.state_mut().0.wishes();
    for key in [egui::Key::Enter, egui::Key::Z, egui::Key::Y, egui::Key::K, egui::Key::F] {
        assert_eq!(press(&mut bench, key, true), [], "{key:?} behind the sheet of keys");
    }
    assert!(bench.query_by_label("Find or do what").is_none(), "one window at a time");
    let diff = |bench: &Bench<'_>| bench.query_by_label("Close diff").is_some();
    let sheet = |bench: &Bench<'_>| bench.query_by_label("Push what was checked").is_some();
    assert!(sheet(&bench) && diff(&bench));
    assert_eq!(press(&mut bench, egui::Key::Escape, false), []);
    assert!(!sheet(&bench) && diff(&bench), "the first closes the sheet");
    assert_eq!(press(&mut bench, egui::Key::Escape, false), []);
    assert!(!diff(&bench), "the second closes the diff");
    assert_eq!(press(&mut bench, egui::Key::Escape, false), [Intent::Select(None)]);
}
