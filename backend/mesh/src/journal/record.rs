//! One line of the journal. Its form is a contract with earlier and later versions of the program: a kind of
//! record or of fact may be added, none changes its meaning.

use super::Past;
use super::form::{self, StepForm};
use crate::change::{Change, Step};
use crate::change_id::ChangeId;
use crate::evidence::{Evidence, Measured};
use crate::ledger::{Fact, Instead, Part};
use crate::stored::Stored;
use istio::{Object, Problem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What tells one cluster from others, whatever its context is called here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// `metadata.uid` of the namespace kube-system, if it may be read.
    pub uid: Option<String>,
    /// The server's URL.
    pub server: String,
    /// SHA-256 of the certificates by which the server is known.
    pub ca: String,
}

impl Cluster {
    /// A sandbox of this program's own. It lives as long as its window, so that the next one of the same
    /// scenario stands for it.
    pub fn sandbox(scenario: &str) -> Self {
        Self { uid: Some(format!("sandbox {scenario}")), ..Self::default() }
    }

    /// Whether both are one cluster: by the uid where both know it, else by server and certificates.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.uid, &other.uid) {
            (Some(one), Some(two)) => one == two,
            _ => (&self.server, &self.ca) == (&other.server, &other.ca),
        }
    }
}

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// Version of the form.
    pub journal: u32,
    /// The cluster that all changes of the file are of.
    pub cluster: Cluster,
    /// When the run began.
    pub began: Timestamp,
}

/// Every other line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// A change is about to be sent.
    Sent(Box<Sent>),
    /// An undo was refused by the dry run: nothing of it was sent.
    Tried {
        /// What it would have been.
        sent: Box<Sent>,
        /// Why it was refused.
        problem: Problem,
    },
    /// News about one.
    Told {
        /// Which.
        id: ChangeId,
        /// When.
        at: Timestamp,
        /// What.
        fact: FactForm,
    },
}

/// All that is needed to go on with a change, or to take it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    id: ChangeId,
    at: Timestamp,
    title: String,
    parts: Vec<Part>,
    steps: Vec<StepForm>,
    evidence: Evidence,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<ChangeId>,
}

impl Record {
    /// A change that is about to be sent; `None` when it has objects that this program must not write.
    pub fn sent(
        id: ChangeId,
        at: Timestamp,
        change: &Change,
        parts: &[Part],
        undoes: Option<ChangeId>,
    ) -> Option<Self> {
        Sent::of(id, at, change, parts, undoes).map(|sent| Self::Sent(Box::new(sent)))
    }

    /// One that was refused before it was sent.
    pub fn tried(
        id: ChangeId,
        at: Timestamp,
        change: &Change,
        parts: &[Part],
        undoes: Option<ChangeId>,
        problem: &Problem,
    ) -> Option<Self> {
        let sent = Sent::of(id, at, change, parts, undoes)?;
        Some(Self::Tried { sent: Box::new(sent), problem: problem.clone() })
    }

    /// News that are kept; `None` for those that a later run needs not know.
    pub fn told(id: ChangeId, at: Timestamp, fact: &Fact) -> Option<Self> {
        Some(Self::Told { id, at, fact: FactForm::of(fact)? })
    }
}

impl Sent {
    /// `None` when it has objects that this program must not write.
    fn of(
        id: ChangeId,
        at: Timestamp,
        change: &Change,
        parts: &[Part],
        undoes: Option<ChangeId>,
    ) -> Option<Self> {
        let ours = change.steps.iter().all(Step::is_ours);
        ours.then(|| Self {
            id,
            at,
            title: change.title.clone(),
            parts: parts.to_vec(),
            steps: change.steps.iter().map(StepForm::of).collect(),
            evidence: change.evidence.clone(),
            warnings: change.warnings.clone(),
            undoes,
        })
    }

    pub(super) fn past(&self, run: Timestamp) -> Option<Past> {
        let change = Change {
            title: self.title.clone(),
            steps: self.steps.iter().map(StepForm::step).collect::<Option<_>>()?,
            evidence: self.evidence.clone(),
            warnings: self.warnings.clone(),
        };
        let (parts, undoes) = (self.parts.clone(), self.undoes);
        Some(Past { id: self.id, run, change, parts, undoes, sent: self.at, facts: Vec::new() })
    }
}

