//! How far a change has come, and the news that bring it further.

use crate::evidence::{Measured, Progress};
use crate::journal::Past;
use crate::stored::{Standing, Stored, Theirs};
use istio::Problem;
use serde::Serialize;

/// How far a change has come. Nothing is called done at HTTP 200.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Stage {
    /// Being judged by the server (dry run).
    Checking,
    /// The dry run went through; the server's warnings.
    Checked(Vec<String>),
    /// Being written.
    Sent,
    /// An answer was lost: whether it was written is being found out.
    Unsure(Problem),
    /// An earlier run of the program ended while it was being written: so many of its objects are.
    CutOff {
        /// Objects that were written.
        written: usize,
        /// Objects of the change.
        of: usize,
    },
    /// Stored by the API server.
    Accepted,
    /// Our watch shows it.
    Seen,
    /// The cluster replaces, adds or takes away pods: `ready` of `of` are as they are to be, and ready.
    Rolling {
        /// Pods that are.
        ready: usize,
        /// Pods that there are to be.
        of: usize,
    },
    /// Acknowledged by `acked` of `of` affected proxies.
    Synced {
        /// Proxies that acknowledged it.
        acked: usize,
        /// Proxies that it affects.
        of: usize,
    },
    /// The proxies' configuration holds it; its pods are there.
    Live,
    /// Calls made since then agree with it.
    Measured(Measured),
    /// What it wrote does not stand any more: what it had come to does not count any more.
    Replaced(Box<Stage>, Instead),
    /// As far as we can know: some later stage cannot be seen, and why.
    Unknowable(Box<Stage>, Problem),
    /// Refused or failed; nothing was left half done, or the problem says what was.
    Failed(Problem),
}

/// What there is instead of what a change wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Instead {
    /// Something else.
    Other,
    /// Nothing: its object was deleted.
    Nothing,
}

/// What the dry run says of one step.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// It would be taken; the server's warnings.
    Passed(Vec<String>),
    /// It would not be taken.
    Refused(Problem),
}

/// News about one change, in order, from the one task that carries it out.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// What the dry run says of one step.
    Judged(usize, Judged),
    /// The dry run went through, with these warnings of the server.
    Checked(Vec<String>),
    /// One step is stored.
    Wrote(usize, Box<Stored>),
    /// One step was taken back, because a later one failed.
    PutBack(usize),
    /// An answer was lost: it is not known yet whether a step was written.
    Unsure(Problem),
    /// All steps are stored; what the server made of each.
    Accepted(Vec<Stored>),
    /// An earlier run ended in the middle; what each object says of its step now.
    CutOff(Vec<Standing>),
    /// The watch shows all of it.
    Seen,
    /// So many of the affected proxies have acknowledged it; the names of those that have not yet.
    Acked {
        /// Count.
        acked: usize,
        /// Count.
        of: usize,
        /// Names.
        waiting: Vec<String>,
    },
    /// So many of the pods that there are to be are as they are to be, and ready; the names of those that are
    /// not ready.
    Rolled {
        /// Count.
        ready: usize,
        /// Count.
        of: usize,
        /// Names.
        waiting: Vec<String>,
    },
    /// The affected proxies' configuration holds it; its pods are there.
    Live,
    /// What calls made since then show so far of one of the changes that were put together.
    Counted(usize, Progress),
    /// Calls made since then agree with it.
    Measured(Measured),
    /// What it wrote does not stand any more.
    Replaced(Instead),
    /// Refused, failed, or NACKed.
    Refused(Problem),
    /// Confirmation can go no further, and why ("no right to port-forward").
    Unknowable(Problem),
    /// Somebody else was first.
    Conflict {
        /// What the server has now of the object that stopped it.
        theirs: Theirs,
        /// The same in words.
        problem: Problem,
    },
    /// What an earlier run did.
    Remembered(Box<Past>),
    /// The user wants nothing more of a change that was cut off: it stays as it is.
    Left,
}

