//! What was written into Istio's and the Gateway API's objects, by whomever: told by the watch and by what
//! the server notes of managers (`metadata.managedFields`). Our own writes are among them; who shows both this
//! and the ledger leaves out those that the ledger has (`Write::is_of`).

use crate::change::Edit;
use crate::difference;
use crate::ledger::{Entry, Ledger, Stage};
use istio::object::LAST_APPLIED;
use istio::{Object, Ref};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who we are in managedFields.
pub const MANAGER: &str = "binnacle";
/// So many writes are kept; the oldest go first.
const KEPT: usize = 500;
/// So long after a push of ours was sent, what comes of our name may still be a part of it that was taken
/// back.
const OF_A_PUSH: SignedDuration = SignedDuration::from_mins(1);

/// One who writes an object, as the server notes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manager {
    /// "kubectl-edit".
    pub name: String,
    /// When it wrote last, by the server's clock.
    pub time: Option<Timestamp>,
    /// The fields that it owns, in short: "spec.http".
    pub fields: Vec<String>,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The object was made.
    Created,
    /// It was changed.
    Changed,
    /// It was deleted.
    Deleted,
    /// It was written before anybody looked: only who, when and which fields are known.
    Before,
}

/// One write of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The object.
    pub at: Ref,
    /// The manager; `None` where the server does not say who it was.
    pub by: Option<String>,
    /// When: the server's word where it has one, else when we heard of it.
    pub when: Timestamp,
    /// When we heard of it.
    pub heard: Timestamp,
    /// What was done.
    pub deed: Deed,
    /// Places that are others now, or fields that the manager owns.
    pub what: Vec<String>,
    /// The object before.
    pub before: Option<Object>,
    /// And after.
    pub after: Option<Object>,
}

/// The writes that were heard of, and who was noted for the objects that are about to come.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    all: Arc<Vec<Write>>,
    noted: BTreeMap<Ref, Vec<Manager>>,
}

impl Manager {
    /// All who have written an object itself (not its status), as `metadata.managedFields` tells.
    pub fn all(object: &Value) -> Vec<Self> {
        let noted = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let own = |note: &&Value| note.get("subresource").is_none_or(|part| part == "");
        noted.into_iter().flatten().filter(own).filter_map(Self::read).collect()
    }

    fn read(note: &Value) -> Option<Self> {
        let time = note.get("time").and_then(Value::as_str).and_then(|time| time.parse().ok());
        let name = note.get("manager")?.as_str()?.to_owned();
        Some(Self { name, time, fields: fields(note.get("fieldsV1").unwrap_or(&Value::Null)) })
    }
}

/// "spec.http", "metadata.labels": as deep as two names.
fn fields(noted: &Value) -> Vec<String> {
    let named = |value: &Value| -> Vec<(String, Value)> {
        let fields = value.as_object().into_iter().flatten();
        fields.filter_map(|(key, inner)| Some((key.strip_prefix("f:")?.to_owned(), inner.clone()))).collect()
    };
    let mut all = Vec::new();
    for (part, inner) in named(noted) {
        let inner = named(&inner);
        if inner.is_empty() {
            all.push(part);
        } else {
            all.extend(inner.into_iter().map(|(field, _)| format!("{part}.{field}")));
        }
    }
    all
}

impl Writes {
    /// All of them, in the order in which they were heard of.
    pub fn all(&self) -> &Arc<Vec<Write>> {
        &self.all
    }

    /// Who has written an object that is about to be told.
    pub fn note(&mut self, at: Ref, managers: Vec<Manager>) {
        self.noted.insert(at, managers);
    }

