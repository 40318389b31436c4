//! One edge of many flows.

use super::quantiles::Quantiles;
use super::{Edge, Health, NodeId};
use crate::health::Calls;
use crate::traffic::{Flow, Protocol};
use std::collections::BTreeMap;

/// Flows that are one edge.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) flow: Flow,
    calls: Calls,
    quantiles: Quantiles,
}

impl Merged {
    pub(super) fn add(&mut self, protocol: Protocol, flow: &Flow) {
        for (end, rate) in &flow.responses {
            *self.flow.responses.entry(end.clone()).or_default() += rate;
        }
        self.calls.add(protocol, flow);
        self.flow.mutual_tls += flow.mutual_tls;
        self.flow.plaintext += flow.plaintext;
        self.flow.bytes_sent += flow.bytes_sent;
        self.flow.bytes_received += flow.bytes_received;
        self.quantiles.add(flow);
    }

    pub(super) fn edge(self, source: NodeId, target: NodeId, protocol: Protocol) -> Edge {
        let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|quantile| self.quantiles.of(quantile));
        let (health, health_reason) = self.calls.health();
        let secured = self.flow.mutual_tls + self.flow.plaintext;
        let bytes = self.flow.bytes_sent + self.flow.bytes_received;
        let quiet_tcp = protocol == Protocol::Tcp && health == Health::Idle && bytes > 0.0;
        let mut responses: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for ((code, flags), rate) in &self.flow.responses {
            *responses.entry(code.to_string()).or_default().entry(flags.to_string()).or_default() += rate;
        }
        Edge {
            source,
            target,
            protocol,
            rps: if protocol == Protocol::Tcp { 0.0 } else { self.calls.total },
            error_percent: self.calls.error_percent(),
            p50_ms,
            p95_ms,
            p99_ms,
            mtls_percent: (secured > 0.0).then(|| self.flow.mutual_tls / secured * 100.0),
            responses,
            bytes,
            health: if quiet_tcp { Health::Healthy } else { health },
            health_reason,
        }
    }
}
