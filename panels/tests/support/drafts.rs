//! Editors and the bar beside each other, and how they are used.

use super::{World, harness};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::edit::{Mode, Scope, mtls};
use mesh::{Fact, Objects, Ref, Stored, demo, kinds};
use panels::change_bar::ChangeBar;
use panels::detail::{Detail, KeptDrafts};

pub(crate) type Bench<'a> = Harness<'a, (World, (Detail, ChangeBar))>;

pub(crate) fn window<'a>(world: World) -> Bench<'a> {
    with(world, Detail::default())
}

pub(crate) fn with<'a>(world: World, detail: Detail) -> Bench<'a> {
    harness(world, (detail, ChangeBar::default()), [1280.0, 2600.0], |ui, (detail, bar), world: &World| {
        let cx = world.cx();
        bar.keys(ui.ctx(), &cx);
        let held = detail.held(&cx);
        egui::Panel::bottom("bar")
            .exact_size(panels::change_bar::HEIGHT)
            .show(ui, |ui| bar.ui(ui, &cx, &held));
        detail.ui(ui, &cx);
        cx.intents.each(|intent| {
            detail.follow(intent, &cx);
            bar.follow(intent);
        });
    })
}

pub(crate) fn frames(bench: &mut Bench<'_>) {
    bench.run_steps(4);
}

pub(crate) fn click(bench: &mut Bench<'_>, label: &str) {
    bench.get_by_label(label).click();
    frames(bench);
}

/// Nobody has the keyboard.
pub(crate) fn press(bench: &mut Bench<'_>, modifiers: Modifiers, key: Key) {
    bench.ctx.memory_mut(|memory| {
        if let Some(focused) = memory.focused() {
            memory.surrender_focus(focused);
        }
    });
    bench.key_press_modifiers(modifiers, key);
    frames(bench);
}

pub(crate) fn share(bench: &Bench<'_>) -> f64 {
    bench.get_by_label("reviews v3 share").accesskit_node().numeric_value().unwrap()
}

/// One step to the right.
pub(crate) fn more(bench: &mut Bench<'_>, times: u32) {
    bench.get_by_label("reviews v3 share").focus();
    bench.step();
    for _ in 0..times {
        bench.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
        bench.step();
    }
    frames(bench);
}

/// What waits for Push, in whatever order it was made.
pub(crate) fn pending(bench: &Bench<'_>) -> Option<String> {
    let parts = &bench.state().0.ledger.pending()?.parts;
    let mut titles: Vec<&str> = parts.iter().map(|part| &*part.title).collect();
    titles.sort_unstable();
    Some(titles.join("; "))
}

pub(crate) fn reviews() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")
}

pub(crate) fn without_reviews() -> Objects {
    let mut objects = demo::bookinfo_objects();
    objects.remove(&reviews());
    objects
}

/// A push that is live, so that it has an undo.
pub(crate) fn pushed(world: &mut World) {
    let id = world.checked(mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap());
    let stored = Stored::as_wanted(&world.ledger.get(id).unwrap().change);
    world.ledger.sent(id, demo::NOW);
    [Fact::Accepted(stored), Fact::Seen].iter().for_each(|fact| world.ledger.record(id, fact, demo::NOW));
}

/// What is kept, as the next run reads it.
pub(crate) fn next_run(bench: &Bench<'_>) -> Detail {
    let kept = serde_json::to_string(&bench.state().1.0.kept()).unwrap();
    let mut detail = Detail::default();
    detail.recall(serde_json::from_str::<KeptDrafts>(&kept).unwrap());
    detail
}
