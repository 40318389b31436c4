//! A trace in one line, what went wrong in a span, and how long calls take as a whole.

use super::{Kept, SpanRef, Tree};
use istio::cluster_name::Outbound;
use istio::flags::{Flag, flags_of};
use serde::Serialize;
use std::collections::BTreeMap;

/// A trace in one line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Hex.
    pub id: String,
    /// Service of the root.
    pub service: String,
    /// Operation of the root, short.
    pub operation: String,
    /// Microseconds since the epoch.
    pub start_us: u64,
    /// From the first start to the last end.
    pub duration_us: u64,
    /// How many spans it has.
    pub spans: usize,
    /// How many of them failed.
    pub errors: usize,
    /// Services and their spans.
    pub services: BTreeMap<String, usize>,
    /// What went wrong, the first thing: "ratings 503, abort injected".
    pub trouble: Option<String>,
}

impl Summary {
    /// The line of a trace; of an empty one only the id.
    pub(super) fn of(trace: &Kept, tree: &Tree) -> Self {
        // The earliest of the roots that are roots by their own word, else of all.
        let roots = tree.rows.iter().filter(|row| row.parent.is_none());
        let Some(root) = roots
            .min_by_key(|row| (row.orphan, trace.spans.packed[row.span].start_us))
            .map(|row| trace.spans.at(row.span))
        else {
            return Self { id: trace.id.clone(), ..Self::default() };
        };
        let services = tree.services.iter().map(|service| (service.name.clone(), service.spans)).collect();
        let failed = trace.spans.packed.iter().filter(|span| span.error);
        let faulty = trace.spans.iter().filter_map(|span| Some((span, trouble(span)?)));
        // Of several, an injected fault is the cause; else the one deepest in time.
        let first = faulty.max_by_key(|(span, trouble)| (trouble.injected, span.start_us()));
        Self {
            id: trace.id.clone(),
            service: root.service().to_owned(),
            operation: root.short_operation(),
            start_us: tree.start_us,
            duration_us: tree.duration_us(),
            spans: trace.spans.len(),
            errors: failed.count(),
            services,
            trouble: first.map(|(span, trouble)| format!("{} {}", called(span), trouble.words)),
        }
    }
}

/// Whom a client's span called, as spans name services ("reviews.bookinfo"), or a host outside of the cluster, and
/// whether it is one.
pub(super) fn called_host(span: SpanRef<'_>) -> Option<(&str, bool)> {
    let cluster = span.tag(&["upstream_cluster.name", "upstream_cluster"])?;
    let host = Outbound::read(cluster)?.host;
    let (name, outside) = host.split_once(".svc.").map_or((host, true), |(service, _)| (service, false));
    (!name.is_empty()).then_some((name, outside))
}

/// Whom a span called: for a client's span the service of the upstream cluster, or where the call never came
/// so far the one in its operation (a split has the VirtualService's name there); else its own.
fn called(span: SpanRef<'_>) -> String {
    let cluster = span
        .tag(&["upstream_cluster", "upstream_cluster.name"])
        .filter(|_| span.kind() == "client")
        .unwrap_or_default();
    let host = Outbound::read(cluster).and_then(|cluster| cluster.host.split('.').next());
    if let Some(host) = host.filter(|name| !name.is_empty()) {
        return host.to_owned();
    }
    let operation = span.short_operation();
    let called = operation
        .split([':', '/', '.', ' '])
        .next()
        .filter(|name| span.kind() == "client" && !name.is_empty());
    called.unwrap_or(span.short_service()).to_owned()
}

/// What went wrong in a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// "503, abort injected".
    pub words: String,
    /// Whether a fault of a VirtualService did it.
    pub injected: bool,
}

