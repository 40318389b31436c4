//! One object under edit: what the user saw of it, what becomes of it, and the guarded JSON patch between the
//! two.
//!
//! Guards (`test` operations) state what the user saw. They stand before all edits, so they speak of the
//! object as it was; edits speak of it as the edits before them have left it.

use super::Stop;
use crate::change::{Edit, Step};
use crate::operating;
use istio::object::LAST_APPLIED;
use istio::{Kind, Object, Ref};
use serde_json::{Map, Value, json};

/// An object that a plan touches.
pub(super) struct Work {
    pub(super) at: Ref,
    pub(super) api_version: String,
    before: Option<Object>,
    now: Option<Value>,
    /// What should be known when it is written.
    pub(super) warnings: Vec<String>,
    /// What it is as long as nobody says anything in it: then it is not made.
    scaffold: Option<Value>,
    guards: Vec<(String, Value)>,
    edits: Vec<Op>,
    /// Rows of lists that came or went, in order: by them a place is found in the object as the user saw it.
    shifts: Vec<Shift>,
    /// How many edits there were when a row came or went last.
    shifted: usize,
    /// Rows that come to be when something is said in them: where, in which list, the row.
    expected: Vec<(String, String, Value)>,
    /// Something could not be put where it belongs: the object has another shape than what it was made for.
    misshapen: bool,
}

const ANNOTATIONS: &str = "/metadata/annotations";

#[derive(Clone, Debug)]
enum Op {
    Add(String, Value),
    Replace(String, Value),
    Remove(String),
}

#[derive(Clone, Debug)]
enum Shift {
    Came(String, usize),
    Went(String, usize),
}

impl Work {
    /// An object that is there.
    pub(super) fn on(at: Ref, api_version: String, before: Object) -> Self {
        let now = Some((*before.0).clone());
        Self::new(at, api_version, Some(before), now)
    }

    /// An object that is made; a mere scaffold only when something is said in it.
    pub(super) fn fresh(at: Ref, api_version: String, spec: Value, scaffold: bool) -> Self {
        let scaffold = scaffold.then(|| spec.clone());
        let object = json!({
            "apiVersion": api_version,
            "kind": at.kind.kind,
            "metadata": { "name": &*at.name, "namespace": &*at.namespace },
            "spec": spec,
        });
        Self { scaffold, ..Self::new(at, api_version, None, Some(object)) }
    }

    /// An object that is made as it stands in a document.
    pub(super) fn whole(at: Ref, api_version: String, object: Value) -> Self {
        Self::new(at, api_version, None, Some(object))
    }

    fn new(at: Ref, api_version: String, before: Option<Object>, now: Option<Value>) -> Self {
        Self {
            at,
            api_version,
            before,
            now,
            warnings: Vec::new(),
            scaffold: None,
            guards: Vec::new(),
            edits: Vec::new(),
            shifts: Vec::new(),
            shifted: 0,
            expected: Vec::new(),
            misshapen: false,
        }
    }

    /// Whether it is this scaffold, whatever has been said in it.
    pub(super) fn is_scaffold(&self, kind: &Kind, namespace: &str, spec: &Value) -> bool {
        self.at.kind == kind && *self.at.namespace == *namespace && self.scaffold.as_ref() == Some(spec)
    }

    /// Deletes the object.
    pub(super) fn delete(&mut self) {
        self.now = None;
    }

    /// The object as it will be.
    pub(super) fn now(&self) -> Option<Object> {
        self.now.clone().map(Object::from)
    }

