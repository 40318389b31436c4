//! The store as its users have it: reading, writing, waiting.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::RwLock;
use serde_json::Value;
use tokio::sync::watch as signal;

use super::{
    garbage::{Deletion, Dependents},
    history::History,
    key::Key,
    prepare::{self, Part},
    state::State,
};
use crate::{
    kinds::{KindId, Kinds, custom_resource_definitions},
    status::ApiError,
};

/// Events that are kept for watches to resume from.
const HISTORY: usize = 5_000;

/// The objects of the sandbox's cluster. Cheap to clone; all clones see the same objects.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    state: RwLock<State>,
    /// The newest revision, for those who wait for it to change.
    revision: signal::Sender<u64>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Store(revision {})", self.revision())
    }
}

impl Store {
    /// An empty cluster: the usual namespaces and Istio's CRDs, nothing else.
    pub fn new() -> Self {
        Self::with_history(HISTORY)
    }

    /// As [`Store::new`], keeping only so many events for watches to resume from.
    pub fn with_history(events: usize) -> Self {
        let store = Self(Arc::new(Shared {
            state: RwLock::new(State {
                kinds: Arc::new(Kinds::built_in()),
                objects: BTreeMap::new(),
                revision: 1,
                history: History::new(events),
                owned: HashMap::new(),
                inhabitants: HashMap::new(),
                service_addresses: BTreeSet::new(),
                next_service_ip: 1,
                kinds_revision: 0,
            }),
            revision: signal::Sender::new(1),
        }));
        for name in ["default", "kube-system", "kube-public", "kube-node-lease", "istio-system"] {
            let namespace =
                serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            store.must(namespace);
        }
        for crd in custom_resource_definitions() {
            store.must(crd);
        }
        store
    }

    fn must(&self, object: Value) {
        if let Err(error) = self.create(object) {
            tracing::error!(%error, "an object that every cluster has could not be made");
        }
    }

