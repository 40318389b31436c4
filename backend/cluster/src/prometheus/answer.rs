//! From Prometheus' answers to measured traffic: each call counted once, security as sums over all series.

use super::query::Question;
use crate::element::{Fields, fields, list, text, texts};
use mesh::traffic::{Called, Coverage, Flow, Path, Peer, Protocol, Traffic, Usual};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// One series of an instant vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: HashMap<String, String>,
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty()).unwrap_or("unknown")
    }
}

/// One series with its samples as they were scraped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: HashMap<String, String>,
    /// Seconds, and the value.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// What Prometheus said besides the samples, and what of its answers was not read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Remarks {
    /// Its warnings and infos.
    told: BTreeSet<String>,
    /// Series that could not be read.
    unread: usize,
    /// Series that have native histograms only.
    histograms: usize,
}

impl Remarks {
    pub(crate) fn add(&mut self, other: Self) {
        self.told.extend(other.told);
        self.unread += other.unread;
        self.histograms += other.histograms;
    }

    /// In words.
    pub(crate) fn words(self) -> impl Iterator<Item = String> {
        let count = |count: usize, what: &str| (count > 0).then(|| format!("{count} series {what}"));
        let unread = count(self.unread, "could not be read");
        let histograms = count(self.histograms, "of native histograms are not counted");
        unread
            .into_iter()
            .chain(histograms)
            .chain(self.told.into_iter().map(|said| format!("Prometheus says: {said}")))
    }
}

/// Why an answer has no samples.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Prometheus refuses the query, in its own words.
    Said(String),
    /// It is not an answer of Prometheus.
    Foreign,
}

/// Reads the answer to an instant query.
pub(crate) fn parse(body: &[u8]) -> Result<(Vec<Sample>, Remarks), Refusal> {
    let (mut samples, mut remarks) = results(body, |labels, mut series: Fields<'_>| {
        let (_, value) = point(serde_json::from_str(series.remove("value")?.get()).ok()?)?;
        Some(Sample { labels, value })
    })?;
    // Of nothing there is no quantile; but nothing that is counted is without end.
    samples.retain(|sample| !sample.value.is_nan());
    let all = samples.len();
    samples.retain(|sample| sample.value.is_finite());
    remarks.unread += all - samples.len();
    Ok((samples, remarks))
}

/// Reads an answer with more than one sample to a series.
pub(crate) fn series(body: &[u8]) -> Result<(Vec<Series>, Remarks), Refusal> {
    results(body, |labels, mut series: Fields<'_>| {
        let values: Vec<Value> = serde_json::from_str(series.remove("values")?.get()).ok()?;
        Some(Series { labels, points: values.into_iter().filter_map(point).collect() })
    })
}

/// A time and a value, which is text as "NaN" is no number in JSON.
fn point(pair: Value) -> Option<(f64, f64)> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let [at, value] = pair.as_array()?.as_slice() else { return None };
    Some((number(at)?, number(value)?))
}