    /// What stands at a path now.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        self.now.as_ref()?.pointer(path)
    }

    /// The user saw what stands at this path: the change is refused where it is another by now.
    pub(super) fn saw(&mut self, path: &str) {
        // kubectl's note has the whole object in it, as somebody once applied it: no guard carries it about.
        let noted = path == ANNOTATIONS
            && self.before.as_ref().is_some_and(|it| it.annotation(LAST_APPLIED).is_some());
        let Some(then) = self.then(if noted { operating::VERSION } else { path }) else { return };
        let Some(value) = self.before.as_ref().and_then(|object| object.0.pointer(&then)) else { return };
        let guard = (then, value.clone());
        if !self.guards.contains(&guard) {
            self.guards.push(guard);
        }
    }

    /// Puts a value at a path; objects that are missing on the way are made.
    pub(super) fn set(&mut self, path: &str, value: Value) {
        self.meet(path);
        self.misshapen |= self.put(path, value).is_none();
    }

    fn put(&mut self, path: &str, value: Value) -> Option<()> {
        let now = self.now.as_ref()?;
        if now.pointer(path).is_some() {
            self.saw(path);
            self.edit(Op::Replace(path.to_owned(), value));
            return Some(());
        }
        // The deepest place that is there, and all that is missing below it as one value.
        let (mut parent, mut value, mut path) = (path, value, path.to_owned());
        while let Some((above, key)) = parent.rsplit_once('/') {
            match now.pointer(above) {
                Some(Value::Object(_)) => {
                    // Not the whole object: its status and resourceVersion change all the time. Nor all of
                    // its metadata: who wrote what is not kept here. Of what is not Istio's, nothing is said
                    // but what is written.
                    let version = operating::version(now);
                    self.saw(match above {
                        _ if self.at.kind.operates.is_some() => version,
                        "" => "/metadata/uid",
                        "/metadata" => operating::VERSION,
                        above => above,
                    });
                    self.edit(Op::Add(path, value));
                    return Some(());
                }
                Some(Value::Null) => {
                    let value = Value::Object(Map::from_iter([(unescape(key), value)]));
                    self.saw(above);
                    self.edit(Op::Replace(above.to_owned(), value));
                    return Some(());
                }
                Some(_) => return None,
                None => value = Value::Object(Map::from_iter([(unescape(key), value)])),
            }
            (parent, path) = (above, above.to_owned());
        }
        None
    }

    /// A row comes to be as soon as something is said at this place or below it.
    pub(super) fn expect(&mut self, at: String, list: String, row: Value) {
        if !self.expected.iter().any(|(known, ..)| *known == at) {
            self.expected.push((at, list, row));
        }
    }

    fn meet(&mut self, path: &str) {
        let Some(met) = self.expected.iter().position(|(at, ..)| under(path, at)) else { return };
        let (at, list, row) = self.expected.remove(met);
        if self.get(&list).is_some_and(Value::is_array) {
            self.saw(&list);
            self.insert(&at, row);
        } else {
            self.set(&list, Value::Array(vec![row]));
        }
    }

    /// Takes away what stands at a path, and what becomes empty above it by that, down to `floor`. A row of a
    /// list that only says which port it is for says nothing.
    pub(super) fn remove(&mut self, path: &str, floor: &str) {
        let mut path = path;
        while let Some((above, key)) = path.rsplit_once('/')
            && above.len() > floor.len()
            && self.get(above).is_some_and(|above| only(above, key))
        {
            path = above;
        }
        if self.get(path).is_some() {
            self.saw(path);
            self.shift(path, Shift::Went);
            self.edit(Op::Remove(path.to_owned()));
        }
    }

    /// Puts a row into a list before the one at the end of the path ("…/http/0"), or behind all ("…/http/-").
    pub(super) fn insert(&mut self, path: &str, value: Value) {
        self.shift(path, Shift::Came);
        self.edit(Op::Add(path.to_owned(), value));
    }

    fn shift(&mut self, path: &str, how: fn(String, usize) -> Shift) {
        let Some((list, index)) = path.rsplit_once('/') else { return };
        if let (Some(Value::Array(_)), Ok(index)) = (self.get(list), index.parse()) {
            self.shifts.push(how(list.to_owned(), index));
            self.shifted = self.edits.len();
        }
    }

    fn edit(&mut self, op: Op) {
        if let Some(now) = &mut self.now {
            apply(now, &op);
        }
        // What is put into a value that this plan has made itself becomes a part of it.
        let held = match &op {
            Op::Add(path, value) | Op::Replace(path, value) => {
                self.edits.iter_mut().skip(self.shifted).rev().find_map(|edit| {
                    let (Op::Add(made, whole) | Op::Replace(made, whole)) = edit else { return None };
                    let rest = path.strip_prefix(made.as_str()).filter(|rest| rest.starts_with('/'))?;
                    Some((whole, rest.to_owned(), value.clone()))
                })
            }
            Op::Remove(_) => None,
        };
        match held {
            Some((whole, rest, value)) => apply(whole, &Op::Add(rest, value)),
            None => self.edits.push(op),
        }
    }

    /// Where a place stood when the user saw the object; `None` for what this plan has put there.
    fn then(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for shift in self.shifts.iter().rev() {
            let (Shift::Came(list, at) | Shift::Went(list, at)) = shift;
            let Some(rest) = path.strip_prefix(list.as_str()).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let (index, below) =
                rest.split_once('/').map_or((rest, None), |(index, below)| (index, Some(below)));
            let Ok(index) = index.parse::<usize>() else { continue };
            let index = match shift {
                Shift::Came(..) if index == *at => return None,
                Shift::Came(..) if index > *at => index - 1,
                Shift::Went(..) if index >= *at => index + 1,
                _ => index,
            };
            path = below.map_or_else(|| format!("{list}/{index}"), |below| format!("{list}/{index}/{below}"));
        }
        Some(path)
    }

    /// The step that does all this; `None` when nothing is done.
    ///
    /// # Errors
    /// When some of it cannot be done: the object has another shape by now.
    pub(super) fn step(self) -> Result<Option<Step>, Stop> {
        if self.misshapen {
            return Err(Stop::Gone);
        }
        let edit = match (&self.before, &self.now) {
            (None, None) => return Ok(None),
            (None, Some(_)) if self.scaffold.is_some() && self.edits.is_empty() => return Ok(None),
            (None, Some(now)) => Edit::Create(now.clone()),
            (Some(before), None) => {
                let uid = before.0.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
                let version = before.resource_version();
                // A pod says something new of itself all the time.
                let told = !version.is_empty() && self.at.kind.operates.is_none();
                let resource_version = told.then(|| version.to_owned());
                Edit::Delete { uid: uid.to_owned(), resource_version }
            }
            (Some(_), Some(_)) if self.edits.is_empty() => return Ok(None),
            (Some(_), Some(_)) => Edit::Patch(self.patch().ok_or(Stop::Gone)?),
        };
        let after = self.now.map(Object::from);
        Ok(Some(Step { at: self.at, api_version: self.api_version, edit, before: self.before, after }))
    }

    fn patch(&self) -> Option<json_patch::Patch> {
        // What a guard says of a whole needs no saying of its parts.
        let needed = |(index, (path, _)): &(usize, &(String, Value))| {
            let covers =
                |(number, (other, _)): (usize, &(String, Value))| number != *index && under(path, other);
            !self.guards.iter().enumerate().any(covers)
        };
        let guards = self.guards.iter().enumerate().filter(needed);
        let guards = guards.map(|(_, (path, value))| json!({ "op": "test", "path": path, "value": value }));
        let edits = self.edits.iter().map(|op| match op {
            Op::Add(path, value) => json!({ "op": "add", "path": path, "value": value }),
            Op::Replace(path, value) => json!({ "op": "replace", "path": path, "value": value }),
            Op::Remove(path) => json!({ "op": "remove", "path": path }),
        });
        serde_json::from_value(guards.chain(edits).collect()).ok()
    }
}

