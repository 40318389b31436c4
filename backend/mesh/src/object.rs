//! A Kubernetes object as it came: raw JSON, so that fields we do not know survive every edit.

use crate::kinds::kind;
use crate::refs::Ref;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Raw JSON of one object, shared and never changed. Typed views are read from it ([`crate::istio`]).
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
        Some(Ref { kind: kind(self.kind())?, namespace: self.namespace().into(), name: self.name().into() })
    }
}

pub(crate) fn strings(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
