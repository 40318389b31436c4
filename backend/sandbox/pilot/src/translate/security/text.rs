//! Texts of policies: exact, `prefix*`, `*suffix` or anything; and keys in brackets.

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

/// The words in brackets: of `request.auth.claims[a][b]` behind `request.auth.claims` they are `a` and `b`.
pub(crate) fn bracketed<'a>(key: &'a str, prefix: &str) -> Option<Vec<&'a str>> {
    let inner = key.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']')?;
    let words: Vec<&str> = inner.split("][").collect();
    words.iter().all(|word| !word.is_empty()).then_some(words)
}
