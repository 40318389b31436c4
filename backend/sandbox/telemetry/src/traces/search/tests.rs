use std::sync::Arc;

use super::*;
use crate::traces::{
    SpanCount,
    dependencies::Dependency,
    span::{Process, Tag, TagValue},
};

fn span(
    trace: u128,
    id: u64,
    parent: u64,
    service: &str,
    operation: &str,
    start_us: u64,
    duration_us: u64,
) -> Span {
    Span {
        trace: TraceId(trace),
        id,
        parent,
        links: Vec::new(),
        process: Arc::new(Process { service: service.into(), tags: Vec::new() }),
        operation: operation.into(),
        kind: if parent == 0 { "server" } else { "client" },
        start_us,
        duration_us,
        tags: Vec::new(),
        logs: Vec::new(),
    }
}

fn failed(mut span: Span) -> Span {
    span.tags.push(Tag { key: "error".into(), value: TagValue::Bool(true) });
    span.tags.push(Tag { key: "http.status_code".into(), value: TagValue::Text("503".into()) });
    span
}

fn store() -> Traces {
    let traces = Traces::new(1000);
    traces.add(vec![
        span(1, 10, 0, "productpage", "GET /", 1000, 500),
        span(1, 11, 10, "reviews", "GET /reviews", 1100, 300),
        span(1, 12, 11, "reviews", "inner", 1150, 10),
        span(2, 20, 0, "productpage", "GET /", 2000, 900),
        failed(span(2, 21, 20, "reviews", "GET /reviews", 2100, 700)),
        span(3, 30, 0, "productpage", "POST /login", 3000, 5),
    ]);
    traces
}

fn all(service: &str) -> Search {
    Search { service: service.to_owned(), end_us: u64::MAX, limit: 100, ..Search::default() }
}

fn found(traces: &Traces, search: &Search) -> Vec<u128> {
    traces.search(search).iter().map(|spans| spans[0].trace.0).collect()
}

#[test]
fn one_span_meets_all_conditions_and_the_newest_come_first() {
    let traces = store();
    let tag = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    for (search, expected) in [
        (all("productpage"), vec![3, 2, 1]),
        (all("reviews"), vec![2, 1]),
        (all("nobody"), vec![]),
        (Search { limit: 2, ..all("productpage") }, vec![3, 2]),
        (Search { operation: Some("GET /".to_owned()), ..all("productpage") }, vec![2, 1]),
        (Search { tags: tag("error", "true"), ..all("reviews") }, vec![2]),
        (Search { tags: tag("error", "true"), ..all("productpage") }, vec![]),
        (Search { tags: tag("http.status_code", "503"), ..all("reviews") }, vec![2]),
        (Search { shortest_us: Some(600), ..all("productpage") }, vec![2]),
        (Search { longest_us: Some(10), ..all("reviews") }, vec![1]),
        (Search { start_us: 1500, end_us: 2500, ..all("productpage") }, vec![2]),
        (Search { start_us: 5, end_us: 1, ..all("productpage") }, vec![]),
    ] {
        assert_eq!(found(&traces, &search), expected, "{search:?}");
    }
    let spans: Vec<u64> = traces.trace(TraceId(1)).unwrap().iter().map(|span| span.id).collect();
    assert_eq!(spans, [10, 11, 12]);
}

#[test]
fn services_operations_and_dependencies() {
    let traces = store();
    assert_eq!(traces.services(), ["productpage".into(), "reviews".into()]);
    assert_eq!(
        traces.operations("productpage"),
        [("GET /".into(), "server"), ("POST /login".into(), "server")]
    );
    let calls =
        |calls| vec![Dependency { parent: "productpage".to_owned(), child: "reviews".to_owned(), calls }];
    assert_eq!(traces.dependencies(0, u64::MAX), calls(2));
    assert_eq!(traces.dependencies(1500, 2500), calls(1));
    assert_eq!(traces.dependencies(2500, 1500), []);
}

#[test]
fn the_oldest_traces_make_room_and_are_counted() {
    let traces = Traces::new(4);
    for trace in 1..=3 {
        traces.add(vec![
            span(trace, 1, 0, &format!("s{trace}"), "a", trace as u64 * 10, 1),
            span(trace, 2, 1, &format!("s{trace}"), "b", trace as u64 * 10 + 1, 1),
        ]);
    }
    assert_eq!(traces.count(), SpanCount { spans: 4, traces: 2, dropped_spans: 2, dropped_traces: 1 });
    assert_eq!(traces.services(), ["s2".into(), "s3".into()]);
    assert!(traces.trace(TraceId(1)).is_none());
    // One trace alone may not exceed the capacity.
    traces.add((0..10).map(|id| span(9, id + 1, 0, "s9", "a", 100 + id, 1)).collect());
    assert_eq!(traces.count(), SpanCount { spans: 4, traces: 1, dropped_spans: 12, dropped_traces: 3 });
    assert_eq!(found(&traces, &all("s9")), [9]);
}

#[test]
fn a_search_among_very_many_spans_answers() {
    let traces = Traces::new(100_000);
    for trace in 0..10_000_u128 {
        traces
            .add((0..10).map(|id| span(trace, id + 1, id, "s", "op", trace as u64 * 100 + id, 1)).collect());
    }
    let rare = failed(span(5000, 11, 1, "s", "rare", 500_005, 1));
    traces.add(vec![rare]);
    let search = Search { tags: vec![("error".to_owned(), "true".to_owned())], ..all("s") };
    assert_eq!(found(&traces, &search), [5000]);
    assert_eq!(traces.count().dropped_traces, 1);
}
