use super::*;
use mesh::trace::Odd;

/// As Envoy and Zipkin's own clients tell it: a client and its server share an id.
const SPANS: &str = r#"[{"traceId":"5982fe77008310cc80f1da5e10147517","id":"90394f6bcffb5d13","kind":"CLIENT","name":"reviews.bookinfo","timestamp":1700000000000100,"duration":900,
  "localEndpoint":{"serviceName":"productpage.bookinfo","ipv4":"10.0.0.7","port":9080},"remoteEndpoint":{"serviceName":"reviews","ipv6":"::1"},
  "annotations":[{"timestamp":1700000000000150,"value":"ws"},7],"tags":{"http.status_code":"503","n":9007199254740993,"error":"timeout"}},
 {"traceId":"80f1da5e10147517","id":"90394f6bcffb5d13","shared":true,"kind":"SERVER","name":"reviews","timestamp":1700000000000200,"duration":500,"localEndpoint":{"serviceName":"reviews.bookinfo"}},
 {"traceId":"5982fe77008310cc80f1da5e10147517","parentId":"90394f6bcffb5d13","id":"67fae42571535f60","kind":"PRODUCER","name":"late","localEndpoint":null,"tags":{"error":"false"}},null]"#;

fn lines(found: &Found) -> Vec<String> {
    let spans = found.traces.iter().flat_map(|opened| opened.trace.spans.told());
    let line = |span: &Span| {
        let Span { operation, kind, start_us, duration_us, error, service, parent, .. } = span;
        format!("{:?} {service} {operation} {kind} {start_us} {duration_us} {error}", parent.as_deref())
    };
    spans.map(|span| line(&span)).collect()
}

#[test]
fn spans() {
    for body in [SPANS.to_owned(), format!("[{SPANS},[]]")] {
        let found = parse(body.as_bytes()).expect("an answer");
        assert_eq!(
            lines(&found),
            [
                "None productpage.bookinfo reviews.bookinfo client 1700000000000100 900 true",
                r#"Some("90394f6bcffb5d13") unknown late producer 1700000000000200 0 false"#,
                "None reviews.bookinfo reviews server 1700000000000200 500 false",
            ]
        );
        let opened = &found.traces[0];
        assert_eq!(opened.trace.id, "5982fe77008310cc80f1da5e10147517");
        let depths: Vec<_> = opened.tree.rows.iter().map(|row| row.depth).collect();
        assert_eq!(depths, [0, 1, 2], "client, its server, what that did");
        let first = &opened.trace.spans.told()[0];
        assert_eq!(first.tags.get("n"), Some("9007199254740993"));
        assert_eq!(
            (first.tags.get("peer.service"), first.tags.get("peer.ipv6")),
            (Some("reviews"), Some("::1"))
        );
        assert_eq!((first.process.get("ipv4"), first.process.get("port")), (Some("10.0.0.7"), Some("9080")));
        assert_eq!(first.logs, [(1_700_000_000_000_150, [("event", "ws")].into())]);
        let odd: Vec<_> = found.odd.iter().chain(&opened.odd).map(Odd::to_string).collect();
        assert_eq!(
            odd,
            [
                "1 span could not be read",
                "1 field could not be read",
                "1 span does not say when it ended, drawn as 0",
                "1 span came under half of the trace's id",
                "1 id is a client's and its server's, taken apart",
                "1 span without a start, drawn where the parent begins",
            ]
        );
    }
}

#[test]
fn emptiness_and_other_answers() {
    assert_eq!(parse(b"[]"), Ok(Found::default()));
    for foreign in [&b"{}"[..], b"", b"<html>", b"[{"] {
        assert_eq!(parse(foreign), Err(Refusal::Foreign));
    }
    assert_eq!(names(br#"["b",null,"a"]"#), Ok(vec!["a".into(), "b".into()]));
    assert_eq!(names(b"{}"), Err(Refusal::Foreign));
}
