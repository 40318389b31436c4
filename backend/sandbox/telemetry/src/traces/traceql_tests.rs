use std::sync::Arc;

use super::*;
use crate::traces::span::{Process, TraceId};

fn span(id: u64, parent: u64, service: &str, tags: &[(&str, TagValue)]) -> Span {
    let tag = |(key, value): &(&str, TagValue)| Tag { key: (*key).into(), value: value.clone() };
    let region = Tag { key: "region".into(), value: TagValue::Text("eu".into()) };
    Span {
        trace: TraceId(1),
        id,
        parent,
        links: Vec::new(),
        process: Arc::new(Process { service: service.into(), tags: vec![region] }),
        operation: format!("GET /{service}").into(),
        kind: if parent == 0 { "server" } else { "client" },
        start_us: 1000 * id,
        duration_us: 5000 * id,
        tags: tags.iter().map(tag).collect(),
        logs: Vec::new(),
    }
}

#[track_caller]
fn check(query: &str, ids: &[u64]) {
    let text = |text: &str| TagValue::Text(text.into());
    let spans = [
        span(1, 0, "web", &[("http.status_code", text("200")), ("two words", text("a\"b"))]),
        span(
            2,
            1,
            "pay",
            &[
                ("http.status_code", TagValue::Int(503)),
                ("error", TagValue::Bool(true)),
                ("otel.status_code", text("ERROR")),
            ],
        ),
    ];
    let read = TraceQl::read(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(read.matches(&spans).iter().map(|span| span.id).collect::<Vec<_>>(), ids, "{query}");
}

#[test]
fn what_spans_are_found() {
    for (query, ids) in [
        ("{}", &[1, 2][..]),
        ("{ resource.service.name = \"pay\" }", &[2]),
        (" { .service.name=`web` } ", &[1]),
        ("{ resource.region = \"eu\" && span.http.status_code = \"200\" }", &[1]),
        ("{ .http.status_code >= 500 }", &[2]),
        ("{ (.http.status_code = \"503\" || .http.status_code = 503) && duration > 5ms }", &[2]),
        ("{ duration <= 5000us || false = false }", &[]),
        ("{ name =~ \"GET /p.*\" }", &[2]),
        ("{ name !~ \"GET /p.*\" }", &[1]),
        ("{ name =~ \"p\" }", &[]),
        ("{ status = error }", &[2]),
        ("{ status != error }", &[1]),
        ("{ kind = client }", &[2]),
        ("{ .error = true }", &[2]),
        ("{ .\"two words\" = \"a\\\"b\" }", &[1]),
        ("{ rootServiceName = \"web\" && rootName = \"GET /web\" && traceDuration > 10ms }", &[1, 2]),
        ("{ resource.service.name = \"web\" } && { status = error }", &[1]),
        ("{ resource.service.name = \"pay\" } && { .none = 1 }", &[]),
        ("{ .none != 1 }", &[]),
        ("{ status = error } | select(status, .http.status_code)", &[2]),
    ] {
        if query.contains("false = false") {
            assert!(TraceQl::read(query).is_err(), "a field stands on the left");
            continue;
        }
        check(query, ids);
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let deep = format!("{{{}.a = 1", "(".repeat(40));
    for (query, at) in [
        ("", 1),
        ("name = 1", 1),
        ("{ .a }", 6),
        ("{ .a = }", 8),
        ("{ .a = \"x }", 8),
        ("{ .a =~ \"(\" }", 12),
        ("{ .a = 1", 9),
        ("{ .a = 5lightyears }", 19),
        ("{ .a = 1 } | rate()", 14),
        ("{ .a = 1 } >> { .b = 2 }", 12),
        (&deep, 35),
    ] {
        let error = TraceQl::read(query).unwrap_err();
        assert_eq!(error.at, at, "{query}: {error}");
        assert!(error.to_string().starts_with("invalid TraceQL query: parse error at line 1, col "));
    }
}
