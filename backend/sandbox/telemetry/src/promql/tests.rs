//! Queries with known answers over a few known series.

use super::*;
use crate::labels::NAME;

/// `requests` of v1 counts 10 a second, of v2 counts 5 a second and restarts at 60 s; `temperature` is a
/// gauge that ends.
fn samples() -> Samples {
    let samples = Samples::default();
    let series = |name: &str, version: &str| {
        samples.series(&Labels::of(&[(NAME, name), ("app", "reviews"), ("version", version)]))
    };
    let (v1, v2, gauge) = (series("requests", "v1"), series("requests", "v2"), series("temperature", "v1"));
    for second in 0..=120 {
        let value = f64::from(second);
        samples.append(
            i64::from(second) * 1000,
            &[(v1, value * 10.0), (v2, if second < 60 { value * 5.0 } else { (value - 60.0) * 5.0 })],
        );
        if second <= 100 {
            samples.append(
                i64::from(second) * 1000,
                &[(gauge, if second < 100 { 20.0 + value % 7.0 } else { crate::samples::stale() })],
            );
        }
    }
    samples
}

fn ask(query: &str, at: i64) -> String {
    let answer = parse(query).and_then(|expr| instant(&expr, at * 1000, &samples()));
    match answer {
        Ok(Value::Scalar(v)) => number(v),
        Ok(Value::Text(text)) => text,
        Ok(Value::Vector(list)) => {
            list.iter().map(|s| format!("{} {}", s.labels, number(s.v))).collect::<Vec<_>>().join("; ")
        }
        Ok(Value::Matrix(list)) => {
            list.iter().map(|s| format!("{} x{}", s.labels, s.points.len())).collect::<Vec<_>>().join("; ")
        }
        Err(refusal) => format!("{refusal:?}"),
    }
}