    /// An object was told that had been `was`. In a first list nobody knows what it had been.
    pub fn told(&mut self, at: &Ref, was: Option<&Object>, now: &Object, first: bool, heard: Timestamp) {
        if !at.kind.editable {
            return;
        }
        let managers = self.noted.remove(at).unwrap_or_default();
        if was.is_none() && first {
            let before = managers.into_iter().map(|manager| Write {
                at: at.clone(),
                by: Some(manager.name),
                when: manager.time.unwrap_or(heard),
                heard,
                deed: Deed::Before,
                what: manager.fields,
                before: None,
                after: None,
            });
            return self.keep(before.collect());
        }
        let what = was.map_or_else(Vec::new, |was| differences(was, now));
        if was.is_some() && what.is_empty() {
            return;
        }
        let last = managers.into_iter().max_by_key(|manager| manager.time);
        let when = last.as_ref().and_then(|last| last.time).unwrap_or(heard);
        let deed = if was.is_some() { Deed::Changed } else { Deed::Created };
        let by = last.map(|last| last.name);
        let (before, after) = (was.cloned(), Some(now.clone()));
        self.keep(vec![Write { at: at.clone(), by, when, heard, deed, what, before, after }]);
    }

    /// An object that had been `was` is gone. The server notes nobody then.
    pub fn gone(&mut self, at: &Ref, was: &Object, heard: Timestamp) {
        self.noted.remove(at);
        if at.kind.editable {
            let (deed, before) = (Deed::Deleted, Some(was.clone()));
            let what = Vec::new();
            let write =
                Write { at: at.clone(), by: None, when: heard, heard, deed, what, before, after: None };
            self.keep(vec![write]);
        }
    }

    fn keep(&mut self, new: Vec<Write>) {
        if new.is_empty() {
            return;
        }
        let all = Arc::make_mut(&mut self.all);
        all.extend(new);
        // A first list may have very many: the newest of them count.
        if all.len() > 2 * KEPT {
            all.sort_by_key(|write| (write.heard, write.when));
            all.drain(..all.len() - KEPT);
        }
    }
}

/// What somebody has written: places of the spec, labels and annotations.
pub(crate) fn differences(was: &Object, now: &Object) -> Vec<String> {
    let part = |object: &Object, at: &str| {
        let mut part = object.0.pointer(at).cloned().unwrap_or_default();
        if let Some(notes) = part.as_object_mut() {
            notes.shift_remove(LAST_APPLIED);
        }
        part
    };
    let mut all = difference::told(was.spec(), now.spec());
    for (name, at) in [("label", "/metadata/labels"), ("annotation", "/metadata/annotations")] {
        let places = difference::told(&part(was, at), &part(now, at));
        all.extend(places.into_iter().map(|place| format!("{name} {place}")));
    }
    all
}

impl Write {
    /// Whether it is what a change of the ledger has written.
    pub fn is_ours(&self, ledger: &Ledger) -> bool {
        ledger.entries().iter().rev().any(|entry| self.is_of(entry))
    }

    fn is_of(&self, entry: &Entry) -> bool {
        let Some(sent) = entry.sent else { return false };
        let by_us = self.by.as_deref() == Some(MANAGER);
        let since = sent.duration_until(self.heard);
        // What it has made is taken back when it fails.
        let failed = matches!(entry.stage, Stage::Failed(_)) && since < OF_A_PUSH;
        let at_it = entry.run.is_none() && !since.is_negative() && (failed || entry.stage.is_being_written());
        let of_it = entry.change.steps.iter().zip(&entry.stored).filter(|(step, _)| step.at == self.at);
        let mut each = of_it.map(|(step, stored)| {
            let made = stored.as_ref().and_then(|stored| stored.after.as_ref());
            match (self.deed, &step.edit) {
                (Deed::Before, _) => by_us,
                (Deed::Deleted, Edit::Delete { uid, .. }) => self
                    .before
                    .as_ref()
                    .is_none_or(|gone| gone.0.pointer("/metadata/uid").is_none_or(|own| own == uid.as_str())),
                (Deed::Deleted, Edit::Create(_)) => at_it,
                (Deed::Deleted, Edit::Patch(_)) => false,
                (Deed::Created | Deed::Changed, _) => {
                    let version = |object: Option<&Object>| object.map(|it| it.resource_version().to_owned());
                    by_us && (at_it || made.is_some() && version(made) == version(self.after.as_ref()))
                }
            }
        });
        each.any(|ours| ours)
    }
}

#[cfg(test)]
#[path = "writes_tests.rs"]
mod tests;
