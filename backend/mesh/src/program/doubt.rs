//! What is not known yet: how it is said, and how long one rests between two looks at it.

use super::Act;
use crate::change::{Edit, Step};
use istio::Problem;
use std::time::Duration;

/// The first pause between two looks at an object; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(15);

/// Pauses that grow.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST)
    }

    /// Rests, at most so long.
    pub(super) fn rest(&mut self, most: Duration) -> Act {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        Act::Wait(pause.min(most))
    }

    /// Rests as long as it is time.
    pub(super) fn rest_on(&mut self) -> Act {
        self.rest(LONGEST)
    }
}

/// "VirtualService bookinfo/reviews was not changed".
pub fn not_done(step: &Step) -> String {
    format!("{} was not {}", step.at, deed(step))
}

fn deed(step: &Step) -> &'static str {
    match &step.edit {
        Edit::Patch(_) => "changed",
        Edit::Create(_) => "created",
        Edit::Delete { .. } => "deleted",
    }
}

/// Whether a step was done is not known, and why not.
pub(super) fn unsure(step: &Step, why: &str) -> Problem {
    let what = format!("It is not known yet whether {} was {}", step.at, deed(step));
    Problem::new(what, why, "It is looked up as soon as the server answers")
}
