//! An entry as it is compared: without what passes, what has no order in one.

use crate::dump::{Entry, Part};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What is another at each reading, and says nothing.
const PASSING: [&str; 4] = ["version_info", "last_updated", "last_update_attempt", "nonce"];
/// What of an endpoint was counted.
const COUNTED: [&str; 3] = ["stats", "success_rate", "local_origin_success_rate"];
/// Lists of named things of which the first that fits, or each in its turn, has its way.
const ORDERED: [&str; 5] =
    ["filters", "http_filters", "listener_filters", "routes", "transport_socket_matches"];
/// Lists without an order.
const SETS: [&str; 9] = [
    "domains",
    "server_names",
    "prefix_ranges",
    "source_prefix_ranges",
    "filter_chains",
    "application_protocols",
    "match_subject_alt_names",
    "match_typed_subject_alt_names",
    "INSTANCE_IPS",
];

/// The entry as it is compared. Lists of what has a name are told by name, so that one more does not move all others.
pub(super) fn plain(entry: &Entry) -> Value {
    let value = serde_json::from_str(&entry.raw).unwrap_or(Value::Null);
    of(value, "", entry.part == Part::Endpoints)
}

/// The same as text, for reading.
pub fn text(entry: &Entry) -> String {
    serde_json::to_string_pretty(&plain(entry)).unwrap_or_default() + "\n"
}

fn of(value: Value, key: &str, counted: bool) -> Value {
    match value {
        Value::Object(fields) => {
            let passes = |name: &str| PASSING.contains(&name) || counted && COUNTED.contains(&name);
            let fields = fields.into_iter().filter(|(name, _)| !passes(name));
            Value::Object(fields.map(|(name, value)| (name.clone(), of(value, &name, counted))).collect())
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(|value| of(value, "", counted)).collect();
            match names(&list) {
                Some(names) => {
                    let order = ORDERED.contains(&key).then(|| ("order".to_owned(), names.join(", ").into()));
                    Value::Object(names.into_iter().zip(list).chain(order).collect::<Map<_, _>>())
                }
                None => {
                    if SETS.contains(&key) {
                        list.sort_by_cached_key(ToString::to_string);
                    }
                    Value::Array(list)
                }
            }
        }
        other => other,
    }
}

/// What tells the elements of a list from each other, if something does.
fn names(list: &[Value]) -> Option<Vec<String>> {
    let by = |key: &str| {
        let names: Option<Vec<String>> = list
            .iter()
            .map(|one| one[key].as_str().filter(|name| !name.is_empty()).map(str::to_owned))
            .collect();
        names.filter(|names| !names.is_empty() && names.iter().collect::<BTreeSet<_>>().len() == names.len())
    };
    by("uid").or_else(|| by("name"))
}
