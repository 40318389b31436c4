//! Drafts as they are kept for the next run: texts that the user wrote and has not pushed, of Istio's own
//! kinds only.

use super::draft::Draft;
use mesh::{Mesh, Ref};
use serde::{Deserialize, Serialize};

/// One draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDraft {
    /// The connection that it is for.
    pub(super) context: String,
    group: String,
    kind: String,
    namespace: String,
    name: String,
    /// Of the object that it changes; "" of one that is new. Under the same name another cluster has another.
    uid: String,
    base: String,
    text: String,
    deletes: bool,
}

/// What a kept draft is by now.
pub(super) enum Again {
    /// It goes on.
    Draft(Ref, Box<Draft>),
    /// What it is for was not read yet.
    NotYet,
    /// What it was for is there no more.
    Gone,
}

impl KeptDraft {
    /// A draft of this connection, if it wants anything.
    pub(super) fn of(context: &str, draft: &Draft) -> Option<Self> {
        let text = |text: &str| text.to_owned();
        draft.differs().then(|| Self {
            context: text(context),
            group: text(draft.at.kind.group),
            kind: text(draft.at.kind.kind),
            namespace: text(&draft.at.namespace),
            name: text(&draft.at.name),
            uid: draft.uid(),
            base: text(draft.before()),
            text: draft.text.clone(),
            deletes: draft.deletes,
        })
    }

    /// The draft again, on what the cluster has now.
    pub(super) fn again(&self, mesh: &Mesh, ready: bool) -> Again {
        let Some(kind) = mesh::kinds::kind(&self.group, &self.kind).filter(|kind| kind.editable) else {
            return Again::Gone;
        };
        let at = Ref::new(kind, &self.namespace, &self.name);
        let now = mesh.objects().get(&at);
        match now {
            _ if self.uid.is_empty() && ready => {
                let draft = Draft::new(at.clone(), self.text.clone());
                Again::Draft(at, Box::new(draft))
            }
            Some(now) if now.0.pointer("/metadata/uid").is_some_and(|uid| *uid == *self.uid) => {
                let draft = Draft::again(&at, now, &self.base, &self.text, self.deletes);
                Again::Draft(at, Box::new(draft))
            }
            None if !ready => Again::NotYet,
            _ if self.uid.is_empty() => Again::NotYet,
            _ => Again::Gone,
        }
    }
}
