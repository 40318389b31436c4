//! Tracing backends: what each is asked, and how its answers are read. One file for each; which one answers at
//! a place is found out by asking.

use super::read::Refusal;
use super::{jaeger, jaeger_v3, tempo, zipkin};
use mesh::trace::{Found, TraceQuery};
use std::fmt;

/// A tracing backend.
pub(crate) trait Backend: Sync {
    /// "Tempo".
    fn name(&self) -> &'static str;
    /// Below which paths it often answers; the first is tried first.
    fn prefixes(&self) -> &'static [&'static str];
    /// The path that tells which services sent spans.
    fn services(&self) -> &'static str;
    /// Reads the answer to it, sorted.
    fn read_services(&self, body: &[u8]) -> Result<Vec<String>, Refusal>;
    /// The path that finds traces. What it cannot be asked for is looked for in what it finds.
    fn search(&self, query: &TraceQuery) -> String;
    /// Reads the answer to it.
    fn read_found(&self, body: &[u8]) -> Result<Hits, Refusal>;
    /// The path that finds traces and tells a line of each, where there may be one.
    fn summaries(&self, _query: &TraceQuery) -> Option<String> {
        None
    }
    /// Reads the answer to it.
    fn read_summaries(&self, _body: &[u8]) -> Result<Found, Refusal> {
        Err(Refusal::Foreign)
    }
    /// Paths of one trace; where the first is not there, the next one is asked.
    fn trace(&self, id: &str) -> Vec<String>;
    /// Reads the answer to one of them.
    fn read_trace(&self, body: &[u8]) -> Result<Found, Refusal>;
    /// Whether a search finds by tags.
    fn finds_tags(&self) -> bool {
        true
    }
    /// Whether it takes text in TraceQL.
    fn takes_trace_ql(&self) -> bool {
        false
    }
    /// Whether a search tells ids only.
    fn tells_ids(&self) -> bool {
        false
    }
    /// Whether a search can be for traces in which any span failed, whoever's it is.
    fn finds_errors_anywhere(&self) -> bool {
        false
    }
}

/// What a search brings.
#[derive(Debug, PartialEq)]
pub(crate) enum Hits {
    /// The traces themselves.
    Traces(Found),
    /// Their ids, the newest first.
    Ids(Vec<String>),
}

/// All that are known, in the order in which they are asked whether they are there.
pub(crate) const ALL: [&dyn Backend; 4] = [&jaeger::V1, &tempo::Tempo, &zipkin::Zipkin, &jaeger_v3::V3];

/// A backend below a prefix.
#[derive(Clone, Copy)]
pub(crate) struct Door {
    pub(crate) backend: &'static dyn Backend,
    pub(crate) prefix: &'static str,
}

impl Door {
    /// All doors, the likeliest first: the plain paths of each, then those below a prefix.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let most = ALL.iter().map(|backend| backend.prefixes().len()).max().unwrap_or_default();
        (0..most).flat_map(|at| {
            ALL.into_iter().filter_map(move |backend| {
                Some(Self { backend, prefix: backend.prefixes().get(at).copied()? })
            })
        })
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.backend.name(), self.prefix)
    }
}
