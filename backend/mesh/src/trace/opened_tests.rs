use super::super::Span;
use super::*;

/// "id<parent service kind start+length": a span in one line.
fn trace(spans: &[&str]) -> Trace {
    let read = |line: &&str| {
        let [ids, service, kind, times] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (id, parent) = ids.split_once('<').unwrap_or((ids, ""));
        let (start, length) = times.split_once('+').expect("a length");
        Span {
            id: id.into(),
            parent: (!parent.is_empty()).then(|| parent.to_owned()),
            service: service.into(),
            kind: kind.into(),
            start_us: start.parse().expect("a start"),
            duration_us: length.parse().expect("a length"),
            ..Span::default()
        }
    };
    Trace { id: "t".into(), spans: spans.iter().map(read).collect() }
}

/// Rows as "id@start own time", indented by their depth, and what is odd.
#[track_caller]
fn check(spans: &[&str], rows: &[&str], odd: &[&str]) {
    let opened = Opened::from(trace(spans));
    let told: Vec<String> = opened
        .tree
        .rows
        .iter()
        .map(|row| {
            let span = opened.trace.spans.at(row.span).told();
            format!("{}{}@{} {}", " ".repeat(row.depth), span.id, span.start_us, row.self_us)
        })
        .collect();
    assert_eq!(told, rows);
    assert_eq!(opened.odd.iter().map(Odd::to_string).collect::<Vec<_>>(), odd);
}

#[test]
fn a_client_and_its_server_may_share_an_id() {
    check(
        &["a web server 10+100", "b<a web client 20+80", "b<a pay server 30+60", "c<b pay internal 40+10"],
        &["a@10 20", " b@20 20", "  b@30 50", "   c@40 10"],
        &["1 id is a client's and its server's, taken apart"],
    );
    check(
        &["b<a pay server 30+50", "c<b pay internal 40+10", "b<a web client 20+80", "a web server 10+100"],
        &["a@10 20", " b@20 30", "  b@30 40", "   c@40 10"],
        &["1 id is a client's and its server's, taken apart"],
    );
}

#[test]
fn what_is_told_twice_is_drawn_once() {
    check(
        &["a web server 10+100", "b<a web client 20+80", "b<a web client 20+80"],
        &["a@10 20", " b@20 80"],
        &["1 span told twice"],
    );
}

#[test]
fn a_ring_is_cut_at_its_earliest_span_which_keeps_its_own_time() {
    check(
        &["a<c s internal 30+10", "b<a s internal 10+90", "c<b s internal 20+30", "d<a s internal 32+2"],
        &["b@10 60", " c@20 20", "  a@30 8", "   d@32 2"],
        &["parents form a ring (3 spans)"],
    );
}

#[test]
fn its_own_parent_and_a_missing_one() {
    check(
        &["a<a s internal 10+10", "b<gone s internal 12+2"],
        &["a@10 10", "b@12 2"],
        &["1 span names itself as its parent", "the parent of 1 span is missing"],
    );
}

#[test]
fn a_span_without_a_start_stands_where_its_parent_begins() {
    let now = 1_700_000_000_000_000_u64;
    check(
        &[&format!("a web server {now}+100"), "b<a web client 0+50", "c<b pay server 7+20"],
        &[&format!("a@{now} 50"), &format!(" b@{now} 30"), &format!("  c@{now} 20")],
        &["2 spans without a start, drawn where the parent begins"],
    );
    let opened = Opened::from(trace(&[&format!("a web server {now}+100"), "b<gone web client 0+50"]));
    assert_eq!((opened.summary.duration_us, opened.tree.duration_us()), (100, 100));
}

#[test]
fn another_clock_is_moved_into_the_time_of_the_call() {
    check(
        &["a web client 1000+100", "b<a pay server 500+60", "c<b pay client 510+20", "d<c db server 1050+10"],
        &["a@1000 40", " b@1020 40", "  c@1030 20", "   d@1050 10"],
        &["clocks differ: 2 spans moved by up to 0.5 ms"],
    );
    let late = ["a web client 1000+100", "b<a pay server 1050+900"];
    check(&late, &["a@1000 50", " b@1050 900"], &[]);
}

#[test]
fn a_deep_trace_is_read_and_searched_in_one_pass() {
    let count = 200_000_u64;
    let span = |number: u64| Span {
        id: number.to_string(),
        parent: number.checked_sub(1).map(|parent| parent.to_string()),
        service: "web.shop".into(),
        start_us: 10 + number,
        duration_us: 2 * count - 2 * number,
        error: true,
        ..Span::default()
    };
    let opened = Opened::from(Trace { id: "deep".into(), spans: (0..count).map(span).collect() });
    assert_eq!(opened.failed, [count as usize - 1]);
    let end = super::super::End::service;
    let call = super::super::Call { from: Some(end("gone.shop")), to: end("web.shop") };
    assert!(!opened.shows(&call, false));
}

#[test]
fn a_line_of_a_trace_is_not_all_of_it() {
    let summary = Summary {
        id: "t".into(),
        operation: "reviews.bookinfo.svc.cluster.local:9080/*".into(),
        spans: 8,
        ..Summary::default()
    };
    let brief = Opened::brief(summary, vec![Odd::Orphans(2)]);
    assert_eq!((&*brief.trace.id, &*brief.summary.operation), ("t", "reviews:9080/*"));
    assert!(!brief.is_whole() && Opened::from(crate::demo::trace()).is_whole());
}
