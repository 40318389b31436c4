//! A change: the smallest guarded edit of Istio's resources, its inverse, and where it must show up.

use istio::{Object, Problem, Ref};
use serde::Serialize;
use serde_json::Value;

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

/// Which type of Envoy configuration a change must arrive in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Xds {
    /// Clusters (DestinationRule).
    Cds,
    /// Endpoints.
    Eds,
    /// Listeners (policies).
    Lds,
    /// Routes (VirtualService).
    Rds,
}

/// How to see in an affected proxy's `config_dump` that the change is live.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// Every route that names this VirtualService in `metadata.filter_metadata.istio.config` carries these clusters'
    /// weights, and this fault: `expect` is compared by [`crate::confirm::holds`].
    Route(RouteExpectation),
    /// The inbound listener of the selected workloads requires client certificates, or not.
    InboundTls(InboundTls),
    /// Clusters of these names exist (`true`) or are gone (`false`).
    Clusters(Vec<(String, bool)>),
}

/// What a route of a proxy must look like once the change is live.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteExpectation {
    /// "/apis/networking.istio.io/v1/namespaces/bookinfo/virtual-service/reviews", as istiod writes it.
    pub config: String,
    /// Host of the service, fully qualified.
    pub host: String,
    /// Wanted (subset or host, weight) of the edited rule, in order; empty when the rule's destinations do not matter.
    pub weights: Vec<(String, u32)>,
    /// Position of the edited rule among `http`.
    pub rule: usize,
    /// How many routes of Envoy each rule makes (one per alternative of its match; none after a rule that takes all);
    /// tells which of a proxy's routes belong to `rule`. Empty when unknown.
    pub routes_per_rule: Vec<usize>,
    /// Whether the rule has a fault: delay in ms, delay %, abort status, abort %.
    pub fault: Option<crate::edit::FaultSpec>,
    /// True when the object was deleted: no route may name it any more.
    pub gone: bool,
}

/// What a workload's inbound side must do once the change is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundTls {
    /// Refuses plaintext.
    Strict,
    /// Takes both.
    Permissive,
    /// Takes plaintext only.
    Disabled,
}

/// Where a change must show up.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Type of configuration.
    pub xds: Xds,
    /// Proxies that are affected, as syncz names them ("productpage-v1-abc.bookinfo").
    pub proxies: Vec<String>,
    /// What an affected proxy's configuration must then hold.
    pub evidence: Evidence,
    /// What it holds before; after an undo it must hold this again.
    pub was: Evidence,
}

/// An edit of one or more objects that belong together, in the order in which they are applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// A plain sentence: "v3 of reviews gets 25 % instead of 10 %, v1 75 % instead of 90 % of all other calls".
    pub title: String,
    /// What is done; DestinationRule subsets come before the VirtualService that uses them.
    pub steps: Vec<Step>,
    /// Where it must show up.
    pub effect: Effect,
    /// Things that the user should know before pushing ("Argo CD manages this object: it may put it back").
    pub warnings: Vec<String>,
}

impl Step {
    /// The object as the user saw it, as YAML without what the server keeps for itself; empty when the step creates it.
    pub fn yaml_before(&self) -> String {
        self.before.as_ref().map(istio::object::yaml).unwrap_or_default()
    }
    /// The object as it will be, as YAML; empty when the step deletes it.
    pub fn yaml_after(&self) -> String {
        self.after.as_ref().map(istio::object::yaml).unwrap_or_default()
    }
}

impl Change {
    /// The change that puts everything back as it was, in the opposite order. `applied` are the objects as the server
    /// returned them after each step; the guards state what was written, so a later edit by somebody else is not undone.
    pub fn inverse(&self, applied: &[Object]) -> Result<Self, Problem> {
        crate::undo::inverse(self, applied)
    }
}
