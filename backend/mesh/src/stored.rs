//! What the server made of a step: told by its answer, or found out afterwards when the answer was lost.

use crate::change::{Change, Edit, Step};
use crate::undo;
use istio::{Object, Ref};
use json_patch::{Patch, PatchOperation};
use serde_json::Value;

/// One step that was written: the object right before and right after it, as the server had it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// `None` where there was none, or where nobody looked: what a draft saw may be older.
    pub before: Option<Object>,
    /// `None` after a deletion.
    pub after: Option<Object>,
}

impl Stored {
    /// What is known of a step without having looked: what the server returned.
    pub fn returned(after: Option<Object>) -> Self {
        Self { before: None, after }
    }
    /// All steps of a change, as the server makes them when nobody else writes.
    pub fn as_wanted(change: &Change) -> Vec<Self> {
        let of = |step: &Step| Self { before: step.before.clone(), after: step.after.clone() };
        change.steps.iter().map(of).collect()
    }
}

/// What somebody else made of an object that a change was for.
#[derive(Clone, Debug, PartialEq)]
pub struct Theirs {
    /// The object.
    pub at: Ref,
    /// What the server has of it now; `None` when it is gone.
    pub now: Option<Object>,
}

/// What an object says of a step of which nobody knows whether it was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It was done.
    Written(Stored),
    /// It was not done.
    Untouched,
    /// The object is neither as it was nor as it was to be: somebody else was there since. `None`: it is
    /// gone.
    Changed(Option<Object>),
}

impl Standing {
    /// What `now`, the object as it is now, says of a step.
    pub fn of(step: &Step, now: Option<&Object>) -> Self {
        let written = || Self::Written(Stored::returned(now.cloned()));
        match (&step.edit, now) {
            (Edit::Delete { .. }, now) if step.is_gone(now) => Self::Written(Stored::returned(None)),
            (Edit::Delete { .. }, _) | (Edit::Create(_), None) => Self::Untouched,
            (Edit::Create(object), Some(now)) => {
                let wanted = object.get("spec").unwrap_or(&Value::Null);
                if covers(now.spec(), wanted) { written() } else { Self::Changed(Some(now.clone())) }
            }
            (Edit::Patch(_), None) => Self::Changed(None),
            (Edit::Patch(patch), Some(now)) => {
                let is = |object: &Option<Object>| {
                    object.as_ref().is_some_and(|object| same_parts(&object.0, &now.0))
                };
                // What is written elsewhere alone (a finalizer) does not show in these parts.
                let shows = step.before.as_ref().zip(step.after.as_ref());
                let shows = shows.is_some_and(|(before, after)| !same_parts(&before.0, &after.0));
                if shows && (is(&step.after) || undo::own_writes_back(step, &now.0).is_some())
                    || leaves_nothing(patch, now)
                {
                    written()
                } else if shows && is(&step.before) || applies(patch, &now.0).is_some() {
                    Self::Untouched
                } else {
                    Self::Changed(Some(now.clone()))
                }
            }
        }
    }
}

impl Step {
    /// Whether the object that it deletes is: it is gone, or on its way (pods are given time to end, and who
    /// has set a finalizer is waited for), or another one has its name.
    pub fn is_gone(&self, now: Option<&Object>) -> bool {
        let Some(now) = now else { return true };
        now.0.pointer("/metadata/deletionTimestamp").is_some() || self.is_another(now)
    }

    /// Whether an object is not the one that it deletes, but one that was made under its name.
    pub(crate) fn is_another(&self, now: &Object) -> bool {
        let own = now.0.pointer("/metadata/uid").and_then(Value::as_str);
        matches!(&self.edit, Edit::Delete { uid, .. } if !uid.is_empty() && own.is_some_and(|own| own != uid))
    }
}

fn same_parts(one: &Value, other: &Value) -> bool {
    undo::PARTS.iter().all(|part| one.pointer(part) == other.pointer(part))
}

/// Whether a patch was done: it does not apply any more, and what it writes stands there.
fn leaves_nothing(patch: &Patch, now: &Object) -> bool {
    let writes = patch.0.iter().filter(|operation| !matches!(operation, PatchOperation::Test(_)));
    let again = applies(&Patch(writes.cloned().collect()), &now.0);
    applies(patch, &now.0).is_none() && again.as_ref() == Some(&*now.0)
}

/// The value with a patch applied, if its guards hold.
pub(crate) fn applies(patch: &Patch, value: &Value) -> Option<Value> {
    let mut tried = value.clone();
    json_patch::patch(&mut tried, patch).ok().map(|()| tried)
}

