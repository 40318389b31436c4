//! Sets of fields, as managedFields writes them: `{"f:spec":{"f:hosts":{}}}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::schema::{ListKind, Schema};

/// A set of fields. A node that is a member stands for the field itself; its children for what is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) member: bool,
    pub(crate) children: BTreeMap<String, Fields>,
}

/// How one value is taken apart into fields.
pub(super) enum Parts<'a> {
    /// One field.
    Leaf,
    /// The members of an object.
    Members(&'a Map<String, Value>),
    /// The items of a keyed list or a set, each under the name of its path element.
    Items(Vec<(String, &'a Value)>),
}

pub(super) fn parts<'a>(schema: Option<&Schema>, value: &'a Value) -> Parts<'a> {
    match value {
        Value::Object(members) if !schema.is_some_and(|schema| schema.atomic) => Parts::Members(members),
        Value::Array(items) => match schema.map(|schema| &schema.list) {
            Some(ListKind::Map(keys)) => {
                Parts::Items(items.iter().map(|item| (key_element(item, keys), item)).collect())
            }
            Some(ListKind::Set) => {
                Parts::Items(items.iter().map(|item| (format!("v:{item}"), item)).collect())
            }
            _ => Parts::Leaf,
        },
        _ => Parts::Leaf,
    }
}

fn key_element(item: &Value, keys: &[String]) -> String {
    let mut element: BTreeMap<&str, Value> = BTreeMap::new();
    for key in keys {
        let value = item.get(key).cloned();
        // The one key that Kubernetes itself fills in.
        let value = value.or_else(|| (key == "protocol").then(|| Value::from("TCP")));
        if let Some(value) = value {
            element.insert(key, value);
        }
    }
    let members: Map<String, Value> =
        element.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    format!("k:{}", Value::Object(members))
}

/// The schema of what is inside.
pub(super) fn inner<'a>(schema: Option<&'a Schema>, element: &str) -> Option<&'a Schema> {
    let schema = schema?;
    match element.strip_prefix("f:") {
        Some(name) => schema.member(name).map(AsRef::as_ref),
        None => schema.items.as_deref(),
    }
}

