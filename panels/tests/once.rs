//! A double click acts once: nothing that acts takes the second click of what made it appear.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use mesh::edit::{self, Mode, Scope};
use mesh::{Change, ChangeId, Fact, Stored, demo};
use panels::change_bar::ChangeBar;
use panels::changes::Changes;
use panels::kit::{Button, button};
use panels::{Intent, Panel as _};
use support::{World, harness};

type Bench<'a, T> = Harness<'a, (World, T)>;

/// Clicks where somebody's hand is; all of it comes with one frame, a quarter of a second after the last one.
fn click<T>(bench: &mut Bench<'_, T>, at: Pos2) {
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    let press = |pressed| Event::PointerButton { pos: at, button, pressed, modifiers };
    bench.input_mut().events.extend([Event::PointerMoved(at), press(true), press(false)]);
    bench.step();
}

/// A second later the next click is one of its own.
fn wait<T>(bench: &mut Bench<'_, T>) {
    bench.run_steps(4);
}

fn strict() -> Change {
    edit::mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap()
}

/// Does as the cluster does: writes it, and says so.
fn written(world: &mut World, id: ChangeId, change: &Change) {
    world.ledger.sent(id, demo::NOW);
    for fact in [Fact::Accepted(Stored::as_wanted(change)), Fact::Seen] {
        world.ledger.record(id, &fact, demo::NOW);
    }
}

/// A world in which a change was written.
fn pushed() -> (World, ChangeId) {
    let mut world = World::bookinfo();
    let id = world.checked(strict());
    written(&mut world, id, &strict());
    (world, id)
}

/// Carries every undo out at once, as fast as no cluster is.
fn undo(world: &mut World) -> Vec<Intent> {
    let wishes = world.wishes();
    for wish in &wishes {
        let Intent::Undo(id) = wish else { continue };
        let entry = world.ledger.get(*id).unwrap();
        let inverse = entry.change.inverse(&entry.stored).unwrap();
        let undo = ChangeId::fresh();
        world.ledger.open(undo, inverse.clone(), Some(*id), demo::NOW);
        written(world, undo, &inverse);
    }
    wishes
}

#[test]
fn a_double_click_on_undo_in_the_journal_undoes_once() {
    let (world, id) = pushed();
    let mut bench = harness(world, Changes::default(), [900.0, 700.0], |ui, panel: &mut Changes, world| {
        panel.ui(ui, &world.cx());
    });
    let at = bench.get_by_label_contains("Undo Mutual TLS").rect().center();
    click(&mut bench, at);
    assert_eq!(undo(&mut bench.state_mut().0), [Intent::Undo(id)]);
    click(&mut bench, at);
    assert_eq!(undo(&mut bench.state_mut().0), []);
    // It stays the one that is shown; a click of its own presses nothing either.
    wait(&mut bench);
    click(&mut bench, at);
    assert_eq!(undo(&mut bench.state_mut().0), []);
    bench.get_by_label_contains("Undo Mutual TLS");
}

#[test]
fn a_double_click_on_undo_in_the_bar_undoes_once() {
    let (world, id) = pushed();
    let mut bench =
        harness(world, ChangeBar::default(), [1280.0, 300.0], |ui, bar: &mut ChangeBar, world| {
            bar.ui(ui, &world.cx(), &[]);
        });
    let at = bench.get_by_label("Undo").rect().center();
    click(&mut bench, at);
    assert_eq!(undo(&mut bench.state_mut().0), [Intent::Undo(id)]);
    for _ in 0..2 {
        click(&mut bench, at);
        assert_eq!(undo(&mut bench.state_mut().0), []);
    }
    wait(&mut bench);
    let at = bench.get_by_label("Undo").rect().center();
    click(&mut bench, at);
    assert_eq!(undo(&mut bench.state_mut().0).len(), 1, "now it is meant");
}

/// Buttons that take each other's place, and what each did.
#[derive(Default)]
struct Turns(Vec<&'static str>);

#[test]
fn what_appears_under_the_pointer_takes_no_second_click() {
    let draw = |ui: &mut egui::Ui, turns: &mut Turns, _: &World| {
        let (name, did) = match turns.0.len() {
            0 => ("Add", "add"),
            1 => ("Take away", "take away"),
            2 => {
                button::menu(ui, "More", "More", |ui| {
                    if button::item(ui, "All") {
                        turns.0.push("all");
                    }
                });
                return;
            }
            _ => ("Nearer", "nearer"),
        };
        if ui.add(Button::quiet(name)).clicked() {
            turns.0.push(did);
        }
    };
    let mut bench = harness(World::bookinfo(), Turns::default(), [400.0, 300.0], draw);
    let did = |bench: &Bench<'_, Turns>| bench.state().1.0.clone();
    let at = bench.get_by_label("Add").rect().left_center() + egui::vec2(12.0, 0.0);
    click(&mut bench, at);
    click(&mut bench, at);
    assert_eq!(did(&bench), ["add"]);
    wait(&mut bench);
    click(&mut bench, at);
    click(&mut bench, at);
    assert_eq!(did(&bench), ["add", "take away"]);
    assert!(bench.query_by_label("All").is_none(), "no menu opens under it");
    wait(&mut bench);
    click(&mut bench, at);
    bench.run_steps(2);
    bench.get_by_label("All").click();
    wait(&mut bench);
    // The same button takes every click.
    for _ in 0..3 {
        click(&mut bench, at);
    }
    assert_eq!(did(&bench), ["add", "take away", "all", "nearer", "nearer", "nearer"]);
}

#[test]
fn an_enter_that_repeats_itself_presses_once() {
    let (world, id) = pushed();
    let mut bench =
        harness(world, ChangeBar::default(), [1280.0, 300.0], |ui, bar: &mut ChangeBar, world| {
            bar.ui(ui, &world.cx(), &[]);
        });
    bench.get_by_label("Undo").focus();
    bench.step();
    for wanted in [vec![Intent::Undo(id)], vec![], vec![]] {
        bench.key_press(Key::Enter);
        bench.step();
        assert_eq!(undo(&mut bench.state_mut().0), wanted);
    }
}
