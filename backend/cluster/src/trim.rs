//! Objects as they come from the wire, without what nobody reads: twenty thousand pods must fit into memory.

use kube::Resource;
use kube::api::{ApiResource, ObjectMeta};
use kube::core::DynamicResourceScope;
use mesh::kinds::Keeps;
use mesh::writes::Manager;
use mesh::{Kind, Object};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// An object as raw JSON, with as much of its metadata as kube's watcher needs.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    meta: ObjectMeta,
    value: Value,
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = |key: &str| value["metadata"][key].as_str().map(str::to_owned);
        let meta = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, value })
    }
}

impl Resource for Raw {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        dt.kind.as_str().into()
    }
    fn group(dt: &ApiResource) -> Cow<'_, str> {
        dt.group.as_str().into()
    }
    fn version(dt: &ApiResource) -> Cow<'_, str> {
        dt.version.as_str().into()
    }
    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        dt.plural.as_str().into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

impl Raw {
    /// Who has written it, as far as the server says.
    pub(crate) fn managers(&self) -> Vec<Manager> {
        Manager::all(&self.value)
    }

    pub(crate) fn into_object(self, api_version: &str, kind: &Kind) -> Object {
        Object::from(trimmed(self.value, api_version, kind))
    }
}

/// Names the kind (items of a list do not name it) and leaves out what is not read. Objects that can be
/// edited keep everything but `managedFields`.
pub(crate) fn trimmed(mut value: Value, api_version: &str, kind: &Kind) -> Value {
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove("managedFields");
        if !kind.editable
            && let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut)
        {
            annotations.shift_remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    for Keeps { at, fields } in kind.keeps {
        if let Some(part) = value.pointer_mut(at) {
            keep(part, fields);
        }
    }
    let Value::Object(mut object) = value else { return value };
    let mut named = Map::with_capacity(object.len() + 2);
    named.insert("apiVersion".into(), api_version.into());
    named.insert("kind".into(), kind.kind.into());
    object.retain(|key, _| key != "apiVersion" && key != "kind");
    named.extend(object);
    Value::Object(named)
}

/// Leaves out what is not read of a part, or of each of its entries.
fn keep(part: &mut Value, read: &[&str]) {
    match part {
        Value::Object(object) => object.retain(|key, _| read.contains(&key.as_str())),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| keep(entry, read)),
        _ => {}
    }
}

#[cfg(test)]
#[path = "odd_tests.rs"]
mod odd_tests;
#[cfg(test)]
mod tests {
    use super::*;
    use mesh::kinds;
    use serde_json::json;

    #[test]
    fn an_editable_object_keeps_all_but_managed_fields() {
        let kind = &kinds::VIRTUAL_SERVICE;
        let value = json!({ "metadata": { "name": "cart", "managedFields": [{}], "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}" } }, "spec": { "unheardOf": [1] } });
        let expect = json!({ "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
            "metadata": { "name": "cart", "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" } },
            "spec": { "unheardOf": [1] } });
        let got = trimmed(value, "networking.istio.io/v1beta1", kind);
        assert_eq!(got, expect);
        assert_eq!(
            got.as_object().and_then(|object| object.keys().next()).map(String::as_str),
            Some("apiVersion")
        );
    }

    #[test]
    fn a_pod_loses_what_nobody_reads() {
        let kind = &kinds::POD;
        let value = json!({ "metadata": { "name": "cart-1" }, "spec": { "volumes": [{}], "containers": [
            { "name": "istio-proxy", "env": [{ "name": "A" }], "ports": [{ "containerPort": 15090 }] }] },
            "status": { "phase": "Running", "hostIP": "10.0.0.1", "conditions": [
                { "type": "Ready", "status": "True", "lastTransitionTime": "x" }] } });
        let expect = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "cart-1" },
            "spec": { "containers": [{ "name": "istio-proxy", "ports": [{ "containerPort": 15090 }] }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
        assert_eq!(trimmed(value, "v1", kind), expect);
    }

    #[test]
    fn events_of_a_watch() {
        use kube::core::WatchEvent;
        let told = |line: &str| match serde_json::from_str::<WatchEvent<Raw>>(line).expect("an event") {
            WatchEvent::Added(raw) => format!("added {:?} {:?}", raw.meta.name, raw.meta.resource_version),
            WatchEvent::Bookmark(mark) => {
                format!("bookmark {} {}", mark.metadata.resource_version, mark.metadata.annotations.len())
            }
            WatchEvent::Error(status) => format!("error {}", status.code),
            other => format!("{other:?}"),
        };
        let added = r#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"cart-1","resourceVersion":"12","odd":[1]},"spec":7}}"#;
        assert_eq!(told(added), "added Some(\"cart-1\") Some(\"12\")");
        let bookmark = r#"{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"15",
            "annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        assert_eq!(told(bookmark), "bookmark 15 1");
        let gone = r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"too old"}}"#;
        assert_eq!(told(gone), "error 410");
    }
}
