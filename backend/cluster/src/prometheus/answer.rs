//! From Prometheus' answers to measured traffic: each call counted once, security as sums over all series.

use super::query::Question;
use super::vector::{PATHS, Refusal, Remarks, Sample, each};
use mesh::traffic::{Called, Coverage, Flow, Path, Peer, Protocol, Traffic, Usual};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// What is known of a path while the answers are put together. There may be very many: it is kept small.
#[derive(Default)]
struct Seen {
    client: Counts,
    server: Counts,
    /// Requests that came over mutual TLS, and those that did not.
    requests: [f64; 2],
    /// How often each identity was seen: the most frequent names the path's ends.
    identities: Counts,
    /// Security of TCP: opened connections, and bytes for connections that live longer than the window.
    opened: [f64; 2],
    carried: [f64; 2],
    /// Bytes of TCP, sent and received, as callers count them, and as the called side does.
    bytes: [Option<[f64; 2]>; 2],
    /// Bytes of requests and of responses, by side, too.
    sizes: [[Option<f64>; 2]; 2],
    /// The quantiles.
    times: [Option<f64>; 3],
}

/// Values by two names; there are few.
#[derive(Default)]
struct Counts(Vec<(Pair, f64)>);

type Pair = (Arc<str>, Arc<str>);

impl Counts {
    fn add(&mut self, names: Pair, value: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == names) {
            Some((_, sum)) => *sum += value,
            None => {
                self.0.reserve_exact(1);
                self.0.push((names, value));
            }
        }
    }

    fn sum(&self) -> f64 {
        self.0.iter().map(|(_, value)| value).sum()
    }
}

const BY_CLIENT: usize = 0;
const BY_SERVER: usize = 1;

/// Puts the answers together, one after the other: in a big mesh each is large.
#[derive(Default)]
pub(crate) struct Gathered {
    names: Names,
    seen: BTreeMap<Path, Seen>,
    remarks: Remarks,
    /// The rate of requests whose series name neither end, as each side counts them.
    nameless: BTreeMap<Question, f64>,
}

impl Gathered {
    /// Takes in one answer; their order does not matter. One that is refused leaves nothing.
    pub(crate) fn add(&mut self, question: Question, body: &[u8]) -> Result<(), Refusal> {
        let remarks = each(body, |sample| self.take(question, &sample))?;
        self.remarks.add(remarks);
        Ok(())
    }

    pub(crate) fn take(&mut self, question: Question, sample: &Sample) {
        if !believable(sample) {
            return;
        }
        if question == Question::Unreported || nameless(sample) {
            if matches!(question, Question::Client | Question::Server | Question::Unreported) {
                *self.nameless.entry(question).or_default() += sample.value;
            }
            return;
        }
        let tcp = matches!(question, Question::TcpSent | Question::TcpReceived | Question::TcpOpened);
        let path = self.names.path(sample, tcp);
        if self.seen.len() >= PATHS && !self.seen.contains_key(&path) {
            self.remarks.crowded += 1;
            return;
        }
        self.seen.entry(path).or_default().add(question, sample, &mut self.names);
    }

    /// The traffic of the window. What was gathered goes as it is put together: there may be much.
    pub(crate) fn traffic(mut self, window_secs: u64) -> Traffic {
        let counted = self.counted();
        let seen = std::mem::take(&mut self.seen);
        self.told(window_secs, &counted, seen.into_iter())
    }

    /// The traffic of the window, as far as it was told until now.
    pub(crate) fn so_far(&self, window_secs: u64) -> Traffic {
        self.told(window_secs, &self.counted(), self.seen.iter().map(|(path, seen)| (path.clone(), seen)))
    }

    /// Workloads, by namespace and name, whose callers count what they send them.
    fn counted(&self) -> BTreeSet<(Arc<str>, Arc<str>)> {
        let told = self.seen.iter().filter(|(_, seen)| !seen.client.0.is_empty());
        told.map(|(path, _)| (path.destination.namespace.clone(), path.destination.workload.clone()))
            .collect()
    }

    fn told(
        &self,
        window_secs: u64,
        counted: &BTreeSet<(Arc<str>, Arc<str>)>,
        paths: impl Iterator<Item = (Path, impl Borrow<Seen>)>,
    ) -> Traffic {
        let mut flows = BTreeMap::new();
        for (mut path, seen) in paths {
            let seen: &Seen = seen.borrow();
            // Calls that a proxy refuses before it has learnt who calls come over mutual TLS all the same: the
            // caller has a proxy, which has counted them.
            let to = (path.destination.namespace.clone(), path.destination.workload.clone());
            if &*path.source.workload == "unknown" && seen.was_refused_early() && counted.contains(&to) {
                continue;
            }
            // Latency alone (a path whose rate just fell to nothing) is no traffic.
            if let Some((mut flow, source, destination)) = seen.finish() {
                flow.window_secs = window_secs;
                path.source.principal = source;
                path.destination.principal = destination;
                flows.insert(path, flow);
            }
        }
        let of = |question| self.nameless.get(&question).copied().unwrap_or_default();
        let lost = of(Question::Client).max(of(Question::Server)) + of(Question::Unreported);
        let lost = (lost > 0.0).then(|| {
            format!("{lost:.1} requests/s could not be placed: their series lack the labels of Istio")
        });
        Traffic {
            window_secs,
            flows,
            coverage: Coverage::Whole,
            remarks: lost.into_iter().chain(self.remarks.clone().words()).collect(),
            hour: None,
            past: false,
        }
    }
}

