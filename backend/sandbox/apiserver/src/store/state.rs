//! What is kept under the store's lock: finding, putting and taking away objects, each with its place in the
//! history.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::Value;

use super::{
    history::{Change, Entry, History},
    key::Key,
};
use crate::{
    kinds::{Kind, KindId, Kinds, registration},
    status::ApiError,
};

/// Everything under the lock.
pub(crate) struct State {
    pub(crate) kinds: Arc<Kinds>,
    pub(super) objects: BTreeMap<Key, Arc<Value>>,
    pub(crate) revision: u64,
    pub(crate) history: History,
    /// What each owner owns, by the owner's uid.
    pub(super) owned: HashMap<String, BTreeSet<Key>>,
    /// How many objects each namespace has.
    pub(super) inhabitants: HashMap<String, usize>,
    pub(super) service_addresses: BTreeSet<String>,
    pub(super) next_service_ip: u16,
    /// Raised whenever the kinds change, so that discovery documents are rebuilt.
    pub(crate) kinds_revision: u64,
}

impl State {
    pub(crate) fn kind_of(&self, object: &Value) -> Result<(KindId, Arc<Kind>), ApiError> {
        self.kinds.of_object(object).ok_or_else(|| {
            let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            ApiError::bad_request(format!(
                "no kind \"{}\" is registered for version \"{}\"",
                text("kind"),
                text("apiVersion")
            ))
        })
    }

    pub(super) fn kind_named(&self, name: &str) -> Result<(KindId, Arc<Kind>), ApiError> {
        self.kinds
            .named(name)
            .ok_or_else(|| ApiError::bad_request(format!("no kind \"{name}\" is registered")))
    }

    pub(super) fn key_of(&self, id: KindId, kind: &Kind, object: &Value) -> Result<Key, ApiError> {
        let text = |name: &str| object.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (mut namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        if name.is_empty() {
            return Err(ApiError::bad_request("metadata.name is required"));
        }
        if !kind.namespaced {
            namespace.clear();
        } else if namespace.is_empty() {
            namespace.push_str("default");
        }
        Ok(Key { kind: id, namespace, name })
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The objects of one kind, in one namespace or all, in the order of their names.
    pub(crate) fn range<'a>(
        &'a self,
        kind: KindId,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> + use<'a> {
        self.range_after(kind, namespace, None)
    }

    /// As [`State::range`], from what comes after this namespace and name.
    pub(crate) fn range_after<'a>(
        &'a self,
        kind: KindId,
        namespace: Option<&str>,
        after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> + use<'a> {
        use std::ops::Bound;
        let key = |namespace: &str, name: &str| Key {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let from = match after {
            Some((of, name)) => Bound::Excluded(key(of, name)),
            None => Bound::Included(key(namespace.unwrap_or_default(), "")),
        };
        let namespace = namespace.map(str::to_owned);
        self.objects.range((from, Bound::Unbounded)).take_while(move |(key, _)| {
            key.kind == kind && namespace.as_ref().is_none_or(|namespace| key.namespace == *namespace)
        })
    }

    /// Stores a prepared object under a new revision and tells the watches.
    pub(crate) fn put(&mut self, id: KindId, kind: &Kind, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = Value::from(self.revision.to_string());
        let object = Arc::new(object);
        let text = |name: &str| object.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = Key { kind: id, namespace: text("/metadata/namespace"), name: text("/metadata/name") };
        let previous = self.objects.insert(key.clone(), object.clone());
        if let Some(previous) = &previous {
            self.forget(&key, previous);
        }
        self.note(&key, &object);
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        self.history.push(Entry { revision: self.revision, key, change, object: object.clone(), previous });
        if kind.kind == "CustomResourceDefinition"
            && let Some(defined) = registration(&object)
        {
            Arc::make_mut(&mut self.kinds).register(defined);
            self.kinds_revision += 1;
        }
        object
    }

    /// Notes what is looked up by other things than the name.
    pub(super) fn note(&mut self, key: &Key, object: &Value) {
        if !key.namespace.is_empty() {
            *self.inhabitants.entry(key.namespace.clone()).or_default() += 1;
        }
        for owner in owner_uids(object) {
            self.owned.entry(owner.to_owned()).or_default().insert(key.clone());
        }
        if let Some(address) = service_address(object) {
            self.service_addresses.insert(address.to_owned());
        }
    }

    pub(super) fn forget(&mut self, key: &Key, object: &Value) {
        if let Some(inhabitants) = self.inhabitants.get_mut(&key.namespace) {
            *inhabitants -= 1;
            if *inhabitants == 0 {
                self.inhabitants.remove(&key.namespace);
            }
        }
        for owner in owner_uids(object) {
            if let Some(owned) = self.owned.get_mut(owner) {
                owned.remove(key);
                if owned.is_empty() {
                    self.owned.remove(owner);
                }
            }
        }
        if let Some(address) = service_address(object) {
            self.service_addresses.remove(address);
        }
    }

    /// Takes an object away under a new revision and tells the watches.
    pub(super) fn take(&mut self, key: &Key) -> Option<Arc<Value>> {
        let previous = self.objects.remove(key)?;
        self.forget(key, &previous);
        self.revision += 1;
        let mut last = Value::clone(&previous);
        last["metadata"]["resourceVersion"] = Value::from(self.revision.to_string());
        let last = Arc::new(last);
        self.history.push(Entry {
            revision: self.revision,
            key: key.clone(),
            change: Change::Deleted,
            object: last.clone(),
            previous: Some(previous),
        });
        Some(last)
    }
}

/// The uids of what an object belongs to.
pub(super) fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    owners(object).filter_map(|reference| reference.get("uid")?.as_str())
}

pub(super) fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

/// The address that a Service holds.
fn service_address(object: &Value) -> Option<&str> {
    if object.get("kind")?.as_str()? != "Service" {
        return None;
    }
    object.pointer("/spec/clusterIP")?.as_str().filter(|address| address.parse::<std::net::IpAddr>().is_ok())
}
