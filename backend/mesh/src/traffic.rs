//! What was measured: request and byte rates between workloads over one time window.

use litemap::LiteMap;
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

impl Protocol {
    /// "http", "grpc", "tcp".
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
        }
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
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

/// The end of the last bucket of Istio's histogram of durations: what is slower is counted, but not how slow
/// it is.
pub const LAST_BUCKET_MS: f64 = 3_600_000.0;

/// Requests per second by (response code, response flags): a list, for most paths have one or two.
pub type Responses = LiteMap<(Arc<str>, Arc<str>), f64>;

/// What was measured on one [`Path`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Requests per second by (response code, response flags); code "-" when there was no response. gRPC: the
    /// gRPC status.
    pub responses: Responses,
    /// Milliseconds; `None` when nothing was measured.
    pub p50_ms: Option<f64>,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// Milliseconds.
    pub p99_ms: Option<f64>,
    /// Bytes per second of the requests, with their headers; `None` when nothing was measured.
    pub request_bytes: Option<f64>,
    /// Bytes per second of the responses.
    pub response_bytes: Option<f64>,
    /// Requests (or TCP connections) per second that came over mutual TLS, and those that did not: sums over
    /// all series.
    pub mutual_tls: f64,
    /// See `mutual_tls`.
    pub plaintext: f64,
    /// TCP bytes per second that the client sent.
    pub bytes_sent: f64,
    /// TCP bytes per second that the client received.
    pub bytes_received: f64,
    /// Over how many seconds it was measured; 0 where that is not known.
    pub window_secs: u64,
    /// How it was in the last hour, where that is known.
    pub usual: Option<Usual>,
}

/// How calls of a path were in the last hour, in the middle; of a younger mesh, in as much of it as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    /// Requests per second.
    pub rps: f64,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// Requests and connections of the whole hour that came without mutual TLS.
    pub plaintext: f64,
    /// Whether the calls to its service have fallen to next to nothing since.
    pub lost: bool,
}

impl Flow {
    /// Requests per second.
    pub fn rps(&self) -> f64 {
        // The sum of nothing is -0, and would be shown so.
        self.responses.values().sum::<f64>() + 0.0
    }
    /// Connections per second that were opened and are no requests.
    pub fn opened(&self) -> f64 {
        if self.responses.is_empty() { self.mutual_tls + self.plaintext } else { 0.0 }
    }
    /// Whether anything went this way in the window.
    pub fn carries(&self) -> bool {
        let flows = [self.mutual_tls, self.plaintext, self.bytes_sent, self.bytes_received];
        self.responses.values().chain(&flows).any(|rate| *rate > 0.0)
    }
}

/// How much of the chosen window was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// All of it.
    #[default]
    Whole,
    /// Counters are there since so many seconds only.
    Warming {
        /// Since then.
        secs: u64,
        /// Of so many.
        of: u64,
    },
    /// There is no counter of any proxy.
    Nothing,
}

impl Coverage {
    /// What is missing, in words; `None` when nothing is.
    pub fn words(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Warming { secs, of } => Some(format!("warming up, {secs} of {of} s")),
            Self::Nothing => {
                Some("Prometheus has no requests of any proxy (istio_requests_total)".to_owned())
            }
        }
    }
}

/// All that was measured over one window, for the graph and for the shares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Length of the window in seconds.
    pub window_secs: u64,
    /// How much of the chosen window that is.
    pub coverage: Coverage,
    /// The measured flows; each path once.
    pub flows: BTreeMap<Path, Flow>,
    /// What was said besides, and what could not be read or placed: for the user to know.
    pub remarks: Vec<String>,
    /// What was usual in the last hour, path by path, without principals; `None` while nothing is known.
    pub hour: Option<Arc<BTreeMap<Path, Usual>>>,
    /// Whether it is of the past: what pods and rules are now says nothing of it.
    pub past: bool,
}

impl Traffic {
    /// Expected requests of a window below which nobody can say that they are missing.
    const MISSED: f64 = 30.0;
    /// Below this part of what is usual, calls are lost.
    const LOST: f64 = 0.2;

