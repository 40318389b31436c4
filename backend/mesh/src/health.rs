//! Health of calls and of workloads, with the reason: the one place where it is decided.
//!
//! - Errors: any failure (5xx, no response, gRPC status other than 0, TCP connections that broke) degrades,
//!   from 10 % on it is failing; 4xx degrade from 10 % and fail from 20 %. Of fewer than `FEW` requests in
//!   the window, failures degrade at most.
//! - Latency: a path whose 95th percentile is three times that of its own last hour, and 50 ms more, is
//!   degraded; ten times and a second more is failing. Fewer than `TIMED` requests tell nothing.
//! - Lost calls: a service that gets less than a fifth of what it got in the last hour is degraded.
//! - Pods: none ready is failing, some missing degraded, each with what Kubernetes says of them.
//! - Calls that a rule sends to a version without a ready pod: failing from 10 % on.

use crate::graph::Health;
use crate::model::Pod;
use crate::traffic::{Flow, Protocol};
use crate::{Mesh, Service, Workload};
use istio::{WorkloadId, fqdn, kinds};
use litemap::LiteMap;
use serde::Serialize;
use std::collections::BTreeSet;

/// Of fewer requests, some failures are no reason for red.
pub(crate) const FEW: f64 = 10.0;
/// Of fewer requests, a percentile tells nothing.
pub(crate) const TIMED: f64 = 20.0;

/// Calls of one protocol, by how they ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// Per second.
    pub total: f64,
    /// Per second: 5xx, no response, gRPC status other than 0; broken TCP connections.
    pub failed: f64,
    /// Per second: 4xx.
    pub refused: f64,
    /// Requests of the window, where it is known.
    requests: f64,
    /// Failures by code and flags ("503 FI").
    worst: LiteMap<String, f64>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// With what was asked for.
    #[default]
    Well,
    /// With a word that the caller is to blame for.
    Refused,
    /// With a failure, or with no answer.
    Failed,
}

/// How a call ended, by its response code and Envoy's flags. Of gRPC the code is the status; 0 elsewhere is
/// no answer.
pub fn end(protocol: Protocol, code: &str, flags: &str) -> End {
    let number: Option<u16> = code.parse().ok();
    match (protocol, number) {
        (Protocol::Tcp, _) if matches!(flags, "-" | "" | "DC") => End::Well, // DC: the client hung up
        (Protocol::Tcp, _) => End::Failed,
        (Protocol::Grpc, Some(1..=99)) | (_, Some(500..) | None) => End::Failed,
        (Protocol::Http, Some(0)) => End::Failed,
        (_, Some(400..=499)) => End::Refused,
        _ => End::Well,
    }
}

impl Calls {
    /// Counts the calls of a flow too.
    pub fn add(&mut self, protocol: Protocol, flow: &Flow) {
        self.total += flow.rps();
        self.requests += flow.rps() * flow.window_secs as f64;
        for ((code, flags), rate) in &flow.responses {
            match end(protocol, code, flags) {
                End::Well => {}
                End::Refused => self.refused += rate,
                End::Failed => {
                    self.failed += rate;
                    let flags = Some(&**flags).filter(|flags| !matches!(*flags, "-" | ""));
                    let code = if &**code == "-" { "no response" } else { code };
                    let name =
                        [Some(code).filter(|_| protocol != Protocol::Tcp), flags].into_iter().flatten();
                    *self.worst.entry(name.collect::<Vec<_>>().join(" ")).or_default() += rate;
                }
            }
        }
    }

    /// Counts those of another too.
    pub fn extend(&mut self, other: &Self) {
        self.total += other.total;
        self.requests += other.requests;
        self.failed += other.failed;
        self.refused += other.refused;
        for (name, rate) in &other.worst {
            *self.worst.entry(name.clone()).or_default() += rate;
        }
    }

    /// Percentage of calls that failed.
    pub fn error_percent(&self) -> f64 {
        percent(self.failed, self.total)
    }

