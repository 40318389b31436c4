use super::*;

const ANSWER: &str = r#"{"data":[{"traceID":"ab12","spans":[
 {"traceID":"ab12","spanID":"01","operationName":"pay.shop.svc.cluster.local:80/*","references":[],"startTime":1700000000000100,
  "duration":900,"tags":[{"key":"span.kind","type":"string","value":"client"},{"key":"http.status_code","type":"int64","value":503}],
  "logs":[{"timestamp":1700000000000200,"fields":[{"key":"event","type":"string","value":"retry"}]}],"processID":"p1","warnings":null},
 {"traceID":"ab12","spanID":"02","operationName":"pay","references":[{"refType":"FOLLOWS_FROM","traceID":"ab12","spanID":"09"},
  {"refType":"CHILD_OF","traceID":"ab12","spanID":"01"}],"startTime":1700000000000300,"duration":5,
  "tags":[{"key":"error","type":"bool","value":false},{"key":"grpc.status_code","type":"string","value":"0"}],"logs":null,"processID":"p9"},
 {"traceID":"ab12","spanID":"03","operationName":"old","parentSpanID":"0000000000000000","startTime":1,"duration":1,"processID":"p1"}],
 "processes":{"p1":{"serviceName":"cart.shop","tags":[{"key":"ip","type":"string","value":"10.0.0.7"}]}},"warnings":null}],
 "total":0,"limit":0,"offset":0,"errors":null}"#;

#[test]
fn spans() {
    let traces = parse_jaeger(ANSWER.as_bytes()).expect("an answer");
    let told: Vec<String> = traces[0]
        .spans
        .iter()
        .map(|span| {
            format!(
                "{} {:?} {} {} {} {} {}",
                span.id, span.parent, span.service, span.operation, span.kind, span.start_us, span.error
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "01 None cart.shop pay.shop.svc.cluster.local:80/* client 1700000000000100 true",
            "02 Some(\"01\") unknown pay internal 1700000000000300 false",
            "03 None cart.shop old internal 1 false",
        ]
    );
    let first = &traces[0].spans[0];
    assert_eq!(first.tags["http.status_code"], "503");
    assert_eq!(first.process["ip"], "10.0.0.7");
    assert_eq!(first.logs[0].1["event"], "retry");
}

#[test]
fn errors_and_emptiness() {
    let error = r#"{"data":null,"total":0,"errors":[{"code":404,"msg":"trace not found"}]}"#;
    assert_eq!(parse_jaeger(error.as_bytes()), Err("trace not found".into()));
    assert_eq!(parse_jaeger(br#"{"data":[]}"#), Ok(vec![]));
    assert!(parse_jaeger(b"<html>").is_err());
    assert!(parse_jaeger(br#"{"data":[{"spans":[{"startTime":-4}]}]}"#).is_err());
}
