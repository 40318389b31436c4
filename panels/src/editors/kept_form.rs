//! Drafts of editors as they are kept for the next run: what was seen and what is wanted, of Istio's own kinds
//! only.

use crate::held::{DraftOf, Why};
use crate::selection::Selected;
use crate::whose::Whose;
use mesh::Kind;
use mesh::graph::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The drafts of one editor on one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptForm {
    /// The cluster that they are for.
    #[serde(flatten)]
    pub(super) whose: Whose,
    /// The editor's name.
    pub(super) editor: String,
    /// What it was opened on.
    pub(super) place: Place,
    /// Its drafts.
    pub(super) rows: Vec<KeptRow>,
}

impl KeptForm {
    /// "Fault of reviews: all calls".
    pub(super) fn name(&self, row: &KeptRow) -> String {
        format!("{} of {}: {}", self.editor, self.place.name(), row.words.trim_end_matches('…'))
    }

    /// What names one of them as long as it does not go on.
    pub(super) fn draft(&self, row: &KeptRow) -> DraftOf {
        DraftOf::Kept(self.whose.clone(), format!("{} of {:?}: {}", self.editor, self.place, row.words))
    }
}

/// Drafts that wait: of other clusters, or of what was not found yet.
pub(super) struct Waiting {
    pub(super) form: KeptForm,
    /// Why each of them does, where that is to be told.
    pub(super) why: Vec<Why>,
}

impl From<KeptForm> for Waiting {
    fn from(form: KeptForm) -> Self {
        Self { form, why: Vec::new() }
    }
}

/// The draft of one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRow {
    /// In which words it is chosen.
    pub(super) words: String,
    /// The object that says it.
    pub(super) object: String,
    /// What the user saw.
    pub(super) base: Value,
    /// What the user wants.
    pub(super) wanted: Value,
    /// Whether it is the one that is shown.
    pub(super) shown: bool,
}

/// A thing that can be selected, on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Place {
    /// A service: namespace and name.
    Service(String, String),
    /// A workload: namespace and name.
    Workload(String, String),
    /// An app, or one version of it: namespace, app, version.
    App(String, String, Option<String>),
    /// A host outside the mesh.
    Host(String),
}

impl Place {
    /// What is selected, or the called end of it; `None` where it cannot be found again.
    pub(super) fn of(selected: &Selected) -> Option<Self> {
        Some(match selected {
            Selected::Service(namespace, name) => Self::Service(namespace.clone(), name.clone()),
            Selected::Workload(namespace, name) => Self::Workload(namespace.clone(), name.clone()),
            Selected::App(namespace, app, version) => {
                Self::App(namespace.clone(), app.clone(), version.clone())
            }
            Selected::Node(NodeId::External(host)) => Self::Host(host.to_string()),
            Selected::Edge(_, node) => return Self::of(&Selected::from(node)),
            Selected::Node(_) | Selected::Object(_) => return None,
        })
    }

    /// What to select.
    pub(super) fn selected(&self) -> Selected {
        match self.clone() {
            Self::Service(namespace, name) => Selected::Service(namespace, name),
            Self::Workload(namespace, name) => Selected::Workload(namespace, name),
            Self::App(namespace, app, version) => Selected::App(namespace, app, version),
            Self::Host(host) => Selected::Node(NodeId::External(host.into())),
        }
    }

    /// "reviews".
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Service(_, name) | Self::Workload(_, name) | Self::App(_, name, _) | Self::Host(name) => {
                name
            }
        }
    }
}

/// Whether drafts of what an editor writes may stand on disk: Istio's own kinds and the Gateway API's.
pub(super) fn may_be_kept(kinds: &[&'static Kind]) -> bool {
    kinds.iter().all(|kind| kind.group.ends_with("istio.io") || kind.group == "gateway.networking.k8s.io")
}