impl Stage {
    /// Whether it is on its way to the server, or nobody knows yet whether it came there.
    pub fn is_being_written(&self) -> bool {
        matches!(self, Self::Sent | Self::Unsure(_))
    }
    /// Whether our watch has shown what was written.
    pub fn was_seen(&self) -> bool {
        match self {
            Self::Seen | Self::Synced { .. } | Self::Live | Self::Measured(_) => true,
            Self::Unknowable(before, _) | Self::Replaced(before, _) => before.was_seen(),
            _ => false,
        }
    }
    /// The stage after a fact. Ends stay ends, and no stage goes back.
    #[must_use]
    pub fn after(self, fact: &Fact) -> Self {
        match (self, fact) {
            (
                stage @ (Self::Accepted
                | Self::Seen
                | Self::Rolling { .. }
                | Self::Synced { .. }
                | Self::Live
                | Self::Measured(_)
                | Self::Unknowable(..)),
                Fact::Replaced(instead),
            ) => Self::Replaced(Box::new(stage), *instead),
            (end @ (Self::Measured(_) | Self::Replaced(..) | Self::Failed(_)), _) => end,
            (_, Fact::Refused(problem) | Fact::Conflict { problem, .. }) => Self::Failed(problem.clone()),
            (Self::Checking, Fact::Checked(warnings)) => Self::Checked(warnings.clone()),
            (Self::Sent | Self::Unsure(_) | Self::CutOff { .. }, Fact::Accepted(_)) => Self::Accepted,
            (Self::Sent | Self::CutOff { .. }, Fact::Unsure(problem)) => Self::Unsure(problem.clone()),
            (Self::Unsure(_), Fact::Wrote(..)) => Self::Sent,
            (Self::Sent | Self::Unsure(_) | Self::CutOff { .. }, Fact::CutOff(standings)) => {
                let written = |standing: &&Standing| matches!(standing, Standing::Written(_));
                Self::CutOff { written: standings.iter().filter(written).count(), of: standings.len() }
            }
            (Self::CutOff { .. } | Self::Sent | Self::Unsure(_), Fact::Left) => Self::Failed(left()),
            (Self::Accepted, Fact::Seen) => Self::Seen,
            (Self::Accepted | Self::Seen | Self::Rolling { .. }, Fact::Rolled { ready, of, .. }) => {
                Self::Rolling { ready: *ready, of: *of }
            }
            (Self::Rolling { ready, of }, Fact::Live) if ready == of => Self::Live,
            (
                Self::Accepted | Self::Seen | Self::Rolling { .. } | Self::Synced { .. },
                Fact::Acked { acked, of, .. },
            ) => Self::Synced { acked: *acked, of: *of },
            (Self::Synced { acked, of }, Fact::Live) if acked == of => Self::Live,
            (Self::Live, Fact::Measured(measured)) => Self::Measured(measured.clone()),
            (
                stage @ (Self::Accepted
                | Self::Seen
                | Self::Rolling { .. }
                | Self::Synced { .. }
                | Self::Live),
                Fact::Unknowable(problem),
            ) => Self::Unknowable(Box::new(stage), problem.clone()),
            (Self::Unknowable(known, _), Fact::Unknowable(problem)) => {
                Self::Unknowable(known, problem.clone())
            }
            // What could not be known is looked for all the same, and then it is known.
            (
                Self::Unknowable(known, _),
                Fact::Seen | Fact::Rolled { .. } | Fact::Acked { .. } | Fact::Live | Fact::Measured(_),
            ) => known.after(fact),
            (stage, _) => stage,
        }
    }
}