    /// The same, beside what was usual in the last hour. Calls of a service that has lost them are shown as
    /// paths without a request. A version that gets none, since its service sends them to another one, has
    /// lost nothing; nor has a service that is called less because its callers are.
    #[must_use]
    pub fn beside(mut self, usual: &Arc<BTreeMap<Path, Usual>>) -> Self {
        self.hour = (!usual.is_empty()).then(|| Arc::clone(usual));
        let called = called(&self.flows, usual);
        let mut hosts: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (path, usual) in usual.iter() {
            let left = called.get(&workload(&path.source)).map_or(1.0, |(now, usual)| (now / usual).min(1.0));
            hosts.entry(&path.service.host).or_default().1 += usual.rps * left;
        }
        for (path, flow) in &self.flows {
            if let Some((now, _)) = hosts.get_mut(&*path.service.host) {
                *now += flow.rps();
            }
        }
        let window = self.window_secs as f64;
        hosts.retain(|_, (now, usual)| *usual * window >= Self::MISSED && *now < *usual * Self::LOST);
        let key = |path: &Path| {
            let mut path = path.clone();
            for peer in [&mut path.source, &mut path.destination] {
                peer.principal = Arc::default();
            }
            path
        };
        let mut missing = BTreeMap::clone(usual);
        for (path, flow) in &mut self.flows {
            let known = missing.remove(&key(path));
            flow.usual = known.map(|usual| Usual { lost: hosts.contains_key(&*path.service.host), ..usual });
        }
        missing.retain(|path, _| hosts.contains_key(&*path.service.host));
        for (path, usual) in missing {
            let usual = Some(Usual { lost: true, ..usual });
            self.flows.insert(path, Flow { window_secs: self.window_secs, usual, ..Flow::default() });
        }
        self
    }
}

/// A workload: namespace and name.
type Whose = (Arc<str>, Arc<str>);

fn workload(peer: &Peer) -> Whose {
    (Arc::clone(&peer.namespace), Arc::clone(&peer.workload))
}

/// How often workloads are called now, and how often they usually are.
fn called(flows: &BTreeMap<Path, Flow>, usual: &BTreeMap<Path, Usual>) -> BTreeMap<Whose, (f64, f64)> {
    let mut all: BTreeMap<Whose, (f64, f64)> = BTreeMap::new();
    for (path, usual) in usual.iter().filter(|(_, usual)| usual.rps > 0.0) {
        all.entry(workload(&path.destination)).or_default().1 += usual.rps;
    }
    for (path, flow) in flows {
        if let Some((now, _)) = all.get_mut(&workload(&path.destination)) {
            *now += flow.rps();
        }
    }
    all
}

/// The part of a service's requests that one of its versions answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeasuredShare {
    /// Requests of the window that this version answered.
    pub count: f64,
    /// Percent of all requests that reached any version.
    pub percent: f64,
    /// Lower end of the 95 % interval, percent.
    pub low: f64,
    /// Upper end of the 95 % interval, percent.
    pub high: f64,
}