#[test]
fn known_answers() {
    for (query, expected) in [
        ("1 + 2 * 3", "7"),
        ("\"hello\"", "hello"),
        ("time()", "110"),
        ("requests{version=\"v1\"}", r#"requests{app="reviews", version="v1"} 1100"#),
        ("temperature", ""),
        ("temperature offset 15s", r#"temperature{app="reviews", version="v1"} 24"#),
        ("absent(temperature{app=\"x\",version=~\"v.*\"})", r#"{app="x"} 1"#),
        (
            "requests[10s]",
            r#"requests{app="reviews", version="v1"} x11; requests{app="reviews", version="v2"} x11"#,
        ),
        ("sum(rate(requests[60s]))", "{} 14.916666666666668"),
        ("rate(requests{version=\"v1\"}[60s] @ 60)", r#"{app="reviews", version="v1"} 10"#),
        ("sum by (version) (requests) > 500", r#"{version="v1"} 1100"#),
        ("sum by (version) (requests) > bool 500", r#"{version="v1"} 1; {version="v2"} 0"#),
        ("topk(1, requests)", r#"requests{app="reviews", version="v1"} 1100"#),
        ("sort_desc(sum by (version) (requests))", r#"{version="v1"} 1100; {version="v2"} 250"#),
        ("count(requests) + on () group_left () sum(requests)", "{} 1352"),
        (
            "requests / on (version) group_left () sum by (version) (requests)",
            r#"{app="reviews", version="v1"} 1; {app="reviews", version="v2"} 1"#,
        ),
        ("requests and on (version) temperature offset 20s", r#"requests{app="reviews", version="v1"} 1100"#),
        (
            "label_replace(requests{version=\"v1\"}, \"v\", \"$1\", \"version\", \"v(.*)\")",
            r#"requests{app="reviews", v="1", version="v1"} 1100"#,
        ),
        (
            "label_join(sum by (app, version) (requests), \"both\", \"-\", \"app\", \"version\") == 1100",
            r#"{app="reviews", both="reviews-v1", version="v1"} 1100"#,
        ),
        ("max_over_time(temperature[20s:5s] @ 99)", r#"{app="reviews", version="v1"} 26"#),
        ("clamp(vector(5), 1, 3)", "{} 3"),
        ("scalar(requests)", "NaN"),
        ("-requests{version=\"v2\"}", r#"{app="reviews", version="v2"} -250"#),
    ] {
        assert_eq!(ask(query, 110), expected, "{query}");
    }
}

#[test]
fn refusals_say_why() {
    for (query, expected) in [
        ("sum(rate(", "1:10: parse error: unclosed left parenthesis"),
        ("holt_winters(requests[1m], 0.5, 0.5)", "holt_winters"),
        ("mad_over_time(requests[1m])", "the function mad_over_time() is not evaluated by this Prometheus"),
        ("requests + on (app) requests", "many-to-many matching not allowed"),
        (
            "label_replace(requests, \"version\", \"\", \"\", \"\")",
            "vector cannot contain metrics with the same labelset",
        ),
        ("requests[5m] + 1", ""),
        ("{}", ""),
    ] {
        let answer = ask(query, 110);
        assert!(
            answer.contains(expected) && (answer.starts_with("Malformed") || answer.starts_with("Execution")),
            "{query}: {answer}"
        );
    }
}

#[test]
fn ranges_have_a_value_at_each_step() {
    let samples = samples();
    let of = |query: &str, start: i64, end: i64, step: i64| range(&parse(query)?, start, end, step, &samples);
    let list = of("sum(requests)", 10_000, 50_000, 20_000).unwrap();
    let values: Vec<(i64, f64)> = list[0].points.iter().map(|p| (p.t, p.v)).collect();
    assert_eq!(values, [(10_000, 150.0), (30_000, 450.0), (50_000, 750.0)]);
    let list = of("temperature", 95_000, 105_000, 1000).unwrap();
    assert_eq!(list[0].points.len(), 5, "a series ends where it was marked as gone");
    assert!(matches!(of("requests[5m]", 0, 1000, 1000), Err(Refusal::BadRequest(_))));
    assert!(matches!(of("requests", 0, 12_000_000, 1000), Err(Refusal::BadRequest(_))));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 256, ..Default::default() })]

    /// Words of the grammar in any order: an answer or a refusal, never a panic.
    #[test]
    fn odd_queries_never_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 1..16)) {
        let query = words.join("");
        if let Ok(expr) = parse(&query) {
            let samples = Samples::default();
            samples.append(1000, &[(samples.series(&Labels::of(&[(NAME, "requests"), ("le", "1")])), 1.0)]);
            let _answer = instant(&expr, 2000, &samples);
            let _answer = range(&expr, 0, 3000, 1000, &samples);
        }
    }

    #[test]
    fn odd_texts_never_panic(query in "\\PC{0,40}") {
        let _parsed = parse(&query);
    }
}

const WORDS: &[&str] = &[
    "requests",
    "{",
    "}",
    "le",
    "=",
    "=~",
    "!~",
    "\"1\"",
    "\".*\"",
    "\"(\"",
    "[1m]",
    "[5m:1m]",
    "[1y:1ms]",
    "[0s]",
    "(",
    ")",
    ",",
    "rate",
    "sum",
    "by",
    "without",
    "topk",
    "quantile",
    "histogram_quantile",
    "label_replace",
    "absent",
    "scalar",
    "vector",
    " and ",
    " or ",
    " unless ",
    "+",
    "-",
    "/",
    "%",
    "^",
    "==",
    ">",
    " bool ",
    " on ",
    " ignoring ",
    " group_left ",
    " offset ",
    "5m",
    "-1y",
    "@",
    " start()",
    "1e308",
    "9999999999999",
    "NaN",
    "-Inf",
    "0",
    "1",
    "time()",
    "round",
    "predict_linear",
    "count_values",
    " atan2 ",
    "year",
    "clamp",
    "stddev_over_time",
    "\\",
    "'",
    "`",
    "#",
    "\u{e9}",
];
