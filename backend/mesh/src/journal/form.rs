//! Steps and objects as they stand on disk: what is needed to write them and to take them back, and nothing
//! else.

use crate::change::{Edit, Step};
use crate::operating;
use istio::object::LAST_APPLIED;
use istio::{Object, Ref, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Kept of an object's metadata: its name and version.
const NAMING: [&str; 5] = ["name", "namespace", "uid", "resourceVersion", "generation"];
/// What else people write of an object beside its spec.
const WRITTEN: [&str; 2] = ["labels", "annotations"];

/// A [`Step`] on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepForm {
    group: String,
    kind: String,
    namespace: String,
    name: String,
    api_version: String,
    edit: EditForm,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum EditForm {
    Patch(json_patch::Patch),
    Create(Value),
    #[serde(rename_all = "camelCase")]
    Delete {
        uid: String,
        resource_version: Option<String>,
    },
}

impl StepForm {
    pub(super) fn of(step: &Step) -> Self {
        let edit = match &step.edit {
            Edit::Patch(patch) => EditForm::Patch(patch.clone()),
            Edit::Create(object) => EditForm::Create(object.clone()),
            Edit::Delete { uid, resource_version } => {
                EditForm::Delete { uid: uid.clone(), resource_version: resource_version.clone() }
            }
        };
        Self {
            group: step.at.kind.group.to_owned(),
            kind: step.at.kind.kind.to_owned(),
            namespace: step.at.namespace.to_string(),
            name: step.at.name.to_string(),
            api_version: step.api_version.clone(),
            edit,
            before: step.before.as_ref().map(written),
            after: step.after.as_ref().map(written),
        }
    }

    /// `None` when it is of a kind that may not be written: then it is not from this program.
    pub(super) fn step(&self) -> Option<Step> {
        let kind = kinds::kind(&self.group, &self.kind)?;
        let at = Ref::new(kind, &self.namespace, &self.name);
        let edit = match &self.edit {
            EditForm::Patch(patch) => Edit::Patch(patch.clone()),
            EditForm::Create(object) => Edit::Create(object.clone()),
            EditForm::Delete { uid, resource_version } => {
                Edit::Delete { uid: uid.clone(), resource_version: resource_version.clone() }
            }
        };
        let read = |value: &Option<Value>| {
            value.as_ref().map(|value| object(value, at.kind.kind, &self.api_version))
        };
        let (before, after) = (read(&self.before), read(&self.after));
        let step = Step { api_version: self.api_version.clone(), edit, before, after, at };
        step.is_ours().then_some(step)
    }
}

/// Name, version, labels, annotations and spec of an object. Of one that is not Istio's, only the places that
/// may be written: its template may hold secrets.
pub(super) fn written(object: &Object) -> Value {
    if let Some(operates) = object.row().and_then(|kind| kind.operates) {
        let mut kept = operating::kept(operates, object);
        let named = kept_of_meta(object, &NAMING);
        let meta = kept.entry("metadata").or_insert_with(|| json!({}));
        for (key, value) in named {
            meta[&key] = value;
        }
        return kept.into();
    }
    let mut kept = kept(object, &[NAMING.as_slice(), &WRITTEN].concat());
    if let Some(notes) = kept.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        notes.shift_remove(LAST_APPLIED);
    }
    kept
}

fn kept_of_meta(object: &Object, fields: &[&str]) -> Map<String, Value> {
    let meta = object.0.get("metadata").and_then(Value::as_object);
    let named = meta.into_iter().flatten().filter(|(key, _)| fields.contains(&key.as_str()));
    named.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn kept(object: &Object, fields: &[&str]) -> Value {
    let mut kept = json!({ "metadata": kept_of_meta(object, fields) });
    if let Some(spec) = object.0.get("spec") {
        kept["spec"] = spec.clone();
    }
    kept
}

/// An object of what was kept.
pub(super) fn object(kept: &Value, kind: &str, api_version: &str) -> Object {
    let mut object = json!({ "apiVersion": api_version, "kind": kind });
    for (key, value) in kept.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object.into()
}
