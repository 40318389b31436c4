//! Programs: what takes time and several acts in a cluster. A program is pure: it is asked what to do next,
//! by what came of what it did last; `cluster` does it, and writes the journal before it
//! does.

mod course;
mod doubt;
mod looking;
mod push;

pub use doubt::not_done;
pub use push::Push;

use crate::change::Step;
use crate::ledger::Fact;
use crate::stored::{Stored, Theirs};
use istio::{Object, Problem};
use std::time::Duration;

/// How long the server may take for one step: somewhat longer than the longest that it waits for a webhook.
/// What was sent may be done as late as that, whoever has answered in its place.
pub const STEP_TAKES: Duration = Duration::from_secs(35);

/// What a program does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Puts the change into the journal; when that fails, nothing of it is sent.
    Journal,
    /// Does a step.
    Write(Box<Step>),
    /// Looks at the object of a step.
    Look(Box<Step>),
    /// Tells what came of it, the journal first.
    Tell(Fact),
    /// Rests.
    Wait(Duration),
}

/// What came of an act.
#[derive(Clone, Debug, PartialEq)]
pub enum Came {
    /// The journal has the change.
    Journaled,
    /// The journal could not be written; why.
    Unwritable(Problem),
    /// What the server made of a step.
    Answered(Result<Box<Stored>, Failure>),
    /// What the server has; `None` when there is no such object.
    Found(Result<Option<Object>, Problem>),
    /// It has rested, so long.
    Rested(Duration),
}

/// Why a step was not done, as far as is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Somebody else was first; the object as it is now.
    Conflict(Theirs, Problem),
    /// Refused, or not sent at all: nothing was written.
    Refused(Problem),
    /// The answer was lost: it may have been written. The object as it was right before, where that was read.
    Lost(Option<Object>, Problem),
}

impl Failure {
    /// Its words.
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Conflict(_, problem) | Self::Refused(problem) | Self::Lost(_, problem) => problem,
        }
    }
    /// The news that a change ends with.
    pub fn into_fact(self) -> Fact {
        match self {
            Self::Conflict(theirs, problem) => Fact::Conflict { theirs, problem },
            Self::Refused(problem) | Self::Lost(_, problem) => Fact::Refused(problem),
        }
    }
    /// The same in other words.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Problem) -> Problem) -> Self {
        match self {
            Self::Conflict(theirs, problem) => Self::Conflict(theirs, change(problem)),
            Self::Refused(problem) => Self::Refused(change(problem)),
            Self::Lost(before, problem) => Self::Lost(before, change(problem)),
        }
    }
}