/// What went wrong in a span: its status, and what Envoy's response flags say; `None` when nothing did. A
/// delay that was injected is told too, though the call went well.
pub fn trouble(span: SpanRef<'_>) -> Option<Trouble> {
    let flags: Vec<&Flag> = flags_of(span.tag(&["response_flags"]).unwrap_or_default()).collect();
    let injected = flags.iter().any(|flag| matches!(flag.code, "FI" | "DI"));
    if !span.error() && !injected {
        return None;
    }
    let status = span.status().filter(|_| span.error());
    let grpc = span
        .tag(&["grpc.status_code", "rpc.grpc.status_code"])
        .filter(|code| *code != "0")
        .map(|code| format!("gRPC status {code}"));
    let mut words: Vec<String> = status.map(str::to_owned).or(grpc).into_iter().collect();
    words.extend(flags.iter().map(|flag| flag.words.to_owned()));
    if words.is_empty() {
        words.push("failed".into());
    }
    Some(Trouble { words: words.join(", "), injected })
}

/// How long calls take as a whole, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// How many.
    pub count: usize,
    /// The shortest.
    pub min: u64,
    /// Half are shorter.
    pub p50: u64,
    /// 95 % are shorter.
    pub p95: u64,
    /// The longest.
    pub max: u64,
}

