//! Whether what a step has written still stands in an object, whatever else others have written there.
//! Elements of a list are known by what tells them apart, so that a rule that came in before ours does not
//! hide it.

use crate::change::{Edit, Step};
use crate::operating;
use istio::Object;
use serde_json::{Map, Value};

/// What tells an element of a list from its neighbours.
const IDENTITY: [&str; 4] = ["name", "match", "destination", "port"];

/// Whether what a step has done is still so, in the object as it is now.
pub fn stands(step: &Step, now: Option<&Object>) -> bool {
    if let Some(operates) = step.at.kind.operates {
        return operating::stands(step, operates, now);
    }
    match (&step.edit, now) {
        // Another one of its name is something else that was written in its place.
        (Edit::Delete { .. }, now) => step.is_gone(now) && !now.is_some_and(|now| step.is_another(now)),
        (Edit::Create(_) | Edit::Patch(_), None) => false,
        (Edit::Create(_) | Edit::Patch(_), Some(now)) => {
            let spec = |object: &Option<Object>| {
                object.as_ref().map_or_else(|| Map::new().into(), |object| keyed(object.spec()))
            };
            let settings = |object: &Object| -> Value { object.settings().into_iter().collect() };
            let set = |object: &Option<Object>| object.as_ref().map_or_else(|| Map::new().into(), settings);
            still(&spec(&step.before), &spec(&step.after), &keyed(now.spec()))
                && still(&set(&step.before), &set(&step.after), &settings(now))
        }
    }
}

/// Whether `now` has all that makes `after` differ from `before`.
fn still(before: &Value, after: &Value, now: &Value) -> bool {
    let (Value::Object(was), Value::Object(made)) = (before, after) else {
        return before == after || covers(now, after);
    };
    let Value::Object(now) = now else { return before == after };
    let gone = was.keys().filter(|key| !made.contains_key(*key)).all(|key| !now.contains_key(key));
    gone && made.iter().all(|(key, made)| match (was.get(key), now.get(key)) {
        (Some(was), _) if was == made => true,
        (Some(was), Some(now)) => still(was, made, now),
        (None, Some(now)) => covers(now, made),
        (_, None) => false,
    })
}

/// Whether a value has all of what is wanted; a server may add defaults.
fn covers(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| value.get(key).is_some_and(|value| covers(value, wanted)))
        }
        (value, wanted) => value == wanted,
    }
}

/// Lists of objects as objects, by what tells their elements apart.
fn keyed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), keyed(value))).collect(),
        Value::Array(list) if list.iter().all(Value::is_object) => {
            let mut all = Map::new();
            for one in list {
                let told: Vec<&Value> =
                    IDENTITY.iter().map(|key| one.get(key).unwrap_or(&Value::Null)).collect();
                let key = |nth: usize| format!("{nth} {}", serde_json::to_string(&told).unwrap_or_default());
                let nth = (0..).find(|nth| !all.contains_key(&key(*nth))).unwrap_or_default();
                all.insert(key(nth), keyed(one));
            }
            all.into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{FaultSpec, HeaderIs, Status, fault, rules, split};
    use crate::split::Split;
    use crate::{Mesh, demo};
    use serde_json::json;

    fn moved(mesh: &Mesh, shares: [u32; 3]) -> Step {
        let rule = rules(mesh, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().at;
        let shares = Split::new(["v1", "v2", "v3"].into_iter().zip(shares)).unwrap();
        split(mesh, &rule, &shares).unwrap().steps.pop().unwrap()
    }

    #[test]
    fn weights_stand_until_others_are_written() {
        let mesh = demo::bookinfo();
        let step = moved(&mesh, [10, 10, 80]);
        let made = step.after.clone().unwrap();
        assert!(stands(&step, Some(&made)));
        assert!(!stands(&step, step.before.as_ref()) && !stands(&step, None));
        assert!(!stands(&step, moved(&mesh, [10, 20, 70]).after.as_ref()));
        // Another field of the same rule, and a rule before it, are nothing of it.
        let mut other = (*made.0).clone();
        other["spec"]["http"][1]["timeout"] = "3s".into();
        let mut objects = demo::bookinfo_objects();
        objects.insert(step.at.clone(), other.into());
        let mesh = Mesh::read(objects, None);
        let rule = rules(&mesh, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().at;
        let header = HeaderIs { name: "team".into(), value: "books".into() };
        let abort = FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) };
        let before_it = fault(&mesh, &rule, Some(&header), abort).unwrap().steps.pop().unwrap();
        assert!(stands(&step, before_it.after.as_ref()));
        let mut gone = (*made.0).clone();
        gone["spec"]["http"].as_array_mut().unwrap().pop();
        assert!(!stands(&step, Some(&gone.into())));
    }

    #[test]
    fn what_is_made_or_deleted() {
        let object = |spec: Value| -> Object { json!({ "spec": spec }).into() };
        let mesh = demo::bookinfo();
        let wanted = json!({ "host": "cart", "trafficPolicy": { "tls": { "mode": "DISABLE" } } });
        let after = Some(object(wanted.clone()));
        let create = Step { edit: Edit::Create(wanted), before: None, after, ..moved(&mesh, [1, 1, 98]) };
        let more =
            json!({ "host": "cart", "trafficPolicy": { "tls": { "mode": "DISABLE" }, "x": 1 }, "y": 2 });
        assert!(stands(&create, Some(&object(more))));
        let other = json!({ "host": "cart", "trafficPolicy": { "tls": { "mode": "SIMPLE" } } });
        assert!(!stands(&create, Some(&object(other))) && !stands(&create, None));
        let edit = Edit::Delete { uid: "u".into(), resource_version: None };
        let delete = Step { edit, after: None, ..create };
        assert!(stands(&delete, None) && !stands(&delete, Some(&object(json!({})))));
        let named = |meta: Value| -> Object { json!({ "metadata": meta, "spec": {} }).into() };
        let leaving = |uid: &str| named(json!({ "uid": uid, "deletionTimestamp": "2026-01-01T00:00:00Z" }));
        assert!(stands(&delete, Some(&leaving("u"))), "a finalizer is waited for");
        assert!(
            !stands(&delete, Some(&leaving("v"))) && !stands(&delete, Some(&named(json!({ "uid": "v" }))))
        );
    }
}
