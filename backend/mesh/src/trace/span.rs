//! A span: as it is told by its source, and as it stands in the packed spans of a trace.

use super::spans::{Packed, Spans};
use super::tags::{Tags, TagsRef};
use istio::cluster_name::Outbound;
use std::sync::Arc;

/// One span as it is told. Times in microseconds since the Unix epoch.
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

/// One span of a trace. What each part means is said at [`Span`].
#[derive(Clone, Copy)]
pub struct SpanRef<'a> {
    pub(super) spans: &'a Spans,
    pub(super) packed: &'a Packed,
}

impl<'a> SpanRef<'a> {
    /// Hex.
    pub fn id(self) -> &'a str {
        self.spans.texts.get(self.packed.id)
    }
    /// Hex; `None` for a root.
    pub fn parent(self) -> Option<&'a str> {
        Some(self.spans.texts.get(self.packed.parent)).filter(|parent| !parent.is_empty())
    }
    /// "reviews.bookinfo".
    pub fn service(self) -> &'a str {
        self.spans.texts.get(self.spans.service(self.packed))
    }
    /// "reviews.bookinfo.svc.cluster.local:9080/*".
    pub fn operation(self) -> &'a str {
        self.spans.texts.get(self.packed.operation)
    }
    /// "client", "server", "internal", …
    pub fn kind(self) -> &'a str {
        self.spans.texts.get(self.packed.kind)
    }
    /// When it began.
    pub fn start_us(self) -> u64 {
        self.packed.start_us
    }
    /// How long it took.
    pub fn duration_us(self) -> u64 {
        self.packed.duration_us
    }
    /// When it ended.
    pub fn end_us(self) -> u64 {
        self.packed.end_us()
    }
    /// By how much its start was moved, because its clock is another.
    pub fn moved_us(self) -> i64 {
        self.packed.moved_us
    }
    /// Whether it failed.
    pub fn error(self) -> bool {
        self.packed.error
    }
    /// Its tags.
    pub fn tags(self) -> TagsRef<'a> {
        self.spans.tags_of(self.packed.tags)
    }
    /// Tags of the process or resource.
    pub fn process(self) -> TagsRef<'a> {
        let process = self.spans.processes.get(self.packed.process as usize).copied().unwrap_or_default();
        self.spans.tags_of(process.tags)
    }
    /// Events: time and fields.
    pub fn logs(self) -> impl ExactSizeIterator<Item = (u64, TagsRef<'a>)> {
        let logs = self.spans.logs.get(self.packed.logs.range()).unwrap_or_default();
        logs.iter().map(move |log| (log.at_us, self.spans.tags_of(log.fields)))
    }
    /// Spans that it follows or points at.
    pub fn links(self) -> impl ExactSizeIterator<Item = &'a str> {
        let links = self.spans.links.get(self.packed.links.range()).unwrap_or_default();
        links.iter().map(move |link| self.spans.texts.get(*link))
    }
    /// A tag, by the first of these names that it has.
    pub fn tag(self, names: &[&str]) -> Option<&'a str> {
        let tags = self.tags();
        names.iter().find_map(|name| tags.get(name))
    }
    /// HTTP status, if it has one.
    pub fn status(self) -> Option<&'a str> {
        self.tag(&["http.status_code", "http.response.status_code"])
            .filter(|code| !code.is_empty() && *code != "0")
    }
    /// The service without its namespace: "reviews" of "reviews.bookinfo".
    pub fn short_service(self) -> &'a str {
        let service = self.service();
        service.split('.').next().unwrap_or(service)
    }
    /// The operation without what all have in common.
    pub fn short_operation(self) -> String {
        short_operation(self.operation())
    }
    /// As it was told.
    pub fn told(self) -> Span {
        Span {
            id: self.id().to_owned(),
            parent: self.parent().map(str::to_owned),
            service: self.service().to_owned(),
            operation: self.operation().to_owned(),
            kind: self.kind().to_owned(),
            start_us: self.start_us(),
            moved_us: self.moved_us(),
            duration_us: self.duration_us(),
            tags: self.tags().told(),
            process: Arc::new(self.process().told()),
            logs: self.logs().map(|(at, fields)| (at, fields.told())).collect(),
            links: self.links().map(str::to_owned).collect(),
            error: self.error(),
        }
    }
    /// Whether it says the same as another of these spans, word for word.
    pub(super) fn is_as(self, other: Self) -> bool {
        // Each text stands once, so that numbers tell.
        let (one, two) = (self.packed, other.packed);
        let pairs = |of: Self| self.spans.pairs.get(of.packed.tags.range());
        (one.id, one.parent, one.operation, one.kind, one.process, one.start_us, one.duration_us)
            == (two.id, two.parent, two.operation, two.kind, two.process, two.start_us, two.duration_us)
            && pairs(self) == pairs(other)
            && self.links().eq(other.links())
            && self.logs().len() == other.logs().len()
            && self.logs().zip(other.logs()).all(|((a, one), (b, two))| a == b && one.pairs == two.pairs)
    }
}

impl PartialEq for SpanRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (self.packed, other.packed);
        (one.start_us, one.duration_us, one.moved_us, one.error)
            == (two.start_us, two.duration_us, two.moved_us, two.error)
            && (self.id(), self.service(), self.operation(), self.kind())
                == (other.id(), other.service(), other.operation(), other.kind())
            && self.parent() == other.parent()
            && self.tags() == other.tags()
            && self.process() == other.process()
            && self.links().eq(other.links())
            && self.logs().eq(other.logs())
    }
}

/// The operation without what all have in common: "reviews:9080/*" of
/// "reviews.bookinfo.svc.cluster.local:9080/*", "productpage:9080" of a gateway's "router
/// outbound|9080||productpage.bookinfo.svc.cluster.local egress".
pub(super) fn short_operation(operation: &str) -> String {
    let short = |host: &str| host.split('.').next().unwrap_or(host).to_owned();
    let sent = operation.strip_prefix("router ").and_then(|rest| rest.strip_suffix(" egress"));
    if let Some(Outbound { port, subset, host }) = sent.and_then(Outbound::read) {
        let subset = if subset.is_empty() { String::new() } else { format!(" {subset}") };
        return format!("{}:{port}{subset}", short(host));
    }
    match operation.split_once(".svc.cluster.local") {
        Some((host, rest)) => format!("{}{rest}", short(host)),
        None => operation.to_owned(),
    }
}
