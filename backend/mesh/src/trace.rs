//! Traces: spans as a tree in time, whichever backend they came from.

mod call;
mod critical;
mod odd;
mod opened;
mod parents;
mod summary;
mod tags;
mod times;
mod tree;

pub use call::{Call, End, REVISION};
pub use critical::{Segment, critical_path};
pub use odd::Odd;
pub use opened::{Found, Opened};
pub use summary::{Stats, Summary, Trouble, trouble};
pub use tags::Tags;
pub use tree::{Row, ServiceTime, Tree};

use istio::cluster_name::Outbound;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One span. Times in microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Hex.
    pub id: String,
    /// Hex; `None` for a root.
    pub parent: Option<String>,
    /// "reviews.bookinfo".
    pub service: String,
    /// "reviews.bookinfo.svc.cluster.local:9080/*".
    pub operation: String,
    /// "client", "server", "internal", …
    pub kind: String,
    /// Start; 0 when it does not tell.
    pub start_us: u64,
    /// By how much its start was moved, because its clock is another.
    pub moved_us: i64,
    /// Duration.
    pub duration_us: u64,
    /// Tags of the span.
    pub tags: Tags,
    /// Tags of the process or resource.
    pub process: Arc<Tags>,
    /// Events: time and fields.
    pub logs: Vec<(u64, Tags)>,
    /// Spans that it follows or points at, which are not its parents; those of another trace with its id
    /// before.
    pub links: Vec<String>,
    /// 5xx, gRPC status other than 0, or `error=true`.
    pub error: bool,
}

/// One trace, in no particular order of spans.
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
}

impl Span {
    /// When it ended.
    pub fn end_us(&self) -> u64 {
        self.start_us.saturating_add(self.duration_us)
    }
    /// A tag of the span, by the first of these names that it has.
    pub fn tag(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.tags.get(name))
    }
    /// HTTP status, if it has one.
    pub fn status(&self) -> Option<&str> {
        self.tag(&["http.status_code", "http.response.status_code"])
            .filter(|code| !code.is_empty() && *code != "0")
    }
    /// The operation without what all have in common: "reviews:9080/*" of
    /// "reviews.bookinfo.svc.cluster.local:9080/*", "productpage:9080" of a gateway's "router
    /// outbound|9080||productpage.bookinfo.svc.cluster.local egress".
    pub fn short_operation(&self) -> String {
        let short = |host: &str| host.split('.').next().unwrap_or(host).to_owned();
        let sent = self.operation.strip_prefix("router ").and_then(|rest| rest.strip_suffix(" egress"));
        if let Some(Outbound { port, subset, host }) = sent.and_then(Outbound::read) {
            let subset = if subset.is_empty() { String::new() } else { format!(" {subset}") };
            return format!("{}:{port}{subset}", short(host));
        }
        match self.operation.split_once(".svc.cluster.local") {
            Some((host, rest)) => format!("{}{rest}", short(host)),
            None => self.operation.clone(),
        }
    }
    /// The service without its namespace: "reviews" of "reviews.bookinfo".
    pub fn short_service(&self) -> &str {
        self.service.split('.').next().unwrap_or(&self.service)
    }
}