/// Whether a value has all of what is wanted; a server may add defaults.
fn covers(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| value.get(key).is_some_and(|value| covers(value, wanted)))
        }
        (Value::Array(value), Value::Array(wanted)) => {
            value.len() == wanted.len()
                && value.iter().zip(wanted).all(|(value, wanted)| covers(value, wanted))
        }
        (value, wanted) => value == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use istio::kinds;
    use serde_json::json;

    fn object(spec: Value) -> Object {
        json!({ "metadata": { "uid": "u" }, "spec": spec }).into()
    }

    fn step(edit: Edit, before: Option<Value>, after: Option<Value>) -> Step {
        let at = Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart");
        let api_version = "networking.istio.io/v1".into();
        Step { at, api_version, edit, before: before.map(object), after: after.map(object) }
    }

    fn weight(to: u32) -> Step {
        let patch = json!([{ "op": "test", "path": "/spec/a", "value": 10 },
            { "op": "replace", "path": "/spec/a", "value": to }]);
        let patch = serde_json::from_value(patch).unwrap();
        step(Edit::Patch(patch), Some(json!({ "a": 10, "b": 1 })), Some(json!({ "a": to, "b": 1 })))
    }

    #[track_caller]
    fn check(step: &Step, now: Option<Value>, expect: &str) {
        let told = match Standing::of(step, now.map(object).as_ref()) {
            Standing::Written(_) => "written",
            Standing::Untouched => "untouched",
            Standing::Changed(Some(_)) => "changed",
            Standing::Changed(None) => "gone",
        };
        assert_eq!(told, expect);
    }

    #[test]
    fn a_patch() {
        check(&weight(25), Some(json!({ "a": 25, "b": 1 })), "written");
        check(&weight(25), Some(json!({ "a": 10, "b": 1 })), "untouched");
        check(&weight(25), Some(json!({ "a": 40, "b": 1 })), "changed");
        check(&weight(25), None, "gone");
        // Somebody else changed another field meanwhile.
        check(&weight(25), Some(json!({ "a": 25, "b": 7 })), "written");
        check(&weight(25), Some(json!({ "a": 10, "b": 7 })), "untouched");
    }

    #[test]
    fn an_element_that_was_appended() {
        let patch = json!([{ "op": "test", "path": "/spec/list", "value": [1] },
            { "op": "add", "path": "/spec/list/-", "value": 2 }]);
        let before = Some(json!({ "list": [1], "b": 1 }));
        let patch = serde_json::from_value(patch).unwrap();
        let step = step(Edit::Patch(patch), before, Some(json!({ "list": [1, 2], "b": 1 })));
        check(&step, Some(json!({ "list": [1, 2], "b": 9 })), "written");
        check(&step, Some(json!({ "list": [1], "b": 9 })), "untouched");
        check(&step, Some(json!({ "list": [1, 3] })), "changed");
    }

    #[test]
    fn what_is_created_or_deleted() {
        let wanted = json!({ "host": "cart", "subsets": [{ "name": "v1" }] });
        let create = step(Edit::Create(json!({ "spec": wanted })), None, Some(wanted));
        check(&create, None, "untouched");
        let defaulted = json!({ "host": "cart", "subsets": [{ "name": "v1", "labels": {} }] });
        check(&create, Some(defaulted), "written");
        check(&create, Some(json!({ "host": "cart", "subsets": [] })), "changed");
        let delete = |uid: &str| Edit::Delete { uid: uid.into(), resource_version: None };
        check(&step(delete("u"), Some(json!({})), None), Some(json!({})), "untouched");
        check(&step(delete("u"), Some(json!({})), None), None, "written");
        check(&step(delete("another"), Some(json!({})), None), Some(json!({})), "written");
        // It waits for a finalizer, and the server has taken the deletion.
        let leaving = json!({ "metadata": { "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        let standing = Standing::of(&step(delete("u"), Some(json!({})), None), Some(&leaving.into()));
        assert!(matches!(standing, Standing::Written(Stored { after: None, .. })), "{standing:?}");
    }

    #[track_caller]
    fn check_meta(step: &Step, meta: Value, expect: &str) {
        let now: Object = json!({ "metadata": meta, "spec": {} }).into();
        let told = match Standing::of(step, Some(&now)) {
            Standing::Written(_) => "written",
            Standing::Untouched => "untouched",
            Standing::Changed(_) => "changed",
        };
        assert_eq!(told, expect);
    }

    fn meta_step(patch: Value, before: Value, after: Value) -> Step {
        let of = |meta: Value| Some(json!({ "metadata": meta, "spec": {} }).into());
        let edit = Edit::Patch(serde_json::from_value(patch).unwrap());
        Step { before: of(before), after: of(after), ..step(edit, None, None) }
    }

    /// That nothing stands where a block was is no guard of its way back.
    #[test]
    fn a_block_that_was_taken_away() {
        let labels = json!({ "app": "cart" });
        let patch = json!([{ "op": "test", "path": "/metadata/labels", "value": labels },
            { "op": "remove", "path": "/metadata/labels" }]);
        let before = json!({ "resourceVersion": "7", "labels": labels });
        let step = meta_step(patch, before.clone(), json!({ "resourceVersion": "7" }));
        check_meta(&step, before, "untouched");
        check_meta(
            &step,
            json!({ "resourceVersion": "8", "labels": labels, "annotations": { "a": "b" } }),
            "untouched",
        );
        check_meta(&step, json!({ "resourceVersion": "8" }), "written");
        check_meta(&step, json!({ "resourceVersion": "9", "annotations": { "a": "b" } }), "written");
        check_meta(&step, json!({ "resourceVersion": "9", "labels": { "team": "shop" } }), "changed");
    }

    #[test]
    fn what_is_written_elsewhere_than_in_the_parts() {
        let patch = json!([{ "op": "test", "path": "/metadata/resourceVersion", "value": "7" },
            { "op": "add", "path": "/metadata/finalizers", "value": ["a"] }]);
        let (before, after) =
            (json!({ "resourceVersion": "7" }), json!({ "resourceVersion": "7", "finalizers": ["a"] }));
        let step = meta_step(patch, before.clone(), after);
        check_meta(&step, before, "untouched");
        check_meta(&step, json!({ "resourceVersion": "8", "finalizers": ["a"] }), "written");
        check_meta(&step, json!({ "resourceVersion": "8" }), "changed");
    }
}
