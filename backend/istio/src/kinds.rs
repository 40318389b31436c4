//! The kinds that Binnacle reads, and all that it says of each. The one table: watches, RBAC manifests,
//! trimming and discovery walk it.
//!
//! A kind is found by group and name: `Gateway` alone could be Istio's or the Gateway API's.

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
    /// Whether Binnacle may write it (Istio's own resources, and those of the Gateway API).
    pub editable: bool,
    /// What Binnacle may do to it all the same, where the user allows changes of workloads.
    pub operates: Option<Operates>,
    /// Whether every installation of Istio serves it: where it is missing, something is wrong. The others
    /// come and go with versions and profiles.
    pub core: bool,
    /// How its objects choose pods, if they do.
    pub chooses: Option<Chooses>,
    /// Parts of which only some fields are kept; the rest of the object stays whole.
    pub keeps: &'static [Keeps],
    /// What the user loses when it cannot be read.
    pub why: &'static str,
}

/// Where an object says which pods it is for, and what it means when it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chooses {
    /// JSON pointer of the labels, all of which a pod must have.
    pub labels: &'static str,
    /// What an absent or empty selector means.
    pub unsaid: Unsaid,
}

/// What an absent or empty selector means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsaid {
    /// All pods that the object can be for.
    Everything,
    /// No pod.
    Nothing,
}

/// What a change of workloads may do to objects that are not Istio's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operates {
    /// The only places that are written, as JSON pointers.
    pub writes: &'static [&'static str],
    /// Whether it may be deleted.
    pub deletes: bool,
}

/// The fields of one part of an object that are read.
#[derive(Clone, Copy, Debug)]
pub struct Keeps {
    /// JSON pointer of the part; each entry's, where it is a list.
    pub at: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
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

const V1: &[&str] = &["v1"];
const NETWORKING: &str = "networking.istio.io";
const NETWORKING_VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha3"];
const SECURITY: &str = "security.istio.io";
const SECURITY_VERSIONS: &[&str] = &["v1", "v1beta1"];

const PODS: Option<Chooses> = Some(Chooses { labels: "/spec/selector", unsaid: Unsaid::Nothing });
const POLICY: Option<Chooses> =
    Some(Chooses { labels: "/spec/selector/matchLabels", unsaid: Unsaid::Everything });
const WORKLOADS: Option<Chooses> =
    Some(Chooses { labels: "/spec/workloadSelector/labels", unsaid: Unsaid::Everything });

/// Decides for a namespace, unless it says a revision, whether its pods get a sidecar.
pub const INJECTION: &str = "istio-injection";
/// Decides for one pod whether it gets a sidecar.
pub const INJECT: &str = "sidecar.istio.io/inject";
/// The revision of the control plane whose sidecar it is.
pub const REVISION: &str = "istio.io/rev";
/// What kubectl writes into the template of pods to have all of them replaced.
pub const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";
/// Where [`RESTARTED`] stands.
pub const RESTARTED_AT: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";

/// A kind that makes pods of a template, so many of them.
const SCALED: Option<Operates> = Some(Operates {
    writes: &[
        "/spec/replicas",
        "/spec/template/metadata/labels/sidecar.istio.io~1inject",
        "/spec/template/metadata/labels/istio.io~1rev",
        RESTARTED_AT,
    ],
    deletes: false,
});

/// A kind of Kubernetes' own: read, and written only where the user allows changes of workloads.
const READ: Kind = Kind {
    group: "",
    versions: V1,
    kind: "",
    plural: "",
    namespaced: true,
    editable: false,
    operates: None,
    core: false,
    chooses: None,
    keeps: &[],
    why: "",
};
/// A kind of Istio's traffic management.
const TRAFFIC: Kind =
    Kind { group: NETWORKING, versions: NETWORKING_VERSIONS, editable: true, core: true, ..READ };
/// A kind of Istio's security.
const GUARD: Kind = Kind {
    group: SECURITY,
    versions: SECURITY_VERSIONS,
    editable: true,
    core: true,
    chooses: POLICY,
    ..READ
};

const POD_SPEC: &[&str] =
    &["serviceAccountName", "nodeName", "hostNetwork", "securityContext", "containers", "initContainers"];
const CONTAINER: &[&str] = &["name", "image", "ports", "restartPolicy", "resources", "securityContext"];
const POD_STATUS: &[&str] = &[
    "phase",
    "reason",
    "message",
    "podIP",
    "startTime",
    "conditions",
    "containerStatuses",
    "initContainerStatuses",
];
const CONTAINER_STATUS: &[&str] = &["name", "ready", "restartCount", "state", "lastState"];

/// Namespaces.
pub static NAMESPACE: Kind = Kind {
    kind: "Namespace",
    plural: "namespaces",
    namespaced: false,
    operates: Some(Operates {
        writes: &["/metadata/labels/istio-injection", "/metadata/labels/istio.io~1rev"],
        deletes: false,
    }),
    why: "namespaces and their injection labels",
    ..READ
};
/// Services.
pub static SERVICE: Kind =
    Kind { kind: "Service", plural: "services", chooses: PODS, why: "services and their ports", ..READ };
/// Pods.
pub static POD: Kind = Kind {
    kind: "Pod",
    plural: "pods",
    operates: Some(Operates { writes: &[], deletes: true }),
    keeps: &[
        Keeps { at: "/spec", fields: POD_SPEC },
        Keeps { at: "/spec/containers", fields: CONTAINER },
        Keeps { at: "/spec/initContainers", fields: CONTAINER },
        Keeps { at: "/status", fields: POD_STATUS },
        Keeps { at: "/status/conditions", fields: &["type", "status", "reason", "message"] },
        Keeps { at: "/status/containerStatuses", fields: CONTAINER_STATUS },
        Keeps { at: "/status/initContainerStatuses", fields: CONTAINER_STATUS },
    ],
    why: "workloads, versions and sidecars",
    ..READ
};
/// What is kept of the template that pods are made of: never what their containers are told.
const TEMPLATE: &[Keeps] = &[
    Keeps { at: "/spec/template/spec", fields: POD_SPEC },
    Keeps { at: "/spec/template/spec/containers", fields: CONTAINER },
    Keeps { at: "/spec/template/spec/initContainers", fields: CONTAINER },
];
/// Deployments.
pub static DEPLOYMENT: Kind = Kind {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    operates: SCALED,
    keeps: TEMPLATE,
    why: "wanted and ready replicas",
    ..READ
};
/// StatefulSets.
pub static STATEFUL_SET: Kind = Kind {
    group: "apps",
    kind: "StatefulSet",
    plural: "statefulsets",
    operates: SCALED,
    keeps: TEMPLATE,
    why: "wanted and ready replicas of workloads with a state",
    ..READ
};
/// HorizontalPodAutoscalers.
pub static AUTOSCALER: Kind = Kind {
    group: "autoscaling",
    versions: &["v2", "v1"],
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    why: "whether something else decides how many pods a workload has",
    ..READ
};
/// EndpointSlices.
pub static ENDPOINT_SLICE: Kind = Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    why: "which pods serve a service",
    ..READ
};
/// VirtualServices.
pub static VIRTUAL_SERVICE: Kind =
    Kind { kind: "VirtualService", plural: "virtualservices", why: "routes, weights and faults", ..TRAFFIC };
