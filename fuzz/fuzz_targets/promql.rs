//! Queries in PromQL, asked of a few series at one time and over a range.

use crate::words::Language;
use crate::{Seeds, Target};

const NAME: &str = "promql";
/// What it knows besides.
const MORE: [&str; 14] =
    ["5m", "1y", "1ms", "100y", "=~", "!~", "\"(\"", "\"[a-\"", "\\", "'", "`", "offset", "bool", "é"];

pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || {
        let trial = telemetry::Trial::default();
        Box::new(move |input| trial.ask(&String::from_utf8_lossy(input)).is_ok())
    },
    seeds: || {
        let all = Seeds::of(NAME);
        Seeds::Words(Language::of(all.iter().flat_map(|text| text.lines()), &MORE))
    },
};
