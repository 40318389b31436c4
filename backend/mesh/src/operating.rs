//! Changes of what is not Istio's: labels of namespaces, templates and numbers of pods, pods. They may do only
//! what the row of their kind names, and only that is written, looked at, taken back or kept: a Deployment may
//! hold secrets in other places.

use crate::change::{Change, Edit, Step};
use istio::kinds::{Operates, RESTARTED_AT};
use istio::{Object, Problem};
use json_patch::{Patch, PatchOperation};
use serde_json::{Map, Value, json};

/// Why a deleted pod is not made again.
const POD_GONE: &str = "A deleted pod does not come back: what made it makes another one";
/// Why a restart is not taken back.
const RESTARTED: &str = "A restart cannot be taken back: its pods were replaced";

impl Step {
    /// Whether it changes a workload, its pods or its namespace, and nothing of Istio's.
    pub fn is_of_workload(&self) -> bool {
        self.at.kind.operates.is_some()
    }

    /// Whether this program may do it at all.
    pub fn is_ours(&self) -> bool {
        let Some(operates) = self.at.kind.operates else { return self.at.kind.editable };
        match &self.edit {
            Edit::Create(_) => false,
            Edit::Delete { .. } => operates.deletes,
            Edit::Patch(patch) => patch.0.iter().all(|operation| match operation {
                PatchOperation::Test(_) => true,
                PatchOperation::Add(add) => within(operates, add.path.as_str(), &add.value),
                PatchOperation::Replace(replace) => {
                    let path = replace.path.as_str();
                    let nothing = at(self.before.as_ref(), path).is_some_and(Value::is_null);
                    operates.writes.contains(&path) || nothing && within(operates, path, &replace.value)
                }
                PatchOperation::Remove(remove) => operates.writes.contains(&remove.path.as_str()),
                PatchOperation::Move(_) | PatchOperation::Copy(_) => false,
            }),
        }
    }

    /// Why it cannot be taken back, if it cannot.
    pub fn lasts(&self) -> Option<&'static str> {
        let operates = self.at.kind.operates?;
        match &self.edit {
            Edit::Delete { .. } => Some(POD_GONE),
            Edit::Create(_) => None,
            Edit::Patch(_) => {
                let mut others = operates.writes.iter().filter(|place| **place != RESTARTED_AT);
                others
                    .all(|place| at(self.before.as_ref(), place) == at(self.after.as_ref(), place))
                    .then_some(RESTARTED)
            }
        }
    }
}

impl Change {
    /// Whether it changes workloads, pods or namespaces, alone or with Istio's objects.
    pub fn is_of_workloads(&self) -> bool {
        self.steps.iter().any(Step::is_of_workload)
    }

    /// Why nothing of it can be taken back, if nothing can.
    pub fn lasts(&self) -> Option<&'static str> {
        let all: Option<Vec<&str>> = self.steps.iter().map(Step::lasts).collect();
        all?.first().copied()
    }
}

/// Why there is nothing to take back of a step.
pub(crate) fn lasting(step: &Step) -> Problem {
    Problem::new(
        format!("{} cannot be put back", step.at),
        step.lasts().unwrap_or(RESTARTED),
        "Nothing: it is done",
    )
}

/// Whether a value that is put at a place says something in allowed places only.
fn within(operates: Operates, path: &str, value: &Value) -> bool {
    let inner = |(key, value): (&String, &Value)| {
        within(operates, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), value)
    };
    operates.writes.contains(&path)
        || value.as_object().is_some_and(|fields| !fields.is_empty() && fields.iter().all(inner))
}

fn at<'a>(object: Option<&'a Object>, place: &str) -> Option<&'a Value> {
    object?.0.pointer(place)
}

/// The version of an object as a whole.
pub(crate) const VERSION: &str = "/metadata/resourceVersion";

/// What an object's version is told by: its spec's, which its status does not move, where the kind has one.
pub(crate) fn version(object: &Value) -> &'static str {
    let generation = object.pointer("/metadata/generation");
    if generation.is_some() { "/metadata/generation" } else { VERSION }
}

/// What turns the allowed places of `now` into those of `then`, but for a restart. Nothing else is touched.
pub(crate) fn back(operates: Operates, now: &Value, then: &Value) -> Option<Patch> {
    let (mut guards, mut edits) = (Vec::new(), Vec::new());
    for place in operates.writes.iter().filter(|place| **place != RESTARTED_AT) {
        let (old, new) = (now.pointer(place), then.pointer(place));
        let guard = |path: &str| json!({ "op": "test", "path": path, "value": now.pointer(path) });
        match (old, new) {
            (old, new) if old == new => {}
            (Some(_), Some(new)) => {
                guards.push(guard(place));
                edits.push(json!({ "op": "replace", "path": place, "value": new }));
            }
            (Some(_), None) => {
                guards.push(guard(place));
                edits.push(json!({ "op": "remove", "path": place }));
            }
            (None, new) => {
                // That nothing stands there cannot be tested: that nothing was written since can.
                guards.push(guard(version(now)));
                edits.push(json!({ "op": "add", "path": place, "value": new }));
            }
        }
    }
    serde_json::from_value(guards.into_iter().chain(edits).collect()).ok()
}

/// Whether what a step has done is still so.
pub(crate) fn stands(step: &Step, operates: Operates, now: Option<&Object>) -> bool {
    match (&step.edit, now) {
        // Another pod may have its name by then.
        (Edit::Delete { .. }, now) => step.is_gone(now),
        (_, None) => false,
        (_, Some(now)) => operates.writes.iter().all(|place| {
            let after = at(step.after.as_ref(), place);
            at(step.before.as_ref(), place) == after || now.0.pointer(place) == after
        }),
    }
}

/// The allowed places of an object with what they stand in, and nothing else of it.
pub(crate) fn kept(operates: Operates, object: &Object) -> Map<String, Value> {
    let mut kept = Value::Object(Map::new());
    for (above, place) in operates.writes.iter().filter_map(|place| Some((place.rsplit_once('/')?.0, place)))
    {
        if object.0.pointer(above).is_none_or(|above| !above.is_object()) {
            continue;
        }
        // What a place stands in is kept, so that it can be put back there.
        let mut here = &mut kept;
        for key in above.split('/').skip(1) {
            here = &mut here[key];
            if here.is_null() {
                *here = Value::Object(Map::new());
            }
        }
        if let (Some(value), Some(key)) = (object.0.pointer(place), place.rsplit('/').next()) {
            here[key.replace("~1", "/").replace("~0", "~")] = value.clone();
        }
    }
    match kept {
        Value::Object(kept) => kept,
        _ => Map::new(),
    }
}

#[cfg(test)]
#[path = "operating_tests.rs"]
mod tests;
