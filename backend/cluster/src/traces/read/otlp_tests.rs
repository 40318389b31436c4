use super::*;
use mesh::trace::Odd;

/// What both ways of writing must say: kind, status, times, 64-bit integers, nested values, a link, an event.
const SPANS: &str = r#"{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"reviews.bookinfo"}},{"key":"k8s.pod.name","value":{"stringValue":"reviews-1"}}]},
 "scopeSpans":[{"scope":{"name":"envoy","version":"1.40"},"spans":[
  {"traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"00000000000000a1","name":"reviews","kind":KIND,"startTimeUnixNano":"1700000000000100999","endTimeUnixNano":"1700000000001000999",
   "traceState":"a=b","status":{"code":CODE,"message":"upstream"},
   "attributes":[{"key":"big","value":{"intValue":"9007199254740993"}},{"key":"nan","value":{"doubleValue":"NaN"}},{"key":"none","value":{}},
    {"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"boolValue":true},{"stringValue":"x"}]}}},
    {"key":"map","value":{"kvlistValue":{"values":[{"key":"a","value":{"kvlistValue":{"values":[{"key":"b","value":{"intValue":1}}]}}}]}}},
    {"key":"bytes","value":{"bytesValue":"AAEC/w=="}},{"key":"error","value":{"stringValue":"false"}}],
   "events":[{"timeUnixNano":"1700000000000200000","name":"retry","attributes":[{"key":"n","value":{"doubleValue":0.5}}]}],
   "links":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00000000000000a2"},{"traceId":"00000000000000000000000000000009","spanId":"0000000000000007"}]},
  {"traceId":"CvdlGRbNQ92ESOshHIAxnA==","spanId":"AAAAAAAAAKI=","parentSpanId":"AAAAAAAAAKE=","name":"inner","startTimeUnixNano":1700000000000300000,"endTimeUnixNano":"0"}]}]}"#;

fn resource(kind: &str, code: &str) -> String {
    SPANS.replace("KIND", kind).replace("CODE", code)
}

#[track_caller]
fn check(body: &[u8]) {
    let found = parse(body).expect("an answer");
    let [trace] = &found.traces[..] else { panic!("{} traces", found.traces.len()) };
    assert_eq!(trace.trace.id, "0af7651916cd43dd8448eb211c80319c");
    let spans = trace.trace.spans.told();
    let [outer, inner] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(
        (&*outer.id, &*outer.service, &*outer.kind, outer.error),
        ("00000000000000a1", "reviews.bookinfo", "server", true)
    );
    assert_eq!((outer.start_us, outer.duration_us), (1_700_000_000_000_100, 900));
    let tags: Vec<_> = outer.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        tags,
        [
            "big=9007199254740993",
            "bytes=AAEC/w== (4 bytes)",
            "error=true",
            r#"list=[1,true,"x"]"#,
            r#"map={"a":{"b":1}}"#,
            "nan=NaN",
            "none=",
            "otel.scope.name=envoy",
            "otel.scope.version=1.40",
            "otel.status_code=ERROR",
            "otel.status_description=upstream",
            "span.kind=server",
            "w3c.tracestate=a=b",
        ]
    );
    assert_eq!(outer.process.get("k8s.pod.name"), Some("reviews-1"));
    assert_eq!(outer.logs, [(1_700_000_000_000_200, [("event", "retry"), ("n", "0.5")].into())]);
    assert_eq!(outer.links, ["00000000000000a2", "9 0000000000000007"]);
    assert_eq!(
        (inner.parent.as_deref(), &*inner.kind, inner.error),
        (Some("00000000000000a1"), "internal", false)
    );
    let odd: Vec<_> = found.odd.iter().chain(&trace.odd).map(Odd::to_string).collect();
    assert_eq!(odd, ["1 span does not say when it ended, drawn as 0"]);
}

