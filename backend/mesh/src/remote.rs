//! Something read from elsewhere: awaited, true now, true a while ago, or refused. What was true is never
//! blanked.

use istio::Problem;
use jiff::Timestamp;
use std::sync::Arc;

/// A value that lives elsewhere, as far as we know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Remote<T> {
    /// Asked for, not here yet.
    #[default]
    Waiting,
    /// True as of this time.
    Live(Arc<T>, Timestamp),
    /// Was true at this time; since then reading fails.
    Stale(Arc<T>, Timestamp, Problem),
    /// Never had: missing, refused, unreachable.
    Denied(Problem),
}

impl<T> Remote<T> {
    /// The newest value known, however old.
    pub fn value(&self) -> Option<&Arc<T>> {
        match self {
            Self::Live(value, _) | Self::Stale(value, _, _) => Some(value),
            Self::Waiting | Self::Denied(_) => None,
        }
    }
    /// When the value was read.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Live(_, at) | Self::Stale(_, at, _) => Some(*at),
            Self::Waiting | Self::Denied(_) => None,
        }
    }
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Stale(_, _, problem) | Self::Denied(problem) => Some(problem),
            Self::Waiting | Self::Live(..) => None,
        }
    }
    /// A part of the value, with the same age and the same trouble; awaited where the value has no such part.
    pub fn part<U>(&self, of: impl FnOnce(&T) -> Option<Arc<U>>) -> Remote<U> {
        match self {
            Self::Waiting => Remote::Waiting,
            Self::Live(value, at) => of(value).map_or(Remote::Waiting, |part| Remote::Live(part, *at)),
            Self::Stale(value, at, problem) => {
                of(value).map_or(Remote::Waiting, |part| Remote::Stale(part, *at, problem.clone()))
            }
            Self::Denied(problem) => Remote::Denied(problem.clone()),
        }
    }
    /// What is shown while this is not there: the value of an earlier question, and why it is still that one.
    #[must_use]
    pub fn or_earlier(self, earlier: Self) -> Self {
        match self {
            Self::Waiting => earlier,
            Self::Denied(problem) => earlier.failed(problem),
            there => there,
        }
    }
    /// After a failed read: keeps the old value, says why it is old.
    #[must_use]
    pub fn failed(self, problem: Problem) -> Self {
        match self {
            Self::Live(old, at) | Self::Stale(old, at, _) => Self::Stale(old, at, problem),
            Self::Waiting | Self::Denied(_) => Self::Denied(problem),
        }
    }
}
