//! Objects that others have deleted: what is to be taken back of a change creates them again, as far as it
//! is known what they were. The server refuses that where one is there by then.

use crate::Mesh;
use crate::change::{Change, Edit, Step};
use crate::change_id::ChangeId;
use crate::change_set::Turn;
use crate::ledger::Ledger;
use crate::loosens::loosened;
use crate::undo::afresh;
use istio::{Problem, Ref};

/// Where it is known from what an object was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The server has told all of it in this run.
    Whole,
    /// The journal of an earlier run keeps the parts that people write.
    Parts,
}

impl Change {
    /// The same change where objects of it were deleted since: what it would change is created again, as it
    /// would leave it; what it would delete is gone. Where objects cannot be seen, the server judges; so it
    /// does where nobody has `seen` yet what is to be deleted.
    ///
    /// # Errors
    /// When nothing is left to be done.
    pub fn anew(self, mesh: &Mesh, known: Known, seen: bool) -> Result<Self, Problem> {
        let gone = |step: &Step| {
            let told = mesh.unseen(step.at.kind, &step.at.namespace).is_none()
                && (seen || !matches!(step.edit, Edit::Delete { .. }));
            told && step.before.is_some() && !mesh.objects().contains(&step.at)
        };
        if !self.steps.iter().any(gone) {
            return Ok(self);
        }
        let Self { title, steps, mut evidence, mut warnings } = self;
        let mut left = Vec::new();
        for step in steps {
            match (&step.edit, &step.after) {
                (Edit::Patch(_), Some(after)) if gone(&step) => {
                    let object = afresh(after);
                    warnings.push(created_again(&step.at, known));
                    let (edit, after) = (Edit::Create(object.clone()), Some(object.into()));
                    left.push(Step { edit, before: None, after, ..step });
                }
                (Edit::Delete { .. }, _) if gone(&step) => {}
                _ => left.push(step),
            }
        }
        if left.is_empty() {
            let why = "What it wrote is gone: somebody has deleted it since";
            return Err(Problem::new("There is nothing to undo", why, "Look at it in Changes"));
        }
        left.sort_by_key(Turn::of);
        // Of what is not there, proxies hold nothing.
        evidence.was.clear();
        evidence.was_measure = None;
        Ok(Self { title, steps: left, evidence, warnings })
    }
}

impl Ledger {
    /// The change that takes an entry back, on what the mesh has now; `None` where there is no such entry.
    ///
    /// # Errors
    /// When it is not known what to put back, or nothing is left to be done.
    pub fn undo(&self, id: ChangeId, mesh: &Mesh) -> Result<Option<Change>, Problem> {
        let Some(entry) = self.get(id) else { return Ok(None) };
        let known = if entry.run.is_some() { Known::Parts } else { Known::Whole };
        let mut undo = entry.change.inverse(&entry.stored)?.anew(mesh, known, entry.stage.was_seen())?;
        undo.warnings.extend(loosened(&undo.steps));
        Ok(Some(undo))
    }
}

/// What should be known where an object is created again.
pub(crate) fn created_again(at: &Ref, known: Known) -> String {
    let again = format!("{at} was deleted since: it is created again");
    match known {
        Known::Whole => again,
        Known::Parts => format!(
            "{again} from what the journal keeps: labels, annotations and spec. Owner references, finalizers \
             and kubectl's note of what was applied are not in it"
        ),
    }
}

#[cfg(test)]
#[path = "anew_tests.rs"]
mod tests;
