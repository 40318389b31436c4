//! Deleting: finalizers, what an object owns, what lives in a namespace, what a CRD defined.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Key, State, now};

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

/// The finalizer of what waits for its dependents.
const FOREGROUND: &str = "foregroundDeletion";

impl State {
    /// Deletes an object. With finalizers it is only marked. Answers what it was.
    pub(crate) fn delete(&mut self, key: &Key, dependents: Dependents) -> Option<Arc<Value>> {
        let mut object = self.get(key)?.clone();
        if dependents == Dependents::Before {
            object = self.delete_dependents(key, object);
        }
        let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
        if finalizers.is_some_and(|finalizers| !finalizers.is_empty()) {
            if object.pointer("/metadata/deletionTimestamp").is_some() {
                return Some(object);
            }
            let mut marked = Value::clone(&object);
            marked["metadata"]["deletionTimestamp"] = json!(now());
            marked["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            let kind = self.kinds.get(key.kind)?.clone();
            return Some(self.put(key.kind, &kind, marked));
        }
        let gone = self.take(key)?;
        let kind = self.kinds.get(key.kind).cloned();
        if let Some(uid) = gone.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned) {
            self.release(&uid, dependents);
        }
        let blocking: Vec<Value> = owners(&gone)
            .filter(|reference| reference.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true))
            .cloned()
            .collect();
        blocking.iter().for_each(|reference| self.release_owner(&key.namespace, reference));
        match kind.as_deref().map(|kind| kind.kind.as_str()) {
            Some("Namespace") => self.empty_namespace(&key.name),
            Some("CustomResourceDefinition") => self.forget_kind(&gone),
            _ => {}
        }
        Some(gone)
    }

    /// Deletes what an object owns; when something of it has to be waited for, the object gets the finalizer that says so.
    fn delete_dependents(&mut self, key: &Key, object: Arc<Value>) -> Arc<Value> {
        let Some(uid) = object.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned) else { return object };
        let owned: Vec<Key> = self.owned.get(&uid).into_iter().flatten().cloned().collect();
        for dependent in &owned {
            let alone = self.get(dependent).is_some_and(|dependent| owner_uids(dependent).all(|owner| owner == uid));
            if alone {
                self.delete(dependent, Dependents::Before);
            }
        }
        let Some(kind) = self.kinds.get(key.kind).cloned().filter(|_| self.is_held(&uid)) else { return object };
        let mut waiting = Value::clone(&object);
        let mut finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
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
                text("uid") == Some(owner) && reference.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true)
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
        if !waits || object.pointer("/metadata/uid").and_then(Value::as_str) != Some(text("uid")) || self.is_held(text("uid")) {
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
        let waiting = object.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        if object.pointer("/metadata/deletionTimestamp").is_none() || waiting {
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

    fn empty_namespace(&mut self, namespace: &str) {
        let inside: Vec<Key> = self.objects.keys().filter(|key| key.namespace == namespace).cloned().collect();
        for key in inside {
            self.delete(&key, Dependents::Delete);
        }
    }

    fn forget_kind(&mut self, crd: &Value) {
        let text = |path: &str| crd.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let Some((id, _)) = self.kinds.by_plural(text("/spec/group"), text("/spec/names/plural")) else { return };
        let objects: Vec<Key> = self.range(id, None).map(|(key, _)| key.clone()).collect();
        for key in objects {
            self.take(&key);
        }
        Arc::make_mut(&mut self.kinds).unregister(text("/spec/group"), text("/spec/names/plural"));
        self.kinds_revision += 1;
    }
}

fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

/// The uids of what an object belongs to.
pub(super) fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    owners(object).filter_map(|reference| reference.get("uid")?.as_str())
}
