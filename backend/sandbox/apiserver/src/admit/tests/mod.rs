//! What is refused, with the words that say why, and what is warned of.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::check;
use crate::{kinds::Kinds, store::Store};

mod edge;
mod envoy_filter;
mod policies;
mod routing;

static KINDS: LazyLock<std::sync::Arc<Kinds>> =
    LazyLock::new(|| Store::new().read(|state| state.kinds.clone()));

/// An empty `words` means that the object is taken and nobody is warned; `warns: …` that it is taken with this warning.
#[track_caller]
fn expect(kind: &str, spec: Value, words: &str) {
    let row = KINDS.named(kind).unwrap().1;
    let found = check(&row, &json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec}));
    match (found, words.strip_prefix("warns: ")) {
        (Ok(warned), None) => {
            assert_eq!((words, warned.as_slice()), ("", [].as_slice()), "{kind}: taken: {spec}");
        }
        (Ok(warned), Some(words)) => {
            assert!(warned.iter().any(|one| one.contains(words)), "{kind}: {warned:?}: {spec}");
        }
        (Err(refused), _) => {
            assert!(!words.is_empty() && refused.contains(words), "{kind}: {refused}: {spec}");
        }
    }
}

/// Every row: what is laid over the base, and what is said of it.
#[track_caller]
fn table(kind: &str, base: impl Fn(Value) -> Value, rows: &[(Value, &str)]) {
    for (fields, words) in rows {
        expect(kind, base(fields.clone()), words);
    }
}

fn with(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

#[test]
fn several_reasons_stand_under_each_other() {
    let row = KINDS.named("VirtualService").unwrap().1;
    let way = |weight: i64| json!({"destination": {"host": "a"}, "weight": weight});
    let words =
        check(&row, &json!({"spec": {"hosts": ["a"], "http": [{"route": [way(-1), way(-2)]}]}})).unwrap_err();
    assert_eq!(words, "2 errors occurred:\n\t* weight -1 < 0\n\t* weight -2 < 0\n\n");
}
