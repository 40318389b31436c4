//! Who is who: the workloads behind pods and addresses, as the owner of the objects knows them.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// The identity of one pod, in the words of Istio's metric labels. An empty text means "not known".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// The pod's name.
    pub pod: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The workload that owns the pod: the Deployment's name.
    pub workload: String,
    /// Label `app`.
    pub app: String,
    /// Label `version`.
    pub version: String,
    /// Label `service.istio.io/canonical-name`, else the app label, else the workload's name.
    pub canonical_service: String,
    /// Label `service.istio.io/canonical-revision`, else the version label; shown as `latest` when empty.
    pub canonical_revision: String,
    /// SPIFFE identity with its scheme: `spiffe://cluster.local/ns/default/sa/bookinfo-reviews`.
    pub principal: String,
    /// The cluster's name, `Kubernetes` in the sandbox.
    pub cluster: String,
    /// The address that the pod shows (`status.podIP`); it names the scraped instance.
    pub ip: Option<IpAddr>,
    /// The host of the Service that selects the pod, if there is one: what inbound requests were sent to.
    pub service: Option<String>,
}

/// Looks up who stands behind a pod's name, a real address, or a host name. Called for every access log
/// entry: answers come from memory.
pub trait Directory: Send + Sync {
    /// The workload of a pod, named `pod.namespace`.
    fn by_pod(&self, pod: &str) -> Option<Arc<Workload>>;
    /// The workload behind a real address of this machine: a pod's inbound port, or an application's own.
    fn by_address(&self, address: SocketAddr) -> Option<Arc<Workload>>;
    /// The Service (name, namespace) that a fully qualified host stands for.
    fn service(&self, host: &str) -> Option<(String, String)>;
}

/// How to run the telemetry of one sandbox.
#[derive(Clone)]
pub struct Options {
    /// Who is who.
    pub directory: Arc<dyn Directory>,
    /// How many spans are kept; the oldest traces make room for new ones, and what was dropped is counted.
    pub span_capacity: usize,
    /// How long samples are kept, and how long a series that nobody adds to lives on.
    pub retention: Duration,
    /// How often the counters are sampled.
    pub scrape_interval: Duration,
    /// The Istio version that `istio_build` shows.
    pub istio_version: String,
    /// A folder that only its owner may enter, in which to listen at Unix sockets; without it, at ports of
    /// 127.0.0.1.
    pub sockets: Option<PathBuf>,
}

impl Options {
    /// One hour of samples taken each second, and 100,000 spans.
    pub fn new(directory: Arc<dyn Directory>, istio_version: &str) -> Self {
        Self {
            directory,
            span_capacity: 100_000,
            retention: Duration::from_secs(3600),
            scrape_interval: Duration::from_secs(1),
            istio_version: istio_version.to_owned(),
            sockets: None,
        }
    }
}
