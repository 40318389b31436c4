//! A Kubernetes object as it came: raw JSON, so that fields we do not know survive every edit.

use crate::kinds::{self, Kind};
use crate::refs::Ref;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Raw JSON of one object, shared and never changed. Typed views are read from it ([`crate::views`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Object(pub Arc<Value>);

impl From<Value> for Object {
    fn from(value: Value) -> Self {
        Self(Arc::new(value))
    }
}

impl Object {
    fn meta(&self, key: &str) -> Option<&Value> {
        self.0.get("metadata")?.get(key)
    }
    fn meta_str(&self, key: &str) -> &str {
        self.meta(key).and_then(Value::as_str).unwrap_or_default()
    }
    /// The same, created then (RFC 3339).
    #[must_use]
    pub fn of_age(&self, created: &str) -> Self {
        let mut value = (*self.0).clone();
        if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.insert("creationTimestamp".to_owned(), created.into());
        }
        value.into()
    }
    /// Its row of [`crate::KINDS`], by group and kind; `None` when it is not watched.
    pub fn row(&self) -> Option<&'static Kind> {
        let version = self.0.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        kinds::kind(kinds::group(version), self.kind())
    }
    /// "VirtualService".
    pub fn kind(&self) -> &str {
        self.0.get("kind").and_then(Value::as_str).unwrap_or_default()
    }
    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.meta_str("name")
    }
    /// `metadata.namespace`, "" for objects without one.
    pub fn namespace(&self) -> &str {
        self.meta_str("namespace")
    }
    /// `metadata.resourceVersion`.
    pub fn resource_version(&self) -> &str {
        self.meta_str("resourceVersion")
    }
    /// `metadata.creationTimestamp`, "" where it is not said; RFC 3339 in UTC sorts as text.
    pub fn created(&self) -> &str {
        self.meta_str("creationTimestamp")
    }
    /// `metadata.generation`, 0 where the kind has none.
    pub fn generation(&self) -> i64 {
        self.meta("generation").and_then(Value::as_i64).unwrap_or_default()
    }
    /// One label, if set.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.meta("labels")?.get(key)?.as_str()
    }
    /// All labels.
    pub fn labels(&self) -> BTreeMap<String, String> {
        strings(self.meta("labels"))
    }
    /// One annotation, if set.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.meta("annotations")?.get(key)?.as_str()
    }
    /// All annotations.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        strings(self.meta("annotations"))
    }
    /// Annotations by which Istio is told something about this object, as its spec is ("istio.io/dry-run").
    pub fn settings(&self) -> BTreeMap<String, String> {
        let mut all = self.annotations();
        all.retain(|key, _| is_setting(key));
        all
    }
    /// `spec`, or null.
    pub fn spec(&self) -> &Value {
        self.0.get("spec").unwrap_or(&Value::Null)
    }
    /// `status`, or null.
    pub fn status(&self) -> &Value {
        self.0.get("status").unwrap_or(&Value::Null)
    }
    /// Its name as a [`Ref`]; `None` for kinds that are not watched.
    pub fn at(&self) -> Option<Ref> {
        Some(Ref::new(self.row()?, self.namespace(), self.name()))
    }
}

/// The annotation in which kubectl notes the whole object, as somebody once applied it.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether an annotation tells Istio something about the object.
pub fn is_setting(annotation: &str) -> bool {
    annotation.starts_with("istio.io/")
}

/// The entries of a JSON object whose values are text.
pub fn strings(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// What people read and keep of an object: all but its status and what the server gives.
pub fn shown(object: &Object) -> Value {
    let mut value = (*object.0).clone();
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("status");
    }
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for given in GIVEN {
            meta.shift_remove(given);
        }
        let notes = meta.get_mut("annotations").and_then(Value::as_object_mut);
        let empty = notes.is_some_and(|notes| {
            notes.shift_remove(LAST_APPLIED);
            notes.is_empty()
        });
        if empty {
            meta.shift_remove("annotations");
        }
    }
    value
}

/// What the server gives an object, in its metadata.
pub const GIVEN: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// An object as people read and keep it, as YAML: see [`shown`].
pub fn yaml(object: &Object) -> String {
    yaml_of(&shown(object))
}

/// A value as YAML.
pub fn yaml_of(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_| serde_json::to_string_pretty(value).unwrap_or_default())
}
