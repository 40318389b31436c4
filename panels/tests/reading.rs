//! Tab goes through each part of the window as one reads it: from left to right, from top to bottom. And each
//! stop says what it is.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Key, Modifiers, Rect};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::edit::{self, FaultSpec, Mode, Scope};
use mesh::split::Split;
use mesh::{Change, ChangeId, demo};
use panels::Intent;
use panels::change_bar::{self, ChangeBar};
use panels::selection::PanelId;
use panels::shell::layout::Part;
use support::window::{Bench, Window, window};
use support::{World, harness, hostile, service};

/// So many stops no window has.
const MANY: usize = 400;

#[derive(Clone, Debug, PartialEq)]
struct Stop {
    name: String,
    rect: Rect,
}

fn focused<S>(bench: &Harness<'_, S>) -> Option<Stop> {
    let mut all = bench.root().children_recursive();
    let node = all.find(|node| node.accesskit_node().is_focused())?;
    let name = node.accesskit_node().label().unwrap_or_default();
    Some(Stop { name, rect: node.rect() })
}

/// All stops, in the order of the key that leads from one to the next.
fn stops<S>(bench: &mut Harness<'_, S>, by: Modifiers) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    for _ in 0..MANY {
        bench.key_press_modifiers(by, Key::Tab);
        bench.run_steps(1);
        let now = focused(bench).unwrap_or_else(|| panic!("nothing has the focus after {:?}", stops.last()));
        if stops.first() == Some(&now) {
            return stops;
        }
        stops.push(now);
    }
    panic!("Tab does not come back to {:?}", stops.first());
}

/// Whether one reads `next` after `before`: what holds others comes before them.
fn rises(before: Rect, next: Rect) -> bool {
    if before.contains_rect(next) {
        return true;
    }
    let overlap = before.bottom().min(next.bottom()) - before.top().max(next.top());
    if overlap > 0.5 * before.height().min(next.height()) {
        next.left() > before.left()
    } else {
        next.center().y > before.center().y
    }
}

/// Each says what it is, and they rise.
#[track_caller]
fn check(stops: &[Stop]) {
    for stop in stops {
        let plain = |letter: char| !('\u{e000}'..='\u{f8ff}').contains(&letter);
        assert!(!stop.name.is_empty() && stop.name.chars().all(plain), "a stop says {stop:?}");
    }
    for pair in stops.windows(2) {
        assert!(rises(pair[0].rect, pair[1].rect), "{:?} after {:?}", pair[1], pair[0]);
    }
}

/// Walks through the window, and looks at the order within the parts that are read like a text.
#[track_caller]
fn walk(bench: &mut Bench<'_>, least: &[(Part, usize)]) {
    let mut stops = stops(bench, Modifiers::NONE);
    let top = stops.iter().position(|stop| stop.name == "Context and namespaces").unwrap();
    stops.rotate_left(top);
    for &(part, least) in least {
        let inner = bench.state().1.place(part).unwrap().shrink(1.0);
        let within: Vec<Stop> =
            stops.iter().filter(|stop| inner.contains(stop.rect.center())).cloned().collect();
        assert!(within.len() >= least, "{part:?} has {} stops: {within:?}", within.len());
        check(&within);
    }
}

fn split(v3: u32) -> Change {
    let mesh = demo::bookinfo();
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    let rule = edit::rules(&mesh, reviews).pop().unwrap();
    edit::split(&mesh, &rule.at, &Split::new([("v1", 100 - v3), ("v2", 0), ("v3", v3)]).unwrap()).unwrap()
}

fn strict() -> Change {
    edit::mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap()
}

fn abort() -> Change {
    let mesh = demo::bookinfo();
    let ratings = mesh.service("bookinfo", "ratings").unwrap();
    let rule = edit::rules(&mesh, ratings).pop().unwrap();
    edit::fault(
        &mesh,
        &rule.at,
        None,
        FaultSpec { delay: None, abort: Some((edit::Status::Http(503), 100.0)) },
    )
    .unwrap()
}

/// A world with drafts that wait for Push.
fn drafts(changes: impl IntoIterator<Item = Change>) -> World {
    let world = World::bookinfo();
    for (number, change) in (1..).zip(changes) {
        world.intents.send(Intent::Check(ChangeId(number), Box::new(change)));
    }
    world
}