    /// Their health, and why it is not well.
    pub fn health(&self) -> (Health, String) {
        let (failed, refused) = (self.error_percent(), percent(self.refused, self.total));
        let few = self.requests > 0.0 && self.requests < FEW;
        let level = |share: f64, degraded: f64, failing: f64| match share {
            share if share <= 0.0 => Health::Healthy,
            share if share >= failing && !few => Health::Failing,
            share if share >= degraded => Health::Degraded,
            _ => Health::Healthy,
        };
        if self.total <= 0.0 {
            return (Health::Idle, String::new());
        }
        let (by_failed, by_refused) = (level(failed, 0.0, 10.0), level(refused, 10.0, 20.0));
        if by_failed == Health::Healthy && by_refused == Health::Healthy {
            return (Health::Healthy, String::new());
        }
        if by_refused > by_failed {
            return (by_refused, format!("{} of calls end with 4xx", tenth(refused)));
        }
        let most = self.worst.iter().max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or("", |(name, _)| name);
        (by_failed, format!("{} of calls fail, most with {most}", tenth(failed)))
    }
}

/// Health of so many calls, of which so many failed.
pub fn of_calls(total: usize, failed: usize) -> Health {
    let (total, failed) = (total as f64, failed as f64);
    Calls { total, failed, requests: total, ..Calls::default() }.health().0
}

/// "2 %", "0.3 %".
fn tenth(percent: f64) -> String {
    let rounded = (percent * 10.0).round() / 10.0;
    if rounded == 0.0 { "under 0.1 %".to_owned() } else { format!("{rounded} %") }
}

fn percent(part: f64, of: f64) -> f64 {
    if of > 0.0 { part / of * 100.0 } else { 0.0 }
}

/// The path that is slowest against its own last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slow {
    health: Health,
    now_ms: f64,
    usual_ms: f64,
}

impl Slow {
    /// How slow a path is, if it can be told.
    pub fn of(flow: &Flow) -> Self {
        let enough = flow.rps() * flow.window_secs as f64 >= TIMED;
        let usual = flow.usual.and_then(|usual| usual.p95_ms);
        let (Some(now_ms), Some(usual_ms), true) = (flow.p95_ms, usual, enough) else {
            return Self::default();
        };
        let more = now_ms - usual_ms;
        let health = match now_ms / usual_ms.max(1.0) {
            times if times >= 10.0 && more >= 1_000.0 => Health::Failing,
            times if times >= 3.0 && more >= 50.0 => Health::Degraded,
            _ => Health::Idle,
        };
        Self { health, now_ms, usual_ms }
    }
    /// The worse of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let by = |slow: &Self| (slow.health, slow.now_ms);
        if by(&other) > by(&self) { other } else { self }
    }
    /// How healthy that is.
    pub fn health(&self) -> (Health, String) {
        let time =
            |ms: f64| if ms >= 1_000.0 { format!("{:.1} s", ms / 1_000.0) } else { format!("{ms:.0} ms") };
        match self.health {
            Health::Idle | Health::Healthy => (Health::Idle, String::new()),
            health => {
                let (now, usual) = (time(self.now_ms), time(self.usual_ms));
                (health, format!("95 % of calls take up to {now}, {usual} before"))
            }
        }
    }
}

/// How healthy it is that of so many usual calls per second so many are left.
pub fn of_lost(now: f64, usual: f64) -> (Health, String) {
    let rate = |rps: f64| if rps >= 10.0 { format!("{rps:.0}") } else { format!("{rps:.1}") };
    let usual = rate(usual);
    match now {
        now if now <= 0.0 => (Health::Degraded, format!("no calls any more, {usual}/s before")),
        now => (Health::Degraded, format!("{} calls/s, {usual}/s before", rate(now))),
    }
}

