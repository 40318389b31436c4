//! Names and times as a cluster's controllers write them.

use jiff::Timestamp;
use rand::Rng;
use serde_json::Value;
use std::collections::BTreeMap;

/// Letters that cannot form words, as Kubernetes uses for generated names.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a pod template, which names its ReplicaSet. The order of members and what is null or empty
/// make no difference: a template that comes back by another way (`kubectl rollout undo`) is the same
/// template.
pub(crate) fn template_hash(template: &Value) -> String {
    letters_of(&plain(template).to_string())
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, Value> =
                members.iter().map(|(name, value)| (name, plain(value))).collect();
            let empty =
                |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            sorted
                .into_iter()
                .filter(|(_, value)| !empty(value))
                .map(|(name, value)| (name.clone(), value))
                .collect()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// A stable short name for a text.
pub(crate) fn letters_of(text: &str) -> String {
    // FNV-1a, 32 bit: small, and the same in every run.
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect()
}

/// The random end of a pod's name.
pub(crate) fn suffix(chance: &mut impl Rng) -> String {
    (0..5).map(|_| char::from(LETTERS[chance.random_range(0..LETTERS.len())])).collect()
}

/// A time as Kubernetes writes it, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_has_one_hash_and_another_template_another() {
        let template = json!({"spec": {"containers": [{"image": "a:1"}]}});
        assert_eq!(template_hash(&template), template_hash(&template.clone()));
        assert_ne!(
            template_hash(&template),
            template_hash(&json!({"spec": {"containers": [{"image": "a:2"}]}}))
        );
        let (one, other) = (
            json!({"metadata": {"a": 1, "b": 2}}),
            json!({"spec": {}, "metadata": {"b": 2, "a": 1, "c": null}}),
        );
        assert_eq!(template_hash(&one), template_hash(&other));
        assert_eq!(time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    }
}
