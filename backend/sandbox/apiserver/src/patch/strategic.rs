//! Strategic merge patch, for Kubernetes' own kinds: as a merge patch, but keyed lists are merged item by
//! item, and `$` directives say what to do otherwise.

use serde_json::{Map, Value};

use crate::{
    schema::{ListKind, Schema},
    status::{ApiError, Result},
};

/// Carries out a strategic merge patch.
pub(crate) fn strategic_merge_patch(object: &mut Value, patch: &Value, schema: &Schema) -> Result<()> {
    if !patch.is_object() {
        return Err(ApiError::bad_request("a strategic merge patch has to be an object"));
    }
    merge(object, patch, Some(schema))
}

fn merge(object: &mut Value, patch: &Value, schema: Option<&Schema>) -> Result<()> {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return Ok(());
    };
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let rest: Map<String, Value> = changes
                .iter()
                .filter(|(name, _)| *name != "$patch")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            *object = Value::Object(rest);
            return Ok(());
        }
        Some("delete") => {
            *object = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(ApiError::bad_request(format!("unknown patch directive: {other}"))),
    }
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(members) = object else { return Ok(()) };
    if let Some(keep) = changes.get("$retainKeys").and_then(Value::as_array) {
        members.retain(|name, _| keep.iter().any(|kept| kept.as_str() == Some(name)));
    }
    for (name, change) in changes {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = change.as_array().cloned().unwrap_or_default();
            if let Some(items) = members.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if name.starts_with('$') {
            continue;
        }
        if change.is_null() {
            members.shift_remove(name);
            continue;
        }
        let field = schema.and_then(|schema| schema.member(name));
        let at = members.entry(name.clone()).or_insert(Value::Null);
        match (field.map(|field| &field.list), change) {
            (Some(ListKind::Map(keys)), Value::Array(changes)) => {
                let key = keys.first().map(String::as_str).unwrap_or_default();
                let items = field.and_then(|field| field.items.as_deref());
                merge_list(at, changes, key, items)?;
            }
            (Some(ListKind::Set), Value::Array(changes)) => {
                let mut items = at.as_array().cloned().unwrap_or_default();
                items.extend(
                    changes
                        .iter()
                        .filter(|item| !at.as_array().is_some_and(|items| items.contains(item)))
                        .cloned(),
                );
                *at = Value::Array(items);
            }
            _ => merge(at, change, field.map(AsRef::as_ref))?,
        }
        let order = changes.get(&format!("$setElementOrder/{name}")).and_then(Value::as_array);
        if let (Some(order), Some(items)) = (order, at.as_array_mut()) {
            let key = match field.map(|field| &field.list) {
                Some(ListKind::Map(keys)) => keys.first().map(String::as_str),
                _ => None,
            };
            reorder(items, order, key);
        }
    }
    Ok(())
}

fn merge_list(at: &mut Value, changes: &[Value], key: &str, schema: Option<&Schema>) -> Result<()> {
    let mut items = at.as_array().cloned().unwrap_or_default();
    if changes.iter().any(|change| change.get("$patch").and_then(Value::as_str) == Some("replace")) {
        items.clear();
    }
    for change in changes {
        let directive = change.get("$patch").and_then(Value::as_str);
        if directive == Some("replace") {
            continue;
        }
        let Some(id) = change.get(key) else {
            return Err(ApiError::bad_request(format!(
                "map: {change} does not contain declared merge key: {key}"
            )));
        };
        let found = items.iter().position(|item| item.get(key) == Some(id));
        match (directive, found) {
            (Some("delete"), Some(index)) => drop(items.remove(index)),
            (Some("delete"), None) => {}
            (_, Some(index)) => merge(&mut items[index], change, schema)?,
            (_, None) => {
                let mut item = Value::Object(Map::new());
                merge(&mut item, change, schema)?;
                items.push(item);
            }
        }
    }
    *at = Value::Array(items);
    Ok(())
}

/// Puts the items into the order that the patch names; those that it does not name keep their places behind.
fn reorder(items: &mut [Value], order: &[Value], key: Option<&str>) {
    let rank = |item: &Value| {
        let place = order.iter().position(|wanted| match key {
            Some(key) => wanted.get(key) == item.get(key),
            None => wanted == item,
        });
        place.unwrap_or(usize::MAX)
    };
    items.sort_by_key(rank);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::strategic_merge_patch;
    use crate::kinds::Kinds;

    #[track_caller]
    fn check(patch: Value, expect: Value) {
        let (_, kind) = Kinds::built_in().named("Pod").unwrap();
        let mut pod = json!({"spec": {"containers": [{"name": "a", "image": "one",
            "ports": [{"containerPort": 80}]}, {"name": "b"}]},
                             "metadata": {"finalizers": ["x"], "labels": {"l": "1"}}});
        strategic_merge_patch(&mut pod, &patch, &kind.storage().schema).unwrap();
        assert_eq!(pod, expect);
    }

    #[test]
    fn keyed_lists_merge_by_item() {
        check(
            json!({"spec": {"containers": [{"name": "a", "image": "two", "ports": [{"containerPort": 81}]},
                {"name": "c"}]}}),
            json!({"spec": {"containers": [{"name": "a", "image": "two",
                "ports": [{"containerPort": 80}, {"containerPort": 81}]}, {"name": "b"}, {"name": "c"}]},
                   "metadata": {"finalizers": ["x"], "labels": {"l": "1"}}}),
        );
    }

    #[test]
    fn directives() {
        check(
            json!({"spec": {"$setElementOrder/containers": [{"name": "b"}],
                "containers": [{"name": "a", "$patch": "delete"}]},
                   "metadata": {"$deleteFromPrimitiveList/finalizers": ["x"],
                       "labels": {"$patch": "replace", "m": "2"}}}),
            json!({"spec": {"containers": [{"name": "b"}]},
                "metadata": {"finalizers": [], "labels": {"m": "2"}}}),
        );
    }
}
