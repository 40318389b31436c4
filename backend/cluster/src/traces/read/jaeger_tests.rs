use super::*;
use mesh::trace::Odd;

const ANSWER: &str = r#"{"data":[{"traceID":"AB12","spans":[
 {"traceID":"ab12","spanID":"01","operationName":"pay.shop.svc.cluster.local:80/*","references":[],"startTime":1700000000000100,
  "duration":900,"tags":[{"key":"span.kind","type":"string","value":"client"},{"key":"http.status_code","type":"int64","value":503}],
  "logs":[{"timestamp":1700000000000200,"fields":[{"key":"event","type":"string","value":"retry"}]}],"processID":"p1","warnings":null},
 {"traceID":"0000000000000000000000000000AB12","spanID":"02","operationName":"pay","references":[{"refType":"FOLLOWS_FROM","traceID":"ab12","spanID":"09"},
  {"refType":"CHILD_OF","traceID":"ab12","spanID":"2"},{"refType":"CHILD_OF","traceID":"ab12","spanID":"0000000000000001"}],"startTime":1700000000000300,"duration":5,
  "tags":[{"key":"error","type":"bool","value":false},{"key":"grpc.status_code","type":"string","value":"0"}],"logs":null,"processID":"p9"},
 {"traceID":"ab12","spanID":"03","operationName":"old","parentSpanID":"0000000000000000","startTime":1700000000000001,"duration":1,"processID":"p1"}],
 "processes":{"p1":{"serviceName":"cart.shop","tags":[{"key":"ip","type":"string","value":"10.0.0.7"}]}},"warnings":null}],
 "total":0,"limit":0,"offset":0,"errors":null}"#;

fn lines(found: &Found) -> Vec<String> {
    let spans = found.traces.iter().flat_map(|opened| opened.trace.spans.told());
    let parent = |span: &Span| span.parent.as_deref().map(|id| id.trim_start_matches('0').to_owned());
    let line = |span: &Span| {
        let Span { operation, kind, start_us, duration_us, error, service, .. } = span;
        let id = span.id.trim_start_matches('0');
        format!("{id} {:?} {service} {operation} {kind} {start_us} {duration_us} {error}", parent(span))
    };
    spans.map(|span| line(&span)).collect()
}

fn odd(found: &Found) -> Vec<String> {
    let all = found.odd.iter().chain(found.traces.iter().flat_map(|opened| &opened.odd));
    all.map(Odd::to_string).collect()
}

#[test]
fn spans() {
    let found = parse(ANSWER.as_bytes()).expect("an answer");
    assert_eq!(
        lines(&found),
        [
            "1 None cart.shop pay.shop.svc.cluster.local:80/* client 1700000000000100 900 true",
            "2 Some(\"1\") unknown pay internal 1700000000000300 5 false",
            "3 None cart.shop old internal 1700000000000001 1 false",
        ]
    );
    let opened = &found.traces[0];
    let [first, second] = [0, 1].map(|index| opened.trace.spans.told()[index].clone());
    assert_eq!(opened.trace.id, "ab12");
    assert_eq!(
        (first.tags.get("http.status_code"), first.process.get("ip")),
        (Some("503"), Some("10.0.0.7"))
    );
    assert_eq!(first.logs[0].1.get("event"), Some("retry"));
    assert_eq!((&*second.links, odd(&found)), (&["0000000000000009".to_owned()][..], vec![]));
}

#[test]
fn one_odd_element_costs_itself_and_is_counted() {
    let answer = r#"{"data":[null,{"traceID":"a","spans":7},
      {"traceID":"b","spans":[null,"x",
        {"spanID":"1","operationName":"whole","startTime":1700000000000000,"duration":50,"processID":"p","tags":[{"key":"k","value":[1,{"x":null}]},
          {"key":"k","value":9007199254740993},null,{"value":1}]},
        {"spanID":"2","operationName":"timeless","references":[null,{"refType":"CHILD_OF","spanID":"1"}],"startTime":null,"duration":-4,"processID":"p"},
        {"spanID":"3","operationName":null,"startTime":"1700000000000009","duration":"soon","process":null,"processID":"q","tags":"none","logs":[3]}],
       "processes":{"p":{"serviceName":"web.shop","tags":null},"q":null},"warnings":["clock skew"]}],"errors":[{"msg":"one store is away"}]}"#;
    let found = parse(answer.as_bytes()).expect("an answer");
    assert_eq!(
        lines(&found),
        [
            "1 None web.shop whole internal 1700000000000000 50 false",
            "2 Some(\"1\") web.shop timeless internal 1700000000000000 0 false",
            "3 None unknown  internal 1700000000000009 0 false",
        ]
    );
    assert_eq!(
        odd(&found),
        [
            "2 traces could not be read",
            "one store is away",
            "2 spans could not be read",
            "6 fields could not be read",
            "1 span with a negative duration, drawn as 0",
            "clock skew",
            "1 span without a start, drawn where the parent begins",
        ]
    );
    let tags = &found.traces[0].trace.spans.told()[0].tags;
    assert_eq!(tags.all("k").collect::<Vec<_>>(), [r#"[1,{"x":null}]"#, "9007199254740993"]);
}

#[test]
fn a_trace_in_two_pieces_is_one() {
    let piece = |id: &str, span: &str| {
        format!(r#"{{"traceID":"{id}","spans":[{{"spanID":"{span}","startTime":1700000000000000}}]}}"#)
    };
    let (one, other) = (piece("ABC1", "1"), piece("0000000000000000000000000000abc1", "2"));
    let found = parse(format!(r#"{{"data":[{one},{other}]}}"#).as_bytes()).expect("an answer");
    assert_eq!((found.traces.len(), found.traces[0].trace.spans.len()), (1, 2));
}

#[test]
fn errors_and_emptiness() {
    let error = r#"{"data":null,"total":0,"errors":[{"code":404,"msg":"trace not found"}]}"#;
    assert_eq!(parse(error.as_bytes()), Err(Refusal::Said("trace not found".into())));
    for empty in [r#"{"data":[]}"#, r#"{"data":null,"errors":null}"#] {
        assert_eq!(parse(empty.as_bytes()), Ok(Found::default()));
    }
    for foreign in
        ["<html>", r#"{"message":"unauthorized"}"#, "[]", "{}", "", r#"{"data":{}}"#, r#"{"data":[{"#]
    {
        assert_eq!(parse(foreign.as_bytes()), Err(Refusal::Foreign), "{foreign}");
    }
    assert_eq!(services(br#"{"data":["b",null,"a"]}"#), Ok(vec!["a".into(), "b".into()]));
}
