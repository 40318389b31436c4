//! One edge of what was measured on it.

use super::{Edge, NodeId};
use crate::lens::Reading;
use crate::traffic::Protocol;

/// The edge between two nodes.
pub(super) fn edge(source: NodeId, target: NodeId, protocol: Protocol, reading: Reading) -> Edge {
    let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|quantile| reading.latency_ms(quantile));
    let (health, health_reason) = reading.ends.health();
    Edge {
        source,
        target,
        protocol,
        rps: reading.rps(),
        error_percent: reading.error_percent().unwrap_or_default(),
        p50_ms,
        p95_ms,
        p99_ms,
        sent_bytes_per_s: reading.throughput.sent(),
        received_bytes_per_s: reading.throughput.received(),
        mtls_percent: reading.mtls_percent(),
        responses: reading.responses,
        bytes: reading.ends.bytes(),
        health,
        health_reason,
    }
}
