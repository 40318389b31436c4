//! Steps done one after the other. When an answer is lost, the object is looked at until it says whether the
//! step was done.

use super::doubt::{Pauses, not_done, unsure};
use super::{Act, Came, Failure, STEP_TAKES};
use crate::change::Step;
use crate::stored::{Standing, Stored, Theirs};
use istio::{Object, Problem};
use std::time::Duration;

/// After so long it is said that it is not known yet whether a step was done.
const DOUBT_AFTER: Duration = Duration::from_secs(3);

/// Steps on their way.
pub(super) struct Course {
    steps: Vec<Step>,
    stored: Vec<Option<Stored>>,
    /// Why it is not known whether the present step was done.
    lost: Option<Lost>,
    pauses: Pauses,
}

/// An answer that was lost.
struct Lost {
    problem: Problem,
    /// The object right before the step, where it was read.
    before: Option<Object>,
    /// How long ago.
    rested: Duration,
    /// Whether it was told that it is not known.
    told: bool,
}

/// What a course wants.
pub(super) enum Next {
    /// To do something and be told what came of it.
    Do(Act),
    /// To tell that the present step is in doubt, and then to look.
    Doubt(Problem, Act),
    /// To tell what the server made of a step, and to be asked again.
    Wrote(usize, Stored),
    /// Nothing more: all is done.
    Done,
    /// Nothing more: the present step cannot be done.
    Failed(Failure),
}

impl Course {
    /// Steps of which some may be done already.
    pub(super) fn new(steps: Vec<Step>, stored: Vec<Option<Stored>>) -> Self {
        Self { steps, stored, lost: None, pauses: Pauses::new() }
    }

    /// What the server made of each step so far.
    pub(super) fn stored(&self) -> &[Option<Stored>] {
        &self.stored
    }

    fn at(&self) -> Option<usize> {
        self.stored.iter().position(Option::is_none)
    }

    /// Goes on.
    pub(super) fn next(&mut self, came: Option<Came>) -> Next {
        let Some(at) = self.at() else { return Next::Done };
        let step = &self.steps[at];
        match came {
            Some(Came::Answered(Ok(stored))) => self.wrote(at, *stored),
            Some(Came::Answered(Err(Failure::Lost(before, problem)))) => {
                self.lost = Some(Lost { problem, before, rested: Duration::ZERO, told: false });
                Next::Do(Act::Look(Box::new(step.clone())))
            }
            Some(Came::Answered(Err(failure))) => Next::Failed(failure),
            Some(Came::Found(Ok(now))) => self.found(at, now.as_ref()),
            Some(Came::Found(Err(_))) => {
                let doubt = unsure(step, why(self.lost.as_ref()));
                let rest = self.pauses.rest_on();
                self.doubt(doubt, rest)
            }
            Some(Came::Rested(rested)) => {
                if let Some(lost) = &mut self.lost {
                    lost.rested += rested;
                }
                Next::Do(Act::Look(Box::new(step.clone())))
            }
            Some(Came::Journaled | Came::Unwritable(_)) | None => {
                Next::Do(Act::Write(Box::new(step.clone())))
            }
        }
    }

    /// What the object says of a step whose answer was lost.
    fn found(&mut self, at: usize, now: Option<&Object>) -> Next {
        let step = &self.steps[at];
        match Standing::of(step, now) {
            Standing::Written(stored) => {
                let before = self.lost.take().and_then(|lost| lost.before);
                self.wrote(at, Stored { before: before.or(stored.before), ..stored })
            }
            Standing::Untouched => {
                // The server may still be at it.
                let rested = self.lost.as_ref().map_or(STEP_TAKES, |lost| lost.rested);
                if rested >= STEP_TAKES {
                    return Next::Failed(Failure::Refused(unwritten(step, self.lost.as_ref())));
                }
                let doubt = unwritten_yet(step, self.lost.as_ref());
                let rest = self.pauses.rest(STEP_TAKES - rested);
                if rested < DOUBT_AFTER { Next::Do(rest) } else { self.doubt(doubt, rest) }
            }
            Standing::Changed(now) => {
                let problem = changed(step, now.is_none(), self.lost.as_ref());
                Next::Failed(Failure::Conflict(Theirs { at: step.at.clone(), now }, problem))
            }
        }
    }

    /// Tells that it is not known whether the present step was done, once.
    fn doubt(&mut self, doubt: Problem, then: Act) -> Next {
        let told = self.lost.as_mut().is_some_and(|lost| std::mem::replace(&mut lost.told, true));
        if told { Next::Do(then) } else { Next::Doubt(doubt, then) }
    }

    fn wrote(&mut self, at: usize, stored: Stored) -> Next {
        self.lost = None;
        self.pauses = Pauses::new();
        self.stored[at] = Some(stored.clone());
        Next::Wrote(at, stored)
    }
}

fn why(lost: Option<&Lost>) -> &str {
    lost.map_or("The server's answer was lost", |lost| &lost.problem.why)
}

fn unwritten(step: &Step, lost: Option<&Lost>) -> Problem {
    let next = "Look at the server and its webhooks, then try again";
    Problem::new(not_done(step), format!("{}, and has not written it", why(lost)), next)
}

fn changed(step: &Step, gone: bool, lost: Option<&Lost>) -> Problem {
    let what = if gone { "it is gone now" } else { "somebody else has changed it since" };
    let next = "Make it anew on what the cluster has now, or leave it";
    Problem::new(not_done(step), format!("{}, and {what}", why(lost)), next)
}

fn unwritten_yet(step: &Step, lost: Option<&Lost>) -> Problem {
    let why = format!("{}, and has not written it so far: it may still be at it", why(lost));
    let next = format!("It is looked at until {} s have gone by", STEP_TAKES.as_secs());
    Problem { next, ..unsure(step, &why) }
}
