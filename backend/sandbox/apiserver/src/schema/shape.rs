//! Bringing an object into the shape of its schema: what nobody knows goes, what was not said is filled in.

use serde_json::Value;

use super::{field::Schema, problem::join, types::Type};

/// Drops the fields that the schema does not know and says which they were.
pub(crate) fn prune(schema: &Schema, value: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_at(schema, value, "", &mut unknown);
    unknown
}

fn prune_at(schema: &Schema, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if !schema.preserve && schema.additional.is_none() && schema.ty == Type::Object {
                let surplus: Vec<String> =
                    members.keys().filter(|name| !schema.properties.contains_key(*name)).cloned().collect();
                for name in surplus {
                    members.shift_remove(&name);
                    unknown.push(join(path, &name));
                }
            }
            for (name, member) in members.iter_mut() {
                if let Some(field) = schema.member(name) {
                    prune_at(field, member, &join(path, name), unknown);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter_mut().enumerate() {
                    prune_at(schema, item, &format!("{path}[{index}]"), unknown);
                }
            }
        }
        _ => {}
    }
}

/// Fills in the defaults that the schema names.
pub(crate) fn fill(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, field) in &schema.properties {
                if let Some(default) = &field.default
                    && members.get(name).is_none_or(|member| member.is_null() && !field.nullable)
                {
                    members.insert(name.clone(), default.clone());
                }
            }
            for (name, member) in members.iter_mut() {
                if let Some(field) = schema.member(name) {
                    fill(field, member);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                items.iter_mut().for_each(|item| fill(schema, item));
            }
        }
        _ => {}
    }
}
