//! Sums over measured calls: rates, errors, latency and mutual TLS of many paths together.

use mesh::health::Calls;
use mesh::traffic::{Flow, Path, Protocol, Traffic};
use serde::Serialize;
use std::collections::BTreeMap;

/// Calls of several paths, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// Requests per second; TCP connections do not count.
    pub rps: f64,
    /// Calls by how they ended: their health.
    pub calls: Calls,
    /// The slowest path's 95th percentile, milliseconds.
    pub p95_ms: Option<f64>,
    /// Requests or connections per second over mutual TLS.
    pub mutual_tls: f64,
    /// Requests or connections per second in plain text.
    pub plaintext: f64,
    /// Bytes per second of TCP, both directions.
    pub bytes: f64,
    /// Requests per second by response code and flags.
    pub responses: BTreeMap<(String, String), f64>,
}

impl Sum {
    /// Adds all paths that fit.
    pub fn of(traffic: Option<&Traffic>, fits: impl Fn(&Path) -> bool) -> Self {
        let mut sum = Self::default();
        for (path, flow) in
            traffic.into_iter().flat_map(|traffic| &traffic.flows).filter(|(path, _)| fits(path))
        {
            sum.add(path.protocol, flow);
        }
        sum
    }
    /// Adds one path.
    pub fn add(&mut self, protocol: Protocol, flow: &Flow) {
        if protocol != Protocol::Tcp {
            self.rps += flow.rps();
        }
        self.calls.add(protocol, flow);
        for ((code, flags), rps) in &flow.responses {
            *self.responses.entry((code.to_string(), flags.to_string())).or_default() += rps;
        }
        if flow.rps() > 0.0 {
            self.p95_ms = match (self.p95_ms, flow.p95_ms) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (a, b) => a.or(b),
            };
        }
        self.mutual_tls += flow.mutual_tls;
        self.plaintext += flow.plaintext;
        self.bytes += flow.bytes_sent + flow.bytes_received;
    }
    /// Percentage of calls that failed; `None` without calls.
    pub fn error_percent(&self) -> Option<f64> {
        (self.calls.total > 0.0).then(|| self.calls.error_percent())
    }
    /// Percentage of calls over mutual TLS; `None` when nothing was measured.
    pub fn mtls_percent(&self) -> Option<f64> {
        let all = self.mutual_tls + self.plaintext;
        (all > 0.0).then(|| self.mutual_tls / all * 100.0)
    }
    /// Response codes with flags, the most frequent first.
    pub fn answers(&self) -> Vec<Answer> {
        let mut answers: Vec<Answer> = self
            .responses
            .iter()
            .filter(|(_, rps)| **rps > 0.0)
            .map(|((code, flags), rps)| Answer {
                code: code.clone(),
                flags: flags.clone(),
                rps: *rps,
                meaning: meaning(flags),
            })
            .collect();
        answers.sort_by(|a, b| b.rps.total_cmp(&a.rps));
        answers
    }
}

/// One kind of answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// "503".
    pub code: String,
    /// "FI", "-".
    pub flags: String,
    /// Requests per second.
    pub rps: f64,
    /// The flags in words.
    pub meaning: &'static str,
}

/// Envoy's response flags in words.
pub fn meaning(flags: &str) -> &'static str {
    match flags.split(',').next().unwrap_or_default() {
        "" | "-" => "",
        "DC" => "the caller hung up",
        "DI" => "delayed by fault injection",
        "FI" => "aborted by fault injection",
        "LR" => "connection reset locally",
        "NC" => "no such cluster",
        "NR" => "no route matched",
        "RL" => "rate limited",
        "RLSE" => "rate limit service failed",
        "UAEX" => "refused by external authorization",
        "UC" => "connection ended by the callee",
        "UF" => "connection to the callee failed",
        "UH" => "no healthy endpoint",
        "UMSDR" => "stream took too long",
        "UO" => "circuit breaker open",
        "UPE" => "protocol error of the callee",
        "UR" => "reset by the callee",
        "URX" => "retries used up",
        "UT" => "timed out",
        _ => "see Envoy's response flags",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(answers: &[(&str, &str, f64)], p95: f64) -> Flow {
        let responses =
            answers.iter().map(|(code, flags, rps)| (((*code).into(), (*flags).into()), *rps)).collect();
        Flow { responses, p95_ms: Some(p95), mutual_tls: 1.0, plaintext: 3.0, ..Flow::default() }
    }

    #[test]
    fn adds_up() {
        let mut sum = Sum::default();
        sum.add(Protocol::Http, &flow(&[("200", "-", 3.0), ("503", "FI", 1.0)], 20.0));
        sum.add(Protocol::Http, &flow(&[("200", "-", 4.0)], 30.0));
        assert_eq!(
            (sum.rps, sum.error_percent(), sum.p95_ms, sum.mtls_percent()),
            (8.0, Some(12.5), Some(30.0), Some(25.0))
        );
        assert_eq!(sum.answers()[0].code, "200");
        assert_eq!(sum.answers()[1].meaning, "aborted by fault injection");
    }
    #[test]
    fn nothing_measured_is_not_zero_percent() {
        assert_eq!((Sum::default().error_percent(), Sum::default().mtls_percent()), (None, None));
    }
}
