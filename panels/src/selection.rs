//! What is selected, and the way back to what was selected before.

use mesh::Ref;
use serde::{Deserialize, Serialize};

/// A thing that can be selected.
#[derive(Clone, Debug, PartialEq)]
pub enum Selected {
    /// A service: (namespace, name).
    Service(String, String),
    /// A workload: (namespace, name).
    Workload(String, String),
    /// An app and perhaps one version of it: (namespace, app, version).
    App(String, String, Option<String>),
    /// An edge of the graph: ids of its nodes.
    Edge(String, String),
    /// A node of the graph that stands for none of these (outside, unknown): its id.
    Node(String),
    /// An object.
    Object(Ref),
}

/// The selection and its history.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    back: Vec<Option<Selected>>,
    now: Option<Selected>,
}

impl Selection {
    /// What is selected.
    pub fn now(&self) -> Option<&Selected> {
        self.now.as_ref()
    }
    /// Selects something (or nothing) and remembers what was selected before.
    pub fn set(&mut self, selected: Option<Selected>) {
        if self.now != selected {
            self.back.push(self.now.take());
            self.now = selected;
        }
    }
    /// Goes back to what was selected before.
    pub fn back(&mut self) {
        if let Some(before) = self.back.pop() {
            self.now = before;
        }
    }
}

/// Panels that can be opened; one row of [`crate::PANELS`] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PanelId {
    /// The service graph.
    Graph,
    /// Traces.
    Traces,
    /// The ledger of changes.
    Changes,
}
