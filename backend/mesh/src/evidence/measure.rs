//! What calls must show once a change is live, as data.

use serde::{Deserialize, Serialize};

/// What telemetry tells of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Measure {
    /// Calls are counted from then on.
    Counted(Counting),
    /// They cannot tell this change from others; why.
    Untold(String),
    /// What they tell of each of several changes that were put together.
    Each(Vec<Option<Measure>>),
}

/// Calls that are counted, and what parts of them are wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counting {
    /// Which calls.
    pub calls: CountedCalls,
    /// What is told apart among them.
    pub parts: Vec<Portion>,
    /// Calls that were under way when the change became live may still end within so many milliseconds; they
    /// do not count.
    pub under_way_ms: u64,
}

/// Which calls are counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CountedCalls {
    /// All to a host (fully qualified), as their callers' proxies count them.
    To(String),
    /// Those of them for which a pod was looked for, whether there was one or not: no aborts, no limits on
    /// the way.
    Routed(String),
    /// The same, of calls to any of these hosts.
    RoutedTo(Vec<String>),
    /// Connections to a host (fully qualified) that are no requests.
    Opened(String),
    /// All that arrive at these workloads (namespace, name), as their own proxies count them.
    At(Vec<(String, String)>),
}

/// One part of the calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portion {
    /// "v3", "delayed", "in plain text".
    pub name: String,
    /// What tells it.
    pub mark: Mark,
    /// How many are wanted.
    pub wanted: Wanted,
}

/// What tells a part of the calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// One of these workloads (namespace, name) answered.
    Workloads(Vec<(String, String)>),
    /// This response flag ("DI").
    Flag(String),
    /// This response code.
    Code(String),
    /// This `connection_security_policy`.
    Security(String),
    /// They took longer than so many milliseconds (as far as the histogram's buckets can tell).
    SlowerThan(u64),
}

/// How many calls of a part are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wanted {
    /// This fraction of all (0 to 1).
    Share(f64),
    /// None at all.
    None,
    /// However many: they are only told.
    Any,
}

impl Counting {
    /// Calls end within so many milliseconds, if nothing holds them up.
    pub const SOON_MS: u64 = 2_000;

    /// Calls to a host, told apart by these parts.
    pub fn new(calls: CountedCalls, parts: Vec<Portion>) -> Self {
        Self { calls, parts, under_way_ms: Self::SOON_MS }
    }
}

impl Portion {
    /// One part.
    pub fn new(name: impl Into<String>, mark: Mark, wanted: Wanted) -> Self {
        Self { name: name.into(), mark, wanted }
    }
}