const ROOMY: egui::Vec2 = egui::vec2(1440.0, 900.0);
const SMALL: egui::Vec2 = egui::vec2(1024.0, 640.0);

#[test]
fn top_bar_rail_and_toolbar() {
    for size in [ROOMY, SMALL] {
        let mut bench = window(World::bookinfo(), Window::new(PanelId::Graph), size);
        walk(&mut bench, &[(Part::TopBar, 6), (Part::Rail, 5)]);
        let place = bench.state().1.place(Part::Centre).unwrap();
        let toolbar = place.with_max_y(place.top() + 48.0);
        let mut back = stops(&mut bench, Modifiers::SHIFT);
        back.reverse();
        let row: Vec<&Stop> = back.iter().filter(|stop| toolbar.contains_rect(stop.rect)).collect();
        let names: Vec<&str> = row.iter().map(|stop| stop.name.as_str()).collect();
        let zoom = ["Zoom out", "Zoom to 100 %", "Zoom in", "Fit graph to window"];
        let menus = ["Graph type", "Edge labels", "Show in graph"];
        // A narrow one has that in its menu.
        let back: &[&str] = if size == ROOMY { &["Look back in time"] } else { &[] };
        let find = ["Find in graph", "Terms to find by"];
        assert_eq!(names, [&menus[..], back, &find[..], &zoom[..]].concat());
        assert!(row.windows(2).all(|pair| rises(pair[0].rect, pair[1].rect)), "{row:?}");
    }
}

/// The newest of these changes is failed, under way, or measured; then drafts that wait, one and several.
#[test]
fn the_change_bar() {
    for width in [1440.0, 1024.0] {
        let bar = |world: World| {
            harness(world, ChangeBar::default(), [width, 400.0], |ui, bar: &mut ChangeBar, world| {
                let bottom = egui::Panel::bottom("bar").exact_size(change_bar::HEIGHT);
                bottom.show(ui, |ui| bar.ui(ui, &world.cx(), &[]));
            })
        };
        let names = |mut bench: Harness<'_, (World, ChangeBar)>| {
            let stops = stops(&mut bench, Modifiers::NONE);
            check(&stops);
            stops.into_iter().map(|stop| stop.name).collect::<Vec<_>>()
        };
        for changes in 1..=3 {
            let mut world = World::bookinfo();
            world.ledger = demo::ledger([split(80), split(70), split(60)].into_iter().take(changes));
            let names = names(bar(world));
            assert!(names.iter().any(|name| name == "Diff"), "{names:?}");
        }
        let waits = ["Copy change", "Diff", "Push", "Dismiss"];
        assert_eq!(names(bar(drafts([split(80)]))), waits);
        let all = ["Copy change", "List changes", "Diff", "Push all 3 changes", "Drop all changes…"];
        assert_eq!(names(bar(drafts([split(80), abort(), strict()]))), all);
        let mut bench = bar(drafts([split(80), strict()]));
        bench.get_by_label("Drop all changes…").click();
        bench.run_steps(3);
        assert_eq!(names(bench), ["Drop all 2 changes", "Keep them"]);
    }
}

#[test]
fn other_panels() {
    for size in [ROOMY, SMALL] {
        for panel in [PanelId::Changes, PanelId::Objects, PanelId::Traces] {
            let mut world = World::bookinfo();
            world.ledger = demo::ledger([split(80), split(70), split(60)]);
            walk(&mut window(world, Window::new(panel), size), &[(Part::Centre, 3)]);
        }
        // A trace with a span beside its rows, or below them.
        let mut bench = window(World::bookinfo(), Window::new(PanelId::Traces), size);
        let id = hostile::found().traces[15].trace.id.clone();
        bench.state_mut().0.intents.send(Intent::OpenTrace(id));
        for _ in 0..3 {
            bench.run_steps(2);
            hostile::answer(&mut bench.state_mut().0);
        }
        bench.run_steps(2);
        bench.key_press(Key::ArrowDown);
        bench.run_steps(3);
        bench.get_by_label("Close span detail");
        walk(&mut bench, &[(Part::Centre, 8)]);
    }
}

#[test]
fn the_detail() {
    for selected in ["reviews", "ratings"] {
        let world = World::bookinfo().select(service(selected));
        walk(&mut window(world, Window::new(PanelId::Graph), ROOMY), &[(Part::Detail, 4)]);
    }
}
