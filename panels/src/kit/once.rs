//! A double click acts once. What is pressed may bring something else to where it stood: another button, a
//! menu, or the same button for another thing. A second click that comes at once was meant for what was there.

use egui::response::Flags;
use egui::{AsId, Id, Pos2, Response};

/// A click that comes sooner after another one, in seconds, belongs to it.
const APART: f64 = 0.6;
/// So far a hand moves between the clicks of a double click.
const NEAR: f32 = 8.0;

/// What was pressed last.
#[derive(Clone)]
struct Pressed {
    id: Id,
    what: Id,
    /// Where, when it was pressed by a pointer.
    at: Option<Pos2>,
    time: f64,
}

/// Takes the click out of a response, if it is the second one of a double click, or an Enter that repeats
/// itself, and the first one pressed something else. `what` tells what it does and to what.
pub fn once(response: &mut Response, what: impl AsId) {
    if !response.clicked() {
        return;
    }
    let (ctx, what, last) = (response.ctx.clone(), Id::new(what), Id::new("pressed last"));
    let by_pointer = response.flags.contains(Flags::CLICKED);
    let (time, at) = ctx.input(|input| (input.time, input.pointer.interact_pos().filter(|_| by_pointer)));
    let mut now = Pressed { id: response.id, what, at, time };
    let before = ctx.data(|data| data.get_temp::<Pressed>(last)).filter(|before| {
        let here = match (before.at, now.at) {
            (Some(before), Some(now)) => before.distance(now) < NEAR,
            _ => before.id == now.id,
        };
        here && time - before.time < APART
    });
    if let Some(before) = before.filter(|before| before.what != what) {
        response.flags.remove(Flags::CLICKED | Flags::FAKE_PRIMARY_CLICKED);
        now = Pressed { time, ..before };
    }
    ctx.data_mut(|data| data.insert_temp(last, now));
}
