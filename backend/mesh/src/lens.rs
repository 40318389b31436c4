//! One reading of traffic: rates, errors, latency, codes, mutual TLS and health of whatever is looked at.
//! Graph, detail, overview, editors and command line all read through it, so that no two places disagree.

mod answers;
mod quantiles;
mod reading;
mod subject;
mod throughput;

pub use answers::{Answered, meaning};
pub use reading::{Ends, Reading};
pub(crate) use subject::is_whole;
pub use subject::{Subject, aimed_at, asked_for};
pub use throughput::Throughput;

use crate::Workload;
use crate::graph::{Health, NodeId};
use crate::health::{Astray, of_workload, worse};
use crate::traffic::{Path, Peer, Traffic};

/// What was measured of one thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lens {
    /// Calls that it gets.
    pub input: Reading,
    /// Calls that it makes.
    pub output: Reading,
    /// How it is.
    pub health: Health,
    /// Why: the worst thing that was measured or seen; empty when nothing is wrong.
    pub reason: String,
}

impl Lens {
    /// What was measured of a thing of the mesh, and of what stands outside it.
    pub fn of(traffic: Option<&Traffic>, subject: &Subject<'_>) -> Self {
        let input = Reading::of(traffic, |path| subject.called_by(path));
        let output = Reading::of(traffic, |path| subject.calls(path));
        let past = traffic.is_some_and(|traffic| traffic.past);
        let (judged, astray) =
            if past { (&[][..], &[][..]) } else { (&subject.judged[..], &subject.astray[..]) };
        let (health, reason) = health(&input.ends, &output.ends, subject.is_whole(), judged, astray);
        Self { input, output, health, reason }
    }

    /// Calls from one thing to another, which are the input.
    pub fn between(traffic: Option<&Traffic>, from: &Subject<'_>, to: &Subject<'_>) -> Self {
        let input = Reading::of(traffic, |path| from.calls(path) && to.called_by(path));
        let (health, reason) = input.ends.health();
        Self { input, output: Reading::default(), health, reason }
    }

    /// Whether it only makes calls, as far as telemetry sees: a gateway.
    pub fn makes(&self) -> bool {
        self.input.ends.is_silent() && !self.output.ends.is_silent()
    }

    /// What stands for it: the calls that it gets, or makes if nobody calls it.
    pub fn main(&self) -> &Reading {
        if self.makes() { &self.output } else { &self.input }
    }
}

/// How well a thing serves, and whether its pods are there. One that nobody calls is judged by what it calls:
/// that is what the users of a gateway see. A failing callee degrades its caller; it does not make it fail. In the
/// past its calls alone are known: nobody kept how its pods were.
pub fn health(
    got: &Ends,
    sent: &Ends,
    whole: bool,
    workloads: &[&Workload],
    astray: &[Astray],
) -> (Health, String) {
    let calls = match (got.is_silent(), sent.failures()) {
        (true, _) => worse(sent.health(), got.lost()),
        (false, (health, reason)) if health > Health::Healthy => {
            let made = reason.replacen("of calls", "of calls that it makes", 1);
            worse(got.health(), (Health::Degraded, made))
        }
        (false, _) => got.health(),
    };
    let pods =
        workloads.iter().map(|workload| of_workload(workload)).fold((Health::Idle, String::new()), worse);
    let calls = astray.iter().map(|astray| astray.health(whole, workloads)).fold(calls, worse);
    match (calls.0, pods.0) {
        (Health::Idle, Health::Healthy) => calls, // ready, and nobody calls
        _ => worse(calls, pods),
    }
}

/// Whether a peer's calls are those of a node that stands for nothing in the mesh.
fn is_node(node: &NodeId, peer: &Peer, called: Option<&Path>) -> bool {
    match node {
        NodeId::App(id) => {
            let version = id.version.as_ref().is_none_or(|version| peer.version == *version);
            peer.namespace == id.namespace && peer.app == id.app && version
        }
        NodeId::Workload(id) => peer.namespace == id.namespace && peer.workload == id.name,
        NodeId::Service(id) => match called {
            Some(path) => path.service.namespace == id.namespace && path.service.name == id.name,
            None => peer.namespace == id.namespace && peer.app == id.name,
        },
        // That is for its subject to say, which has its services.
        NodeId::Namespace(..) => false,
        NodeId::External(host) => {
            called.is_some_and(|path| path.service.host == *host || path.service.name == *host)
        }
        // Calls that reached nobody belong to whom they were for, if that is told.
        NodeId::Unknown => {
            let told = |name: &str| !matches!(name, "" | "unknown");
            let for_whom = |path: &Path| told(&path.service.host) || told(&path.service.name);
            !told(&peer.workload) && !called.is_some_and(for_whom)
        }
    }
}

#[cfg(test)]
mod tests;