impl MeasuredShare {
    /// Half the width of the error bar, in points.
    pub fn plus_minus(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
    /// So many of `of` requests, with Wilson's interval: it stays within 0 and 100 and holds for few requests
    /// too.
    pub fn of(count: f64, of: f64) -> Self {
        const Z: f64 = 1.96;
        let part = count / of;
        let spread = Z / (1.0 + Z * Z / of) * (part * (1.0 - part) / of + Z * Z / (4.0 * of * of)).sqrt();
        let middle = (part + Z * Z / (2.0 * of)) / (1.0 + Z * Z / of);
        let percent = |part: f64| (part * 100.0).clamp(0.0, 100.0);
        Self { count, percent: percent(part), low: percent(middle - spread), high: percent(middle + spread) }
    }
}

/// What share of a service's requests each of its versions got, in the order of its subsets; empty when there
/// were none. Requests that reached no version (refused on the way, aborted by a fault) do not count.
pub fn share_of(traffic: &Traffic, service: &crate::Service) -> Vec<(String, MeasuredShare)> {
    let versions = service.subsets.iter().map(|subset| (subset.name.clone(), subset.workloads.clone()));
    let hosts = std::slice::from_ref(&service.host);
    shares(traffic, hosts, &versions.collect::<Vec<_>>(), Flow::rps)
}

/// What share of what went to some hosts each of these parts got: requests ([`Flow::rps`]), or connections
/// ([`Flow::opened`]). Empty when there was nothing.
pub fn shares(
    traffic: &Traffic,
    hosts: &[String],
    parts: &[(String, Vec<istio::WorkloadId>)],
    count: fn(&Flow) -> f64,
) -> Vec<(String, MeasuredShare)> {
    let reaches = |path: &Path, workload: &istio::WorkloadId| {
        path.destination.workload == workload.name && path.destination.namespace == workload.namespace
    };
    let calls = |path: &&Path| hosts.iter().any(|host| **host == *path.service.host);
    let counted = parts.iter().map(|(name, workloads)| {
        let flows = traffic.flows.iter().filter(|(path, _)| calls(path));
        let rate: f64 = flows
            .filter(|(path, _)| workloads.iter().any(|workload| reaches(path, workload)))
            .map(|(_, flow)| count(flow))
            .sum();
        // The sum of nothing is -0, and would be shown so.
        (name.clone(), (rate + 0.0) * traffic.window_secs as f64)
    });
    let counted: Vec<(String, f64)> = counted.collect();
    let all: f64 = counted.iter().map(|(_, count)| count).sum();
    if all <= 0.0 {
        return Vec::new();
    }
    counted.into_iter().map(|(name, count)| (name, MeasuredShare::of(count, all))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn shares_of_reviews() {
        let mesh = demo::bookinfo();
        let shares = share_of(&demo::bookinfo_traffic(), mesh.service("bookinfo", "reviews").unwrap());
        let said: Vec<String> = shares
            .iter()
            .map(|(name, share)| {
                format!("{name} {:.0} {:.0} % ± {:.1}", share.count, share.percent, share.plus_minus())
            })
            .collect();
        assert_eq!(said, ["v1 300 50 % ± 4.0", "v2 180 30 % ± 3.7", "v3 120 20 % ± 3.2"]);
        let likely = shares[2].1.low..=shares[2].1.high;
        assert!(likely.contains(&22.0) && !likely.contains(&80.0));
        assert_eq!(share_of(&Traffic::default(), mesh.service("bookinfo", "reviews").unwrap()), []);
        let mut early = demo::bookinfo_traffic();
        early.flows.retain(|path, _| &*path.destination.workload != "reviews-v3");
        let v3 = share_of(&early, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().1;
        assert_eq!(format!("{:.1}", v3.percent), "0.0");
    }

    /// A version that a split leaves without calls has lost nothing; a service that nobody calls any more
    /// has.
    #[test]
    fn lost_calls_are_those_of_a_service() {
        let whole = demo::bookinfo_traffic();
        let usual: BTreeMap<Path, Usual> = whole
            .flows
            .iter()
            .map(|(path, flow)| {
                let mut path = path.clone();
                (path.source.principal, path.destination.principal) = (Arc::default(), Arc::default());
                (path, Usual { rps: flow.rps(), p95_ms: flow.p95_ms, ..Usual::default() })
            })
            .collect();
        let usual = Arc::new(usual);
        let lost = |traffic: Traffic| -> Vec<String> {
            let flows = traffic.beside(&usual).flows;
            let lost = flows.iter().filter(|(_, flow)| flow.usual.is_some_and(|usual| usual.lost));
            let mut names: Vec<String> =
                lost.map(|(path, flow)| format!("{} {:.0}", path.destination.workload, flow.rps())).collect();
            names.sort();
            names
        };
        assert!(lost(whole.clone()).is_empty());
        let mut moved = whole.clone();
        moved.flows.retain(|path, _| &*path.destination.workload != "reviews-v3");
        assert!(lost(moved).is_empty(), "v3 has no calls, reviews has");
        // Next to all go to v1, which calls no ratings: those are called less, and have lost nothing.
        let mut moved = whole.clone();
        for (path, flow) in &mut moved.flows {
            let few = |peer: &Peer| matches!(&*peer.workload, "reviews-v2" | "reviews-v3");
            let v1 = &*path.destination.workload == "reviews-v1";
            let part = if few(&path.source) || few(&path.destination) {
                0.05
            } else if v1 {
                1.95
            } else {
                1.0
            };
            flow.responses.iter_mut().for_each(|(_, rate)| *rate *= part);
        }
        assert!(lost(moved).is_empty(), "ratings are called by v2 and v3 only");
        let mut unanswered = whole.clone();
        unanswered.flows.retain(|path, _| !path.destination.workload.starts_with("ratings"));
        assert!(!lost(unanswered).is_empty(), "v2 and v3 are called as before, and call no ratings");
        let mut gone = whole.clone();
        gone.flows.retain(|path, _| !path.destination.workload.starts_with("reviews"));
        assert_eq!(lost(gone), ["reviews-v1 0", "reviews-v2 0", "reviews-v3 0"]);
        let mut short = whole;
        short.flows.clear();
        short.window_secs = 1;
        assert!(lost(short).is_empty(), "in so short a time nobody can say");
    }

    #[test]
    fn few_requests_say_little() {
        let all = MeasuredShare::of(4.0, 4.0);
        assert_eq!(all.high, 100.0);
        assert!(all.low < 60.0, "{all:?}");
    }
}
