//! What differs between two versions of an object, in short: what somebody has written, told in a line.

use serde_json::{Map, Value};

/// A value that is longer than this is cut.
const LONG: usize = 48;

/// The places in which `now` differs from `was`, each with both values:
/// "http.1.route.0.weight 50 → 10". An element that came or went shows as how many there are.
pub fn told(was: &Value, now: &Value) -> Vec<String> {
    let mut places = Vec::new();
    differ(was, now, String::new(), &mut places);
    places
}

fn differ(was: &Value, now: &Value, place: String, places: &mut Vec<String>) {
    let inner = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match (was, now) {
        _ if was == now => {}
        (Value::Object(was), Value::Object(now)) => {
            for (key, now) in now {
                differ(was.get(key).unwrap_or(&Value::Null), now, inner(key), places);
            }
            for (key, was) in was.iter().filter(|(key, _)| !now.contains_key(*key)) {
                differ(was, &Value::Null, inner(key), places);
            }
        }
        (Value::Array(was), Value::Array(now)) if was.len() == now.len() => {
            for (at, (was, now)) in was.iter().zip(now).enumerate() {
                differ(was, now, inner(&at.to_string()), places);
            }
        }
        (Value::Array(was), Value::Array(now)) => {
            places.push(format!("{place}: {} instead of {} entries", now.len(), was.len()));
        }
        // What came or went as a whole is told by its own places, where it has any.
        (Value::Null, Value::Object(now)) if !now.is_empty() => {
            differ(&Value::Object(Map::new()), &Value::Object(now.clone()), place, places);
        }
        (Value::Object(was), Value::Null) if !was.is_empty() => {
            differ(&Value::Object(was.clone()), &Value::Object(Map::new()), place, places);
        }
        (was, now) => {
            places.push(format!("{place} {} → {}", brief(was), brief(now)).trim_start().to_owned());
        }
    }
}

fn brief(value: &Value) -> String {
    let text = match value {
        Value::Null => return "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let one = if list.len() == 1 { "entry" } else { "entries" };
            return format!("{} {one}", list.len());
        }
        other => other.to_string(),
    };
    if text.chars().count() <= LONG {
        text
    } else {
        text.chars().take(LONG - 1).chain("…".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(was: &Value, now: &Value, expect: &[&str]) {
        assert_eq!(told(was, now), expect);
    }

    #[test]
    fn each_place_is_told_with_both_values() {
        let route = |weight: u32| json!({ "http": [{ "route": [{ "weight": weight }, { "weight": 5 }] }] });
        check(&route(50), &route(50), &[]);
        check(&route(50), &route(10), &["http.0.route.0.weight 50 → 10"]);
        check(&json!({ "a": 1 }), &json!({ "b": "x" }), &["b none → x", "a 1 → none"]);
        check(&json!({ "a": [1] }), &json!({ "a": [1, 2] }), &["a: 2 instead of 1 entries"]);
        check(&Value::Null, &json!({ "tls": { "mode": "SIMPLE" } }), &["tls.mode none → SIMPLE"]);
        check(&json!({}), &json!({ "hosts": ["a"] }), &["hosts none → 1 entry"]);
        let long = "x".repeat(60);
        assert!(told(&json!({}), &json!({ "a": long }))[0].ends_with('…'));
    }
}
