//! The inverse of a change: puts back the bytes that were there, and refuses where somebody else has written since.

use crate::change::{Change, Edit, Step};
use istio::{Object, Problem};
use serde_json::{Map, Value, json};

const UNDO: &str = "Undo: ";

pub(crate) fn inverse(change: &Change, applied: &[Object]) -> Result<Change, Problem> {
    let mut steps = Vec::new();
    for step in change.steps.iter().rev() {
        let written = applied.iter().rev().find(|object| object.at().as_ref() == Some(&step.at));
        steps.push(back(step, written)?);
    }
    let title =
        change.title.strip_prefix(UNDO).map_or_else(|| format!("{UNDO}{}", change.title), str::to_owned);
    Ok(Change { title, steps, evidence: change.evidence.inverse(), warnings: change.warnings.clone() })
}

fn back(step: &Step, written: Option<&Object>) -> Result<Step, Problem> {
    let (edit, before, after) = match &step.edit {
        Edit::Delete { .. } => {
            let object = afresh(step.before.as_ref().ok_or_else(|| unknown(step))?);
            (Edit::Create(object.clone()), None, Some(object.into()))
        }
        Edit::Create(_) => {
            let object = written.ok_or_else(|| unknown(step))?;
            let uid =
                object.0.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
            let resource_version =
                Some(object.resource_version().to_owned()).filter(|version| !version.is_empty());
            (Edit::Delete { uid, resource_version }, Some(object.clone()), None)
        }
        Edit::Patch(_) => {
            let now = written.ok_or_else(|| unknown(step))?;
            let then = step.before.as_ref().ok_or_else(|| unknown(step))?;
            let patch: json_patch::Patch =
                serde_json::from_value(restore(&now.0, &then.0).into()).map_err(|_| unknown(step))?;
            let mut after = (*now.0).clone();
            json_patch::patch(&mut after, &patch).map_err(|_| unknown(step))?;
            (Edit::Patch(patch), Some(now.clone()), Some(after.into()))
        }
    };
    Ok(Step { at: step.at.clone(), api_version: step.api_version.clone(), edit, before, after })
}

fn unknown(step: &Step) -> Problem {
    Problem::new(
        format!("{} cannot be put back", step.at),
        "It is not known what the server stored",
        "Edit the object by hand; the ledger shows what was there before",
    )
}

/// Operations that turn the spec `now` into `then`, byte for byte: first the guards, then the edits.
fn restore(now: &Value, then: &Value) -> Vec<Value> {
    let mut back = Back::default();
    match (now.get("spec"), then.get("spec")) {
        (Some(now), Some(then)) => back.differ(now, then, "/spec"),
        (Some(now), None) => back.push("/spec", now, json!({ "op": "remove", "path": "/spec" })),
        (None, Some(then)) => back.edits.push(json!({ "op": "add", "path": "/spec", "value": then })),
        (None, None) => {}
    }
    back.guards.extend(back.edits);
    back.guards
}

/// What tells an element of a list from its neighbours.
const IDENTITY: [&str; 3] = ["name", "match", "destination"];

#[derive(Default)]
struct Back {
    guards: Vec<Value>,
    edits: Vec<Value>,
}

impl Back {
    fn guard(&mut self, path: &str, value: &Value) {
        self.guards.push(json!({ "op": "test", "path": path, "value": value }));
    }

    fn push(&mut self, path: &str, now: &Value, edit: Value) {
        self.guard(path, now);
        self.edits.push(edit);
    }

    fn differ(&mut self, now: &Value, then: &Value, path: &str) {
        match (now, then) {
            (Value::Object(a), Value::Object(b)) if a.keys().take(b.len()).eq(b.keys()) => {
                for (key, value) in a {
                    let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                    match b.get(key) {
                        Some(old) => self.differ(value, old, &path),
                        // What was added stands at the end, so taking it away leaves the order of the others.
                        None => self.push(&path, value, json!({ "op": "remove", "path": path })),
                    }
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (index, (one, two)) in a.iter().zip(b).enumerate() {
                    let path = format!("{path}/{index}");
                    let edits = self.edits.len();
                    self.differ(one, two, &path);
                    // A rule that was inserted meanwhile must not be taken for the one that was edited.
                    for key in IDENTITY {
                        if let Some(value) = one.get(key)
                            && self.edits.len() > edits
                            && two.get(key) == Some(value)
                        {
                            self.guard(&format!("{path}/{key}"), value);
                        }
                    }
                }
            }
            _ if same_bytes(now, then) => {}
            _ => self.push(path, now, json!({ "op": "replace", "path": path, "value": then })),
        }
    }
}

/// Equal, with object keys in the same order.
fn same_bytes(a: &Value, b: &Value) -> bool {
    a == b && serde_json::to_string(a).ok() == serde_json::to_string(b).ok()
}

/// An object as it is created again: without what the server gives.
fn afresh(object: &Object) -> Value {
    let mut fields: Map<String, Value> = object.0.as_object().cloned().unwrap_or_default();
    fields.shift_remove("status");
    if let Some(meta) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for given in [
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "managedFields",
            "selfLink",
            "deletionTimestamp",
        ] {
            meta.shift_remove(given);
        }
    }
    fields.into()
}
