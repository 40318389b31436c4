//! A push: the steps of a change in their order. When one fails, those before it are taken back; what cannot
//! be taken back is said. A push that was cut off goes on in the same way, by what its objects say of its
//! steps.

use super::course::{Course, Next};
use super::looking::Looking;
use super::{Act, Came, Failure};
use crate::change::{Change, Step};
use crate::ledger::Fact;
use crate::stored::{Standing, Stored, Theirs};
use istio::Problem;

/// The push of one change.
pub struct Push {
    change: Change,
    state: State,
}

enum State {
    /// Nothing is done yet.
    Begin,
    /// One object after the other is looked at, to know which steps are done; whether it goes on then.
    Looking(Looking, bool),
    Forth(Course),
    Back(Back),
    Ended,
}

/// A step has failed, and those before it are taken back.
struct Back {
    course: Course,
    /// Which step of the change each step of the course takes back.
    of: Vec<usize>,
    failure: Failure,
}

impl Push {
    /// A push that begins.
    pub fn new(change: Change) -> Self {
        Self { change, state: State::Begin }
    }

    /// Goes on with a push that was cut off.
    pub fn resumed(change: Change) -> Self {
        Self { state: State::Looking(Looking::new(change.steps.clone()), true), change }
    }

    /// Only tells how far a push has come that was cut off.
    pub fn looked_up(change: Change) -> Self {
        Self { state: State::Looking(Looking::new(change.steps.clone()), false), change }
    }

    fn end(&mut self, mut acts: Vec<Act>, fact: Fact) -> Vec<Act> {
        self.state = State::Ended;
        acts.push(Act::Tell(fact));
        acts
    }

    /// Looks at the next object, or goes on with the steps that are not done.
    fn look(&mut self, came: Option<Came>) -> Vec<Act> {
        let State::Looking(looking, goes_on) = &mut self.state else { return Vec::new() };
        let found = match looking.next(came) {
            Ok(found) => found,
            Err(acts) => return acts,
        };
        let mut acts = vec![Act::Tell(Fact::CutOff(found.clone()))];
        if !*goes_on {
            self.state = State::Ended;
            return acts;
        }
        let mut stored = Vec::new();
        for (number, (standing, step)) in found.into_iter().zip(&self.change.steps).enumerate() {
            stored.push(match standing {
                Standing::Written(stored) => {
                    acts.push(Act::Tell(Fact::Wrote(number, Box::new(stored.clone()))));
                    Some(stored)
                }
                Standing::Untouched => None,
                Standing::Changed(now) => {
                    let (theirs, problem) = (Theirs { at: step.at.clone(), now }, overtaken(step));
                    return self.end(acts, Fact::Conflict { theirs, problem });
                }
            });
        }
        self.state = State::Forth(Course::new(self.change.steps.clone(), stored));
        self.forth(acts, None)
    }

    fn forth(&mut self, mut acts: Vec<Act>, mut came: Option<Came>) -> Vec<Act> {
        loop {
            let State::Forth(course) = &mut self.state else { return acts };
            match course.next(came.take()) {
                Next::Do(act) => {
                    acts.push(act);
                    return acts;
                }
                Next::Doubt(problem, act) => {
                    acts.extend([Act::Tell(Fact::Unsure(problem)), act]);
                    return acts;
                }
                Next::Wrote(number, stored) => {
                    acts.push(Act::Tell(Fact::Wrote(number, Box::new(stored))));
                }
                Next::Done => {
                    let stored = course.stored().iter().flatten().cloned().collect();
                    return self.end(acts, Fact::Accepted(stored));
                }
                Next::Failed(failure) => {
                    let stored = course.stored().to_vec();
                    return self.turn_back(acts, failure, &stored);
                }
            }
        }
    }

    fn turn_back(&mut self, acts: Vec<Act>, failure: Failure, stored: &[Option<Stored>]) -> Vec<Act> {
        let of: Vec<usize> = (0..stored.len()).rev().filter(|number| stored[*number].is_some()).collect();
        if of.is_empty() {
            return self.end(acts, failure.into_fact());
        }
        match self.change.inverse(stored) {
            Ok(inverse) => {
                let undone = vec![None; inverse.steps.len()];
                self.state = State::Back(Back { course: Course::new(inverse.steps, undone), of, failure });
                self.back(acts, None)
            }
            Err(problem) => {
                let fact = half_way(failure, &self.names(&of), Err(problem)).into_fact();
                self.end(acts, fact)
            }
        }
    }

    fn back(&mut self, mut acts: Vec<Act>, mut came: Option<Came>) -> Vec<Act> {
        loop {
            let State::Back(Back { course, of, failure }) = &mut self.state else { return acts };
            let left = match course.next(came.take()) {
                Next::Do(act) => {
                    acts.push(act);
                    return acts;
                }
                Next::Doubt(problem, act) => {
                    acts.extend([Act::Tell(Fact::Unsure(problem)), act]);
                    return acts;
                }
                Next::Wrote(number, _) => {
                    acts.push(Act::Tell(Fact::PutBack(of[number])));
                    continue;
                }
                Next::Done => Ok(()),
                Next::Failed(failure) => Err(failure.problem().clone()),
            };
            let (of, failure) = (of.clone(), failure.clone());
            let fact = half_way(failure, &self.names(&of), left).into_fact();
            return self.end(acts, fact);
        }
    }

    /// Names of the objects of these steps, in the order in which they were written.
    fn names(&self, of: &[usize]) -> String {
        let name = |number: &usize| self.change.steps.get(*number).map(|step| step.at.to_string());
        of.iter().rev().filter_map(name).collect::<Vec<_>>().join(", ")
    }
}

impl Push {
    /// What to do now, in this order, by what came of its last act. Asked again when the last of it is done.
    /// Nothing means that it has ended.
    pub fn next(&mut self, came: Option<Came>) -> Vec<Act> {
        match (&self.state, came) {
            (State::Begin, Some(Came::Unwritable(problem))) => self.end(Vec::new(), Fact::Refused(problem)),
            (State::Begin, Some(Came::Journaled)) => {
                let none = vec![None; self.change.steps.len()];
                self.state = State::Forth(Course::new(self.change.steps.clone(), none));
                self.forth(Vec::new(), None)
            }
            (State::Begin, _) => vec![Act::Journal],
            (State::Looking(..), came) => self.look(came),
            (State::Forth(_), came) => self.forth(Vec::new(), came),
            (State::Back(_), came) => self.back(Vec::new(), came),
            (State::Ended, _) => Vec::new(),
        }
    }
}

fn half_way(failure: Failure, names: &str, left: Result<(), Problem>) -> Failure {
    failure.map(|mut problem| {
        match left {
            Ok(()) => {
                problem.why = format!("{}. What was written before it ({names}) was put back", problem.why);
            }
            Err(undo) => {
                problem.why = format!(
                    "{}. What was written before it ({names}) could not be put back: {}",
                    problem.why, undo.why
                );
                problem.next = format!("Look at {names} and put it back by hand");
            }
        }
        problem
    })
}

fn overtaken(step: &Step) -> Problem {
    Problem::new(
        super::not_done(step),
        "Somebody else has changed it since the push was cut off",
        "Undo what was written, or leave it, and make the change anew",
    )
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