/// A [`Fact`] on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FactForm {
    /// [`Fact::Wrote`].
    Wrote {
        /// Position of the step.
        step: usize,
        /// What the server had before.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<Value>,
        /// What it has now.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<Value>,
    },
    /// [`Fact::PutBack`].
    PutBack(usize),
    /// [`Fact::Unsure`].
    Unsure(Problem),
    /// [`Fact::Accepted`]; what was stored stands in the records of its steps.
    Accepted,
    /// [`Fact::Seen`].
    Seen,
    /// [`Fact::Acked`].
    Acked {
        /// Count.
        acked: usize,
        /// Count.
        of: usize,
    },
    /// [`Fact::Rolled`].
    Rolled {
        /// Count.
        ready: usize,
        /// Count.
        of: usize,
    },
    /// [`Fact::Live`].
    Live,
    /// [`Fact::Measured`].
    Measured(Measured),
    /// [`Fact::Replaced`] by something else.
    Replaced,
    /// [`Fact::Replaced`] by nothing.
    Gone,
    /// [`Fact::Refused`] and [`Fact::Conflict`].
    Refused(Problem),
    /// [`Fact::Unknowable`].
    Unknowable(Problem),
    /// [`Fact::Left`].
    Left,
}

impl FactForm {
    fn of(fact: &Fact) -> Option<Self> {
        let spec = |object: &Option<Object>| object.as_ref().map(form::written);
        Some(match fact {
            Fact::Wrote(step, stored) => {
                Self::Wrote { step: *step, before: spec(&stored.before), after: spec(&stored.after) }
            }
            Fact::PutBack(step) => Self::PutBack(*step),
            Fact::Unsure(problem) => Self::Unsure(problem.clone()),
            Fact::Accepted(_) => Self::Accepted,
            Fact::Seen => Self::Seen,
            Fact::Acked { acked, of, .. } => Self::Acked { acked: *acked, of: *of },
            Fact::Rolled { ready, of, .. } => Self::Rolled { ready: *ready, of: *of },
            Fact::Live => Self::Live,
            Fact::Measured(measured) => Self::Measured(measured.clone()),
            Fact::Replaced(Instead::Other) => Self::Replaced,
            Fact::Replaced(Instead::Nothing) => Self::Gone,
            Fact::Refused(problem) | Fact::Conflict { problem, .. } => Self::Refused(problem.clone()),
            Fact::Unknowable(problem) => Self::Unknowable(problem.clone()),
            Fact::Left => Self::Left,
            Fact::Judged(..)
            | Fact::Checked(_)
            | Fact::Counted(..)
            | Fact::CutOff(_)
            | Fact::Remembered(_) => return None,
        })
    }

    pub(super) fn read(&self, past: &Past) -> Option<Fact> {
        Some(match self {
            Self::Wrote { step, before, after } => {
                let at = &past.change.steps.get(*step)?;
                let object = |value: &Option<Value>| {
                    value.as_ref().map(|value| form::object(value, at.at.kind.kind, &at.api_version))
                };
                Fact::Wrote(*step, Box::new(Stored { before: object(before), after: object(after) }))
            }
            Self::PutBack(step) => Fact::PutBack(*step),
            Self::Unsure(problem) => Fact::Unsure(problem.clone()),
            Self::Accepted => Fact::Accepted(Vec::new()),
            Self::Seen => Fact::Seen,
            Self::Acked { acked, of } => Fact::Acked { acked: *acked, of: *of, waiting: Vec::new() },
            Self::Rolled { ready, of } => Fact::Rolled { ready: *ready, of: *of, waiting: Vec::new() },
            Self::Live => Fact::Live,
            Self::Measured(measured) => Fact::Measured(measured.clone()),
            Self::Replaced => Fact::Replaced(Instead::Other),
            Self::Gone => Fact::Replaced(Instead::Nothing),
            Self::Refused(problem) => Fact::Refused(problem.clone()),
            Self::Unknowable(problem) => Fact::Unknowable(problem.clone()),
            Self::Left => Fact::Left,
        })
    }
}
