//! From Prometheus' answers to measured traffic: each call counted once, security as sums over all series.

use super::query::Question;
use mesh::traffic::{Called, Flow, Path, Peer, Protocol, Traffic};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// One series of an instant vector.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Sample {
    #[serde(rename = "metric", default)]
    pub(crate) labels: HashMap<String, String>,
    #[serde(rename = "value", deserialize_with = "number")]
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty()).unwrap_or("unknown")
    }
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let (_, text) = <(f64, String)>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// One series with its samples as they were scraped.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Series {
    #[serde(rename = "metric", default)]
    pub(crate) labels: HashMap<String, String>,
    /// Seconds, and the value.
    #[serde(rename = "values", deserialize_with = "numbers")]
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

fn numbers<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<(f64, f64)>, D::Error> {
    let points = <Vec<(f64, String)>>::deserialize(deserializer)?;
    let read = |(at, text): (f64, String)| text.parse().map(|value| (at, value));
    points.into_iter().map(read).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
struct Body<T> {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    data: Data<T>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Data<T> {
    #[serde(default)]
    result: Vec<T>,
}

impl<T> Default for Data<T> {
    fn default() -> Self {
        Self { result: Vec::new() }
    }
}

/// Why an answer has no samples.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Prometheus refuses the query, in its own words.
    Said(String),
    /// It is not an answer of Prometheus; where reading stopped.
    Foreign(String),
}

/// Reads the answer to an instant query.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Sample>, Refusal> {
    let samples: Vec<Sample> = results(body)?;
    Ok(samples.into_iter().filter(|sample| sample.value.is_finite()).collect())
}

/// Reads an answer with more than one sample to a series.
pub(crate) fn series(body: &[u8]) -> Result<Vec<Series>, Refusal> {
    results(body)
}

fn results<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, Refusal> {
    let body: Body<T> = serde_json::from_slice(body).map_err(|error| Refusal::Foreign(error.to_string()))?;
    match body.status.as_str() {
        "success" => Ok(body.data.result),
        "error" => Err(Refusal::Said(format!("{}: {}", body.error_type, body.error))),
        _ => Err(Refusal::Foreign("it has no status".into())),
    }
}

/// What is known of a path while the answers are put together.
#[derive(Default)]
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
#[derive(Default)]
pub(crate) struct Gathered {
    names: Names,
    seen: BTreeMap<Path, Seen>,
}

impl Gathered {
    /// Takes in one answer; their order does not matter.
    pub(crate) fn add(&mut self, question: Question, samples: &[Sample]) {
        let tcp = matches!(question, Question::TcpSent | Question::TcpReceived | Question::TcpOpened);
        for sample in samples.iter().filter(|sample| believable(sample)) {
            let path = self.names.path(sample, tcp);
            self.seen.entry(path).or_default().add(question, sample, &mut self.names);
        }
    }

    /// The traffic of the window.
    pub(crate) fn traffic(self, window_secs: u64) -> Traffic {
        let mut flows = BTreeMap::new();
        for (mut path, seen) in self.seen {
            // Latency alone (a path whose rate just fell to nothing) is no traffic.
            if let Some((flow, source, destination)) = seen.finish() {
                path.source.principal = source;
                path.destination.principal = destination;
                flows.insert(path, flow);
            }
        }
        Traffic { window_secs, flows }
    }
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
            Question::P50 | Question::P95 | Question::P99 | Question::Mean => {
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
        }
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
        let time = |question| self.times.get(&question).copied();
        self.flow.p50_ms = time(Question::P50);
        self.flow.p95_ms = time(Question::P95);
        self.flow.p99_ms = time(Question::P99);
        self.flow.mean_ms = time(Question::Mean);
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
        let service = Called {
            host: self.get(sample.label("destination_service")),
            name: self.get(sample.label("destination_service_name")),
            namespace: self.get(sample.label("destination_service_namespace")),
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
