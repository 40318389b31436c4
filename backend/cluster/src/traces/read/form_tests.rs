use super::*;
use std::io::Write as _;

const LIMIT: usize = 1 << 20;

const JAEGER: &str = r#"{"traceID":"ab12","spans":[{"spanID":"1","operationName":"pay","startTime":1700000000000000,"duration":5,"processID":"p"}],"processes":{"p":{"serviceName":"cart.shop"}}}"#;
const OTLP: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"000000000000000000000000000000cd","spanId":"0000000000000001","name":"pay","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000005000"}]}]}]}"#;
const ZIPKIN: &str = r#"{"traceId":"ef","id":"1","name":"pay","timestamp":1700000000000000,"duration":5}"#;

#[track_caller]
fn check(text: &str, ids: &[&str]) {
    let found = open(text.as_bytes(), LIMIT).unwrap_or_else(|why| panic!("{why}: {text}"));
    assert_eq!(found.traces.iter().map(|opened| &*opened.trace.id).collect::<Vec<_>>(), ids, "{text}");
}

#[test]
fn every_form_of_file() {
    // Jaeger's page saves the answer of the API; others save a trace, or a list of them.
    let other = JAEGER.replace("ab12", "ab13");
    check(&format!(r#"{{"data":[{JAEGER},{other}],"errors":null}}"#), &["ab12", "ab13"]);
    check(JAEGER, &["ab12"]);
    check(&format!("\u{feff} [null,{JAEGER},{other}]"), &["ab12", "ab13"]);
    // The Collector writes an answer in each line.
    check(OTLP, &["00000000000000cd"]);
    check(&format!("{OTLP}\n{}\n", OTLP.replace("cd\"", "ce\"")), &["00000000000000cd", "00000000000000ce"]);
    check(&format!("[{OTLP}]"), &["00000000000000cd"]);
    check(&format!("[{ZIPKIN},{}]", ZIPKIN.replace("ef", "ee")), &["ef", "ee"]);
    check(&format!("[[{ZIPKIN}],[]]"), &["ef"]);
    // Whose trace it is and who made its spans may be told before them or after.
    let (front, back) = JAEGER.split_once(r#","processes":"#).unwrap();
    let turned = format!(r#"{{"processes":{},{}}}"#, &back[..back.len() - 1], &front[1..]);
    for text in [JAEGER, &turned] {
        let found = open(text.as_bytes(), LIMIT).unwrap();
        assert_eq!(found.traces[0].span(0).unwrap().service(), "cart.shop", "{text}");
    }
    // What goes on after the first document, and breaks off.
    check(&format!("{OTLP}\n{}", &OTLP[..40]), &["00000000000000cd"]);
}

#[test]
fn files_that_have_no_traces_say_why() {
    for (text, why) in [
        ("", Unknown::Empty),
        (" \n", Unknown::Empty),
        (&JAEGER[..60], Unknown::CutOff),
        ("{\"a\":1,\n\n\"b\":x}", Unknown::NotJson(3)),
        ("{\"kind\":\"List\"}", Unknown::Foreign),
        ("[1,2]", Unknown::Foreign),
        ("apiVersion: v1", Unknown::Foreign),
        ("\u{1}\u{2}PNG", Unknown::Foreign),
        ("[]", Unknown::None),
        ("{\"data\":[]}", Unknown::None),
        (
            "{\"data\":null,\"errors\":[{\"msg\":\"trace not found\"}]}",
            Unknown::Said("trace not found".into()),
        ),
    ] {
        assert_eq!(open(text.as_bytes(), LIMIT), Err(why), "{text}");
    }
}

#[test]
fn packed_files() {
    let pack = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    // Two that were packed one after the other are one file.
    let both = [pack(&format!("{OTLP}\n")), pack(&OTLP.replace("cd\"", "ce\""))].concat();
    assert_eq!(open(&both[..], LIMIT).unwrap().traces.len(), 2);
    assert_eq!(open(&both[..both.len() - 9], LIMIT), Err(Unknown::Packed));
    let bomb = crate::mock::packed_zeros(3 << 20);
    assert_eq!(open(&bomb[..], LIMIT), Err(Unknown::TooLarge(TooLarge(LIMIT))));
    assert_eq!(open(JAEGER.as_bytes(), 20), Err(Unknown::TooLarge(TooLarge(20))));
}