fn results<T>(
    body: &[u8],
    read: impl Fn(HashMap<String, String>, Fields<'_>) -> Option<T>,
) -> Result<(Vec<T>, Remarks), Refusal> {
    let body = String::from_utf8_lossy(body);
    let answer = fields(&body).ok_or(Refusal::Foreign)?;
    let told = |name: &str| text(answer.get(name).copied());
    match told("status").as_str() {
        "success" => {}
        "error" => return Err(Refusal::Said(format!("{}: {}", told("errorType"), told("error")))),
        _ => return Err(Refusal::Foreign),
    }
    let said = ["warnings", "infos"].into_iter().flat_map(|name| texts(answer.get(name).copied()));
    let mut remarks = Remarks { told: said.collect(), ..Remarks::default() };
    let data = answer.get("data").map(|data| fields(data.get()).ok_or(Refusal::Foreign)).transpose()?;
    let result = data.and_then(|mut data| data.remove("result"));
    let mut all = Vec::new();
    for element in list(result).ok_or(Refusal::Foreign)? {
        let Some(mut series) = fields(element.get()) else {
            remarks.unread += 1;
            continue;
        };
        let (histogram, metric) = (series.contains_key("histogram"), series.remove("metric"));
        let labels = metric.map_or_else(|| Some(Fields::new()), |metric| fields(metric.get()));
        let labels = labels.map(|labels| {
            let read = |(name, value): (Cow<'_, str>, &RawValue)| (name.into_owned(), text(Some(value)));
            labels.into_iter().map(read).collect()
        });
        match labels.and_then(|labels| read(labels, series)) {
            Some(series) => all.push(series),
            None if histogram => remarks.histograms += 1,
            None => remarks.unread += 1,
        }
    }
    Ok((all, remarks))
}

/// What is known of a path while the answers are put together.
#[derive(Clone, Default)]
struct Seen {
    client: BTreeMap<(Arc<str>, Arc<str>), f64>,
    server: BTreeMap<(Arc<str>, Arc<str>), f64>,
    flow: Flow,
    /// How often each identity was seen: the most frequent names the path's ends.
    identities: BTreeMap<(Arc<str>, Arc<str>), f64>,
    /// Security of TCP: opened connections, and bytes for connections that live longer than the window.
    opened: [f64; 2],
    carried: [f64; 2],
    bytes: BTreeMap<&'static str, [f64; 2]>,
    times: BTreeMap<Question, f64>,
}

const BY_CLIENT: &str = "client";
const BY_SERVER: &str = "server";

/// Puts the answers together, one after the other: in a big mesh each is large.
#[derive(Clone, Default)]
pub(crate) struct Gathered {
    names: Names,
    seen: BTreeMap<Path, Seen>,
    remarks: Remarks,
    /// The rate of requests whose series name neither end, as each side counts them.
    nameless: BTreeMap<Question, f64>,
}

impl Gathered {
    /// Takes in one answer; their order does not matter.
    pub(crate) fn add(&mut self, question: Question, (samples, remarks): (Vec<Sample>, Remarks)) {
        self.remarks.add(remarks);
        let tcp = matches!(question, Question::TcpSent | Question::TcpReceived | Question::TcpOpened);
        for sample in samples.iter().filter(|sample| believable(sample)) {
            if question == Question::Unreported || nameless(sample) {
                if matches!(question, Question::Client | Question::Server | Question::Unreported) {
                    *self.nameless.entry(question).or_default() += sample.value;
                }
                continue;
            }
            let path = self.names.path(sample, tcp);
            self.seen.entry(path).or_default().add(question, sample, &mut self.names);
        }
    }

    /// The traffic of the window.
    pub(crate) fn traffic(self, window_secs: u64) -> Traffic {
        let mut flows = BTreeMap::new();
        let counted: BTreeSet<(Arc<str>, Arc<str>)> = self
            .seen
            .iter()
            .filter(|(_, seen)| !seen.client.is_empty())
            .map(|(path, _)| (path.destination.namespace.clone(), path.destination.workload.clone()))
            .collect();
        for (mut path, seen) in self.seen {
            // Calls that a proxy refuses before it has learnt who calls come over mutual TLS all the same: the
            // caller has a proxy, which has counted them.
            let to = (path.destination.namespace.clone(), path.destination.workload.clone());
            if &*path.source.workload == "unknown" && seen.is_of_a_proxy() && counted.contains(&to) {
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
            remarks: lost.into_iter().chain(self.remarks.words()).collect(),
            hour: None,
        }
    }
}

/// What was usual on each path, by its rates and its 95th percentiles, and what of it came in plain text.
pub(crate) fn usual(rates: &[Sample], times: &[Sample], plain: &[Sample]) -> BTreeMap<Path, Usual> {
    let mut names = Names::default();
    let mut all: BTreeMap<Path, Usual> = BTreeMap::new();
    // What callers count comes last, and stays.
    for by_server in [true, false] {
        let told = |sample: &&Sample| {
            (sample.label("reporter") == "destination") == by_server
                && believable(sample)
                && !nameless(sample)
                && sample.value > 0.0
                && sample.value.is_finite()
        };
        for sample in rates.iter().filter(told) {
            all.entry(names.path(sample, false)).or_default().rps = sample.value;
        }
        for sample in times.iter().filter(told) {
            if let Some(usual) = all.get_mut(&names.path(sample, false)) {
                usual.p95_ms = Some(sample.value);
            }
        }
        for sample in plain.iter().filter(told) {
            let tcp = sample.label("request_protocol") == "tcp";
            all.entry(names.path(sample, tcp)).or_default().plaintext += sample.value;
        }
    }
    all
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
        match question {
            Question::Client => *self.client.entry(response(sample, names)).or_default() += value,
            Question::Server => {
                *self.server.entry(response(sample, names)).or_default() += value;
                self.identify(sample, names);
                match sample.label("connection_security_policy") {
                    "mutual_tls" => self.flow.mutual_tls += value,
                    "none" => self.flow.plaintext += value,
                    _ => {}
                }
            }
            // What the caller waited is what counts; it includes faults and retries.
            Question::P50 | Question::P95 | Question::P99 => {
                // Infinite where even the last bucket does not hold it.
                if by_server {
                    self.times.entry(question).or_insert(value);
                } else {
                    self.times.insert(question, value);
                }
            }
            Question::TcpSent | Question::TcpReceived => {
                let side = if by_server { BY_SERVER } else { BY_CLIENT };
                let direction = usize::from(question == Question::TcpReceived);
                self.bytes.entry(side).or_default()[direction] += value;
                self.identify(sample, names);
                secure(&mut self.carried, sample);
            }
            Question::TcpOpened => secure(&mut self.opened, sample),
            Question::Unreported => {}
        }
    }

    /// Whether only the called proxies count these calls, and all of them came from other proxies.
    fn is_of_a_proxy(&self) -> bool {
        self.client.is_empty() && self.flow.mutual_tls > 0.0 && self.flow.plaintext == 0.0
    }

    fn identify(&mut self, sample: &Sample, names: &mut Names) {
        let (source, destination) = (sample.label("source_principal"), sample.label("destination_principal"));
        if source != "unknown" || destination != "unknown" {
            *self.identities.entry((names.get(source), names.get(destination))).or_default() += sample.value;
        }
    }

    fn finish(mut self) -> Option<(Flow, Arc<str>, Arc<str>)> {
        let rate = |responses: &BTreeMap<_, f64>| responses.values().sum::<f64>();
        // The caller knows best what it got; a caller without a proxy is counted by the called side.
        self.flow.responses = if rate(&self.client) > 0.0 { self.client } else { self.server };
        let by_server = self.bytes.get(BY_SERVER).copied().unwrap_or_default();
        let [sent, received] = self.bytes.get(BY_CLIENT).copied().unwrap_or(by_server);
        (self.flow.bytes_sent, self.flow.bytes_received) = (sent, received);
        let [encrypted, plain] = if self.opened == [0.0; 2] { self.carried } else { self.opened };
        self.flow.mutual_tls += encrypted;
        self.flow.plaintext += plain;
        if self.flow.responses.is_empty() && sent + received == 0.0 && self.opened == [0.0; 2] {
            return None;
        }
        let time = |question| self.times.get(&question).copied().filter(|time| time.is_finite());
        self.flow.p50_ms = time(Question::P50);
        self.flow.p95_ms = time(Question::P95);
        self.flow.p99_ms = time(Question::P99);
        let most = self.identities.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(names, _)| names);
        let (source, destination) = most.unwrap_or_else(|| ("unknown".into(), "unknown".into()));
        Some((self.flow, source, destination))
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
fn response(sample: &Sample, names: &mut Names) -> (Arc<str>, Arc<str>) {
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
#[derive(Clone, Default)]
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
