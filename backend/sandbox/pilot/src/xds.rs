//! What a proxy is told: the kinds of resources, and everything of one proxy together.

use serde_json::Value;

/// The kinds of resources, in the order in which a proxy must learn of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ResourceType {
    /// Clusters.
    Cluster,
    /// Endpoints.
    Endpoint,
    /// Listeners.
    Listener,
    /// Routes.
    Route,
    /// Certificates.
    Secret,
}

impl ResourceType {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Cluster, Self::Endpoint, Self::Listener, Self::Route, Self::Secret];

    /// The resource's type URL.
    pub(crate) fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        }
    }

    /// `cds`, as in istiod's metrics.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Cluster => "cds",
            Self::Endpoint => "eds",
            Self::Listener => "lds",
            Self::Route => "rds",
            Self::Secret => "sds",
        }
    }

    /// From a type URL.
    pub(crate) fn of(type_url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == type_url)
    }
}

/// Everything that one proxy is told, as JSON; secrets are added by the certificate authority.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resources {
    /// CDS.
    pub clusters: Vec<Value>,
    /// EDS.
    pub endpoints: Vec<Value>,
    /// LDS.
    pub listeners: Vec<Value>,
    /// RDS.
    pub routes: Vec<Value>,
    /// SDS: certificates from Secrets.
    pub secrets: Vec<Value>,
}

impl Resources {
    /// Those of one kind.
    pub(crate) fn of(&self, kind: ResourceType) -> &[Value] {
        match kind {
            ResourceType::Cluster => &self.clusters,
            ResourceType::Endpoint => &self.endpoints,
            ResourceType::Listener => &self.listeners,
            ResourceType::Route => &self.routes,
            ResourceType::Secret => &self.secrets,
        }
    }
}
