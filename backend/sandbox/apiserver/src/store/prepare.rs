//! What the server itself writes into objects: names, uids, times, generations; and which half of an object a
//! write may touch.

use std::sync::Arc;

use rand::Rng as _;
use serde_json::{Map, Value, json};

use super::{defaults, state::State, time::now};
use crate::{
    kinds::{Kind, KindId},
    names,
    schema::FieldProblem,
    status::{ApiError, Result},
};

/// The half of an object that a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything: in-process writers.
    Whole,
    /// Everything but the status.
    Main,
    /// Only the status.
    Status,
}

impl State {
    /// Completes a new object. `keep_status`: in-process writers set status at once, HTTP clients cannot.
    pub(crate) fn prepare_create(
        &mut self,
        id: KindId,
        kind: &Kind,
        mut object: Value,
        keep_status: bool,
    ) -> Result<Value> {
        if !object.is_object() {
            return Err(ApiError::bad_request("the object is not a JSON object"));
        }
        object["apiVersion"] = json!(kind.storage_api_version());
        if !object.get("metadata").is_some_and(Value::is_object) {
            object["metadata"] = json!({});
        }
        let generate = object.pointer("/metadata/generateName").and_then(Value::as_str).map(str::to_owned);
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if name.is_empty() {
            let Some(prefix) = generate else {
                let problem = FieldProblem {
                    message: "Required value: name or generateName is required".into(),
                    ..FieldProblem::required("metadata.name")
                };
                return Err(ApiError::invalid(kind, "", &[problem]));
            };
            object["metadata"]["name"] = json!(format!("{prefix}{}", suffix()));
        }
        let wrong = if name.is_empty() { Vec::new() } else { names::of_kind(kind)(&name) };
        if !wrong.is_empty() {
            let problem = |why: &String| FieldProblem::invalid("metadata.name", &json!(name), why);
            return Err(ApiError::invalid(kind, &name, &wrong.iter().map(problem).collect::<Vec<_>>()));
        }
        let key = self.key_of(id, kind, &object)?;
        if self.get(&key).is_some() {
            return Err(ApiError::already_exists(kind, &key.name));
        }
        if self.leaving(&key.namespace).is_some() {
            return Err(ApiError::namespace_ends(kind, &key.namespace, &key.name));
        }
        let Some(metadata) = object["metadata"].as_object_mut() else {
            return Err(ApiError::internal("the object lost its metadata"));
        };
        if kind.namespaced {
            metadata.insert("namespace".into(), json!(key.namespace));
        } else {
            metadata.shift_remove("namespace");
        }
        for name in ["resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            metadata.shift_remove(name);
        }
        metadata.insert("uid".into(), json!(uuid::Uuid::new_v4().to_string()));
        // In-process writers may tell how old a thing is; clients may not.
        if !(keep_status && metadata.get("creationTimestamp").is_some_and(Value::is_string)) {
            metadata.insert("creationTimestamp".into(), json!(now()));
        }
        metadata.shift_remove("generation");
        if kind.generation {
            metadata.insert("generation".into(), json!(1));
        }
        if kind.status && !keep_status {
            members(&mut object).shift_remove("status");
        }
        defaults::apply(self, kind, &mut object);
        Ok(object)
    }

    /// Completes a changed object; nothing when it would be the same as before.
    pub(crate) fn prepare_update(
        &mut self,
        kind: &Kind,
        old: &Arc<Value>,
        mut new: Value,
        part: Part,
    ) -> Result<Option<Value>> {
        let name = old.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let given = new
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .filter(|version| !version.is_empty());
        if given.is_some() && given != old.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
            return Err(ApiError::stale(kind, name));
        }
        let uid = new.pointer("/metadata/uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        let old_uid = old.pointer("/metadata/uid").and_then(Value::as_str);
        if uid.is_some() && uid != old_uid {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                uid.unwrap_or_default(),
                old_uid.unwrap_or_default()
            );
            return Err(ApiError::conflict(kind, name, &why));
        }
        match part {
            Part::Whole => {}
            Part::Main if kind.status => copy_member(old, &mut new, "status"),
            Part::Main => {}
            Part::Status => {
                let status = new.get("status").cloned();
                let managed = new.pointer("/metadata/managedFields").cloned();
                new = Value::clone(old);
                match status {
                    Some(status) => new["status"] = status,
                    None => drop(members(&mut new).shift_remove("status")),
                }
                if let Some(managed) = managed {
                    new["metadata"]["managedFields"] = managed;
                }
            }
        }
        new["apiVersion"] = json!(kind.storage_api_version());
        new["kind"] = json!(kind.kind);
        if !new.get("metadata").is_some_and(Value::is_object) {
            new["metadata"] = json!({});
        }
        for field in [
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "generation",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "resourceVersion",
            "generateName",
        ] {
            if let (Some(to), Some(from)) = (new["metadata"].as_object_mut(), old["metadata"].as_object()) {
                match from.get(field) {
                    Some(value) => drop(to.insert(field.into(), value.clone())),
                    None => drop(to.shift_remove(field)),
                }
            }
        }
        defaults::apply(self, kind, &mut new);
        if same(old, &new) {
            return Ok(None);
        }
        if kind.generation && spec_changed(old, &new) {
            let generation = old.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1);
            new["metadata"]["generation"] = json!(generation + 1);
        }
        Ok(Some(new))
    }
}

/// `new` laid over what is there, for [`super::Store::apply`]: the server's own metadata and an unmentioned
/// status stay.
pub(super) fn over(old: &Value, mut new: Value) -> Value {
    if new.get("status").is_none() {
        copy_member(old, &mut new, "status");
    }
    if let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("resourceVersion");
        metadata.shift_remove("uid");
        if let Some(managed) = old.pointer("/metadata/managedFields") {
            metadata.insert("managedFields".into(), managed.clone());
        }
    }
    new
}

fn copy_member(from: &Value, to: &mut Value, name: &str) {
    match from.get(name) {
        Some(value) => to[name] = value.clone(),
        None => drop(members(to).shift_remove(name)),
    }
}

fn members(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    object.as_object_mut().expect("made an object on the line above")
}

/// Equal but for the times in managedFields, which alone are no change.
fn same(old: &Value, new: &Value) -> bool {
    let plain = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            if let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
                for entry in entries {
                    members(entry).shift_remove("time");
                }
            }
            metadata.retain(|_, value| !value.is_null());
        }
        object
    };
    old == new || plain(old) == plain(new)
}

/// Whether anything outside metadata and status differs.
fn spec_changed(old: &Value, new: &Value) -> bool {
    let rest = |object: &Value| -> Map<String, Value> {
        let members = object.as_object().into_iter().flatten();
        members
            .filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status" | "apiVersion" | "kind"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    rest(old) != rest(new)
}

/// Five characters, of the ones that the real server uses.
fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rng = rand::rng();
    (0..5).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}
