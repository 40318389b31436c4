//! JSON merge patch (RFC 7386): objects are merged, lists replaced, nulls delete.

use serde_json::{Map, Value};

/// Carries out a merge patch.
pub(crate) fn merge_patch(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(members) = object else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.shift_remove(name);
        } else {
            merge_patch(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge_patch;

    #[test]
    fn merges() {
        let mut object = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        merge_patch(
            &mut object,
            &json!({"a": {"b": null, "c": [3], "e": {"f": null, "g": 1}}, "d": {"x": 1}}),
        );
        assert_eq!(object, json!({"a": {"c": [3], "e": {"g": 1}}, "d": {"x": 1}}));
    }
}