/// Health of a workload by its pods, and why it is not well.
pub fn of_workload(workload: &Workload) -> (Health, String) {
    let ready = workload.ready();
    let wanted = workload.wanted.map_or(workload.pods.len(), |wanted| wanted as usize);
    let troubled = || {
        let waits = |pod: &&Pod| !pod.ready && !matches!(&*pod.phase, "Running" | "Unknown");
        let states: BTreeSet<&str> = workload.pods.iter().filter(waits).map(|pod| &*pod.phase).collect();
        let waiting = workload.pods.iter().filter(|pod| !pod.ready);
        let restarts = waiting.map(|pod| pod.restarts).fold(0, u32::saturating_add);
        let restarts = match restarts {
            0 => None,
            1 => Some("1 restart".to_owned()),
            some => Some(format!("{some} restarts")),
        };
        let told: Vec<String> = states.into_iter().map(str::to_owned).chain(restarts).collect();
        if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
    };
    let name = &workload.name;
    match (ready, wanted) {
        (0, 0) => (Health::Idle, format!("{name} is scaled to 0")),
        (0, _) => (Health::Failing, format!("no pod of {name} is ready{}", troubled())),
        (ready, wanted) if ready < wanted => {
            (Health::Degraded, format!("{ready} of {wanted} pods of {name} are ready{}", troubled()))
        }
        _ => (Health::Healthy, String::new()),
    }
}

/// The workloads that can be judged by their pods: those of which the pods may be read.
pub fn judged<'a>(mesh: &Mesh, workloads: &[&'a Workload]) -> Vec<&'a Workload> {
    let seen = |workload: &&&Workload| mesh.unseen(&kinds::POD, &workload.namespace).is_none();
    workloads.iter().filter(seen).copied().collect()
}

/// Calls that a rule sends to a version of which no pod is ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Astray {
    /// The subset.
    pub subset: String,
    /// Percent of the rule's calls.
    pub percent: f64,
    /// The workloads of the subset; without any, it is the service's own trouble.
    pub workloads: Vec<WorkloadId>,
}

/// What the rules in force send to versions of a service without a ready pod.
pub fn astray(mesh: &Mesh, service: &Service) -> Vec<Astray> {
    let in_force = crate::roles::in_force(mesh, service);
    let views = in_force.iter().filter_map(|(at, _)| Some((*at, mesh.virtual_service(at)?)));
    if in_force.is_empty() || mesh.unseen(&kinds::POD, &service.namespace).is_some() {
        return Vec::new();
    }
    let ready = |id: &WorkloadId| mesh.workload(&id.namespace, &id.name).is_some_and(|one| one.ready() > 0);
    let mut all: Vec<Astray> = Vec::new();
    for (at, http) in views.flat_map(|(at, view)| view.http.iter().map(move |http| (at, http))) {
        let alone = http.route.len() == 1;
        let total = http.route.iter().filter_map(|row| row.weight).fold(0, i64::saturating_add);
        for row in &http.route {
            let weight = if alone {
                100.0
            } else {
                row.weight.unwrap_or(0).max(0) as f64 * 100.0 / total.max(1) as f64
            };
            let subset = row.destination.subset.as_deref().unwrap_or_default();
            let Some(subset) = service.subsets.iter().find(|known| known.name == subset) else { continue };
            let here = weight > 0.0 && fqdn(&row.destination.host, &at.namespace) == service.host;
            if here && !subset.workloads.iter().any(ready) {
                let known = all.iter_mut().find(|known| known.subset == subset.name);
                match known {
                    Some(known) => known.percent = known.percent.max(weight),
                    None => all.push(Astray {
                        subset: subset.name.clone(),
                        percent: weight,
                        workloads: subset.workloads.clone(),
                    }),
                }
            }
        }
    }
    all
}

impl Astray {
    /// How healthy that is for these workloads, or for the service as a whole.
    pub fn health(&self, whole: bool, workloads: &[&Workload]) -> (Health, String) {
        let here = |id: &WorkloadId| {
            workloads.iter().any(|one| one.namespace == id.namespace && one.name == id.name)
        };
        if !whole && !self.workloads.is_empty() && !self.workloads.iter().any(here) {
            return (Health::Idle, String::new());
        }
        let health = if self.percent >= 10.0 { Health::Failing } else { Health::Degraded };
        (
            health,
            format!(
                "{} of calls are sent to {}, and no pod of it is ready",
                tenth(self.percent),
                self.subset
            ),
        )
    }
}

/// The worse of two, with its reason.
pub fn worse(a: (Health, String), b: (Health, String)) -> (Health, String) {
    if b.0 > a.0 { b } else { a }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
