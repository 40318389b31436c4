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
        Self { rate: true, share: false, p50: false, p95: true, p99: false, errors: true, mtls: true }
    }
}

impl Labels {
    /// The parts of an edge's words; `made` are all requests of its caller.
    pub(super) fn parts(self, edge: &Edge, made: f64, rate: &str, wrong: Option<&String>) -> Vec<String> {
        let mut parts = Vec::new();
        if self.rate {
            parts.push(rate.to_owned());
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
        let more = Labels { rate: false, share: true, p50: true, errors: false, ..Labels::default() };
        assert!(
            said(more).starts_with("25 % | p50 ") && said(more).ends_with(&format!("p95 {p95}")),
            "{}",
            said(more)
        );
    }
}
