//! What the pills on edges say.

use crate::kit::fmt;
use mesh::graph::Edge;
use mesh::traffic::Protocol;

/// What the pills on edges say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Labels {
    /// Requests (or bytes) per second.
    pub rate: bool,
    /// Bytes per second that the caller sends and gets.
    pub throughput: bool,
    /// The share of its caller's requests.
    pub share: bool,
    /// The median of latency.
    pub p50: bool,
    /// The 95th percentile of latency.
    pub p95: bool,
    /// The 99th percentile of latency.
    pub p99: bool,
    /// Percentage of requests that fail, where some do.
    pub errors: bool,
    /// A lock where all calls are over mutual TLS.
    pub mtls: bool,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            rate: true,
            throughput: false,
            share: false,
            p50: false,
            p95: true,
            p99: false,
            errors: true,
            mtls: true,
        }
    }
}

impl Labels {
    /// The parts of an edge's words; `made` are all requests of its caller.
    pub(super) fn parts(self, edge: &Edge, made: f64, rate: &str, wrong: Option<&String>) -> Vec<String> {
        let mut parts = Vec::new();
        // The rate of TCP is bytes: no need to say their sum beside them.
        if self.rate && !(self.throughput && edge.protocol == Protocol::Tcp) {
            parts.push(rate.to_owned());
        }
        if self.throughput {
            parts.extend(throughput(edge));
        }
        if self.share && made > 0.0 && edge.protocol != Protocol::Tcp {
            parts.push(fmt::percent(edge.rps / made * 100.0));
        }
        parts.extend(wrong.filter(|_| self.errors).cloned());
        let quantiles =
            [(self.p50, "p50", edge.p50_ms), (self.p95, "p95", edge.p95_ms), (self.p99, "p99", edge.p99_ms)];
        // One alone is named by the menu; of several, each says which it is.
        let several = quantiles.iter().filter(|(on, ..)| *on).count() > 1;
        parts.extend(quantiles.into_iter().filter(|(on, ..)| *on).filter_map(|(_, name, value)| {
            let value = fmt::ms(value?);
            Some(if several { format!("{name} {value}") } else { value })
        }));
        parts
    }
}

/// Bytes that the caller sends and gets: "↑8.0 kB/s", "↓40 kB/s".
fn throughput(edge: &Edge) -> Vec<String> {
    match (edge.sent_bytes_per_s, edge.received_bytes_per_s) {
        (None, None) => vec!["bytes not known".to_owned()],
        (sent, received) => vec![format!("↑{}", bytes(sent)), format!("↓{}", bytes(received))],
    }
}

/// Bytes per second, or that nobody counted them.
pub(super) fn bytes(rate: Option<f64>) -> String {
    rate.map_or_else(|| "not known".to_owned(), fmt::bytes_per_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::graph::{Graph, GraphOptions};

    #[test]
    fn several_facts_stand_beside_each_other() {
        let (mesh, traffic) = (mesh::demo::bookinfo(), std::sync::Arc::new(mesh::demo::bookinfo_traffic()));
        let graph = Graph::build(&mesh, Some(&traffic), &GraphOptions::default(), mesh::demo::NOW);
        let edge = graph.edges.iter().find(|edge| edge.p99_ms.is_some()).unwrap();
        let said = |labels: Labels| {
            let parts = labels.parts(edge, edge.rps * 4.0, "9 rps", Some(&"2 %".to_owned()));
            parts.join(" | ").replace('\u{a0}', " ")
        };
        let p95 = fmt::ms(edge.p95_ms.unwrap()).replace('\u{a0}', " ");
        assert_eq!(said(Labels::default()), format!("9 rps | 2 % | {p95}"));
        let bytes = Labels { p95: false, throughput: true, errors: false, ..Labels::default() };
        assert_eq!(said(bytes), "9 rps | ↑8.0 kB/s | ↓40 kB/s");
        let tcp = Edge { protocol: Protocol::Tcp, received_bytes_per_s: None, ..Edge::clone(edge) };
        assert_eq!(
            bytes.parts(&tcp, 0.0, "48 kB/s", None).join(" | ").replace('\u{a0}', " "),
            "↑8.0 kB/s | ↓not known"
        );
        let none = Edge { sent_bytes_per_s: None, ..tcp };
        assert_eq!(bytes.parts(&none, 0.0, "48 kB/s", None), ["bytes not known"]);
        let more = Labels { rate: false, share: true, p50: true, errors: false, ..Labels::default() };
        assert!(
            said(more).starts_with("25 % | p50 ") && said(more).ends_with(&format!("p95 {p95}")),
            "{}",
            said(more)
        );
    }
}
