//! Everything that is known at one moment: what the window draws.

use crate::Mesh;
use crate::kinds::Kind;
use crate::problem::Problem;
use crate::remote::Remote;
use crate::traffic::Traffic;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A part of the way to a connected mesh, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Step {
    /// The sandbox is being started (only when it is this window's own).
    Sandbox,
    /// The kubeconfig context is read.
    Context,
    /// The API server answers and takes us.
    Api,
    /// What kinds exist and may be read.
    Kinds,
    /// istiod is found and answers.
    Istiod,
    /// Prometheus is found and answers.
    Prometheus,
    /// A tracing backend is found and answers.
    Traces,
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Under way since.
    Running(Timestamp),
    /// Done; what was found ("Kubernetes 1.36, 5 ms").
    Done(String),
    /// Failed, with the way on. Only Context and Api failing keep the mesh from being shown.
    Failed(Problem),
}

/// State of one watched kind.
#[derive(Clone, Debug, PartialEq)]
pub enum KindState {
    /// Not listed yet.
    Waiting,
    /// Watched; so many objects.
    Live(usize),
    /// The cluster does not serve it (no CRD).
    Missing,
    /// We may not read it; the exact right that is missing.
    Denied(Problem),
    /// The watch broke; it is being tried again.
    Stale(Problem),
}

/// One proxy, as istiod sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proxy {
    /// "reviews-v1-abc.bookinfo".
    pub name: String,
    /// Cluster id.
    pub cluster: String,
    /// Istio version of the proxy.
    pub version: String,
    /// Which istiod replica it is connected to.
    pub istiod: String,
    /// By xDS type ("CDS", "LDS", "RDS", "EDS", …).
    pub types: BTreeMap<String, SyncState>,
}

/// Sync state of one xDS type of one proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// Sent and acknowledged.
    Synced,
    /// Sent, not acknowledged yet.
    Stale,
    /// Nothing was sent.
    NotSent,
    /// Refused, with the proxy's own words.
    Nacked(String),
}

/// Everything that is known at one moment.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Name of the context, or "sandbox".
    pub context: String,
    /// The steps of connecting.
    pub steps: BTreeMap<Step, StepState>,
    /// What the running step is doing just now ("Waiting for the proxies").
    pub doing: Option<String>,
    /// State of each watched kind.
    pub kinds: BTreeMap<&'static Kind, KindState>,
    /// The model of the objects; an empty mesh until the first lists are in.
    pub mesh: Arc<Mesh>,
    /// What was measured over the chosen window.
    pub traffic: Remote<Traffic>,
    /// Proxies, as istiod sees them.
    pub proxies: Remote<Vec<Proxy>>,
    /// Whether a tracing backend can be asked.
    pub traces: Remote<String>,
    /// True for a sandbox: the connect screen and the top bar say so.
    pub sandbox: bool,
}

impl Scene {
    /// Whether the mesh can be shown: the first lists of all readable kinds are in.
    pub fn ready(&self) -> bool {
        matches!(self.steps.get(&Step::Kinds), Some(StepState::Done(_)))
    }
}
