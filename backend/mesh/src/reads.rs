//! What is read only while somebody looks at it: searches for traces, one trace, …. The question is a value,
//! so that who asks it again in every frame asks the same thing; the answers are part of the scene.
//!
//! A new sort of read is a variant of [`Read`] and of [`Answer`] here, an accessor in `panels::Reads`, and an
//! arm where
//! `cluster` fetches it.

use crate::certificate::{Credential, SecretOf};
use crate::confirm::Filters;
use crate::dump::Dump;
use crate::endpoints::{Endpoints, EndpointsQuery};
use crate::incidents::Incidents;
use crate::log::{Log, LogOf};
use crate::logging::Logging;
use crate::managed::{Applied, Source};
use crate::mesh_config::MeshConfig;
use crate::period::Period;
use crate::remote::Remote;
use crate::schema::{Schema, SchemaOf};
use crate::series::{Measured, Range};
use crate::told::Word;
use crate::trace::{Found, Opened, TraceQuery};
use crate::traffic::Traffic;
use istio::{Problem, Ref};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::large_enum_variant, reason = "there is one for each panel that asks")]
pub enum Read {
    /// Services that the tracing backend knows.
    Services,
    /// Traces that a search finds.
    Traces(TraceQuery),
    /// One trace by its id.
    Trace(String),
    /// Measurements over time.
    Series(Range),
    /// All that was measured over a window of the past.
    Traffic(Period),
    /// Endpoints of a service, as callers' proxies see them.
    Endpoints(EndpointsQuery),
    /// The schema of a kind, as the cluster serves it.
    Schema(SchemaOf),
    /// What the mesh as a whole is told, in this root namespace.
    MeshConfig(String),
    /// What a tool that applies objects says of what it applied last.
    Applied(Source),
    /// Until when the certificate in a Secret holds.
    Certificate(SecretOf),
    /// How much the proxy of this pod writes into its log.
    Logging(Ref),
    /// Whether this login may do something ("patch", "delete") to an object.
    May(&'static str, Ref),
    /// What the cluster says of an object.
    Told(Ref),
    /// Restarts, rollouts and Events of all that is looked at.
    Incidents,
    /// The order of a proxy's filters.
    Filters(String),
    /// What a proxy ("pod.namespace") holds.
    Inside(String),
    /// Which version istiod says it has.
    ControlPlane,
    /// What a container writes, followed for as long as somebody looks.
    Log(LogOf),
}

impl Read {
    /// How often it is read again while somebody looks; `None`: what was read stays true.
    pub fn refresh(&self) -> Option<Duration> {
        match self {
            Self::Services
            | Self::MeshConfig(_)
            | Self::Certificate(_)
            | Self::Inside(_)
            | Self::ControlPlane
            | Self::Applied(_)
            | Self::Incidents
            | Self::May(..) => Some(Duration::from_secs(30)),
            Self::Traces(_) | Self::Trace(_) | Self::Schema(_) | Self::Traffic(_) => None,
            Self::Series(range) => Some(range.refresh()),
            Self::Endpoints(_) | Self::Told(_) => Some(Duration::from_secs(3)),
            // A log that ended may begin anew.
            Self::Logging(_) | Self::Log(_) => Some(Duration::from_secs(10)),
            Self::Filters(_) => Some(Duration::from_secs(5)),
        }
    }
}

/// What a question of the same name was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Services, sorted.
    Services(Arc<Vec<String>>),
    /// Traces.
    Traces(Arc<Found>),
    /// A trace.
    Trace(Arc<Opened>),
    /// Measurements.
    Series(Arc<Measured>),
    /// What was measured then.
    Traffic(Arc<Traffic>),
    /// Endpoints.
    Endpoints(Arc<Endpoints>),
    /// A schema.
    Schema(Arc<Schema>),
    /// The mesh's configuration.
    MeshConfig(Arc<MeshConfig>),
    /// What was applied last.
    Applied(Arc<Applied>),
    /// What a Secret has.
    Certificate(Arc<Credential>),
    /// Levels of a proxy's loggers.
    Logging(Arc<Logging>),
    /// The right that is missing, if one is.
    May(Arc<Option<Problem>>),
    /// The newest first.
    Told(Arc<Vec<Word>>),
    /// The newest first, and what is not known.
    Incidents(Arc<Incidents>),
    /// Filters in their order.
    Filters(Arc<Filters>),
    /// All that a proxy holds.
    Inside(Arc<Dump>),
    /// "1.30.1"; empty where it does not say.
    ControlPlane(Arc<String>),
    /// Lines, as far as they are kept.
    Log(Arc<Log>),
}

/// All answers that are kept just now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<BTreeMap<Read, Remote<Answer>>>);

impl Answers {
    /// What is known of this question.
    pub fn get(&self, read: &Read) -> &Remote<Answer> {
        self.0.get(read).unwrap_or(&Remote::Waiting)
    }
    /// Takes in an answer, or why there is none; what was answered before stays then, as old.
    pub fn take(&mut self, at: Timestamp, read: Read, answer: Result<Answer, Problem>) {
        let known = Arc::make_mut(&mut self.0).entry(read).or_default();
        *known = match answer {
            Ok(answer) => Remote::Live(Arc::new(answer), at),
            Err(problem) => std::mem::take(known).failed(problem),
        };
    }
    /// Lets go of an answer that nobody looks at any more.
    pub fn forget(&mut self, read: &Read) {
        if self.0.contains_key(read) {
            Arc::make_mut(&mut self.0).remove(read);
        }
    }
    /// Whether these are the very same answers, told without comparing them one by one.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_what_was_answered_before() {
        let mut answers = Answers::default();
        let before = answers.clone();
        assert_eq!(answers.get(&Read::Services), &Remote::Waiting);
        let services = Answer::Services(Arc::new(vec!["reviews.bookinfo".into()]));
        answers.take(crate::demo::NOW, Read::Services, Ok(services.clone()));
        let problem = Problem::new("Traces cannot be read", "connection refused", "Retry");
        answers.take(crate::demo::NOW, Read::Services, Err(problem.clone()));
        let expected = Remote::Stale(Arc::new(services), crate::demo::NOW, problem.clone());
        assert_eq!(answers.get(&Read::Services), &expected);
        let trace = Read::Trace("3f39".into());
        answers.take(crate::demo::NOW, trace.clone(), Err(problem.clone()));
        assert_eq!(answers.get(&trace), &Remote::Denied(problem));
        answers.forget(&trace);
        assert_eq!(answers.get(&trace), &Remote::Waiting);
        assert!(!answers.same(&before) && answers.same(&answers.clone()));
        assert_eq!(before.get(&Read::Services), &Remote::Waiting, "a snapshot stays as it was");
    }
}
