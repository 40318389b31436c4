//! Traces: spans as a tree in time, whichever backend they came from.

mod call;
mod children;
mod compare;
mod critical;
mod figures;
mod groups;
mod marks;
mod odd;
mod opened;
mod parents;
mod paths;
mod red;
mod shape;
mod slow;
mod span;
mod spans;
mod summary;
mod tags;
mod texts;
mod times;
mod tree;

pub use call::{Call, End, REVISION};
pub use compare::{Differs, Pair, compare};
pub use critical::Segment;
pub use figures::{Event, Figures, events, figures};
pub use groups::{By, Group, Middles, groups};
pub use marks::{Mark, marks};
pub use odd::Odd;
pub use opened::{Found, Kept, Opened};
pub use paths::{Hop, Paths, Stop};
pub use red::{Red, Sampled};
pub use shape::{Node, Shape, Sum};
pub use slow::{Reason, Usual, same_kind, why_slow};
pub use span::{Span, SpanRef};
pub use spans::{ProcessId, Spans};
pub use summary::{Stats, Summary, Trouble, trouble};
pub use tags::{Tags, TagsRef};
pub use tree::{Row, ServiceTime, Tree};

use std::collections::BTreeMap;

/// One trace as it is told, in no particular order of spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Hex.
    pub id: String,
    /// Its spans.
    pub spans: Vec<Span>,
}

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceQuery {
    /// Service as the tracing backend names it ("reviews.bookinfo").
    pub service: String,
    /// Operation, if only one.
    pub operation: Option<String>,
    /// Tags that some span must have.
    pub tags: BTreeMap<String, String>,
    /// Microseconds since the epoch.
    pub start_us: u64,
    /// Microseconds since the epoch.
    pub end_us: u64,
    /// Microseconds.
    pub min_duration_us: Option<u64>,
    /// Microseconds.
    pub max_duration_us: Option<u64>,
    /// Only traces with a failed span.
    pub errors_only: bool,
    /// Only traces with such a call; a failed one, when only errors are asked for.
    pub call: Option<Call>,
    /// Text in Tempo's own language (TraceQL): all that is asked for, but time and number.
    pub ql: Option<String>,
    /// At most so many traces.
    pub limit: usize,
    /// A line of each will do, where the backend tells that: their spans need not be read.
    pub brief: bool,
}
