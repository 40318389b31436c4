//! Steps done one after the other. When an answer is lost, the object is looked at until it says whether the
//! step was done.

use super::{Act, Came, Failure};
use crate::change::{Edit, Step};
use crate::stored::{Standing, Stored};
use istio::Problem;
use std::time::Duration;

/// The first pause between two looks at an object whose server does not answer; each is twice as long as the
/// one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Steps on their way.
pub(super) struct Course {
    steps: Vec<Step>,
    stored: Vec<Option<Stored>>,
    /// Why it is not known whether the present step was done.
    lost: Option<Problem>,
    pause: Duration,
}

/// What a course wants.
pub(super) enum Turn {
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
    pub(super) fn next(&mut self, came: Option<Came>) -> Turn {
        let Some(at) = self.at() else { return Turn::Done };
        let step = &self.steps[at];
        match came {
            Some(Came::Answered(Ok(stored))) => self.wrote(at, *stored),
            Some(Came::Answered(Err(Failure::Lost(problem)))) => {
                self.lost = Some(problem);
                Turn::Do(Act::Look(Box::new(step.clone())))
            }
            Some(Came::Answered(Err(failure))) => Turn::Failed(failure),
            Some(Came::Found(Ok(now))) => match Standing::of(step, now.as_ref()) {
                Standing::Written(stored) => self.wrote(at, stored),
                Standing::Untouched => Turn::Failed(Failure::Refused(unwritten(step, self.lost.take()))),
                Standing::Changed(now) => {
                    let problem = changed(step, now.is_none(), self.lost.take());
                    Turn::Failed(Failure::Conflict(now, problem))
                }
            },
            Some(Came::Found(Err(_))) => {
                let pause = self.pause;
                self.pause = (pause * 2).min(LONGEST_PAUSE);
                let rest = Act::Wait(pause);
                if pause == FIRST_PAUSE {
                    Turn::Doubt(unsure(step, self.lost.as_ref()), rest)
                } else {
                    Turn::Do(rest)
                }
            }
            Some(Came::Rested) => Turn::Do(Act::Look(Box::new(step.clone()))),
            Some(Came::Journaled | Came::Unwritable(_)) | None => {
                Turn::Do(Act::Write(Box::new(step.clone())))
            }
        }
    }

    fn wrote(&mut self, at: usize, stored: Stored) -> Turn {
        self.lost = None;
        self.pause = FIRST_PAUSE;
        self.stored[at] = Some(stored.clone());
        Turn::Wrote(at, stored)
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

fn why(lost: Option<Problem>) -> String {
    lost.map_or_else(|| "The server's answer was lost".to_owned(), |problem| problem.why)
}

fn unwritten(step: &Step, lost: Option<Problem>) -> Problem {
    let next = "Look at the server and its webhooks, then try again";
    Problem::new(not_done(step), format!("{}, and has not written it", why(lost)), next)
}

fn changed(step: &Step, gone: bool, lost: Option<Problem>) -> Problem {
    let what = if gone { "it is gone now" } else { "somebody else has changed it since" };
    let next = "Rebuild the change on what the cluster has now, or leave it";
    Problem::new(not_done(step), format!("{}, and {what}", why(lost)), next)
}

fn unsure(step: &Step, lost: Option<&Problem>) -> Problem {
    Problem::new(
        format!("It is not known yet whether {} was {}", step.at, deed(step)),
        why(lost.cloned()),
        "It is looked up as soon as the server answers",
    )
}
