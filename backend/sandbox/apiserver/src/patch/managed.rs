//! `metadata.managedFields`: who wrote which field, by which verb.

use serde_json::{Value, json};

use super::fields::{Fields, compare};
use crate::{schema::Schema, store::now};

/// Who writes, and through what.
#[derive(Clone, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    /// The version that the request was made in.
    pub(crate) api_version: &'a str,
    pub(crate) subresource: Option<&'a str>,
    /// The kind keeps its status apart, so that a write of the rest does not own it.
    pub(crate) status_apart: bool,
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(super) manager: String,
    pub(super) operation: String,
    pub(super) api_version: String,
    pub(super) subresource: String,
    pub(super) time: String,
    pub(super) fields: Fields,
}

impl Entry {
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self {
            manager: text("manager"),
            operation: text("operation"),
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: text("time"),
            fields: Fields::read_all(value.get("fieldsV1")?),
        })
    }

    fn write(&self) -> Value {
        let mut entry = json!({
            "apiVersion": self.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.write(),
            "manager": self.manager,
            "operation": self.operation,
            "time": self.time,
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }

    /// Whether a write of this kind by this writer goes on in this entry.
    pub(super) fn belongs_to(&self, writer: &Writer<'_>, operation: &str) -> bool {
        self.manager == writer.manager
            && self.operation == operation
            && self.subresource == writer.subresource.unwrap_or_default()
            && (operation == "Apply" || self.api_version == writer.api_version)
    }

    pub(super) fn new(writer: &Writer<'_>, operation: &str, fields: Fields) -> Self {
        Self {
            manager: writer.manager.to_owned(),
            operation: operation.to_owned(),
            api_version: writer.api_version.to_owned(),
            subresource: writer.subresource.unwrap_or_default().to_owned(),
            time: now(),
            fields,
        }
    }
}

/// The entries to go on from: those that the client sent along, or else those of the stored object.
pub(crate) fn base_entries(old: Option<&Value>, new: &Value) -> Vec<Entry> {
    let list = |object: &Value| object.pointer("/metadata/managedFields").and_then(Value::as_array).cloned();
    let entries = list(new).or_else(|| old.and_then(list)).unwrap_or_default();
    entries.iter().filter_map(Entry::read).collect()
}

/// Writes the entries into the object.
pub(crate) fn set_entries(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| (&a.operation, &a.time, &a.manager).cmp(&(&b.operation, &b.time, &b.manager)));
    if entries.is_empty() {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("managedFields");
        }
    } else {
        object["metadata"]["managedFields"] = entries.iter().map(Entry::write).collect();
    }
}

/// Records that `writer` turned `old` into `new` by anything but apply.
pub(crate) fn record_update(
    schema: &Schema,
    old: Option<&Value>,
    new: &mut Value,
    mut entries: Vec<Entry>,
    writer: &Writer<'_>,
) {
    let nothing = json!({});
    let difference = compare(Some(schema), old.unwrap_or(&nothing), new);
    let status_too = writer.status_apart && writer.subresource.is_none();
    let changed = difference.changed.stripped(status_too);
    let removed = difference.removed;
    for entry in &mut entries {
        if !entry.belongs_to(writer, "Update") {
            entry.fields.subtract(&changed);
        }
        entry.fields.subtract(&removed);
    }
    if !changed.is_empty() {
        match entries.iter_mut().find(|entry| entry.belongs_to(writer, "Update")) {
            Some(entry) => {
                entry.fields.union(&changed);
                entry.time = now();
            }
            None => entries.push(Entry::new(writer, "Update", changed)),
        }
    }
    set_entries(new, entries);
}

/// Whether two objects differ in who owns what, times aside.
pub(crate) fn has_changed(old: &Value, new: &Value) -> bool {
    let entries = |object: &Value| -> Vec<Entry> {
        let list = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Entry::read).map(|entry| Entry { time: String::new(), ..entry }).collect()
    };
    entries(old) != entries(new)
}
