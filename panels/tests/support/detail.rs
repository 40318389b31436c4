//! The detail with its editors, driven by the names of things.

use super::{World, harness};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use panels::detail::Detail;

/// The detail in a world.
pub(crate) type Bench<'a> = Harness<'a, (World, Detail)>;

pub(crate) fn detail<'a>(world: World) -> Bench<'a> {
    harness(world, Detail::default(), [400.0, 2600.0], |ui, detail: &mut Detail, world| {
        let cx = world.cx();
        detail.ui(ui, &cx);
        cx.intents.each(|intent| detail.follow(intent, &cx));
    })
}

pub(crate) fn frames(bench: &mut Bench<'_>) {
    bench.run_steps(3);
}

pub(crate) fn wanted(bench: &Bench<'_>, slider: &str) -> f64 {
    bench.get_by_label(slider).accesskit_node().numeric_value().unwrap()
}

/// Drags a knob by its track to a share, in five moves.
pub(crate) fn drag(bench: &mut Bench<'_>, slider: &str, to: f32) {
    let from = wanted(bench, slider) as f32;
    let track = bench.get_by_label(slider).rect();
    let at = |percent: f32| {
        egui::pos2(track.left() + 8.0 + (track.width() - 16.0) * percent / 100.0, track.top() + 14.0)
    };
    bench.drag_at(at(from));
    bench.step();
    for part in 1..=5 {
        bench.hover_at(at(from + (to - from) * part as f32 / 5.0));
        bench.step();
    }
    bench.drop_at(at(to));
    frames(bench);
}
