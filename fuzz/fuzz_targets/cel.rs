//! Rules of CRDs in CEL, evaluated for values of every sort.

use crate::words::Language;
use crate::{Reader, Seeds, Target};
use serde_json::json;

const NAME: &str = "cel";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader,
    seeds: || {
        let all = Seeds::of(NAME);
        Seeds::Words(Language::of(
            all.iter().flat_map(|text| text.lines()),
            &["\\", "'", "\"", "?", "e9", "é", "//"],
        ))
    },
};

fn reader() -> Reader {
    let values = [
        json!("a,B"),
        json!({ "a": 1, "b": { "c": [1, "x"] }, "k": ["x", "y"] }),
        json!([[1, 2], { "number": 2 }, -3]),
        json!(i64::MIN),
        json!(1.5),
        json!(null),
        json!("https://[::1]:80/a?b"),
    ];
    Box::new(move |input| {
        let rule = String::from_utf8_lossy(input);
        let told = values.iter().map(|value| apiserver::evaluate_rule(&rule, value, Some(&values[1])));
        told.filter(Result::is_ok).count() > 0
    })
}