/// DestinationRules.
pub static DESTINATION_RULE: Kind = Kind {
    kind: "DestinationRule",
    plural: "destinationrules",
    chooses: Some(Chooses { labels: "/spec/workloadSelector/matchLabels", unsaid: Unsaid::Everything }),
    why: "subsets and circuit breakers",
    ..TRAFFIC
};
/// Istio's Gateways, not those of the Gateway API.
pub static GATEWAY: Kind = Kind {
    kind: "Gateway",
    plural: "gateways",
    chooses: Some(Chooses { labels: "/spec/selector", unsaid: Unsaid::Everything }),
    why: "ways into the mesh",
    ..TRAFFIC
};
/// ServiceEntries.
pub static SERVICE_ENTRY: Kind = Kind {
    kind: "ServiceEntry",
    plural: "serviceentries",
    chooses: Some(Chooses { labels: "/spec/workloadSelector/labels", unsaid: Unsaid::Nothing }),
    why: "services outside the mesh",
    ..TRAFFIC
};
/// WorkloadEntries.
pub static WORKLOAD_ENTRY: Kind = Kind {
    kind: "WorkloadEntry",
    plural: "workloadentries",
    why: "machines that answer for services",
    ..TRAFFIC
};
/// WorkloadGroups.
pub static WORKLOAD_GROUP: Kind = Kind {
    kind: "WorkloadGroup",
    plural: "workloadgroups",
    why: "what machines that join by themselves are told",
    ..TRAFFIC
};
/// Sidecars.
pub static SIDECAR: Kind = Kind {
    kind: "Sidecar",
    plural: "sidecars",
    chooses: WORKLOADS,
    why: "what a sidecar may reach",
    ..TRAFFIC
};
/// EnvoyFilters.
pub static ENVOY_FILTER: Kind = Kind {
    versions: &["v1alpha3"],
    kind: "EnvoyFilter",
    plural: "envoyfilters",
    core: false,
    chooses: WORKLOADS,
    why: "rate limits and raw Envoy patches",
    ..TRAFFIC
};
/// PeerAuthentications.
pub static PEER_AUTHENTICATION: Kind =
    Kind { kind: "PeerAuthentication", plural: "peerauthentications", why: "mutual TLS modes", ..GUARD };
