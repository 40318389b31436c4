//! Flows of several paths, added up.

use super::answers::{Answered, meaning};
use super::quantiles::Quantiles;
use super::throughput::Throughput;
use crate::graph::Health;
use crate::health::{self, Calls, End, Slow, of_lost, worse};
use crate::traffic::{Flow, Path, Protocol, Responses, Traffic};
use litemap::LiteMap;
use std::sync::Arc;

/// How calls ended, by their protocols: enough for rates, errors and health.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ends {
    /// By protocol; a list for one or two of three.
    calls: LiteMap<Protocol, Calls>,
    bytes: f64,
    slow: Slow,
    /// Calls per second of services that have lost theirs: now, and what was usual.
    lost: (f64, f64),
}

impl Ends {
    /// Adds one path.
    pub fn add(&mut self, protocol: Protocol, flow: &Flow) {
        self.of(protocol).add(protocol, flow);
        self.bytes += flow.bytes_sent + flow.bytes_received;
        self.slow = self.slow.worse(Slow::of(flow));
        if let Some(usual) = flow.usual.filter(|usual| usual.lost) {
            self.lost = (self.lost.0 + flow.rps(), self.lost.1 + usual.rps);
        }
    }
    /// Adds all of another's.
    pub fn extend(&mut self, other: &Self) {
        for (protocol, calls) in &other.calls {
            self.of(*protocol).extend(calls);
        }
        self.bytes += other.bytes;
        self.slow = self.slow.worse(other.slow);
        self.lost = (self.lost.0 + other.lost.0, self.lost.1 + other.lost.1);
    }
    fn of(&mut self, protocol: Protocol) -> &mut Calls {
        // Nearly all things speak one protocol, and a graph has very many of these.
        if self.calls.is_empty() {
            self.calls = LiteMap::with_capacity(1);
        }
        self.calls.entry(protocol).or_default()
    }
    /// Whether no path was added.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
    /// Requests per second; TCP connections do not count.
    pub fn rps(&self) -> f64 {
        let requests = self.calls.iter().filter(|(protocol, _)| **protocol != Protocol::Tcp);
        // The sum of nothing is -0, and would be shown so.
        requests.map(|(_, calls)| calls.total).sum::<f64>() + 0.0
    }
    /// Percentage of calls that failed; `None` without calls.
    pub fn error_percent(&self) -> Option<f64> {
        let sum = |part: fn(&Calls) -> f64| self.calls.values().map(part).sum::<f64>();
        let total = sum(|calls| calls.total);
        (total > 0.0).then(|| sum(|calls| calls.failed) / total * 100.0)
    }
    /// Percentage of calls that were refused: 4xx, which are no failures of the service; `None` without calls.
    pub fn refused_percent(&self) -> Option<f64> {
        let sum = |part: fn(&Calls) -> f64| self.calls.values().map(part).sum::<f64>();
        let total = sum(|calls| calls.total);
        (total > 0.0).then(|| sum(|calls| calls.refused) / total * 100.0)
    }
    /// Failed calls per second.
    pub fn failed(&self) -> f64 {
        self.calls.values().map(|calls| calls.failed).sum()
    }
    /// Bytes per second of TCP, both directions.
    pub fn bytes(&self) -> f64 {
        self.bytes
    }
    /// Whether nothing was measured at all.
    pub fn is_silent(&self) -> bool {
        self.bytes <= 0.0 && self.calls.values().all(|calls| calls.total <= 0.0)
    }
    /// Health of the calls, and why it is not well.
    pub fn health(&self) -> (Health, String) {
        [self.failures(), self.slow.health(), self.lost()]
            .into_iter()
            .fold((Health::Idle, String::new()), worse)
    }
    /// Health by how calls end alone. Connections that only carry bytes are well.
    pub fn failures(&self) -> (Health, String) {
        let all = self.calls.values().map(Calls::health).fold((Health::Idle, String::new()), worse);
        if all.0 == Health::Idle && self.bytes > 0.0 { (Health::Healthy, String::new()) } else { all }
    }
    /// Health by the calls that are missing.
    pub fn lost(&self) -> (Health, String) {
        let (now, usual) = self.lost;
        if usual > 0.0 { of_lost(now, usual) } else { (Health::Idle, String::new()) }
    }
}

