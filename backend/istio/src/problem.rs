//! What went wrong, why, and what to do next: in the user's words, beside the thing it concerns.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One trouble, told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What happened: "reviews was not changed".
    pub what: String,
    /// Why: "Somebody else changed it at 10:42".
    pub why: String,
    /// The way on: "Rebuild the change on the newer version".
    pub next: String,
}

impl Problem {
    /// A problem with its three parts.
    pub fn new(what: impl Into<String>, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), next: next.into() }
    }
}

impl fmt::Display for Problem {
    /// One line: "what: why. next".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.what, self.why, self.next)
    }
}

impl std::error::Error for Problem {}