/// What was usual on each path, by its rates and its 95th percentiles, and what of it came in plain text.
#[derive(Default)]
pub(crate) struct UsualOf {
    names: Names,
    /// And whether callers told the rate, and the time: what they count stays.
    all: BTreeMap<Path, (Usual, [bool; 2])>,
}

/// What is asked of the hour.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfHour {
    Rate,
    Time,
    Plaintext,
}

impl UsualOf {
    /// Takes in a series; rates come before times.
    pub(crate) fn take(&mut self, what: OfHour, sample: &Sample) {
        if !believable(sample) || nameless(sample) || sample.value <= 0.0 || !sample.value.is_finite() {
            return;
        }
        let tcp = what == OfHour::Plaintext && sample.label("request_protocol") == "tcp";
        let path = self.names.path(sample, tcp);
        if (what == OfHour::Time || self.all.len() >= PATHS) && !self.all.contains_key(&path) {
            return;
        }
        let (usual, by_callers) = self.all.entry(path).or_default();
        let by_caller = sample.label("reporter") != "destination";
        let mut stays = |side: usize| {
            let stays = by_callers[side] && !by_caller;
            by_callers[side] |= by_caller;
            stays
        };
        match what {
            OfHour::Plaintext => usual.plaintext += sample.value,
            OfHour::Rate if !stays(0) => usual.rps = sample.value,
            OfHour::Time if !stays(1) => usual.p95_ms = Some(sample.value),
            OfHour::Rate | OfHour::Time => {}
        }
    }

    pub(crate) fn paths(self) -> BTreeMap<Path, Usual> {
        self.all.into_iter().map(|(path, (usual, _))| (path, usual)).collect()
    }
}

/// Whether a series tells of neither of its ends.
fn nameless(sample: &Sample) -> bool {
    let ends = ["source_workload", "source_canonical_service", "destination_workload", "destination_service"];
    ends.iter().all(|label| sample.label(label) == "unknown")
        && sample.label("destination_service_name") == "unknown"
        && sample.label("destination_canonical_service") == "unknown"
}

/// Leftovers of deleted pods: a destination known only by its address.
fn believable(sample: &Sample) -> bool {
    let service = sample.label("destination_service");
    let (host, _) = istio::hosts::host_and_port(service);
    sample.label("destination_workload") != "unknown" || host.parse::<IpAddr>().is_err()
}

impl Seen {
    fn add(&mut self, question: Question, sample: &Sample, names: &mut Names) {
        let value = sample.value;
        let timed = matches!(question, Question::P50 | Question::P95 | Question::P99);
        if value < 0.0 || (value.is_infinite() && !timed) {
            return;
        }
        let by_server = sample.label("reporter") == "destination";
        let side = if by_server { BY_SERVER } else { BY_CLIENT };
        match question {
            Question::Client => self.client.add(response(sample, names), value),
            Question::Server => {
                self.server.add(response(sample, names), value);
                self.identify(sample, names);
                secure(&mut self.requests, sample);
            }
            // What the caller waited is what counts; it includes faults and retries.
            Question::P50 | Question::P95 | Question::P99 => {
                // Infinite where even the last bucket does not hold it.
                let time = &mut self.times[question as usize - Question::P50 as usize];
                if !by_server || time.is_none() {
                    *time = Some(value);
                }
            }
            Question::RequestBytes | Question::ResponseBytes => {
                let direction = usize::from(question == Question::ResponseBytes);
                *self.sizes[side][direction].get_or_insert_default() += value;
            }
            Question::TcpSent | Question::TcpReceived => {
                let direction = usize::from(question == Question::TcpReceived);
                self.bytes[side].get_or_insert_default()[direction] += value;
                self.identify(sample, names);
                secure(&mut self.carried, sample);
            }
            Question::TcpOpened => secure(&mut self.opened, sample),
            Question::Unreported => {}
        }
    }

    /// Whether only the called proxies count these calls, all of them came from other proxies, and none got an
    /// answer but a refusal.
    fn was_refused_early(&self) -> bool {
        let [encrypted, plain] = self.requests;
        let refused = |code: &str| !code.starts_with(['1', '2', '3']);
        let refused = self.server.0.iter().all(|((code, _), _)| refused(code));
        self.client.0.is_empty() && encrypted > 0.0 && plain == 0.0 && refused
    }

