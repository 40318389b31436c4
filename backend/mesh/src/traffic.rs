//! What was measured: request and byte rates between workloads over one time window.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One end of measured traffic, as Istio's labels tell it; "unknown" where they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Peer {
    /// `…_cluster`.
    pub cluster: Arc<str>,
    /// `…_workload_namespace`.
    pub namespace: Arc<str>,
    /// `…_workload`.
    pub workload: Arc<str>,
    /// `…_canonical_service`, the app.
    pub app: Arc<str>,
    /// `…_canonical_revision`, the version.
    pub version: Arc<str>,
    /// `…_principal`, a SPIFFE identity.
    pub principal: Arc<str>,
}

/// The service that was called.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Called {
    /// `destination_service`, the host.
    pub host: Arc<str>,
    /// `destination_service_name`.
    pub name: Arc<str>,
    /// `destination_service_namespace`.
    pub namespace: Arc<str>,
}

/// Wire protocol, as `request_protocol` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1 and HTTP/2 without gRPC.
    #[default]
    Http,
    /// gRPC.
    Grpc,
    /// Anything else, counted in bytes.
    Tcp,
}

/// Which calls: from whom, to what, how.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The caller.
    pub source: Peer,
    /// The workload that answered ("unknown" if none did).
    pub destination: Peer,
    /// The service that was asked for.
    pub service: Called,
    /// The protocol.
    pub protocol: Protocol,
}

/// What was measured on one [`Path`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Requests per second by (response code, response flags); code "-" when there was no response. gRPC: the gRPC status.
    pub responses: BTreeMap<(Arc<str>, Arc<str>), f64>,
    /// Milliseconds; `None` when nothing was measured.
    pub p50_ms: Option<f64>,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// Milliseconds.
    pub p99_ms: Option<f64>,
    /// Milliseconds, mean.
    pub mean_ms: Option<f64>,
    /// Requests (or TCP connections) per second that came over mutual TLS, and those that did not: sums over all series.
    pub mutual_tls: f64,
    /// See `mutual_tls`.
    pub plaintext: f64,
    /// TCP bytes per second that the client sent.
    pub bytes_sent: f64,
    /// TCP bytes per second that the client received.
    pub bytes_received: f64,
}

impl Flow {
    /// Requests per second.
    pub fn rps(&self) -> f64 {
        self.responses.values().sum()
    }
}

/// All that was measured over one window, for the graph and for the shares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Length of the window in seconds.
    pub window_secs: u64,
    /// The measured flows; each path once.
    pub flows: BTreeMap<Path, Flow>,
}