/// Whether something says nothing else than what stands under this key.
fn only(whole: &Value, key: &str) -> bool {
    match whole {
        Value::Object(fields) => fields.keys().all(|other| other == key || other == "port"),
        Value::Array(rows) => rows.len() == 1,
        _ => false,
    }
}

/// Whether a path is another, or leads further down from it.
fn under(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same as the JSON patch operation does. Paths are known to fit.
fn apply(whole: &mut Value, op: &Op) {
    match op {
        Op::Replace(path, value) => {
            if let Some(place) = whole.pointer_mut(path) {
                place.clone_from(value);
            }
        }
        Op::Add(path, value) => {
            let Some((above, key)) = path.rsplit_once('/') else { return };
            match whole.pointer_mut(above) {
                Some(Value::Object(fields)) => drop(fields.insert(unescape(key), value.clone())),
                Some(Value::Array(list)) => {
                    let index = key.parse().unwrap_or(list.len()).min(list.len());
                    list.insert(index, value.clone());
                }
                _ => {}
            }
        }
        Op::Remove(path) => {
            let Some((above, key)) = path.rsplit_once('/') else { return };
            match whole.pointer_mut(above) {
                // In order: what stays must stay where it is.
                Some(Value::Object(fields)) => drop(fields.shift_remove(&unescape(key))),
                Some(Value::Array(list)) => {
                    if let Some(index) = key.parse().ok().filter(|index| *index < list.len()) {
                        list.remove(index);
                    }
                }
                _ => {}
            }
        }
    }
}

/// A key of a path as it stands in the object.
pub(super) fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}