/// AuthorizationPolicies.
pub static AUTHORIZATION_POLICY: Kind =
    Kind { kind: "AuthorizationPolicy", plural: "authorizationpolicies", why: "who may call whom", ..GUARD };
/// RequestAuthentications.
pub static REQUEST_AUTHENTICATION: Kind =
    Kind { kind: "RequestAuthentication", plural: "requestauthentications", why: "accepted tokens", ..GUARD };
/// Telemetries.
pub static TELEMETRY: Kind = Kind {
    group: "telemetry.istio.io",
    versions: &["v1", "v1alpha1"],
    kind: "Telemetry",
    plural: "telemetries",
    core: false,
    chooses: POLICY,
    why: "tracing, metrics and access logs",
    ..GUARD
};
/// A kind of the Gateway API, whose routes Istio takes before its own VirtualServices.
const ROUTE: Kind = Kind { group: crate::views::gateway_api::GROUP, editable: true, ..READ };
/// Gateways of the Gateway API, not Istio's.
pub static API_GATEWAY: Kind = Kind {
    versions: &["v1", "v1beta1"],
    kind: "Gateway",
    plural: "gateways",
    why: "ways into the mesh by the Gateway API",
    ..ROUTE
};
/// HTTPRoutes.
pub static HTTP_ROUTE: Kind = Kind {
    versions: &["v1", "v1beta1"],
    kind: "HTTPRoute",
    plural: "httproutes",
    why: "routes of the Gateway API, which come before VirtualServices",
    ..ROUTE
};
/// GRPCRoutes.
pub static GRPC_ROUTE: Kind = Kind {
    kind: "GRPCRoute",
    plural: "grpcroutes",
    why: "routes of gRPC by the Gateway API, which come before VirtualServices",
    ..ROUTE
};
/// TLSRoutes.
pub static TLS_ROUTE: Kind = Kind {
    versions: &["v1", "v1alpha3", "v1alpha2"],
    kind: "TLSRoute",
    plural: "tlsroutes",
    why: "routes of connections that stay encrypted, by the Gateway API",
    ..ROUTE
};
/// TCPRoutes.
pub static TCP_ROUTE: Kind = Kind {
    versions: &["v1", "v1alpha2"],
    kind: "TCPRoute",
    plural: "tcproutes",
    why: "routes of connections by the Gateway API",
    ..ROUTE
};
/// ReferenceGrants.
pub static REFERENCE_GRANT: Kind = Kind {
    versions: &["v1beta1", "v1"],
    kind: "ReferenceGrant",
    plural: "referencegrants",
    why: "which routes may lead to services of other namespaces",
    ..ROUTE
};

/// WasmPlugins.
pub static WASM_PLUGIN: Kind = Kind {
    group: "extensions.istio.io",
    versions: &["v1alpha1"],
    kind: "WasmPlugin",
    plural: "wasmplugins",
    core: false,
    chooses: POLICY,
    why: "plugins of proxies",
    ..GUARD
};

/// Every watched kind stands here, once.
pub static KINDS: &[&Kind] = &[
    &NAMESPACE,
    &SERVICE,
    &POD,
    &DEPLOYMENT,
    &STATEFUL_SET,
    &AUTOSCALER,
    &ENDPOINT_SLICE,
    &VIRTUAL_SERVICE,
    &DESTINATION_RULE,
    &GATEWAY,
    &SERVICE_ENTRY,
    &WORKLOAD_ENTRY,
    &WORKLOAD_GROUP,
    &SIDECAR,
    &ENVOY_FILTER,
    &PEER_AUTHENTICATION,
    &AUTHORIZATION_POLICY,
    &REQUEST_AUTHENTICATION,
    &TELEMETRY,
    &API_GATEWAY,
    &HTTP_ROUTE,
    &GRPC_ROUTE,
    &TLS_ROUTE,
    &TCP_ROUTE,
    &REFERENCE_GRANT,
    &WASM_PLUGIN,
];

/// The row of [`KINDS`] of this group ("networking.istio.io") and name ("VirtualService"), if it is watched.
pub fn kind(group: &str, name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.group == group && kind.kind == name)
}

/// The group of an `apiVersion`: "networking.istio.io" of "networking.istio.io/v1", "" of "v1".
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
#[path = "kinds_tests.rs"]
mod tests;
