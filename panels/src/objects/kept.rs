//! Drafts as they are kept for the next run: texts that the user wrote and has not pushed, of Istio's own
//! kinds only.

use super::draft::Draft;
use crate::held::{DraftOf, Why};
use crate::whose::{Stands, Whose};
use mesh::{Ref, Scene};
use serde::{Deserialize, Serialize};

/// One draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDraft {
    /// The cluster that it is for.
    #[serde(flatten)]
    whose: Whose,
    group: String,
    kind: String,
    namespace: String,
    name: String,
    /// Of the object that it changes; "" of one that is new.
    uid: String,
    base: String,
    text: String,
    deletes: bool,
}

/// What a kept draft is by now.
pub(super) enum Again {
    /// It goes on.
    Draft(Ref, Box<Draft>),
    /// It waits; why, where that is to be told.
    Waits(Option<Why>),
    /// What it wanted came true.
    Over,
}

impl KeptDraft {
    /// A draft of this cluster, if it wants anything.
    pub(super) fn of(whose: &Whose, draft: &Draft) -> Option<Self> {
        let text = |text: &str| text.to_owned();
        draft.differs().then(|| Self {
            whose: whose.clone(),
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

    /// "VirtualService bookinfo/reviews".
    pub(super) fn of_what(&self) -> String {
        let place = if self.namespace.is_empty() { String::new() } else { format!("{}/", self.namespace) };
        format!("{} {place}{}", self.kind, self.name)
    }

    /// What names it as long as it does not go on.
    pub(super) fn draft(&self) -> DraftOf {
        DraftOf::Kept(self.whose.clone(), format!("YAML of {}", self.of_what()))
    }

    /// The user says that it is of this cluster.
    pub(super) fn take_over(&mut self, whose: &Whose) {
        self.whose = whose.clone();
    }

    /// The draft again, on what the cluster has now.
    pub(super) fn again(&self, scene: &Scene) -> Again {
        let mesh = &scene.mesh;
        let kind = mesh::kinds::kind(&self.group, &self.kind).filter(|kind| kind.editable);
        let at = kind.map(|kind| Ref::new(kind, &self.namespace, &self.name));
        let now = at.as_ref().and_then(|at| mesh.objects().get(at));
        let is_new = self.uid.is_empty();
        let same = |now: &mesh::Object| now.0.pointer("/metadata/uid").is_some_and(|uid| *uid == *self.uid);
        match self.whose.stands(scene) {
            Stands::Here => {}
            Stands::NotNoted if !is_new && now.is_some_and(same) => {}
            Stands::NotNoted if scene.ready() => return Again::Waits(Some(Why::NotNoted)),
            Stands::Another if scene.ready() => return Again::Waits(Some(Why::Another)),
            Stands::NotNoted | Stands::Another | Stands::Elsewhere => return Again::Waits(None),
        }
        let Some(at) = at else { return Again::Waits(Some(Why::Gone { again: false })) };
        let draft = match now {
            Some(now) if !is_new => Draft::again(&at, now, &self.base, &self.text, self.deletes),
            _ if !scene.ready() => return Again::Waits(None),
            _ if is_new => Draft::new(at.clone(), self.text.clone()),
            _ => {
                // Whoever may not look, or not now, does not know that it is gone.
                if let Some(why) = mesh.unseen(at.kind, &at.namespace) {
                    return Again::Waits(Some(Why::Unseen(why.what.clone())));
                }
                if self.deletes {
                    return Again::Over;
                }
                match Draft::of_gone(&at, &self.uid, &self.base, &self.text) {
                    Some(draft) => draft,
                    None => return Again::Waits(Some(Why::Gone { again: false })),
                }
            }
        };
        Again::Draft(at, Box::new(draft))
    }
}
