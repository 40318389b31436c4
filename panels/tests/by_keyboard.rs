//! Every editor by keyboard alone: Tab comes to everything that can be used in its sheet, and each stop says
//! which one it is.
#![allow(clippy::unwrap_used)]

mod support;

use egui::Key;
use egui::accesskit::{Action, Role, Toggled};
use egui_kittest::kittest::NodeT as _;
use mesh::graph::NodeId;
use mesh::{Mesh, Objects, Ref, demo, kinds};
use panels::editors::{EDITORS, EditorRow};
use panels::{Intent, Selected};
use std::collections::{BTreeMap, BTreeSet};
use support::detail::{Bench, detail, frames};
use support::{World, service};

/// What is pressed in one sheet at most, to have all of it in sight.
const PRESSES: usize = 80;
/// So many stops no sheet has.
const MANY: usize = 600;

#[derive(Clone, Debug, PartialEq)]
struct Widget {
    id: u64,
    role: Role,
    name: String,
    off: bool,
    on: bool,
    enabled: bool,
    focused: bool,
    used: bool,
}

fn widgets(bench: &Bench<'_>) -> Vec<Widget> {
    let widget = |node: egui_kittest::Node<'_>| {
        let node = node.accesskit_node();
        let does = |action| node.data().supports_action(action);
        Widget {
            id: node.locate().0.0,
            role: node.role(),
            name: node.label().unwrap_or_default(),
            off: node.toggled() == Some(Toggled::False),
            on: node.toggled() == Some(Toggled::True),
            enabled: !node.is_disabled() && !node.is_hidden(),
            focused: node.is_focused(),
            used: does(Action::Click) || does(Action::SetValue) || does(Action::Increment),
        }
    };
    bench.root().children_recursive().map(widget).collect()
}

/// Puts the focus on a widget and presses a key.
fn press(bench: &mut Bench<'_>, id: u64, key: Key) {
    {
        let mut all = bench.root().children_recursive();
        all.find(|node| node.accesskit_node().locate().0.0 == id).unwrap().focus();
    }
    frames(bench);
    bench.key_press(key);
    frames(bench);
}

/// Unfolds what is folded, sets what is not set, and adds one of each list, as long as there is more of it.
fn unfold(bench: &mut Bench<'_>) {
    const NOT: [&str; 9] =
        ["reset", "remove", "copy", "delete", "duplicate", "move", "fold", "lock", "service"];
    let mut pressed = BTreeSet::new();
    for _ in 0..PRESSES {
        let folded = |widget: &Widget| {
            let name = widget.name.to_lowercase();
            let part = widget.role == Role::Button && name.contains(" of ") && !widget.on;
            widget.enabled && !NOT.iter().any(|word| name.starts_with(word)) && (part && !name.contains('…'))
                || widget.role == Role::CheckBox && widget.off
        };
        let next = widgets(bench).into_iter().find(|widget| {
            widget.enabled
                && folded(widget)
                && !pressed.contains(&(widget.name.clone(), widget.role == Role::Button))
        });
        let Some(next) = next else { return };
        press(bench, next.id, Key::Space);
        pressed.insert((next.name, next.role == Role::Button));
    }
}

fn stops(bench: &mut Bench<'_>) -> Vec<Widget> {
    let mut stops: Vec<Widget> = Vec::new();
    for _ in 0..MANY {
        bench.key_press(Key::Tab);
        bench.run_steps(1);
        let now = widgets(bench).into_iter().find(|widget| widget.focused);
        let now = now.unwrap_or_else(|| panic!("nothing has the focus after {:?}", stops.last()));
        if stops.first().is_some_and(|first| first.id == now.id) {
            return stops;
        }
        stops.push(now);
    }
    panic!("Tab does not come back to {:?}", stops.first());
}

/// Bookinfo without rules of reviews, so that no sheet is open but the one that is meant.
fn bare() -> Objects {
    let mut objects = demo::bookinfo_objects();
    for kind in [&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE] {
        objects.remove(&Ref::new(kind, "bookinfo", "reviews"));
    }
    objects
}

/// What an editor is tried on: the first of these that has it.
fn subject(row: &EditorRow) -> Selected {
    let mesh = Mesh::read(bare(), None);
    let gateway = Selected::Service("istio-system".into(), "istio-ingressgateway".into());
    let outside = Selected::Node(NodeId::External("PassthroughCluster".into()));
    let mut all = [service("reviews"), gateway, outside].into_iter();
    all.find(|thing| (row.open)(&mesh, thing).is_some()).unwrap_or_else(|| panic!("{}", row.about.name))
}

#[test]
fn every_editor() {
    let mut wrong = Vec::new();
    for row in EDITORS {
        let editor = row.about.name;
        let subject = subject(row);
        let mut world = World::bookinfo().select(subject.clone());
        world.now_has(bare());
        let mut bench = detail(world);
        bench.state().0.intents.send(Intent::Edit(subject, editor));
        frames(&mut bench);
        let open = format!("Fold {editor}");
        assert!(widgets(&bench).iter().any(|widget| widget.name == open), "{editor} is not open");
        let before = widgets(&bench).len();
        unfold(&mut bench);
        assert!(widgets(&bench).len() >= before, "{editor} lost something");
        let stops = stops(&mut bench);
        let reached: BTreeSet<u64> = stops.iter().map(|stop| stop.id).collect();
        for widget in widgets(&bench).into_iter().filter(|widget| widget.used && widget.enabled) {
            // Between two fields a cross would take what is typed for the second; text is marked, and bars are
            // drawn, by the mouse alone.
            let cross = widget.name.starts_with("Clear ");
            let passive = matches!(widget.role, Role::Label | Role::ScrollBar);
            if !reached.contains(&widget.id) && !cross && !passive {
                wrong.push(format!("{editor}: Tab does not come to {:?} {:?}", widget.role, widget.name));
            }
        }
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        stops.iter().for_each(|stop| *names.entry(&stop.name).or_default() += 1);
        for (name, count) in names.into_iter().filter(|(name, count)| name.is_empty() || *count > 1) {
            wrong.push(format!("{editor}: {count} stops say {name:?}"));
        }
        assert!(stops.len() > 20, "{editor}: {stops:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
