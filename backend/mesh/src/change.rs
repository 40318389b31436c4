//! A change: the smallest guarded edit of Istio's resources, its inverse, and what shows that it is in force.

use crate::evidence::Evidence;
use crate::stored::Stored;
use crate::{Mesh, Objects};
use istio::{Object, Problem, Ref};
use serde_json::Value;
use std::sync::Arc;

/// What one step does to one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// A JSON patch (RFC 6902) whose `test` operations state what the user saw: compare and swap.
    Patch(json_patch::Patch),
    /// Creates the object; refused when it exists.
    Create(Value),
    /// Deletes the object, if it still has this uid and resourceVersion.
    Delete {
        /// `metadata.uid` of what the user saw.
        uid: String,
        /// `metadata.resourceVersion` of what the user saw; `None` deletes whatever version there is.
        resource_version: Option<String>,
    },
}

/// One object's part of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The object.
    pub at: Ref,
    /// The apiVersion by which the object was read and is written ("networking.istio.io/v1").
    pub api_version: String,
    /// What happens to it.
    pub edit: Edit,
    /// The object as the user saw it; `None` when the step creates it.
    pub before: Option<Object>,
    /// The object as it will be; `None` when the step deletes it.
    pub after: Option<Object>,
}

/// An edit of one or more objects that belong together, in the order in which they are applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// A plain sentence: "v3 of reviews gets 25 % instead of 10 %, v1 75 % instead of 90 % of all other
    /// calls".
    pub title: String,
    /// What is done; DestinationRule subsets come before the VirtualService that uses them.
    pub steps: Vec<Step>,
    /// What shows that it is in force.
    pub evidence: Evidence,
    /// Things that the user should know before pushing ("Argo CD manages this object: it may put it back").
    pub warnings: Vec<String>,
}

impl Step {
    /// Whether it could be done on the object as it is now.
    pub fn fits(&self, now: Option<&Object>) -> bool {
        match (&self.edit, now) {
            (Edit::Create(_), now) => now.is_none(),
            (_, None) => false,
            (Edit::Delete { uid, .. }, Some(now)) => {
                now.0.pointer("/metadata/uid").is_none_or(|own| own == uid.as_str())
            }
            (Edit::Patch(patch), Some(now)) => {
                let same = self.before.as_ref().is_some_and(|before| Arc::ptr_eq(&before.0, &now.0));
                same || json_patch::patch(&mut (*now.0).clone(), patch).is_ok()
            }
        }
    }
}

impl Change {
    /// An object that somebody else has changed, so that this change could not be made on it any more.
    pub fn outdated(&self, mesh: &Mesh) -> Option<&Ref> {
        self.steps.iter().find(|step| !step.fits(mesh.objects().get(&step.at))).map(|step| &step.at)
    }

    /// The objects as they will be when it is done.
    pub fn done(&self, objects: &Objects) -> Objects {
        let mut objects = objects.clone();
        for step in &self.steps {
            match &step.after {
                Some(after) => objects.lay(&step.at, after),
                None => drop(objects.remove(&step.at)),
            }
        }
        objects
    }

    /// The change that puts back as it was what was written, in the opposite order. `stored` is what the
    /// server made of each step, `None` where it was not written; the guards state what was written, so a
    /// later edit by somebody else is not undone.
    pub fn inverse(&self, stored: &[Option<Stored>]) -> Result<Self, Problem> {
        crate::undo::inverse(self, stored)
    }
}
