//! Texts of policies: exact, `prefix*`, `*suffix` or anything.

use serde_json::{Value, json};

/// `exact`, `prefix*`, `*suffix`, or `*` for anything that is there.
pub(crate) fn text(value: &str, fold: bool) -> Value {
    let mut matcher = match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(""), _) => return json!({"safe_regex": {"regex": ".+"}}),
        (Some(suffix), _) => json!({"suffix": suffix}),
        (_, Some(prefix)) => json!({"prefix": prefix}),
        _ => json!({"exact": value}),
    };
    if fold {
        matcher["ignore_case"] = json!(true);
    }
    matcher
}
