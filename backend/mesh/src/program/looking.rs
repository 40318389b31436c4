//! Which steps of a push that was cut off are done: one object after the other is looked at. What cannot be
//! read now is not known, and looked at again.

use super::doubt::{Pauses, unsure};
use super::{Act, Came};
use crate::change::Step;
use crate::ledger::Fact;
use crate::stored::Standing;

/// Objects that are being looked at.
pub(super) struct Looking {
    steps: Vec<Step>,
    found: Vec<Standing>,
    pauses: Pauses,
    /// Whether it was told that it is not known.
    told: bool,
}

impl Looking {
    pub(super) fn new(steps: Vec<Step>) -> Self {
        Self { steps, found: Vec::new(), pauses: Pauses::new(), told: false }
    }

    /// What to do now; what each object says of its step when all have been looked at.
    pub(super) fn next(&mut self, came: Option<Came>) -> Result<Vec<Standing>, Vec<Act>> {
        let Some(step) = self.steps.get(self.found.len()) else { return Ok(std::mem::take(&mut self.found)) };
        match came {
            Some(Came::Found(Ok(now))) => {
                self.found.push(Standing::of(step, now.as_ref()));
                self.pauses = Pauses::new();
                self.next(None)
            }
            Some(Came::Found(Err(problem))) => {
                let doubt = (!std::mem::replace(&mut self.told, true))
                    .then(|| Act::Tell(Fact::Unsure(unsure(step, &problem.why))));
                Err(doubt.into_iter().chain([self.pauses.rest_on()]).collect())
            }
            _ => Err(vec![Act::Look(Box::new(step.clone()))]),
        }
    }
}