/// Jaeger's v3, Tempo's v1 and v2, the Collector's files, and names as protobuf has them.
#[test]
fn json_in_whatever_stands_around_it() {
    let (words, numbers) = (resource(r#""SPAN_KIND_SERVER""#, r#""STATUS_CODE_ERROR""#), resource("2", "2"));
    for body in [
        format!(r#"{{"resourceSpans":[{words}]}}"#),
        format!(r#"{{"result":{{"resourceSpans":[{numbers}]}}}}"#),
        format!(r#"{{"batches":[{words}]}}"#),
        format!(r#"{{"trace":{{"resourceSpans":[{words}]}},"metrics":{{}}}}"#),
        format!(r#"[{{"resourceSpans":[{numbers}]}}]"#),
        format!(
            r#"{{"resource_spans":[{}]}}"#,
            numbers.replace("traceId", "trace_id").replace("startTimeUnixNano", "start_time_unix_nano")
        ),
        format!(
            r#"{{"batches":[{}]}}"#,
            words
                .replace("scopeSpans", "instrumentationLibrarySpans")
                .replace(r#""scope""#, r#""instrumentationLibrary""#)
        ),
    ] {
        check(body.as_bytes());
    }
}

/// Protobuf by hand: a length, then what is in it.
fn part(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    prost::encoding::bytes::encode(tag, &bytes.to_vec(), &mut all);
    all
}

fn number(tag: u32, value: i64) -> Vec<u8> {
    let mut all = Vec::new();
    prost::encoding::int64::encode(tag, &value, &mut all);
    all
}

fn time(tag: u32, nanos: u64) -> Vec<u8> {
    let mut all = Vec::new();
    prost::encoding::fixed64::encode(tag, &nanos, &mut all);
    all
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    [part(1, key.as_bytes()), part(2, value)].concat()
}

fn protobuf() -> Vec<u8> {
    let double = |value: f64| {
        let mut all = Vec::new();
        prost::encoding::double::encode(4, &value, &mut all);
        all
    };
    let mut truth = Vec::new();
    prost::encoding::bool::encode(2, &true, &mut truth);
    let list = [part(1, &number(3, 1)), part(1, &truth), part(1, &part(1, b"x"))].concat();
    let map = |key: &str, value: &[u8]| part(6, &part(1, &attribute(key, value)));
    let id = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes();
    let attributes = [
        attribute("big", &number(3, 9_007_199_254_740_993)),
        attribute("nan", &double(f64::NAN)),
        attribute("none", &[]),
        attribute("list", &part(5, &list)),
        attribute("map", &map("a", &map("b", &number(3, 1)))),
        attribute("bytes", &part(7, &[0, 1, 2, 0xff])),
        attribute("error", &part(1, b"false")),
    ];
    let event =
        [time(1, 1_700_000_000_000_200_000), part(2, b"retry"), part(3, &attribute("n", &double(0.5)))]
            .concat();
    let outer = [
        part(1, &id),
        part(2, &0xa1_u64.to_be_bytes()),
        part(3, b"a=b"),
        part(5, b"reviews"),
        number(6, 2),
        time(7, 1_700_000_000_000_100_999),
        time(8, 1_700_000_000_001_000_999),
        attributes.iter().flat_map(|attribute| part(9, attribute)).collect(),
        part(11, &event),
        part(13, &[part(1, &id), part(2, &0xa2_u64.to_be_bytes())].concat()),
        part(13, &[part(1, &9_u128.to_be_bytes()), part(2, &7_u64.to_be_bytes())].concat()),
        part(15, &[part(2, b"upstream"), number(3, 2)].concat()),
    ]
    .concat();
    let inner = [
        part(1, &id),
        part(2, &0xa2_u64.to_be_bytes()),
        part(4, &0xa1_u64.to_be_bytes()),
        part(5, b"inner"),
        time(7, 1_700_000_000_000_300_000),
    ]
    .concat();
    let resource = [
        part(1, &attribute("service.name", &part(1, b"reviews.bookinfo"))),
        part(1, &attribute("k8s.pod.name", &part(1, b"reviews-1"))),
    ]
    .concat();
    let scope = [part(1, b"envoy"), part(2, b"1.40")].concat();
    let scopes = [part(1, &scope), part(2, &outer), part(2, &inner)].concat();
    part(1, &[part(1, &resource), part(2, &scopes)].concat())
}

#[test]
fn protobuf_says_the_same() {
    check(&protobuf());
}

#[test]
fn one_odd_element_costs_itself_and_is_counted() {
    let good = resource("2", "2");
    let odd = r#"{"resource":7,"scopeSpans":[null,{"spans":[3,{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00000000000000b1","kind":"SPAN_KIND_NEW","startTimeUnixNano":"soon",
      "attributes":[1,{"value":{"intValue":"x"}},{"key":"k","value":{"intValue":"x"}}],"events":3,"status":7}]}]}"#;
    let found = parse(format!(r#"{{"resourceSpans":[null,{good},{odd}]}}"#).as_bytes()).expect("an answer");
    assert_eq!(found.odd, [Odd::Unread(3)]);
    let odd: Vec<_> = found.traces[0].odd.iter().map(Odd::to_string).collect();
    assert_eq!(
        odd,
        [
            "6 fields could not be read",
            "2 spans do not say when they ended, drawn as 0",
            "1 span without a start, drawn where the parent begins",
        ]
    );
    // One byte too many in a span of protobuf: the other is whole.
    let mut bytes = protobuf();
    let at = bytes.windows(5).position(|five| five == b"inner").expect("its name");
    bytes[at - 1] = 200;
    let found = parse(&bytes).expect("an answer");
    assert_eq!((found.odd, found.traces[0].trace.spans.len()), (vec![Odd::Unread(1)], 1));
}

#[test]
fn refusals() {
    let error =
        br#"{"error":{"grpcCode":5,"httpCode":404,"message":"trace not found","httpStatus":"Not Found"}}"#;
    assert_eq!(parse(error), Err(Refusal::Said("trace not found".into())));
    for foreign in [
        &b"<html>"[..],
        b"{}",
        b"[]",
        b"",
        b"7",
        br#"{"message":"unauthorized"}"#,
        br#"{"data":[]}"#,
        b"\x0a\x02\x08\x01",
    ] {
        assert_eq!(parse(foreign), Err(Refusal::Foreign), "{}", String::from_utf8_lossy(foreign));
    }
    assert_eq!(parse(br#"{"batches":[]}"#), Ok(Found::default()));
    let partial = br#"{"trace":{"resourceSpans":[]},"status":"PARTIAL","message":"trace exceeds the limit"}"#;
    assert_eq!(parse(partial).map(|found| found.odd), Ok(vec![Odd::Told("trace exceeds the limit".into())]));
    // Deep beyond every stack.
    let mut deep = number(3, 1);
    for _ in 0..100_000 {
        deep = part(5, &part(1, &deep));
        if deep.len() > 1 << 16 {
            break;
        }
    }
    let span = [part(1, &[1; 16]), part(2, &[1; 8]), part(9, &attribute("deep", &deep))].concat();
    let body = part(1, &part(2, &part(2, &span)));
    assert_eq!(parse(&body).expect("an answer").traces[0].odd[0], Odd::UnreadFields(1));
    assert!(super::otlp_protobuf::read(&[0; 16], &mut Gathered::default()).is_err());
}
