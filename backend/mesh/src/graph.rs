//! Who talks to whom, and how well: the service graph of a mesh and one window of traffic.

mod around;
mod badges;
mod build;
pub mod compare;
mod dot;
mod edges;
mod fold;
mod id;
mod names;
mod nodes;

pub use badges::Badge;
pub use build::{Builder, count};
pub use fold::Folded;
pub use id::{AppId, NodeId};
pub(crate) use names::in_mesh;

use crate::traffic::{Protocol, Responses};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What one node stands for. Names as the command line's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraphType {
    /// One node per app and version, versions of an app in a box.
    #[default]
    VersionedApp,
    /// One node per app.
    App,
    /// One node per workload.
    Workload,
    /// One node per service.
    Service,
}

/// Kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// An app, or one version of it.
    App,
    /// A workload.
    Workload,
    /// A service.
    Service,
    /// All of a namespace.
    Namespace,
    /// Outside the mesh (ServiceEntry, passthrough).
    External,
    /// A caller or destination that telemetry could not name.
    Unknown,
}

/// Health, the worst last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No traffic, nothing known to be wrong.
    #[default]
    Idle,
    /// Well.
    Healthy,
    /// Some calls fail, or some pods are missing.
    Degraded,
    /// Many calls fail, or no pod is ready.
    Failing,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Its name: stable and readable.
    pub id: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// Namespace, "" when unknown.
    pub namespace: String,
    /// Name to show: app, workload or service name.
    pub name: String,
    /// App, if it belongs to one.
    pub app: Option<String>,
    /// Version, if it has one.
    pub version: Option<String>,
    /// Service that leads to it, if one does.
    pub service: Option<String>,
    /// Workload behind it, if it is one.
    pub workload: Option<String>,
    /// Health.
    pub health: Health,
    /// Why it is not healthy, in words; empty when it is.
    #[serde(skip)]
    pub health_reason: String,
    /// What there is to know of it at a glance.
    pub badges: Vec<Badge>,
    /// Requests per second that it gets.
    #[serde(skip)]
    pub rps_in: f64,
    /// Percentage of them that fail.
    #[serde(skip)]
    pub error_percent_in: f64,
    /// Requests per second that it sends.
    #[serde(skip)]
    pub rps_out: f64,
}

/// An edge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edge {
    /// The caller's node.
    pub source: NodeId,
    /// The called node.
    pub target: NodeId,
    /// How they talk.
    pub protocol: Protocol,
    /// Requests per second (TCP: 0).
    pub rps: f64,
    /// Percentage of requests that fail: 5xx, no response, gRPC status other than 0.
    pub error_percent: f64,
    /// Milliseconds; null when nothing was measured.
    pub p50_ms: Option<f64>,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// Milliseconds.
    pub p99_ms: Option<f64>,
    /// Bytes per second that the caller sends, requests with their headers; null when not known.
    pub sent_bytes_per_s: Option<f64>,
    /// Bytes per second that the caller gets.
    pub received_bytes_per_s: Option<f64>,
    /// Percentage of requests (connections) over mutual TLS; null when unknown.
    pub mtls_percent: Option<f64>,
    /// Requests per second by response code and flags; written by code, then flags.
    #[serde(serialize_with = "by_code")]
    pub responses: Responses,
    /// TCP bytes per second, both directions.
    #[serde(skip)]
    pub bytes: f64,
    /// Health of the calls.
    #[serde(skip)]
    pub health: Health,
    /// Why they are not healthy, in words; empty when they are.
    #[serde(skip)]
    pub health_reason: String,
}

fn by_code<S: Serializer>(responses: &Responses, to: S) -> Result<S::Ok, S::Error> {
    let mut codes: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for ((code, flags), rate) in responses {
        codes.entry(code).or_default().insert(flags, *rate);
    }
    codes.serialize(to)
}

/// The graph: nodes sorted by id, edges by (source, target, protocol). What did not change is shared with the
/// graph before.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Graph {
    /// When the traffic was measured, RFC 3339.
    pub at: String,
    /// Window in seconds.
    pub duration_s: u64,
    /// Nodes.
    pub nodes: Vec<Arc<Node>>,
    /// Edges.
    pub edges: Vec<Arc<Edge>>,
}

impl Graph {
    /// Where the ends of each edge stand among the nodes; `None` for an edge to a node that is not there.
    pub fn ends(&self) -> Vec<Option<(usize, usize)>> {
        let nodes = self.nodes.iter().enumerate();
        let index: HashMap<&NodeId, usize> = nodes.map(|(at, node)| (&node.id, at)).collect();
        let ends = |edge: &Arc<Edge>| Some((*index.get(&edge.source)?, *index.get(&edge.target)?));
        self.edges.iter().map(ends).collect()
    }
}

/// What to include.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GraphOptions {
    /// What a node stands for.
    pub graph_type: GraphType,
    /// Namespaces to show; empty shows all that have mesh workloads.
    pub namespaces: Vec<String>,
    /// Workloads and services without traffic too.
    pub idle: bool,
    /// Boxes that are one node each.
    pub folded: BTreeSet<Folded>,
}

#[cfg(test)]
mod tests;
