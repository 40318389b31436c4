//! Queries of the supported grammar, at random but the same each time.

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// So many queries.
pub(super) fn queries(count: usize) -> Vec<String> {
    let mut random = ChaCha8Rng::seed_from_u64(2042);
    (0..count).map(|_| vector(&mut random, 3)).collect()
}

fn one<'a>(random: &mut ChaCha8Rng, of: &[&'a str]) -> &'a str {
    of.choose(random).copied().unwrap_or_default()
}

const WINDOWS: &[&str] = &["30s", "1m", "2m", "300s", "7m"];
const COUNTERS: &[&str] = &[
    "istio_requests_total",
    "istio_requests_total{reporter=\"source\"}",
    "istio_requests_total{reporter!=\"source\",response_code=~\"[45]..\"}",
    "istio_requests_total{destination_workload!~\"reviews.*|unknown\"}",
    "istio_tcp_sent_bytes_total",
    "istio_request_duration_milliseconds_count{reporter=\"destination\"}",
    "{__name__=~\"istio_tcp_.*\",reporter=\"source\"}",
    "{__name__=\"istio_requests_total\",response_flags=\"UH\"}",
];
const GAUGES: &[&str] =
    &["load", "load{zone=\"a\"}", "load{zone=~\"a|b\",pod!=\"p1\"}", "limit", "load{nothing=\"\"}"];

fn selector(random: &mut ChaCha8Rng, of: &[&str], range: &str) -> String {
    let suffix = match random.random_range(0..12) {
        0 => " offset 1m",
        1 => " offset -30s",
        2 => " @ 1790001500.5",
        3 => " @ end()",
        4 => " @ start() offset 2m",
        _ => "",
    };
    format!("{}{range}{suffix}", one(random, of))
}

fn range(random: &mut ChaCha8Rng) -> String {
    format!("[{}]", one(random, WINDOWS))
}

fn by(random: &mut ChaCha8Rng) -> &'static str {
    one(
        random,
        &[
            "",
            " by (destination_workload)",
            " by (zone)",
            " without (pod, index)",
            " by (source_workload, reporter)",
            " without (reporter, le)",
            " by (nothing)",
        ],
    )
}

/// A rate or its like over a counter, a histogram or a subquery.
fn over_counter(random: &mut ChaCha8Rng) -> String {
    let function =
        one(random, &["rate", "increase", "irate", "resets", "changes", "delta", "idelta", "deriv"]);
    let range = range(random);
    format!("{function}({})", selector(random, COUNTERS, &range))
}

fn over_gauge(random: &mut ChaCha8Rng) -> String {
    let range = range(random);
    let selector = selector(random, GAUGES, &range);
    match random.random_range(0..14) {
        0 => format!("quantile_over_time({}, {selector})", one(random, &["0.1", "0.5", "0.9", "1", "2"])),
        1 => format!("predict_linear({selector}, 60)"),
        at => {
            let names = ["avg", "min", "max", "sum", "count", "last", "stddev", "stdvar", "present"];
            format!("{}_over_time({selector})", names[at % names.len()])
        }
    }
}

fn subquery(random: &mut ChaCha8Rng) -> String {
    let function =
        one(random, &["max_over_time", "avg_over_time", "rate", "sum_over_time", "last_over_time", "delta"]);
    let inner = match random.random_range(0..3) {
        0 => over_counter(random),
        1 => selector(random, GAUGES, ""),
        _ => format!("sum{} ({})", by(random), over_counter(random)),
    };
    format!(
        "{function}({inner}[{}:{}])",
        one(random, &["3m", "5m", "450s"]),
        one(random, &["", "15s", "31s", "1m"])
    )
}

fn quantile(random: &mut ChaCha8Rng) -> String {
    let q = one(random, &["0.5", "0.9", "0.95", "0.99", "0", "1", "1.5", "-0.1"]);
    let group = one(random, &["le", "le, destination_workload", "le, source_workload, reporter"]);
    let range = range(random);
    format!(
        "histogram_quantile({q}, sum(rate(istio_request_duration_milliseconds_bucket{range})) by ({group}))"
    )
}

fn vector(random: &mut ChaCha8Rng, depth: usize) -> String {
    if depth == 0 {
        return match random.random_range(0..6) {
            0 => selector(random, COUNTERS, ""),
            1 => selector(random, GAUGES, ""),
            2 => over_gauge(random),
            3 => quantile(random),
            4 => subquery(random),
            _ => over_counter(random),
        };
    }
    let inner = vector(random, depth - 1);
    match random.random_range(0..14) {
        0 | 1 => format!(
            "{}{} ({inner})",
            one(random, &["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]),
            by(random)
        ),
        2 => format!("quantile{} ({}, {inner})", by(random), one(random, &["0.3", "0.5", "0.99"])),
        3 => format!("{}{} ({}, load)", one(random, &["topk", "bottomk"]), by(random), one(random, &["1", "2", "5", "0"])),
        4 => format!(
            "{}({inner})",
            one(
                random,
                &[
                    "abs",
                    "ceil",
                    "floor",
                    "sgn",
                    "sqrt",
                    "exp",
                    "ln",
                    "log2",
                    "log10",
                    "deg",
                    "sort",
                    "sort_desc",
                    "absent",
                    "timestamp"
                ]
            )
        ),
        5 => format!("round({inner}, {})", one(random, &["0.001", "0.5", "1", "10"])),
        6 => one(
            random,
            &[
                "clamp(X, -5, 20)",
                "clamp_min(X, 3)",
                "clamp_max(X, 3)",
                "clamp(X, 5, 1)",
                "-X",
                "(X)",
                "X ^ 2",
                "scalar(X) + load",
                "vector(scalar(X))",
            ],
        )
        .replace('X', &format!("({inner})")),
        7 => format!(
            "({inner}) {} {}",
            one(random, &["+", "-", "*", "/", "%", "^", ">", "<", ">=", "== bool", "!=", "> bool", "<= bool"]),
            one(random, &["2", "0", "100", "0.5", "time()", "NaN"])
        ),
        8 => format!("{} {} ({inner})", one(random, &["3", "1000"]), one(random, &["-", "/", "<", "> bool", "*"])),
        9 => format!(
            "({inner}) {} ({})",
            one(random, &["and", "or", "unless", "and on (zone)", "or on (destination_workload)", "unless ignoring (reporter)"]),
            vector(random, depth - 1)
        ),
        10 => one(
            random,
            &[
                "load / on (zone) group_left (tier) limit",
                "load * ignoring (pod, index, tier) group_left limit",
                "limit - on (zone) group_right () load",
                "load > on (zone) group_left limit / 3",
                "limit + on (zone) sum by (zone) (load)",
                "sum by (zone) (load) <= bool on (zone) limit",
                "load / load",
                "load + on (zone) limit",
                "sum(rate(istio_requests_total[1m])) by (reporter) / ignoring (reporter) group_left count(load)",
            ],
        )
        .to_owned(),
        11 => format!(
            "label_replace({inner}, \"{}\", \"$1-x\", \"{}\", \"{}\")",
            one(random, &["new", "zone"]),
            one(random, &["zone", "destination_workload", "reporter"]),
            one(random, &["(.*)", "(.).*", "b|c", "(nothing)"])
        ),
        12 => format!("label_join({inner}, \"joined\", \"/\", \"zone\", \"reporter\", \"nothing\")"),
        _ => inner,
    }
}
