//! Odd traces, each as a file: every one opens, and says what is odd about it.

use super::open;
use mesh::trace::{Odd, Opened};
use std::sync::Arc;

const START: u64 = 1_700_000_000_000_000;

/// A span of Jaeger's as "id<parent service kind start+length".
fn span(line: &str) -> String {
    let [ids, service, kind, times] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let (id, parent) = ids.split_once('<').unwrap_or((ids, ""));
    let (start, length) = times.split_once('+').expect("a length");
    let start: u64 = START + start.parse::<u64>().expect("a start");
    let references = match parent {
        "" => String::new(),
        parent => format!(r#"{{"refType":"CHILD_OF","traceID":"aa","spanID":"{parent}"}}"#),
    };
    format!(
        r#"{{"traceID":"aa","spanID":"{id}","operationName":"{id}","references":[{references}],"startTime":{start},"duration":{length},
        "tags":[{{"key":"span.kind","type":"string","value":"{kind}"}}],"process":{{"serviceName":"{service}"}}}}"#
    )
}

fn opened(file: &str) -> Vec<Arc<Opened>> {
    open(file.as_bytes(), 1 << 26).unwrap_or_else(|why| panic!("{why}: {file}")).traces
}

/// Rows as "id@start+length", indented by their depth, and what is odd.
#[track_caller]
fn check(spans: &[&str], rows: &[&str], odd: &[&str]) {
    let spans: Vec<String> = spans.iter().map(|line| span(line)).collect();
    let all = opened(&format!(r#"{{"data":[{{"traceID":"aa","spans":[{}]}}]}}"#, spans.join(",")));
    let [opened] = &all[..] else { panic!("{} traces", all.len()) };
    let told = |row: &mesh::trace::Row| {
        let span = &opened.trace.spans.told()[row.span];
        format!("{}{}@{}+{}", " ".repeat(row.depth), span.operation, span.start_us - START, span.duration_us)
    };
    assert_eq!(opened.tree.rows.iter().map(told).collect::<Vec<_>>(), rows);
    assert_eq!(opened.odd.iter().map(Odd::to_string).collect::<Vec<_>>(), odd);
}

#[test]
fn a_ring_is_cut_at_its_earliest() {
    check(
        &["1<3 a server 5+9", "2<1 b server 6+9", "3<2 c server 7+9"],
        &["1@5+9", " 2@6+9", "  3@7+9"],
        &["parents form a ring (3 spans)"],
    );
}

#[test]
fn nobody_is_their_own_parent() {
    check(
        &["1 a server 0+9", "2<2 a server 1+2"],
        &["1@0+9", "2@1+2"],
        &["1 span names itself as its parent"],
    );
}

#[test]
fn orphans_are_roots() {
    check(
        &["1<9 a server 0+9", "2<1 a server 1+2"],
        &["1@0+9", " 2@1+2"],
        &["the parent of 1 span is missing"],
    );
}

#[test]
fn doubled_ids_are_taken_apart() {
    check(
        &["1 a client 0+9", "1 b server 2+5", "2<1 b client 3+2"],
        &["1@0+9", " 1@2+5", "  2@3+2"],
        &["1 id is a client's and its server's, taken apart"],
    );
    check(
        &["1 a internal 0+9", "2<1 a internal 1+2", "2<1 a internal 4+2"],
        &["1@0+9", " 2@1+2", " 2@4+2"],
        &["1 span has the id of another, taken apart"],
    );
    check(&["1 a server 0+9", "1 a server 0+9"], &["1@0+9"], &["1 span told twice"]);
}

#[test]
fn clocks_that_differ_are_mended_and_said() {
    check(
        &["1 a client 1000+100", "2<1 b server 5+40"],
        &["1@1000+100", " 2@1030+40"],
        &["clocks differ: 1 span moved by up to 1.0 ms"],
    );
}

#[test]
fn times_that_are_none() {
    check(
        &["1 a server 0+9", "2<1 a server 1+0", "3<1 a server 2+-7", "4<1 a server 3+null"],
        &["1@0+9", " 2@1+0", " 3@2+0", " 4@3+0"],
        &["1 span with a negative duration, drawn as 0", "1 span does not say when it ended, drawn as 0"],
    );
    let timeless = span("2<1 a server 7+3").replace(&(START + 7).to_string(), "0");
    let all = opened(&format!(r#"{{"traceID":"aa","spans":[{},{timeless}]}}"#, span("1 a server 4+9")));
    assert_eq!(all[0].odd, [Odd::Timeless(1)]);
    assert_eq!(all[0].trace.spans.told()[1].start_us, START + 4);
}

/// One trace, told by some under 128 bits and by others under the lower 64 of them.
#[test]
fn ids_of_two_widths() {
    let piece = |id: &str, span: &str| {
        format!(
            r#"{{"traceID":"{id}","spans":[{}]}}"#,
            self::span(span).replace(r#""traceID":"aa""#, r#""traceID":"8448eb211c80319c""#)
        )
    };
    let (long, other) = ("0af7651916cd43dd8448eb211c80319c", "1af7651916cd43dd8448eb211c80319c");
    let short = piece("8448eb211c80319c", "2<1 b server 1+2");
    let all = opened(&format!("[{short},{}]", piece(long, "1 a client 0+9")));
    assert_eq!((all.len(), &*all[0].trace.id, all[0].tree.depth), (1, long, 2));
    assert_eq!(all[0].odd, [Odd::Short(1)]);
    // Of which of the two it is, nothing tells.
    let two = [piece(long, "1 a client 0+9"), piece(other, "1 a client 0+9"), short].join(",");
    assert_eq!(opened(&format!("[{two}]")).len(), 3);
}

#[test]
fn twenty_thousand_deep() {
    let line = |number: u64| match number {
        1 => span(&format!("1 loop.shop internal 1+{}", 50_000)),
        _ => {
            span(&format!("{number:x}<{:x} loop.shop internal {number}+{}", number - 1, 50_000 - 2 * number))
        }
    };
    let spans: Vec<String> = (1..=20_000).rev().map(line).collect();
    let all = opened(&format!(r#"{{"traceID":"ee","spans":[{}]}}"#, spans.join(",")));
    assert_eq!((all[0].tree.depth, all[0].tree.rows.len(), &*all[0].odd), (20_000, 20_000, &[][..]));
}

#[test]
fn a_zoo_of_tags() {
    let long = "x".repeat(120_000);
    let file = format!(
        r#"{{"traceID":"dd","spans":[{{"spanID":"1","operationName":"zoo \u202e\u05d0\u200b </script>","startTime":{START},"duration":10,"process":{{"serviceName":"web.shop"}},"tags":[
        {{"key":"http.status_code","type":"int64","value":200}},{{"key":"http.status_code","type":"string","value":"200"}},{{"key":"big","type":"int64","value":9007199254740993}},
        {{"key":"least","type":"int64","value":-9223372036854775808}},{{"key":"huge","type":"float64","value":1e308}},{{"key":"o","type":"string","value":{{"a":[1,{{"b":null}}]}}}},
        {{"key":"bin","type":"binary","value":"AAEC"}},{{"key":"","type":"string","value":"nameless"}},{{"key":"error","type":"string","value":"false"}},
        {{"key":"long","type":"string","value":"{long}"}},{{"key":"signs","type":"string","value":"\u0000\u001b[31m"}}]}}]}}"#
    );
    let all = opened(&file);
    let span = &all[0].trace.spans.told()[0];
    assert_eq!((&*all[0].odd, span.error), (&[][..], false));
    assert_eq!(span.tags.all("http.status_code").collect::<Vec<_>>(), ["200", "200"]);
    for (key, value) in [
        ("big", "9007199254740993"),
        ("least", "-9223372036854775808"),
        ("huge", "1e+308"),
        ("o", r#"{"a":[1,{"b":null}]}"#),
        ("bin", "AAEC (3 bytes)"),
        ("", "nameless"),
        ("long", &long),
        ("signs", "\0\u{1b}[31m"),
    ] {
        assert_eq!(span.tags.get(key), Some(value), "{key}");
    }
}