fn left() -> Problem {
    Problem::new(
        "The push was cut off",
        "Its objects were left as they were found",
        "Look at the diff for what was meant to be written",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem::new("what", "why", "next")
    }

    fn acked(acked: usize) -> Fact {
        Fact::Acked { acked, of: 2, waiting: Vec::new() }
    }

    #[track_caller]
    fn check(from: Stage, facts: &[Fact], expect: Stage) {
        assert_eq!(facts.iter().fold(from, |stage, fact| stage.after(fact)), expect);
    }

    #[test]
    fn the_way_of_a_change() {
        let measured = Measured { calls: 37, ..Measured::default() };
        let last = Fact::Measured(measured.clone());
        let all = [Fact::Accepted(Vec::new()), Fact::Seen, acked(1), acked(2), Fact::Live, last];
        check(Stage::Sent, &all, Stage::Measured(measured));
        check(Stage::Sent, &all[..3], Stage::Synced { acked: 1, of: 2 });
        check(Stage::Checking, &[Fact::Checked(vec!["w".into()])], Stage::Checked(vec!["w".into()]));
    }

    #[test]
    fn pods_come_before_it_is_live() {
        let rolled = |ready| Fact::Rolled { ready, of: 2, waiting: Vec::new() };
        let rolling = |ready| Stage::Rolling { ready, of: 2 };
        check(Stage::Seen, &[rolled(1), Fact::Live], rolling(1));
        check(Stage::Accepted, &[rolled(1), Fact::Unknowable(problem()), rolled(2)], rolling(2));
        check(Stage::Seen, &[rolled(2), Fact::Live, rolled(1)], Stage::Live);
        check(rolling(2), &[acked(2), Fact::Live], Stage::Live);
    }

    #[test]
    fn late_and_early_facts_do_no_harm() {
        check(Stage::Sent, &[Fact::Live, Fact::Measured(Measured::default()), Fact::Seen], Stage::Sent);
        check(Stage::Accepted, &[acked(1), Fact::Live], Stage::Synced { acked: 1, of: 2 });
        check(Stage::Live, &[acked(1), Fact::Seen, Fact::Accepted(Vec::new())], Stage::Live);
        let measured = Stage::Measured(Measured::default());
        check(measured.clone(), &[Fact::Refused(problem())], measured);
        check(Stage::Failed(problem()), &[Fact::Live, acked(2)], Stage::Failed(problem()));
    }

    #[test]
    fn what_cannot_be_known_keeps_what_was_known() {
        let known = Stage::Unknowable(Box::new(Stage::Seen), problem());
        check(Stage::Seen, &[Fact::Unknowable(problem())], known.clone());
        check(known.clone(), &[Fact::Accepted(Vec::new())], known.clone());
        check(known, &[Fact::Refused(problem())], Stage::Failed(problem()));
    }

    #[test]
    fn what_is_replaced_is_neither_live_nor_measured_any_more() {
        let measured = Stage::Measured(Measured::default());
        for stage in [Stage::Accepted, Stage::Live, measured] {
            let replaced = Stage::Replaced(Box::new(stage.clone()), Instead::Other);
            let fact = || Fact::Replaced(Instead::Other);
            let late = [fact(), Fact::Live, Fact::Measured(Measured::default())];
            check(stage, &late, replaced);
        }
        let gone = Fact::Replaced(Instead::Nothing);
        check(Stage::Sent, std::slice::from_ref(&gone), Stage::Sent);
        check(Stage::Failed(problem()), std::slice::from_ref(&gone), Stage::Failed(problem()));
        let nothing = Stage::Replaced(Box::new(Stage::Live), Instead::Nothing);
        check(Stage::Live, &[gone], nothing);
    }

    #[test]
    fn it_goes_on_when_it_can_be_known_again() {
        let unknown = || Fact::Unknowable(problem());
        check(
            Stage::Accepted,
            &[unknown(), Fact::Seen, unknown(), acked(1)],
            Stage::Synced { acked: 1, of: 2 },
        );
        check(Stage::Seen, &[acked(1), unknown(), acked(2), Fact::Live], Stage::Live);
        check(Stage::Seen, &[acked(2), unknown(), Fact::Live], Stage::Live);
        let measured = Measured { calls: 37, ..Measured::default() };
        check(Stage::Live, &[unknown(), Fact::Measured(measured.clone())], Stage::Measured(measured));
        let other = Problem::new("other", "why", "next");
        let still = Stage::Unknowable(Box::new(Stage::Seen), other.clone());
        check(Stage::Seen, &[unknown(), Fact::Unknowable(other)], still);
    }

    #[test]
    fn a_lost_answer_is_found_out() {
        let (unsure, wrote) = (Fact::Unsure(problem()), Fact::Wrote(0, Box::default()));
        check(Stage::Sent, std::slice::from_ref(&unsure), Stage::Unsure(problem()));
        check(Stage::Sent, &[unsure.clone(), wrote], Stage::Sent);
        check(Stage::Sent, &[unsure.clone(), Fact::Refused(problem())], Stage::Failed(problem()));
        check(Stage::Live, &[unsure], Stage::Live);
    }

    #[test]
    fn a_push_that_was_cut_off_is_finished_or_left() {
        let found = Fact::CutOff(vec![Standing::Written(Stored::default()), Standing::Untouched]);
        let cut_off = Stage::CutOff { written: 1, of: 2 };
        check(Stage::Sent, std::slice::from_ref(&found), cut_off.clone());
        check(Stage::Unsure(problem()), &[found], cut_off.clone());
        check(cut_off.clone(), &[Fact::Accepted(Vec::new()), Fact::Seen], Stage::Seen);
        check(cut_off, &[Fact::Left], Stage::Failed(left()));
    }
}