    fn identify(&mut self, sample: &Sample, names: &mut Names) {
        let (source, destination) = (sample.label("source_principal"), sample.label("destination_principal"));
        if source != "unknown" || destination != "unknown" {
            self.identities.add((names.get(source), names.get(destination)), sample.value);
        }
    }

    fn finish(&self) -> Option<(Flow, Arc<str>, Arc<str>)> {
        // The caller knows best what it got; a caller without a proxy is counted by the called side.
        let told = if self.client.sum() > 0.0 { &self.client } else { &self.server };
        let by_server = self.bytes[BY_SERVER].unwrap_or_default();
        let [bytes_sent, bytes_received] = self.bytes[BY_CLIENT].unwrap_or(by_server);
        if told.0.is_empty() && bytes_sent + bytes_received == 0.0 && self.opened == [0.0; 2] {
            return None;
        }
        let connections = if self.opened == [0.0; 2] { self.carried } else { self.opened };
        let [p50_ms, p95_ms, p99_ms] = self.times.map(|time| time.filter(|time| time.is_finite()));
        let size = |direction: usize| {
            let [by_client, by_server] = self.sizes.map(|side| side[direction]);
            by_client.or(by_server)
        };
        let flow = Flow {
            responses: told.0.iter().cloned().collect(),
            p50_ms,
            p95_ms,
            p99_ms,
            request_bytes: size(0),
            response_bytes: size(1),
            mutual_tls: self.requests[0] + connections[0],
            plaintext: self.requests[1] + connections[1],
            bytes_sent,
            bytes_received,
            ..Flow::default()
        };
        let most = self
            .identities
            .0
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)))
            .map(|(names, _)| names.clone());
        let (source, destination) = most.unwrap_or_else(|| ("unknown".into(), "unknown".into()));
        Some((flow, source, destination))
    }
}

fn secure(counts: &mut [f64; 2], sample: &Sample) {
    match sample.label("connection_security_policy") {
        "mutual_tls" => counts[0] += sample.value,
        "none" => counts[1] += sample.value,
        _ => {}
    }
}

/// Code and flags; "-" where there was no response. The gRPC status counts, unless HTTP itself failed.
fn response(sample: &Sample, names: &mut Names) -> Pair {
    let http = sample.label("response_code");
    let failed = http.starts_with('4') || http.starts_with('5') || http == "0";
    let grpc = sample.labels.get("grpc_response_status").filter(|status| !status.is_empty());
    let code = match grpc {
        Some(status) if sample.label("request_protocol") == "grpc" && !failed => status.as_str(),
        _ if http == "0" || http == "unknown" => "-",
        _ => http,
    };
    let flags = match sample.label("response_flags") {
        "unknown" => "-",
        flags => flags,
    };
    (names.get(code), names.get(flags))
}

/// Names occur in many series: each is kept once.
#[derive(Default)]
struct Names(HashMap<String, Arc<str>>);

impl Names {
    fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.0.insert(name.to_owned(), Arc::clone(&new));
        new
    }

    fn path(&mut self, sample: &Sample, tcp: bool) -> Path {
        let source = self.peer(sample, "source", None);
        let destination = self.peer(sample, "destination", Some(&source.cluster));
        let protocol = match sample.label("request_protocol") {
            _ if tcp => Protocol::Tcp,
            "grpc" => Protocol::Grpc,
            "tcp" => Protocol::Tcp,
            _ => Protocol::Http,
        };
        // What came past every Service, to a pod's own address, has been given the name of Envoy's cluster.
        let service = match sample.label("destination_service_name") {
            "InboundPassthroughCluster" => Called {
                host: self.get("unknown"),
                name: self.get("unknown"),
                namespace: self.get("unknown"),
            },
            _ => Called {
                host: self.get(sample.label("destination_service")),
                name: self.get(sample.label("destination_service_name")),
                namespace: self.get(sample.label("destination_service_namespace")),
            },
        };
        Path { source, destination, service, protocol }
    }

    fn peer(&mut self, sample: &Sample, side: &str, cluster: Option<&Arc<str>>) -> Peer {
        let label = |name: &str| sample.label(&format!("{side}_{name}")).to_owned();
        let own = label("cluster");
        Peer {
            // Telemetry often lacks the destination's cluster: then it is the caller's.
            cluster: cluster.filter(|_| own == "unknown").cloned().unwrap_or_else(|| self.get(&own)),
            namespace: self.get(&label("workload_namespace")),
            workload: self.get(&label("workload")),
            app: self.get(&label("canonical_service")),
            version: self.get(&label("canonical_revision")),
            principal: Arc::default(),
        }
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
