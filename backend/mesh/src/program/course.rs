//! Steps done one after the other. When an answer is lost, the object is looked at until it says whether the
//! step was done.

use super::{Act, Came, Failure};
use crate::change::{Edit, Step};
use crate::stored::{Standing, Stored, Theirs};
use istio::{Object, Problem};
use std::time::Duration;

/// The first pause between two looks at an object whose server does not answer; each is twice as long as the
/// one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// So often an object is found as it was before it is said that a step whose answer was lost was not done:
/// the server may still be at it.
const LOOKS: u32 = 4;

/// Steps on their way.
pub(super) struct Course {
    steps: Vec<Step>,
    stored: Vec<Option<Stored>>,
    /// Why it is not known whether the present step was done.
    lost: Option<Lost>,
    pause: Duration,
}

/// An answer that was lost.
struct Lost {
    problem: Problem,
    /// The object right before the step, where it was read.
    before: Option<Object>,
    /// How often it was found as it was.
    untouched: u32,
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
        Self { steps, stored, lost: None, pause: FIRST_PAUSE }
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
                self.lost = Some(Lost { problem, before, untouched: 0, told: false });
                Next::Do(Act::Look(Box::new(step.clone())))
            }
            Some(Came::Answered(Err(failure))) => Next::Failed(failure),
            Some(Came::Found(Ok(now))) => self.found(at, now.as_ref()),
            Some(Came::Found(Err(_))) => {
                let told = self.lost.as_mut().is_some_and(|lost| std::mem::replace(&mut lost.told, true));
                let doubt = unsure(step, self.lost.as_ref());
                let rest = self.rest();
                if told { Next::Do(rest) } else { Next::Doubt(doubt, rest) }
            }
            Some(Came::Rested) => Next::Do(Act::Look(Box::new(step.clone()))),
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
                if let Some(lost) = &mut self.lost {
                    lost.untouched += 1;
                    if lost.untouched < LOOKS {
                        return Next::Do(self.rest());
                    }
                }
                Next::Failed(Failure::Refused(unwritten(step, self.lost.as_ref())))
            }
            Standing::Changed(now) => {
                let problem = changed(step, now.is_none(), self.lost.as_ref());
                Next::Failed(Failure::Conflict(Theirs { at: step.at.clone(), now }, problem))
            }
        }
    }

    fn rest(&mut self) -> Act {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        Act::Wait(pause)
    }

    fn wrote(&mut self, at: usize, stored: Stored) -> Next {
        self.lost = None;
        self.pause = FIRST_PAUSE;
        self.stored[at] = Some(stored.clone());
        Next::Wrote(at, stored)
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

fn unsure(step: &Step, lost: Option<&Lost>) -> Problem {
    Problem::new(
        format!("It is not known yet whether {} was {}", step.at, deed(step)),
        why(lost),
        "It is looked up as soon as the server answers",
    )
}
