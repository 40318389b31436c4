//! Which kinds are watched, and why. The one table: watches, RBAC manifests and discovery all walk it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A Kubernetes kind that Binnacle reads.
#[derive(Debug)]
pub struct Kind {
    /// API group, "" for core.
    pub group: &'static str,
    /// Versions that we can read, the best first; a cluster may serve only a later one of them.
    pub versions: &'static [&'static str],
    /// "VirtualService".
    pub kind: &'static str,
    /// "virtualservices".
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether Binnacle may write it (Istio's own resources only).
    pub editable: bool,
    /// What the user loses when it cannot be read.
    pub why: &'static str,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        (self.group, self.kind) == (other.group, other.kind)
    }
}
impl Eq for Kind {}
impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.group, self.kind).hash(state);
    }
}
impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.group, self.kind).cmp(&(other.group, other.kind))
    }
}
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

const fn read(
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    plural: &'static str,
    why: &'static str,
) -> Kind {
    Kind { group, versions, kind, plural, namespaced: true, editable: false, why }
}

const fn edit(
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    plural: &'static str,
    why: &'static str,
) -> Kind {
    Kind { group, versions, kind, plural, namespaced: true, editable: true, why }
}

const NETWORKING: &str = "networking.istio.io";
const SECURITY: &str = "security.istio.io";

/// Every watched kind stands here, once.
pub const KINDS: &[Kind] = &[
    Kind {
        namespaced: false,
        ..read("", &["v1"], "Namespace", "namespaces", "namespaces and their injection labels")
    },
    read("", &["v1"], "Service", "services", "services and their ports"),
    read("", &["v1"], "Pod", "pods", "workloads, versions and sidecars"),
    read("apps", &["v1"], "Deployment", "deployments", "wanted and ready replicas"),
    read("discovery.k8s.io", &["v1"], "EndpointSlice", "endpointslices", "which pods serve a service"),
    edit(
        NETWORKING,
        &["v1", "v1beta1", "v1alpha3"],
        "VirtualService",
        "virtualservices",
        "routes, weights and faults",
    ),
    edit(
        NETWORKING,
        &["v1", "v1beta1", "v1alpha3"],
        "DestinationRule",
        "destinationrules",
        "subsets and circuit breakers",
    ),
    edit(NETWORKING, &["v1", "v1beta1", "v1alpha3"], "Gateway", "gateways", "ways into the mesh"),
    edit(
        NETWORKING,
        &["v1", "v1beta1", "v1alpha3"],
        "ServiceEntry",
        "serviceentries",
        "services outside the mesh",
    ),
    edit(NETWORKING, &["v1", "v1beta1", "v1alpha3"], "Sidecar", "sidecars", "what a sidecar may reach"),
    edit(NETWORKING, &["v1alpha3"], "EnvoyFilter", "envoyfilters", "rate limits and raw Envoy patches"),
    edit(SECURITY, &["v1", "v1beta1"], "PeerAuthentication", "peerauthentications", "mutual TLS modes"),
    edit(SECURITY, &["v1", "v1beta1"], "AuthorizationPolicy", "authorizationpolicies", "who may call whom"),
    edit(SECURITY, &["v1", "v1beta1"], "RequestAuthentication", "requestauthentications", "accepted tokens"),
    edit(
        "telemetry.istio.io",
        &["v1", "v1alpha1"],
        "Telemetry",
        "telemetries",
        "tracing, metrics and access logs",
    ),
];

/// Kinds that every installation of Istio serves: where one of them is missing, something is wrong. The others come and go
/// with versions and profiles.
const CORE: [&str; 8] = [
    "VirtualService",
    "DestinationRule",
    "Gateway",
    "ServiceEntry",
    "Sidecar",
    "PeerAuthentication",
    "RequestAuthentication",
    "AuthorizationPolicy",
];

impl Kind {
    /// Whether every installation of Istio serves it.
    pub fn core(&self) -> bool {
        (self.group == NETWORKING || self.group == SECURITY) && CORE.contains(&self.kind)
    }
}

/// The row of [`KINDS`] of this name ("VirtualService"), if it is watched.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.kind == name)
}