    /// Reads under the lock.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.state.read())
    }

    /// Writes under the lock and wakes the watches.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut state = self.0.state.write();
        let before = state.revision;
        let answer = change(&mut state);
        let after = state.revision;
        drop(state);
        if after != before {
            self.0.revision.send_replace(after);
        }
        answer
    }

    pub(crate) fn signal(&self) -> signal::Receiver<u64> {
        self.0.revision.subscribe()
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        *self.0.revision.borrow()
    }

    /// Makes a new object; its status is kept.
    pub fn create(&self, object: Value) -> Result<Arc<Value>, ApiError> {
        self.write(|state| {
            let (id, kind) = state.kind_of(&object)?;
            let object = state.prepare_create(id, &kind, object, true)?;
            Ok(state.put(id, &kind, object))
        })
    }

    /// Replaces an object, status included. When it carries a resourceVersion, that has to be the current
    /// one.
    pub fn update(&self, object: Value) -> Result<Arc<Value>, ApiError> {
        self.replace(object, Part::Whole)
    }

    /// Replaces only the status of an object.
    pub fn update_status(&self, object: Value) -> Result<Arc<Value>, ApiError> {
        self.replace(object, Part::Status)
    }

    fn replace(&self, object: Value, part: Part) -> Result<Arc<Value>, ApiError> {
        self.write(|state| {
            let (id, kind) = state.kind_of(&object)?;
            let key = state.key_of(id, &kind, &object)?;
            let old = state.get(&key).cloned().ok_or_else(|| ApiError::not_found(&kind, &key.name))?;
            match state.prepare_update(&kind, &old, object, part)? {
                Some(object) => Ok(state.put(id, &kind, object)),
                None => Ok(old),
            }
        })
    }

    /// Makes the object or replaces what is there of it (labels, annotations, owners, everything outside
    /// metadata); a status that is not given stays. Nothing happens when nothing would change.
    pub fn apply(&self, object: Value) -> Result<Arc<Value>, ApiError> {
        self.write(|state| {
            let (id, kind) = state.kind_of(&object)?;
            let key = state.key_of(id, &kind, &object)?;
            let Some(old) = state.get(&key).cloned() else {
                let object = state.prepare_create(id, &kind, object, true)?;
                return Ok(state.put(id, &kind, object));
            };
            let merged = prepare::over(&old, object);
            match state.prepare_update(&kind, &old, merged, Part::Whole)? {
                Some(object) => Ok(state.put(id, &kind, object)),
                None => Ok(old),
            }
        })
    }

    /// Reads, changes and writes one object without anybody coming between; nothing when it is not there.
    /// `change` runs under the store's lock, so it must not ask the store for anything.
    pub fn modify(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Option<Arc<Value>>, ApiError> {
        self.write(|state| {
            let (id, kind) = state.kind_named(kind)?;
            let key = Key { kind: id, namespace: namespace.to_owned(), name: name.to_owned() };
            let Some(old) = state.get(&key).cloned() else { return Ok(None) };
            let mut new = Value::clone(&old);
            change(&mut new);
            match state.prepare_update(&kind, &old, new, Part::Whole)? {
                Some(object) => Ok(Some(state.put(id, &kind, object))),
                None => Ok(Some(old)),
            }
        })
    }

    /// One object; the kind is `Pod`, or `Gateway.networking.istio.io` where two groups have one of that
    /// name. Objects without namespace are asked for with an empty one.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.read(|state| {
            let (id, _) = state.kinds.named(kind)?;
            state.get(&Key { kind: id, namespace: namespace.to_owned(), name: name.to_owned() }).cloned()
        })
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: &str) -> Vec<Arc<Value>> {
        self.read(|state| match state.kinds.named(kind) {
            Some((id, _)) => state.range(id, None).map(|(_, object)| object.clone()).collect(),
            None => Vec::new(),
        })
    }

    /// The objects of a kind in one namespace, by name.
    pub fn list_in(&self, kind: &str, namespace: &str) -> Vec<Arc<Value>> {
        self.list_named(kind, namespace, "")
    }

    /// The objects of a kind in one namespace whose names begin with this, by name.
    pub fn list_named(&self, kind: &str, namespace: &str, prefix: &str) -> Vec<Arc<Value>> {
        self.read(|state| {
            let Some((id, _)) = state.kinds.named(kind) else { return Vec::new() };
            let from = Key { kind: id, namespace: namespace.to_owned(), name: prefix.to_owned() };
            let of_these =
                |key: &Key| key.kind == id && key.namespace == namespace && key.name.starts_with(prefix);
            let named = state.objects.range(from..).take_while(|(key, _)| of_these(key));
            named.map(|(_, object)| object.clone()).collect()
        })
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.read(|state| state.kinds.named(kind).map_or(0, |(id, _)| state.range(id, None).count()))
    }

    /// Deletes an object and all that it owns; says whether it was there. A pod that runs is only marked, for
    /// whoever runs it to end it; see [`Store::ended`].
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<bool, ApiError> {
        self.write(|state| {
            let (id, _) = state.kind_named(kind)?;
            let key = Key { kind: id, namespace: namespace.to_owned(), name: name.to_owned() };
            Ok(state.delete(&key, Dependents::Delete).is_some())
        })
    }

    /// Takes away a pod that has ended, if it is still the same.
    pub fn ended(&self, namespace: &str, name: &str, uid: &str) -> Result<bool, ApiError> {
        self.write(|state| {
            let (id, _) = state.kind_named("Pod")?;
            let key = Key { kind: id, namespace: namespace.to_owned(), name: name.to_owned() };
            let same = state
                .get(&key)
                .is_some_and(|pod| pod.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid));
            Ok(same
                && state.delete(&key, Deletion { dependents: Dependents::Delete, grace: Some(0) }).is_some())
        })
    }

    /// Forgets what happened so far, as an API server does every few minutes: watches that resume from before
    /// have to begin anew.
    pub fn compact(&self) {
        let mut state = self.0.state.write();
        let revision = state.revision;
        state.history.compact(revision);
    }

    /// Every object there is, and the revision at which that was so.
    pub fn snapshot(&self) -> (Arc<Vec<Arc<Value>>>, u64) {
        self.read(|state| (Arc::new(state.objects.values().cloned().collect()), state.revision))
    }

    /// Every object of those kinds, and the revision at which that was so.
    pub fn snapshot_of(&self, wanted: impl Fn(&str) -> bool) -> (Vec<Arc<Value>>, u64) {
        self.read(|state| {
            let mut last = None;
            // Objects are in the order of their kinds, so that each kind is asked for once.
            let mut is_wanted = |id: KindId| match last {
                Some((known, answer)) if known == id => answer,
                _ => {
                    let answer = state.kinds.get(id).is_some_and(|kind| wanted(&kind.kind));
                    last = Some((id, answer));
                    answer
                }
            };
            let objects = state.objects.iter().filter(|(key, _)| is_wanted(key.kind));
            (objects.map(|(_, object)| object.clone()).collect(), state.revision)
        })
    }
}
