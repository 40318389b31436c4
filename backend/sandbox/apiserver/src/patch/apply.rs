//! Server-side apply: the configuration says what its manager wants; what others own stays theirs, and
//! disagreement is a conflict that can be forced.

use serde_json::{Map, Value, json};

use super::{
    fields::{Fields, Parts, compare, inner, parts},
    managed::{Entry, Writer, base_entries},
};
use crate::{
    schema::{ListKind, Schema},
    status::{ApiError, Result},
};

/// The outcome: the object as it should be, and who owns what then.
pub(crate) struct Applied {
    pub(crate) object: Value,
    pub(crate) entries: Vec<Entry>,
}

/// Applies a configuration to what is there.
pub(crate) fn apply(
    schema: &Schema,
    live: Option<&Value>,
    config: &Value,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Applied> {
    if config
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty())
    {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let mut config = config.clone();
    drop_nulls(&mut config);
    let wanted = Fields::of(Some(schema), &config, false)
        .stripped(writer.status_apart && writer.subresource.is_none());
    let nothing = json!({});
    let live = live.unwrap_or(&nothing);
    let mut object = live.clone();
    merge(Some(schema), &mut object, &config);
    let changed = compare(Some(schema), live, &object).changed.stripped(false);

    let mut entries = base_entries(None, live);
    let conflicts: Vec<(usize, Fields)> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| !entry.belongs_to(writer, "Apply"))
        .map(|(index, entry)| (index, entry.fields.intersection(&changed)))
        .filter(|(_, fields)| !fields.paths().is_empty())
        .collect();
    if !conflicts.is_empty() && !force {
        return Err(refusal(&entries, &conflicts));
    }
    for (index, fields) in &conflicts {
        entries[*index].fields.subtract(fields);
    }

    let own = entries.iter().position(|entry| entry.belongs_to(writer, "Apply"));
    if let Some(own) = own {
        let before = entries.remove(own);
        let mut dropped = before.fields.clone();
        dropped.subtract(&wanted);
        for entry in &entries {
            dropped.subtract(&entry.fields);
        }
        remove(Some(schema), &mut object, &dropped, &wanted);
        if before.fields == wanted && before.api_version == writer.api_version {
            entries.push(before);
        } else {
            entries.push(Entry::new(writer, "Apply", wanted));
        }
    } else {
        entries.push(Entry::new(writer, "Apply", wanted));
    }
    Ok(Applied { object, entries })
}

fn refusal(entries: &[Entry], conflicts: &[(usize, Fields)]) -> ApiError {
    let mut causes = Vec::new();
    let mut said = Vec::new();
    let mut sorted: Vec<_> = conflicts.iter().collect();
    sorted.sort_by(|a, b| entries[a.0].manager.cmp(&entries[b.0].manager));
    for (index, fields) in sorted {
        let entry = &entries[*index];
        let mut who = format!("\"{}\"", entry.manager);
        if !entry.subresource.is_empty() {
            who.push_str(&format!(" with subresource \"{}\"", entry.subresource));
        }
        if entry.operation == "Update" {
            who.push_str(&format!(" using {}", entry.api_version));
        }
        let paths = fields.paths();
        said.push((who.clone(), paths.clone()));
        for path in paths {
            causes.push(json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"),
                "field": path}));
        }
    }
    let message = match (said.as_slice(), causes.len()) {
        ([(who, paths)], 1) => format!("Apply failed with 1 conflict: conflict with {who}: {}", paths[0]),
        (_, count) => {
            let groups: Vec<String> = said
                .iter()
                .map(|(who, paths)| format!("conflicts with {who}:\n- {}", paths.join("\n- ")))
                .collect();
            format!("Apply failed with {count} conflicts: {}", groups.join("\n"))
        }
    };
    ApiError::apply_conflict(message, causes)
}

/// Takes away members that say nothing.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn merge(schema: Option<&Schema>, object: &mut Value, config: &Value) {
    match (parts(schema, object), parts(schema, config)) {
        (Parts::Members(_), Parts::Members(wanted)) => {
            let Some(members) = object.as_object_mut() else { return };
            for (name, value) in wanted {
                match members.get_mut(name) {
                    Some(member) => merge(inner(schema, &format!("f:{name}")), member, value),
                    None => drop(members.insert(name.clone(), value.clone())),
                }
            }
        }
        (Parts::Items(there), Parts::Items(wanted)) => {
            let places: Vec<String> = there.into_iter().map(|(element, _)| element).collect();
            let wanted: Vec<(String, Value)> =
                wanted.into_iter().map(|(element, item)| (element, item.clone())).collect();
            let Some(items) = object.as_array_mut() else { return };
            for (element, item) in wanted {
                match places.iter().position(|place| *place == element) {
                    Some(index) => {
                        merge(schema.and_then(|schema| schema.items.as_deref()), &mut items[index], &item);
                    }
                    None => items.push(item),
                }
            }
        }
        _ => *object = config.clone(),
    }
}

/// Takes away the fields that nobody wants any more.
fn remove(schema: Option<&Schema>, object: &mut Value, dropped: &Fields, wanted: &Fields) {
    let is_wanted = |element: &str| wanted.children.get(element);
    let none = Fields::default();
    match object {
        Value::Object(members) => {
            for (element, fields) in &dropped.children {
                let Some(name) = element.strip_prefix("f:") else { continue };
                if fields.member && is_wanted(element).is_none() {
                    members.shift_remove(name);
                } else if let Some(member) = members.get_mut(name) {
                    remove(inner(schema, element), member, fields, is_wanted(element).unwrap_or(&none));
                    let emptied = member.as_object().is_some_and(Map::is_empty)
                        || member.as_array().is_some_and(Vec::is_empty);
                    if emptied && is_wanted(element).is_none() {
                        members.shift_remove(name);
                    }
                }
            }
        }
        Value::Array(_) => {
            let keyed = matches!(schema.map(|schema| &schema.list), Some(ListKind::Map(_) | ListKind::Set));
            if !keyed {
                return;
            }
            let elements: Vec<String> = match parts(schema, object) {
                Parts::Items(items) => items.into_iter().map(|(element, _)| element).collect(),
                _ => return,
            };
            let Value::Array(items) = object else { return };
            let mut gone = Vec::new();
            for (index, element) in elements.iter().enumerate() {
                let Some(fields) = dropped.children.get(element) else { continue };
                if fields.member && is_wanted(element).is_none() {
                    gone.push(index);
                } else {
                    remove(
                        inner(schema, element),
                        &mut items[index],
                        fields,
                        is_wanted(element).unwrap_or(&none),
                    );
                }
            }
            for index in gone.into_iter().rev() {
                items.remove(index);
            }
        }
        _ => {}
    }
}