/// Calls of several paths: how they ended, how long they took, how they were secured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// How they ended.
    pub ends: Ends,
    /// Requests per second by response code and flags.
    pub responses: Responses,
    /// Bytes that they carried.
    pub throughput: Throughput,
    ended: LiteMap<(Arc<str>, Arc<str>), End>,
    mutual_tls: f64,
    plaintext: f64,
    latency: Quantiles,
}

impl Reading {
    /// The security of fewer calls, as a part of all, tells nothing of the rest.
    const KNOWN: f64 = 0.05;

    /// Adds up all paths that fit.
    pub fn of(traffic: Option<&Traffic>, fits: impl Fn(&Path) -> bool) -> Self {
        let mut reading = Self::default();
        let flows = traffic.into_iter().flat_map(|traffic| &traffic.flows);
        flows.filter(|(path, _)| fits(path)).for_each(|(path, flow)| reading.add(path.protocol, flow));
        reading
    }
    /// Adds one path.
    pub fn add(&mut self, protocol: Protocol, flow: &Flow) {
        self.ends.add(protocol, flow);
        self.throughput.add(protocol, flow);
        for (end, rate) in &flow.responses {
            *self.responses.entry(end.clone()).or_default() += rate;
            let ended = self.ended.entry(end.clone()).or_default();
            *ended = (*ended).max(health::end(protocol, &end.0, &end.1));
        }
        self.mutual_tls += flow.mutual_tls;
        self.plaintext += flow.plaintext;
        self.latency.add(flow);
    }
    /// Requests per second; TCP connections do not count.
    pub fn rps(&self) -> f64 {
        self.ends.rps()
    }
    /// Percentage of calls that failed; `None` without calls.
    pub fn error_percent(&self) -> Option<f64> {
        self.ends.error_percent()
    }
    /// Percentage of calls that were refused; `None` without calls.
    pub fn refused_percent(&self) -> Option<f64> {
        self.ends.refused_percent()
    }
    /// Milliseconds below which so much (0 to 1) of all answers came.
    pub fn latency_ms(&self, quantile: f64) -> Option<f64> {
        self.latency.of(quantile)
    }
    /// Percentage of calls over mutual TLS; `None` when nothing was measured. Of calls that met no pod nobody
    /// knows: a few that did say nothing of the others.
    pub fn mtls_percent(&self) -> Option<f64> {
        let all = self.mutual_tls + self.plaintext;
        (all > self.rps() * Self::KNOWN).then(|| self.mutual_tls / all * 100.0)
    }
    /// Requests per second that have this flag.
    pub fn flagged(&self, flag: &str) -> f64 {
        let fits = |flags: &str| flags.split(',').any(|one| one == flag);
        self.responses.iter().filter(|((_, flags), _)| fits(flags)).map(|(_, rps)| rps).sum()
    }
    /// Response codes with flags, the most frequent first.
    pub fn answers(&self) -> Vec<Answered> {
        let there = self.responses.iter().filter(|(_, rps)| **rps > 0.0);
        let answered = |(key @ (code, flags), rps): (&(Arc<str>, Arc<str>), &f64)| Answered {
            end: self.ended.get(key).copied().unwrap_or_default(),
            code: code.to_string(),
            flags: flags.to_string(),
            rps: *rps,
            meaning: meaning(flags),
        };
        let mut answers: Vec<Answered> = there.map(answered).collect();
        answers.sort_by(|a, b| b.rps.total_cmp(&a.rps));
        answers
    }
}