impl Stats {
    /// Of these durations.
    pub fn of(durations: impl IntoIterator<Item = u64>) -> Self {
        let mut all: Vec<u64> = durations.into_iter().collect();
        all.sort_unstable();
        let at = |percent: usize| {
            all.get((all.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { count: all.len(), min: at(0), p50: at(50), p95: at(95), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::critical::critical_path;
    use super::super::*;
    use super::called;
    use crate::demo;

    #[test]
    fn a_page_view() {
        let Opened { trace, summary, tree, .. } = Opened::from(demo::trace());
        assert_eq!(
            (&*summary.service, &*summary.operation),
            ("istio-ingressgateway.istio-system", "productpage:9080/*")
        );
        assert_eq!((summary.spans, summary.errors, summary.duration_us), (8, 1, 42_000));
        assert_eq!(summary.trouble.as_deref(), Some("ratings 503, abort injected"));
        let rows: Vec<String> = tree
            .rows
            .iter()
            .map(|row| {
                format!(
                    "{}{} {} self {}",
                    "  ".repeat(row.depth),
                    trace.spans.at(row.span).short_service(),
                    trace.spans.at(row.span).kind(),
                    row.self_us
                )
            })
            .collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        istio-ingressgateway client self 1000
          productpage server self 8000
            productpage client self 1400
              details server self 3600
            productpage client self 1500
              reviews server self 17500
                reviews client self 2500
                  ratings server self 6500
        ");
        assert_eq!(tree.rows.iter().map(|row| row.end).collect::<Vec<_>>(), [8, 8, 4, 4, 8, 8, 8, 8]);
        assert_eq!(tree.rows.iter().map(|row| row.errors).collect::<Vec<_>>(), [1, 1, 0, 0, 1, 1, 1, 0]);
        assert_eq!(
            tree.services.iter().map(|service| &*service.name).collect::<Vec<_>>()[..2],
            ["istio-ingressgateway.istio-system", "productpage.bookinfo"]
        );
    }

    /// A split's operation has the VirtualService's name, which says nothing of whom it called.
    #[test]
    fn whom_a_call_reached() {
        let call = |cluster: &str, kind: &str| {
            let tags = [("upstream_cluster", cluster)].into();
            let (operation, service) = ("canary:9080/*".into(), "productpage.shop".into());
            let span = Span { tags, operation, service, kind: kind.into(), ..Span::default() };
            called(Spans::from_iter([span]).at(0))
        };
        assert_eq!(call("outbound|9080|v1|reviews.shop.svc.cluster.local", "client"), "reviews");
        assert_eq!(call("-", "client"), "canary");
        assert_eq!(call("inbound|9080||", "server"), "productpage");
    }

    #[test]
    fn the_critical_path_has_no_gaps() {
        for trace in [demo::trace(), demo::synthetic_trace(500)] {
            let opened = Opened::from(trace);
            let path = critical_path(&opened.trace.spans, &opened.tree);
            let root = opened.span(0).unwrap();
            assert_eq!((path[0].from_us, path[path.len() - 1].to_us), (root.start_us(), root.end_us()));
            assert!(path.windows(2).all(|two| two[0].to_us == two[1].from_us), "{path:?}");
        }
        let opened = Opened::from(demo::trace());
        let path = critical_path(&opened.trace.spans, &opened.tree);
        let rows: Vec<usize> = path.iter().map(|segment| segment.row).collect();
        assert_eq!(rows, [0, 1, 2, 3, 2, 1, 4, 5, 6, 7, 6, 5, 4, 1, 0]);
    }

    #[test]
    fn operations_without_what_all_have_in_common() {
        let short = super::super::span::short_operation;
        assert_eq!(short("reviews.bookinfo.svc.cluster.local:9080/*"), "reviews:9080/*");
        assert_eq!(
            short("router outbound|9080||productpage.bookinfo.svc.cluster.local egress"),
            "productpage:9080"
        );
        assert_eq!(
            short("router outbound|9080|v2|reviews.bookinfo.svc.cluster.local egress"),
            "reviews:9080 v2"
        );
        assert_eq!(short("GET /books"), "GET /books");
        assert_eq!(short("router PassthroughCluster egress"), "router PassthroughCluster egress");
    }

    fn span(id: &str, parent: Option<&str>, start_us: u64, duration_us: u64) -> Span {
        Span {
            id: id.into(),
            parent: parent.map(str::to_owned),
            start_us,
            duration_us,
            service: "s".into(),
            ..Span::default()
        }
    }

    #[test]
    fn orphans_circles_and_overlaps() {
        let spans = vec![
            span("a", Some("gone"), 10, 100),
            span("b", Some("a"), 20, 30),
            span("c", Some("a"), 40, 30),
            span("d", Some("a"), 100, 500),
            span("x", Some("y"), 5, 1),
            span("y", Some("x"), 5, 1),
            span("z", Some("z"), 7, 1),
        ];
        let Opened { trace, tree, .. } = Opened::from(Trace { id: "t".into(), spans });
        assert_eq!(tree.rows.len(), 7);
        let a = tree.rows.iter().find(|row| row.span == 0).unwrap();
        assert!(a.orphan);
        assert_eq!(a.self_us, 40, "20–70 and 100–110 are the children's");
        assert_eq!((tree.start_us, tree.end_us), (5, 600));
        critical_path(&trace.spans, &tree);
        assert_eq!(critical_path(&Spans::default(), &Tree::default()), []);
        assert_eq!(Opened::from(Trace::default()), Opened::default());
    }

    #[test]
    fn a_hundred_thousand_spans_in_one_chain() {
        let spans = (0..100_000).map(|number: u64| {
            let parent = number.checked_sub(1).map(|parent| parent.to_string());
            span(&number.to_string(), parent.as_deref(), number + 1, 200_000 - 2 * number)
        });
        let Opened { trace, tree, .. } = Opened::from(Trace { id: "deep".into(), spans: spans.collect() });
        assert_eq!((tree.depth, tree.rows[0].end), (100_000, 100_000));
        assert_eq!(critical_path(&trace.spans, &tree).len(), 199_999);
    }

    #[test]
    fn troubles_in_words() {
        let tagged = |error: bool, tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let span = Span { error, tags, ..Span::default() };
            trouble(Spans::from_iter([span]).at(0)).map(|trouble| trouble.words)
        };
        let said = |words: &str| Some(words.to_owned());
        assert_eq!(tagged(false, &[("http.status_code", "200"), ("response_flags", "-")]), None);
        assert_eq!(
            tagged(true, &[("http.status_code", "503"), ("response_flags", "URX,UF")]),
            said("503, retries used up, connection failed")
        );
        assert_eq!(
            tagged(false, &[("http.status_code", "200"), ("response_flags", "DI")]),
            said("delay injected")
        );
        assert_eq!(tagged(true, &[("grpc.status_code", "14")]), said("gRPC status 14"));
        assert_eq!(tagged(true, &[]), said("failed"));
    }

    #[test]
    fn stats() {
        let stats = Stats::of((1..=100).rev());
        assert_eq!(stats, Stats { count: 100, min: 1, p50: 50, p95: 95, max: 100 });
        assert_eq!(Stats::of([]), Stats::default());
        assert_eq!(Stats::of([7]).p95, 7);
    }
}
