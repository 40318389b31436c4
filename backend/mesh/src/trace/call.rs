//! Single calls inside traces: which traces show that one thing called another.

use super::{Opened, SpanRef};
use serde::Serialize;
use std::fmt;

/// Istio's tag of a proxy's version.
pub const REVISION: &str = "istio.canonical_revision";

/// One end of calls, as spans know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct End {
    /// "reviews.bookinfo".
    pub service: String,
    /// "v3"; `None` for all of them.
    pub version: Option<String>,
}

impl End {
    /// All versions of a service.
    pub fn service(name: impl Into<String>) -> Self {
        Self { service: name.into(), version: None }
    }
    /// Whether a span is of this end. Spans that do not tell their version may be of any.
    fn has(&self, span: SpanRef<'_>) -> bool {
        let told = span.tag(&[REVISION]).or_else(|| span.process().get(REVISION));
        span.service() == self.service
            && told.zip(self.version.as_deref()).is_none_or(|(told, wanted)| told == wanted)
    }
    /// Whether a span asks for this service: by the name of its operation or of the cluster that it goes to.
    fn is_asked_by(&self, span: SpanRef<'_>) -> bool {
        let host = format!("{}.svc", self.service);
        let names = |text: &str| {
            let part_of_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '-' || sign == '.';
            text.match_indices(&host).any(|(at, _)| !text[..at].ends_with(part_of_name))
        };
        names(span.operation()) || span.tag(&["upstream_cluster.name", "upstream_cluster"]).is_some_and(names)
    }
}

impl fmt::Display for End {
    /// "reviews v3".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.service.split('.').next().unwrap_or_default())?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, " {version}"))
    }
}

/// Calls from one end to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Call {
    /// Who calls; `None` for anybody.
    pub from: Option<End>,
    /// Who is called.
    pub to: End,
}

impl fmt::Display for Call {
    /// "productpage v1 → reviews v3".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some(from) => write!(f, "{from} → {}", self.to),
            None => write!(f, "→ {}", self.to),
        }
    }
}

impl Opened {
    /// Whether such a call is in it, and, if only failed ones are meant, whether it failed.
    pub fn shows(&self, call: &Call, failed: bool) -> bool {
        let rows = &self.tree.rows;
        let span = |row: usize| self.trace.spans.at(rows[row].span);
        let from = |above: usize| call.from.as_ref().is_none_or(|end| end.has(span(above)));
        // Who called: what stands between, if anything, are spans of the called application itself. Parents
        // stand before their children.
        let mut callers: Vec<Option<usize>> = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            callers.push(match row.parent {
                Some(above) if span(above).service() == span(at).service() && !from(above) => callers[above],
                parent => parent,
            });
        }
        let arrived = |at: usize| {
            let caller = callers[at];
            call.to.has(span(at))
                && caller.map_or(call.from.is_none(), from)
                && (!failed || span(at).error() || caller.is_some_and(|caller| span(caller).error()))
        };
        // A call that never arrived left its span with the caller only, and nothing tells which version was
        // meant.
        let lost = |at: usize| {
            let span = span(at);
            span.error()
                && call.from.as_ref().map_or(span.service() != call.to.service, |end| end.has(span))
                && call.to.is_asked_by(span)
                && !rows[at].has_children(at)
        };
        (0..rows.len()).any(|at| arrived(at) || lost(at))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Span, Trace};
    use super::*;

    fn span(id: &str, parent: &str, service: &str, version: &str, error: bool) -> Span {
        Span {
            id: id.into(),
            parent: (!parent.is_empty()).then(|| parent.to_owned()),
            service: format!("{service}.bookinfo"),
            operation: "ratings.bookinfo.svc.cluster.local:9080/*".into(),
            tags: [(REVISION, version)].into(),
            error,
            ..Span::default()
        }
    }

    fn end(service: &str, version: &str) -> End {
        End {
            service: format!("{service}.bookinfo"),
            version: (!version.is_empty()).then(|| version.to_owned()),
        }
    }

    fn trace() -> Trace {
        let spans = vec![
            span("a", "", "productpage", "v1", false),
            span("b", "a", "reviews", "v3", false),
            span("c", "b", "reviews", "v3", false),
            span("d", "c", "ratings", "v1", false),
            span("e", "a", "details", "v1", false),
        ];
        Trace { id: "1".into(), spans }
    }

    fn shows(trace: &Trace, call: &Call, failed: bool) -> bool {
        Opened::from(trace.clone()).shows(call, failed)
    }

    #[track_caller]
    fn check(from: Option<End>, to: End, expect: bool) {
        assert_eq!(shows(&trace(), &Call { from, to }, false), expect);
    }

    #[test]
    fn by_both_ends_and_their_versions() {
        check(Some(end("productpage", "v1")), end("reviews", "v3"), true);
        check(Some(end("productpage", "")), end("reviews", ""), true);
        check(Some(end("productpage", "v1")), end("reviews", "v2"), false);
        check(Some(end("productpage", "v2")), end("reviews", "v3"), false);
    }
    #[test]
    fn the_caller_is_the_next_above_and_not_any() {
        check(Some(end("reviews", "v3")), end("ratings", "v1"), true);
        check(Some(end("productpage", "v1")), end("ratings", "v1"), false);
        check(Some(end("details", "v1")), end("ratings", "v1"), false);
    }
    #[test]
    fn anybody_may_call() {
        check(None, end("productpage", "v1"), true);
        check(None, end("reviews", "v3"), true);
        check(None, end("reviews", "v2"), false);
    }
    #[test]
    fn failed_calls_only() {
        let mut trace = trace();
        let call = Call { from: Some(end("reviews", "v3")), to: end("ratings", "v1") };
        assert!(!shows(&trace, &call, true));
        trace.spans[4].error = true;
        assert!(!shows(&trace, &call, true), "another call failed");
        trace.spans[3].error = true;
        assert!(shows(&trace, &call, true));
        // An injected abort never reaches the callee.
        trace.spans.remove(3);
        assert!(!shows(&trace, &call, true));
        trace.spans[2].error = true;
        assert!(shows(&trace, &call, true));
        trace.spans[2].operation = "old-ratings.bookinfo.svc.cluster.local:9080/*".into();
        assert!(!shows(&trace, &call, true), "another service, whose name ends so");
    }
    #[test]
    fn in_words() {
        assert_eq!(
            Call { from: Some(end("productpage", "v1")), to: end("reviews", "v3") }.to_string(),
            "productpage v1 → reviews v3"
        );
    }
}
