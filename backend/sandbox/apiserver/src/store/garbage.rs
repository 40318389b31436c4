//! Deleting: grace, finalizers, what an object owns, what lives in a namespace, what a CRD defined.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::{
    key::Key,
    state::{State, owner_uids, owners},
    time::time,
};
use crate::kinds::Kind;

/// What becomes of the things that a deleted object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dependents {
    /// They go after it.
    Delete,
    /// They go first; it stays, marked, as long as one that holds it back does.
    Before,
    /// They stay.
    Orphan,
}

/// How an object is to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletion {
    pub(crate) dependents: Dependents,
    /// How many seconds a pod may take; its own wish when nobody says.
    pub(crate) grace: Option<i64>,
}

impl From<Dependents> for Deletion {
    fn from(dependents: Dependents) -> Self {
        Self { dependents, grace: None }
    }
}

/// The finalizer of what waits for its dependents.
const FOREGROUND: &str = "foregroundDeletion";
/// How many seconds a pod has that says nothing of it.
const DEFAULT_GRACE: i64 = 30;
/// More than a year is as good as for ever.
const MOST_GRACE: i64 = 400 * 24 * 3600;

impl State {
    /// Deletes an object. One that something waits for (finalizers, a pod's processes, what is in a
    /// namespace) is only marked. Answers what it was.
    pub(crate) fn delete(&mut self, key: &Key, how: impl Into<Deletion>) -> Option<Arc<Value>> {
        let how = how.into();
        let mut object = self.get(key)?.clone();
        if how.dependents == Dependents::Before {
            object = self.delete_dependents(key, object);
        }
        let kind = self.kinds.get(key.kind)?.clone();
        if kind.qualified() == "namespaces" {
            return self.delete_namespace(key, &kind, object);
        }
        let grace = grace(&kind, &object, how.grace);
        let held = object
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        match left(&object) {
            None if held || grace > 0 => return Some(self.put(key.kind, &kind, marked(&object, grace))),
            Some(known) if held || known > 0 => {
                // Whoever asks again can only make it faster.
                if how.grace.is_none() || grace >= known {
                    return Some(object);
                }
                let object = self.put(key.kind, &kind, shortened(&object, known, grace));
                if held || grace > 0 {
                    return Some(object);
                }
            }
            _ => {}
        }
        let gone = self.take(key)?;
        if let Some(uid) = gone.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned) {
            self.release(&uid, how.dependents);
        }
        let blocking: Vec<Value> = owners(&gone)
            .filter(|reference| reference.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true))
            .cloned()
            .collect();
        blocking.iter().for_each(|reference| self.release_owner(&key.namespace, reference));
        if kind.kind == "CustomResourceDefinition" {
            self.forget_kind(&gone);
        }
        self.leave(&key.namespace);
        Some(gone)
    }

    /// Marks a namespace and deletes what is in it; it goes with the last of that.
    fn delete_namespace(&mut self, key: &Key, kind: &Kind, object: Arc<Value>) -> Option<Arc<Value>> {
        let mut shown = object.clone();
        if object.pointer("/metadata/deletionTimestamp").is_none() {
            let mut marked = Value::clone(&object);
            marked["metadata"]["deletionTimestamp"] = json!(time(Timestamp::now()));
            marked["status"]["phase"] = json!("Terminating");
            shown = self.put(key.kind, kind, marked);
        }
        let inside: Vec<Key> =
            self.objects.keys().filter(|inside| inside.namespace == key.name).cloned().collect();
        for key in inside {
            self.delete(&key, Dependents::Delete);
        }
        self.leave(&key.name);
        Some(shown)
    }

    /// Something of this namespace has gone: so does the namespace, if it was the last thing that it waited
    /// for.
    fn leave(&mut self, namespace: &str) {
        let Some(key) = self.leaving(namespace) else { return };
        let finalizers = self.get(&key).and_then(|object| object.pointer("/metadata/finalizers")?.as_array());
        if !self.inhabitants.contains_key(namespace) && finalizers.is_none_or(Vec::is_empty) {
            self.take(&key);
        }
    }

    /// A namespace that is being deleted.
    pub(crate) fn leaving(&self, namespace: &str) -> Option<Key> {
        let (id, _) = self.kinds.by_plural("", "namespaces")?;
        let key = Key { kind: id, namespace: String::new(), name: namespace.to_owned() };
        self.get(&key)?.pointer("/metadata/deletionTimestamp")?;
        Some(key)
    }

    /// Deletes what an object owns; when something of it has to be waited for, the object gets the finalizer
    /// that says so.
    fn delete_dependents(&mut self, key: &Key, object: Arc<Value>) -> Arc<Value> {
        let Some(uid) = object.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned) else {
            return object;
        };
        let owned: Vec<Key> = self.owned.get(&uid).into_iter().flatten().cloned().collect();
        for dependent in &owned {
            let alone =
                self.get(dependent).is_some_and(|dependent| owner_uids(dependent).all(|owner| owner == uid));
            if alone {
                self.delete(dependent, Dependents::Before);
            }
        }
        let Some(kind) = self.kinds.get(key.kind).cloned().filter(|_| self.is_held(&uid)) else {
            return object;
        };
        let mut waiting = Value::clone(&object);
        let mut finalizers =
            object.pointer("/metadata/finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
        if !finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
            finalizers.push(json!(FOREGROUND));
        }
        waiting["metadata"]["finalizers"] = json!(finalizers);
        self.put(key.kind, &kind, waiting)
    }

    /// Whether something that this object owns keeps it from going.
    fn is_held(&self, owner: &str) -> bool {
        self.owned.get(owner).into_iter().flatten().filter_map(|key| self.get(key)).any(|object| {
            owners(object).any(|reference| {
                let text = |name: &str| reference.get(name).and_then(Value::as_str);
                text("uid") == Some(owner)
                    && reference.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true)
            })
        })
    }

    /// The last thing that an owner waited for may just have gone.
    fn release_owner(&mut self, namespace: &str, reference: &Value) {
        let text = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some((id, kind)) = self.kinds.of_object(reference) else { return };
        let namespace = if kind.namespaced { namespace } else { "" };
        let key = Key { kind: id, namespace: namespace.to_owned(), name: text("name").to_owned() };
        let Some(object) = self.get(&key).cloned() else { return };
        let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
        let waits = finalizers.is_some_and(|list| list.iter().any(|finalizer| finalizer == FOREGROUND));
        if !waits
            || object.pointer("/metadata/uid").and_then(Value::as_str) != Some(text("uid"))
            || self.is_held(text("uid"))
        {
            return;
        }
        let mut freed = Value::clone(&object);
        if let Some(list) = freed.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
            list.retain(|finalizer| finalizer != FOREGROUND);
        }
        self.put(key.kind, &kind, freed);
        self.finalize(&key);
    }

    /// Takes away objects that wait for nothing more than their last finalizer.
    pub(crate) fn finalize(&mut self, key: &Key) -> Option<Arc<Value>> {
        let object = self.get(key)?;
        let waiting = object
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        // A pod goes when its processes have ended.
        if left(object).is_none_or(|grace| grace > 0) || waiting {
            return None;
        }
        if self.kinds.get(key.kind)?.qualified() == "namespaces" {
            self.leave(&key.name);
            return None;
        }
        self.delete(key, Dependents::Delete)
    }

    fn release(&mut self, owner: &str, dependents: Dependents) {
        let owned: Vec<Key> = self.owned.get(owner).into_iter().flatten().cloned().collect();
        for key in owned {
            let Some(object) = self.get(&key).cloned() else { continue };
            let left: Vec<Value> = owners(&object)
                .filter(|reference| reference.get("uid").and_then(Value::as_str) != Some(owner))
                .cloned()
                .collect();
            if dependents == Dependents::Delete && left.is_empty() {
                self.delete(&key, dependents);
                continue;
            }
            let Some(kind) = self.kinds.get(key.kind).cloned() else { continue };
            let mut freed = Value::clone(&object);
            freed["metadata"]["ownerReferences"] = json!(left);
            self.put(key.kind, &kind, freed);
        }
    }

    fn forget_kind(&mut self, crd: &Value) {
        let text = |path: &str| crd.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let Some((id, _)) = self.kinds.by_plural(text("/spec/group"), text("/spec/names/plural")) else {
            return;
        };
        let objects: Vec<Key> = self.range(id, None).map(|(key, _)| key.clone()).collect();
        for key in objects {
            self.take(&key);
            self.leave(&key.namespace);
        }
        Arc::make_mut(&mut self.kinds).unregister(text("/spec/group"), text("/spec/names/plural"));
        self.kinds_revision += 1;
    }
}

