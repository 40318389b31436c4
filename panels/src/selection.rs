//! What is selected, and the way back to what was selected before.

use mesh::Ref;
use mesh::graph::NodeId;
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
    /// An edge of the graph, by its nodes.
    Edge(NodeId, NodeId),
    /// A node of the graph that stands for none of these: a namespace, outside, unknown.
    Node(NodeId),
    /// An object.
    Object(Ref),
}

impl Selected {
    /// Namespaces that it is in.
    pub fn namespaces(&self) -> Vec<&str> {
        match self {
            Self::Service(namespace, _) | Self::Workload(namespace, _) | Self::App(namespace, ..) => {
                vec![namespace]
            }
            Self::Edge(from, to) => vec![from.namespace(), to.namespace()],
            Self::Node(node) => vec![node.namespace()],
            Self::Object(at) => vec![&at.namespace],
        }
    }
}

impl From<&NodeId> for Selected {
    fn from(node: &NodeId) -> Self {
        match node {
            NodeId::App(id) => Self::App(
                id.namespace.to_string(),
                id.app.to_string(),
                id.version.as_deref().map(str::to_owned),
            ),
            NodeId::Service(id) => Self::Service(id.namespace.to_string(), id.name.to_string()),
            NodeId::Workload(id) => Self::Workload(id.namespace.to_string(), id.name.to_string()),
            NodeId::Namespace(..) | NodeId::External(_) | NodeId::Unknown => Self::Node(node.clone()),
        }
    }
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

/// Panels that can be opened; one row of [`crate::table::PANELS`] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PanelId {
    /// How the mesh is.
    Overview,
    /// The service graph.
    Graph,
    /// Measurements over time.
    Metrics,
    /// Traces.
    Traces,
    /// Proxies, and what each holds.
    Proxies,
    /// Logs of pods and proxies.
    Logs,
    /// The list of objects.
    Objects,
    /// What is wrong with the configuration.
    Problems,
    /// What becomes of a call.
    Explain,
    /// The ledger of changes.
    Changes,
}
