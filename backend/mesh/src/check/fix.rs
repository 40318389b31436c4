//! Ways to mend what was found: fields that are set or taken away, or an object that is deleted.

use super::files::pointer;
use crate::spelling::distance;
use serde_json::Value;

/// A way to mend one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What it does: "Send calls to subset v3".
    pub says: String,
    deed: Deed,
}

#[derive(Clone, Debug, PartialEq)]
enum Deed {
    /// Places, and what is to stand there; `None` takes it away.
    Edit(Vec<(String, Option<Value>)>),
    Delete,
}

impl Fix {
    /// Writes a value: `spec.http[0].timeout`.
    pub(super) fn set(says: impl Into<String>, path: &str, value: impl Into<Value>) -> Self {
        Self { says: says.into(), deed: Deed::Edit(vec![(pointer(path), Some(value.into()))]) }
    }

    /// Takes a field away.
    pub(super) fn remove(says: impl Into<String>, path: &str) -> Self {
        Self { says: says.into(), deed: Deed::Edit(vec![(pointer(path), None)]) }
    }

    /// Deletes the object.
    pub(super) fn delete(says: impl Into<String>) -> Self {
        Self { says: says.into(), deed: Deed::Delete }
    }

    /// Writes one more value.
    #[must_use]
    pub(super) fn and(mut self, path: &str, value: impl Into<Value>) -> Self {
        if let Deed::Edit(places) = &mut self.deed {
            places.push((pointer(path), Some(value.into())));
        }
        self
    }

    /// Whether it deletes the object.
    pub fn deletes(&self) -> bool {
        self.deed == Deed::Delete
    }

    /// The object as it is when it is mended; `None` where it has another shape by now, or is deleted.
    pub fn on(&self, object: &Value) -> Option<Value> {
        let Deed::Edit(places) = &self.deed else { return None };
        let mut object = object.clone();
        for (place, value) in places {
            write(&mut object, place, value.as_ref())?;
        }
        Some(object)
    }
}

fn write(object: &mut Value, place: &str, value: Option<&Value>) -> Option<()> {
    let (parent, key) = place.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match (object.pointer_mut(parent)?, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(key, value.clone())),
        (Value::Object(fields), None) => drop(fields.shift_remove(&key)?),
        (Value::Array(list), Some(value)) => *list.get_mut(key.parse::<usize>().ok()?)? = value.clone(),
        (Value::Array(list), None) => {
            let index = key.parse::<usize>().ok().filter(|index| *index < list.len())?;
            list.remove(index);
        }
        _ => return None,
    }
    Some(())
}

/// The one of these names that somebody will have meant who wrote another one.
pub(super) fn meant<'n>(name: &str, among: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = 1 + name.chars().count() / 4;
    let mut near: Vec<(usize, &str)> = among.into_iter().map(|one| (distance(name, one), one)).collect();
    near.sort_unstable();
    near.dedup();
    match near[..] {
        [(0, _), ..] => None,
        // Two that are as near: nobody can tell.
        [(first, _), (second, _), ..] if first == second => None,
        [(first, one), ..] if first <= most => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_meant() {
        for (name, among, expect) in [
            ("v4", &["v1", "v2"][..], None),
            ("v2x", &["v1", "v2"], Some("v2")),
            ("reveiws", &["reviews", "ratings", "details"], Some("reviews")),
            ("cart", &["reviews"], None),
            ("blue", &["blue"], None),
            ("stable", &["stabel", "canary"], Some("stabel")),
        ] {
            assert_eq!(meant(name, among.iter().copied()), expect, "{name}");
        }
    }

    #[test]
    fn fields_are_set_and_taken_away() {
        let object = json!({ "spec": { "http": [{ "timeout": "1s", "fault": {} }], "a.b/c": 1 } });
        let fix = Fix::set("", "spec.http[0].timeout", "2s").and("spec.host", "x");
        assert_eq!(
            fix.on(&object),
            Some(json!({ "spec": { "http": [{ "timeout": "2s", "fault": {} }], "a.b/c": 1, "host": "x" } }))
        );
        assert_eq!(
            Fix::remove("", "spec.http[0].fault").on(&object),
            Some(json!({ "spec": { "http": [{ "timeout": "1s" }], "a.b/c": 1 } }))
        );
        assert_eq!(Fix::remove("", "spec[\"a.b/c\"]").on(&object).unwrap()["spec"].get("a.b/c"), None);
        assert_eq!(Fix::remove("", "spec.http[1].fault").on(&object), None, "it has another shape");
        assert_eq!(Fix::delete("").on(&object), None);
        assert!(Fix::delete("").deletes());
    }
}