/// How many seconds an object may take to go: none, but for a pod that runs on a node.
fn grace(kind: &Kind, object: &Value, asked: Option<i64>) -> i64 {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let runs = !text("/spec/nodeName").is_empty() && !matches!(text("/status/phase"), "Succeeded" | "Failed");
    if kind.qualified() != "pods" || !runs {
        return 0;
    }
    let own = || object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    match asked.or_else(own).unwrap_or(DEFAULT_GRACE) {
        // As the real server does.
        below if below < 0 => 1,
        seconds => seconds,
    }
}

/// How many seconds an object that is being deleted may take; nothing for one that is not.
fn left(object: &Value) -> Option<i64> {
    object.pointer("/metadata/deletionTimestamp")?;
    Some(object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0))
}

/// The object as one that is being deleted.
fn marked(object: &Value, grace: i64) -> Value {
    let mut marked = object.clone();
    let metadata = &mut marked["metadata"];
    metadata["deletionTimestamp"] = json!(time(after(Timestamp::now(), grace)));
    metadata["deletionGracePeriodSeconds"] = json!(grace);
    if let Some(generation) = metadata.get("generation").and_then(Value::as_i64) {
        metadata["generation"] = json!(generation + 1);
    }
    marked
}

/// The same with less time.
fn shortened(object: &Value, known: i64, grace: i64) -> Value {
    let mut shortened = object.clone();
    let metadata = &mut shortened["metadata"];
    let until =
        metadata.get("deletionTimestamp").and_then(Value::as_str).and_then(|until| until.parse().ok());
    metadata["deletionTimestamp"] = json!(time(after(until.unwrap_or_else(Timestamp::now), grace - known)));
    metadata["deletionGracePeriodSeconds"] = json!(grace);
    shortened
}

fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_add(seconds.clamp(-MOST_GRACE, MOST_GRACE).seconds()).unwrap_or(moment)
}