impl Fields {
    fn leaf() -> Self {
        Self { member: true, children: BTreeMap::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// The fields of a value. `containers`: objects that hold others count themselves, as when they are new.
    pub(crate) fn of(schema: Option<&Schema>, value: &Value, containers: bool) -> Self {
        match parts(schema, value) {
            Parts::Leaf => Self::leaf(),
            Parts::Members(members) if members.is_empty() => Self::leaf(),
            Parts::Items(items) if items.is_empty() => Self::leaf(),
            Parts::Members(members) => {
                let mut fields = Self { member: containers, children: BTreeMap::new() };
                for (name, member) in members {
                    let element = format!("f:{name}");
                    let mut child = Self::of(inner(schema, &element), member, containers);
                    // The entry of a map with free keys counts itself.
                    child.member |= schema.is_some_and(|schema| {
                        !schema.properties.contains_key(name) && schema.additional.is_some()
                    });
                    fields.children.insert(element, child);
                }
                fields
            }
            Parts::Items(items) => {
                let mut fields = Self { member: containers, children: BTreeMap::new() };
                for (element, item) in items {
                    let mut child = if element.starts_with("v:") {
                        Self::leaf()
                    } else {
                        Self::of(inner(schema, &element), item, containers)
                    };
                    child.member = true;
                    fields.children.insert(element, child);
                }
                fields
            }
        }
    }

    pub(crate) fn union(&mut self, other: &Self) {
        self.member |= other.member;
        for (element, child) in &other.children {
            self.children.entry(element.clone()).or_default().union(child);
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.member &= !other.member;
        for (element, child) in &other.children {
            if let Some(own) = self.children.get_mut(element) {
                own.subtract(child);
                if own.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut both = Self { member: self.member && other.member, children: BTreeMap::new() };
        for (element, child) in &self.children {
            if let Some(others) = other.children.get(element) {
                let common = child.intersection(others);
                if !common.is_empty() {
                    both.children.insert(element.clone(), common);
                }
            }
        }
        both
    }

    /// The members as `.spec.containers[name="a"].image`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect(String::new(), &mut paths);
        paths
    }

    fn collect(&self, at: String, paths: &mut Vec<String>) {
        for (element, child) in &self.children {
            child.collect(format!("{at}{}", shown(element)), paths);
        }
        if self.member {
            paths.push(at);
        }
    }

    /// Reads all fields of a manager; the object as a whole is none of them.
    pub(crate) fn read_all(value: &Value) -> Self {
        Self { member: false, ..Self::read(value) }
    }

    fn read(value: &Value) -> Self {
        let mut fields = Self::default();
        let Some(members) = value.as_object() else { return fields };
        fields.member = members.is_empty();
        for (element, child) in members {
            if element == "." {
                fields.member = true;
            } else {
                fields.children.insert(element.clone(), Self::read(child));
            }
        }
        fields
    }

    pub(crate) fn write(&self) -> Value {
        let mut members = Map::new();
        if self.member && !self.children.is_empty() {
            members.insert(".".into(), Value::Object(Map::new()));
        }
        for (element, child) in &self.children {
            members.insert(element.clone(), child.write());
        }
        Value::Object(members)
    }

    /// Without what nobody can own: the names of things and what the server itself writes.
    pub(crate) fn stripped(mut self, status_too: bool) -> Self {
        self.member = false;
        self.children.retain(|element, _| match element.as_str() {
            "f:apiVersion" | "f:kind" => false,
            "f:status" => !status_too,
            _ => true,
        });
        if let Some(metadata) = self.children.get_mut("f:metadata") {
            metadata.member = false;
            metadata.children.retain(|element, _| {
                !matches!(
                    element.as_str(),
                    "f:name"
                        | "f:namespace"
                        | "f:creationTimestamp"
                        | "f:uid"
                        | "f:resourceVersion"
                        | "f:generation"
                        | "f:managedFields"
                        | "f:selfLink"
                        | "f:deletionTimestamp"
                        | "f:deletionGracePeriodSeconds"
                )
            });
            if metadata.is_empty() {
                self.children.remove("f:metadata");
            }
        }
        self
    }
}

fn shown(element: &str) -> String {
    if let Some(name) = element.strip_prefix("f:") {
        return format!(".{name}");
    }
    if let Some(key) = element.strip_prefix("k:")
        && let Ok(Value::Object(keys)) = serde_json::from_str(key)
    {
        let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
        return format!("[{}]", keys.join(","));
    }
    format!("[{}]", element.get(2..).unwrap_or_default())
}

/// What differs between two values.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// New or other than before.
    pub(crate) changed: Fields,
    pub(crate) removed: Fields,
}

/// Compares two values field by field.
pub(crate) fn compare(schema: Option<&Schema>, old: &Value, new: &Value) -> Difference {
    let mut difference = Difference::default();
    if old == new {
        return difference;
    }
    let (before, after) = match (parts(schema, old), parts(schema, new)) {
        (Parts::Members(before), Parts::Members(after)) => (elements(before), elements(after)),
        (Parts::Items(before), Parts::Items(after)) => (before, after),
        _ => {
            difference.changed = Fields::of(schema, new, true);
            difference.changed.member = true;
            return difference;
        }
    };
    let before: BTreeMap<String, &Value> = before.into_iter().collect();
    let after: BTreeMap<String, &Value> = after.into_iter().collect();
    for (element, value) in &after {
        let schema = inner(schema, element);
        let child = match before.get(element) {
            Some(old) => compare(schema, old, value),
            None => {
                let mut changed = Fields::of(schema, value, true);
                changed.member = true;
                Difference { changed, removed: Fields::default() }
            }
        };
        if !child.changed.is_empty() {
            difference.changed.children.insert(element.clone(), child.changed);
        }
        if !child.removed.is_empty() {
            difference.removed.children.insert(element.clone(), child.removed);
        }
    }
    for (element, value) in before.iter().filter(|(element, _)| !after.contains_key(*element)) {
        let mut removed = Fields::of(inner(schema, element), value, true);
        removed.member = true;
        difference.removed.children.insert(element.clone(), removed);
    }
    difference
}

fn elements(members: &Map<String, Value>) -> Vec<(String, &Value)> {
    members.iter().map(|(name, value)| (format!("f:{name}"), value)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Fields, compare};
    use crate::kinds::Kinds;

    fn pod(containers: Value) -> Value {
        json!({"metadata": {"labels": {"a": "1"}, "finalizers": ["x"]}, "spec": {"containers": containers}})
    }

    #[track_caller]
    fn check(old: &Value, new: &Value, changed: &[&str], removed: &[&str]) {
        let (_, kind) = Kinds::built_in().named("Pod").unwrap();
        let difference = compare(Some(&kind.storage().schema), old, new);
        assert_eq!(difference.changed.paths(), changed);
        assert_eq!(difference.removed.paths(), removed);
        for fields in [difference.changed, difference.removed] {
            assert_eq!(Fields::read_all(&fields.write()), fields, "written and read again");
        }
    }

    #[test]
    fn differences() {
        let one = pod(json!([{"name": "a", "image": "x", "args": ["1", "2"]}]));
        check(&one, &one, &[], &[]);
        let image = pod(json!([{"name": "a", "image": "y", "args": ["1", "2"]}]));
        check(&one, &image, &[".spec.containers[name=\"a\"].image"], &[]);
        let args = pod(json!([{"name": "a", "image": "x", "args": ["1"]}]));
        check(&one, &args, &[".spec.containers[name=\"a\"].args"], &[]);
        let two = pod(json!([{"name": "b"}, {"name": "a", "image": "x", "args": ["1", "2"]}]));
        check(&one, &two, &[".spec.containers[name=\"b\"].name", ".spec.containers[name=\"b\"]"], &[]);
        check(&two, &one, &[], &[".spec.containers[name=\"b\"].name", ".spec.containers[name=\"b\"]"]);
        let mut more = one.clone();
        more["metadata"] = json!({"labels": {"a": "1", "b": "2"}, "finalizers": ["y"]});
        check(
            &one,
            &more,
            &[".metadata.finalizers[\"y\"]", ".metadata.labels.b"],
            &[".metadata.finalizers[\"x\"]"],
        );
    }

    #[test]
    fn sets() {
        let of = |value: Value| Fields::read(&value);
        let mut fields = of(json!({"f:spec": {"f:a": {}, "f:b": {".": {}, "f:c": {}}}}));
        fields.subtract(&of(json!({"f:spec": {"f:a": {}, "f:b": {"f:c": {}}}})));
        assert_eq!(fields.write(), json!({"f:spec": {"f:b": {}}}));
        fields.union(&of(json!({"f:spec": {"f:d": {}}})));
        assert_eq!(fields.intersection(&of(json!({"f:spec": {"f:d": {}, "f:e": {}}}))).paths(), [".spec.d"]);
    }
}
