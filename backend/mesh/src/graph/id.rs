//! Names of what stands in the graph.

use super::NodeKind;
use istio::{ClusterId, ServiceId, WorkloadId};
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// An app, or one version of it. Shown as "bookinfo/reviews/v1".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId {
    /// Where it runs.
    pub cluster: ClusterId,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub app: Arc<str>,
    /// Its version; `None` for all of them, or when it has none.
    pub version: Option<Arc<str>>,
}

/// Names a node: the same for as long as it stands for the same. Shown as "app/bookinfo/reviews/v1",
/// "workload/bookinfo/reviews-v1", "service/bookinfo/reviews", "namespace/bookinfo", "external/api.example.com", "unknown".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeId {
    /// An app, or one version of it.
    App(AppId),
    /// A host outside the mesh, or what a proxy calls the rest ("PassthroughCluster").
    External(Arc<str>),
    /// All of a namespace.
    Namespace(ClusterId, Arc<str>),
    /// A service.
    Service(ServiceId),
    /// A caller or destination that telemetry could not name.
    Unknown,
    /// A workload.
    Workload(WorkloadId),
}

impl NodeId {
    /// An app, or one version of it.
    pub fn app(cluster: &ClusterId, namespace: &str, app: &str, version: Option<&str>) -> Self {
        Self::App(AppId {
            cluster: cluster.clone(),
            namespace: namespace.into(),
            app: app.into(),
            version: version.map(Into::into),
        })
    }
    /// What kind of node it names.
    pub fn kind(&self) -> NodeKind {
        match self {
            Self::App(_) => NodeKind::App,
            Self::External(_) => NodeKind::External,
            Self::Namespace(..) => NodeKind::Namespace,
            Self::Service(_) => NodeKind::Service,
            Self::Unknown => NodeKind::Unknown,
            Self::Workload(_) => NodeKind::Workload,
        }
    }
    /// Its namespace, "" outside the mesh.
    pub fn namespace(&self) -> &str {
        match self {
            Self::App(app) => &app.namespace,
            Self::Namespace(_, namespace) => namespace,
            Self::Service(service) => &service.namespace,
            Self::Workload(workload) => &workload.namespace,
            Self::External(_) | Self::Unknown => "",
        }
    }
    /// The whole of its namespace; `None` outside the mesh.
    #[must_use]
    pub fn whole_namespace(&self) -> Option<Self> {
        match self {
            Self::App(AppId { cluster, namespace, .. })
            | Self::Service(ServiceId { cluster, namespace, .. })
            | Self::Workload(WorkloadId { cluster, namespace, .. }) => {
                Some(Self::Namespace(cluster.clone(), Arc::clone(namespace)))
            }
            Self::Namespace(..) => Some(self.clone()),
            Self::External(_) | Self::Unknown => None,
        }
    }
    /// Name of the app, service, workload, namespace or host.
    pub fn name(&self) -> &str {
        match self {
            Self::App(app) => &app.app,
            Self::External(host) => host,
            Self::Namespace(_, namespace) => namespace,
            Self::Service(service) => &service.name,
            Self::Unknown => "unknown",
            Self::Workload(workload) => &workload.name,
        }
    }
    /// How people say it: "reviews v1".
    pub fn title(&self) -> String {
        match self {
            Self::App(AppId { app, version: Some(version), .. }) => format!("{app} {version}"),
            other => other.name().to_owned(),
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.app)?;
        self.version.iter().try_for_each(|version| write!(f, "/{version}"))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(app) => write!(f, "app/{app}"),
            Self::External(host) => write!(f, "external/{host}"),
            Self::Namespace(_, namespace) => write!(f, "namespace/{namespace}"),
            Self::Service(service) => write!(f, "service/{service}"),
            Self::Unknown => f.write_str("unknown"),
            Self::Workload(workload) => write!(f, "workload/{workload}"),
        }
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
