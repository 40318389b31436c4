//! The inverse of a change: puts back the bytes that were there, and refuses where somebody else has written
//! since.

use crate::change::{Change, Edit, Step};
use crate::operating::{self, VERSION};
use crate::stored::{Stored, applies};
use istio::{Kind, Object, Problem};
use json_patch::{Patch, PatchOperation};
use serde_json::{Map, Value, json};

/// What an undo is called: it names the change, and does not say what that did as if it did it.
const UNDO: [&str; 2] = ["Undo of “", "”"];

/// Steps that were not written (`None`) need no undo.
pub(crate) fn inverse(change: &Change, stored: &[Option<Stored>]) -> Result<Change, Problem> {
    let mut steps = Vec::new();
    for (step, stored) in change.steps.iter().zip(stored).rev() {
        if let Some(stored) =
            stored.as_ref().filter(|_| !matches!(step.edit, Edit::Delete { .. }) || step.lasts().is_none())
        {
            steps.push(back(step, stored)?);
        }
    }
    // Of a restart there is nothing to take back.
    steps.retain(|step| !matches!(&step.edit, Edit::Patch(patch) if patch.0.is_empty()));
    if let (true, Some(step)) = (steps.is_empty(), change.steps.iter().find(|step| step.lasts().is_some())) {
        return Err(operating::lasting(step));
    }
    let [before, after] = UNDO;
    let undone = change.title.strip_prefix(before).and_then(|title| title.strip_suffix(after));
    let title = undone.map_or_else(|| format!("{before}{}{after}", change.title), str::to_owned);
    Ok(Change { title, steps, evidence: change.evidence.inverse(), warnings: change.warnings.clone() })
}

/// The step that takes one back.
pub(crate) fn back(step: &Step, stored: &Stored) -> Result<Step, Problem> {
    let (edit, before, after) = match &step.edit {
        Edit::Delete { .. } if step.lasts().is_some() => return Err(operating::lasting(step)),
        Edit::Delete { .. } => {
            let gone = stored.before.as_ref().or(step.before.as_ref()).ok_or_else(|| unknown(step))?;
            let object = afresh(gone);
            (Edit::Create(object.clone()), None, Some(object.into()))
        }
        Edit::Create(_) => {
            let object = stored.after.as_ref().ok_or_else(|| unknown(step))?;
            let uid =
                object.0.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
            let resource_version =
                Some(object.resource_version().to_owned()).filter(|version| !version.is_empty());
            (Edit::Delete { uid, resource_version }, Some(object.clone()), None)
        }
        Edit::Patch(patch) => {
            let now = stored.after.as_ref().ok_or_else(|| unknown(step))?;
            let patch = back_to(step, patch, stored, now).ok_or_else(|| unknown(step))?;
            let after = applies(&patch, &now.0).ok_or_else(|| unknown(step))?;
            (Edit::Patch(patch), Some(now.clone()), Some(after.into()))
        }
    };
    Ok(Step { at: step.at.clone(), api_version: step.api_version.clone(), edit, before, after })
}

/// The patch that takes back what a patch has written, and nothing of what others have.
fn back_to(step: &Step, patch: &Patch, stored: &Stored, now: &Object) -> Option<Patch> {
    if let Some(operates) = step.at.kind.operates {
        return operating::back(operates, &now.0, &stored.before.as_ref().or(step.before.as_ref())?.0);
    }
    // Where the server made of what it had exactly what was asked, what it had is what to go back to. Of an
    // answer that was lost, what the user saw may be it.
    let ours_alone = |before: &&Object| {
        let same = |made: Value| PARTS.iter().all(|part| made.pointer(part) == now.0.pointer(part));
        applies(patch, &before.0).is_some_and(same)
    };
    if let Some(before) = stored.before.iter().chain(&step.before).find(ours_alone) {
        return restore(&now.0, &before.0);
    }
    // Else somebody wrote between looking and writing: only our own places go back.
    let own = own_writes_back(step, &now.0);
    // Else the server stored something else than was asked (a default, a field less). What the user saw is
    // nothing to go back to: it may lack what somebody else wrote since.
    own.or_else(|| restore(&now.0, &stored.before.as_ref()?.0))
}

/// What takes the writes of a patch back from an object, by what the user saw and wanted, where they stand in
/// it whatever else others have written.
pub(crate) fn own_writes_back(step: &Step, now: &Value) -> Option<Patch> {
    let back = restore(&step.after.as_ref()?.0, &step.before.as_ref()?.0)?;
    restore(now, &taken_back(&back, now)?)
}

/// An object with a way back applied that was made on another version of it, if its guards hold. That nothing
/// stands where something comes back cannot be tested: such a way is guarded by the version. Here it is looked
/// at.
pub(crate) fn taken_back(back: &Patch, now: &Value) -> Option<Value> {
    let of_version = |operation: &PatchOperation| match operation {
        PatchOperation::Test(test) => test.path.as_str() == VERSION,
        _ => false,
    };
    let is_free = |operation: &PatchOperation| match operation {
        PatchOperation::Add(add) => {
            now.pointer(add.path.as_str()).is_none_or(|_| in_list(add.path.as_str(), now))
        }
        _ => true,
    };
    let rest = Patch(back.0.iter().filter(|operation| !of_version(operation)).cloned().collect());
    back.0.iter().all(is_free).then(|| applies(&rest, now))?
}

/// Whether a path ends in a list: what is added there takes nothing's place.
fn in_list(path: &str, value: &Value) -> bool {
    path.rsplit_once('/').and_then(|(list, _)| value.pointer(list)).is_some_and(Value::is_array)
}

fn unknown(step: &Step) -> Problem {
    Problem::new(
        format!("{} cannot be put back", step.at),
        "It is not known what the server stored",
        "Edit the object by hand; the ledger shows what was there before",
    )
}

/// Operations that turn what people write of `now` into that of `then`, byte for byte: first the guards, then
/// the edits.
pub(crate) fn restore(now: &Value, then: &Value) -> Option<Patch> {
    let mut back = Back::default();
    for path in PARTS {
        match (now.pointer(path), then.pointer(path)) {
            (Some(now), Some(then)) => back.differ(now, then, path),
            (Some(now), None) => back.push(path, now, json!({ "op": "remove", "path": path })),
            (None, Some(then)) => {
                // That nothing stands there cannot be tested: that nothing was written since can.
                if let Some(version) = now.pointer(VERSION) {
                    back.guard(VERSION, version);
                }
                back.edits.push(json!({ "op": "add", "path": path, "value": then }));
            }
            (None, None) => {}
        }
    }
    back.guards.extend(back.edits);
    serde_json::from_value(back.guards.into()).ok()
}

/// The same for an object of any kind.
pub(crate) fn way_back(kind: &Kind, now: &Value, then: &Value) -> Option<Patch> {
    match kind.operates {
        Some(operates) => operating::back(operates, now, then),
        None => restore(now, then),
    }
}

/// The parts of an object that people write.
pub(crate) const PARTS: [&str; 3] = ["/spec", "/metadata/labels", "/metadata/annotations"];

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
pub(crate) fn afresh(object: &Object) -> Value {
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

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
