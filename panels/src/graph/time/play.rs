//! Playing: the moment goes on by itself, as fast as was chosen and as fast as Prometheus answers.

use super::axis::Axis;
use crate::past::Then;
use egui::Context;
use std::time::Duration;

/// Speeds and their names.
pub(super) const SPEEDS: [(f64, &str); 6] = [
    (60.0, "1 min/s"),
    (1.0, "1 s/s"),
    (10.0, "10 s/s"),
    (300.0, "5 min/s"),
    (1_800.0, "30 min/s"),
    (21_600.0, "6 h/s"),
];
/// Between two moments that are shown.
const FRAME: Duration = Duration::from_millis(100);
/// A window that was not drawn for so long goes on where it was.
const LONGEST: f64 = 0.5;

/// What plays.
pub(super) struct Play {
    /// Seconds of the past to a second.
    pub(super) speed: f64,
    /// Where it is.
    at: f64,
    /// When it was there, on egui's clock.
    last: Option<f64>,
}

impl Play {
    /// Plays from a moment on.
    pub(super) fn new(speed: f64, from: i64) -> Self {
        Self { speed, at: from as f64, last: None }
    }

    /// The moment that is to be shown next, if it is another one; `Some(None)`: it has come to now.
    pub(super) fn tick(
        &mut self,
        ctx: &Context,
        until: Option<i64>,
        then: Option<&Then>,
        axis: &Axis,
    ) -> Option<Option<i64>> {
        // In the first frame the moment is still the one of before.
        until?;
        let now = ctx.input(|input| input.time);
        let passed = self.last.replace(now).map_or(0.0, |last| (now - last).clamp(0.0, LONGEST));
        ctx.request_repaint_after(FRAME);
        // What was not shown yet is not gone past: a slow Prometheus plays slowly.
        if then.is_some_and(Then::reading) {
            return None;
        }
        self.at += passed * self.speed;
        let next = axis.snapped(self.at as i64);
        (next != until).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Rangef, RawInput};
    use jiff::Timestamp;

    #[test]
    fn it_goes_on_with_the_clock_until_now() {
        let axis = Axis::of(Timestamp::from_second(10_000).unwrap(), 3_600, Rangef::new(0.0, 720.0));
        let ctx = Context::default();
        let mut play = Play::new(10.0, 9_980);
        let mut until = Some(9_980);
        let mut seen = Vec::new();
        for time in [0.0, 0.25, 0.5, 1.0, 1.5, 2.0] {
            ctx.begin_pass(RawInput { time: Some(time), ..RawInput::default() });
            if let Some(next) = play.tick(&ctx, until, None, &axis) {
                until = next;
            }
            seen.push(until);
            ctx.end_pass().textures_delta.clear();
        }
        assert_eq!(seen, [9_980, 9_980, 9_985, 9_990, 9_995, 0].map(|at| (at > 0).then_some(at)));
    }
}
