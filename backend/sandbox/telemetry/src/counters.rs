//! Istio's standard metrics, counted from what the proxies report.
//!
//! All metrics of one label set (one kind of call between two workloads, as one proxy saw it) stand together
//! in a group: a request finds its group once, and the whole group goes when nobody has added to it for long.

use std::sync::Arc;

use indexmap::IndexMap;
use parking_lot::Mutex;

use crate::samples::SeriesId;

/// Istio's labels, in the order in which its proxies print them.
pub(crate) const LABELS: [&str; 25] = [
    "reporter",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_cluster",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_service_name",
    "destination_service_namespace",
    "destination_cluster",
    "request_protocol",
    "response_code",
    "grpc_response_status",
    "response_flags",
    "connection_security_policy",
];

/// The values of [`LABELS`]; an empty value means that the label is not there.
pub(crate) type Values = [Arc<str>; LABELS.len()];

/// The upper bounds of Istio's histograms; one bucket without a bound follows.
pub(crate) const BOUNDS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1000.0,
    2500.0,
    5000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];

/// A metric's name, kind and help, in the order of the exposition.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) help: &'static str,
}

const fn family(name: &'static str, kind: &'static str, help: &'static str) -> Family {
    Family { name, kind, help }
}

pub(crate) const REQUESTS: &str = "istio_requests_total";
pub(crate) const DURATION: &str = "istio_request_duration_milliseconds";
pub(crate) const REQUEST_BYTES: &str = "istio_request_bytes";
pub(crate) const RESPONSE_BYTES: &str = "istio_response_bytes";
pub(crate) const REQUEST_MESSAGES: &str = "istio_request_messages_total";
pub(crate) const RESPONSE_MESSAGES: &str = "istio_response_messages_total";
pub(crate) const TCP_OPENED: &str = "istio_tcp_connections_opened_total";
pub(crate) const TCP_CLOSED: &str = "istio_tcp_connections_closed_total";
pub(crate) const TCP_SENT: &str = "istio_tcp_sent_bytes_total";
pub(crate) const TCP_RECEIVED: &str = "istio_tcp_received_bytes_total";
pub(crate) const BUILD: &str = "istio_build";

/// All that requests and connections are counted in.
pub(crate) const METRICS: [&str; 10] = [
    REQUESTS,
    DURATION,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    REQUEST_MESSAGES,
    RESPONSE_MESSAGES,
    TCP_OPENED,
    TCP_CLOSED,
    TCP_SENT,
    TCP_RECEIVED,
];

/// All metrics that the sandbox counts.
pub(crate) const FAMILIES: [Family; 11] = [
    family(BUILD, "gauge", "Istio component build info"),
    family(REQUEST_BYTES, "histogram", "Size of HTTP requests in bytes"),
    family(DURATION, "histogram", "Time from the first byte of a request to the last byte of its response"),
    family(REQUEST_MESSAGES, "counter", "gRPC messages sent by clients"),
    family(REQUESTS, "counter", "HTTP and gRPC requests"),
    family(RESPONSE_BYTES, "histogram", "Size of HTTP responses in bytes"),
    family(RESPONSE_MESSAGES, "counter", "gRPC messages sent by servers"),
    family(TCP_CLOSED, "counter", "TCP connections closed"),
    family(TCP_OPENED, "counter", "TCP connections opened"),
    family(TCP_RECEIVED, "counter", "Bytes received from the side that opened the TCP connection"),
    family(TCP_SENT, "counter", "Bytes sent to the side that opened the TCP connection"),
];

/// The proxy that counted: what a scrape adds to the labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) pod: Arc<str>,
    pub(crate) namespace: Arc<str>,
    /// `<pod IP>:15020`
    pub(crate) instance: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) target: Target,
    pub(crate) values: Values,
    /// Labels that a Telemetry added.
    pub(crate) extra: Arc<[(Arc<str>, Arc<str>)]>,
}

/// What one finished request adds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Request {
    pub(crate) duration_ms: f64,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// Messages to and from the server, for gRPC when the proxy counts them.
    pub(crate) messages: Option<(u64, u64)>,
}

/// What one report of a TCP connection adds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Connection {
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// A histogram with [`BOUNDS`]; the counts are per bucket, not cumulative.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, value: f64) {
        self.counts[BOUNDS.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    /// The count of everything up to each bound, the last one without a bound.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        })
    }
}

pub(crate) enum Measure {
    Count(f64),
    Spread(Box<Histogram>),
}

pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) measure: Measure,
    /// Where the samples of this metric go; filled at the first scrape.
    pub(crate) series: Vec<SeriesId>,
}

pub(crate) struct Group {
    pub(crate) metrics: Vec<Metric>,
    /// When somebody last added, in milliseconds since 1970.
    pub(crate) touched: i64,
}

impl Group {
    fn metric(&mut self, name: &'static str, fresh: impl FnOnce() -> Measure) -> &mut Measure {
        let at = self.metrics.iter().position(|metric| metric.name == name).unwrap_or_else(|| {
            self.metrics.push(Metric { name, measure: fresh(), series: Vec::new() });
            self.metrics.len() - 1
        });
        &mut self.metrics[at].measure
    }

    fn count(&mut self, name: &'static str, by: u64) {
        if let Measure::Count(value) = self.metric(name, || Measure::Count(0.0)) {
            *value += by as f64;
        }
    }

    fn observe(&mut self, name: &'static str, value: f64) {
        if let Measure::Spread(histogram) = self.metric(name, || Measure::Spread(Box::default())) {
            histogram.observe(value);
        }
    }
}

/// All groups of all proxies.
#[derive(Default)]
pub(crate) struct Counters {
    groups: Mutex<IndexMap<Key, Group>>,
}

impl Counters {
    /// Counts a request in those of its metrics that are named.
    pub(crate) fn request(&self, key: Key, now: i64, request: &Request, metrics: &[&'static str]) {
        self.add(key, now, |group| {
            for &name in metrics {
                match name {
                    REQUESTS => group.count(name, 1),
                    DURATION => group.observe(name, request.duration_ms),
                    REQUEST_BYTES => group.observe(name, request.request_bytes as f64),
                    RESPONSE_BYTES => group.observe(name, request.response_bytes as f64),
                    REQUEST_MESSAGES => {
                        request.messages.iter().for_each(|(sent, _)| group.count(name, *sent));
                    }
                    RESPONSE_MESSAGES => {
                        request.messages.iter().for_each(|(_, received)| group.count(name, *received));
                    }
                    _ => {}
                }
            }
        });
    }

    /// Counts what is new of a connection in those of its metrics that are named.
    pub(crate) fn connection(&self, key: Key, now: i64, connection: &Connection, metrics: &[&'static str]) {
        self.add(key, now, |group| {
            for &name in metrics {
                match name {
                    TCP_OPENED => group.count(name, connection.opened),
                    TCP_CLOSED => group.count(name, connection.closed),
                    TCP_SENT => group.count(name, connection.sent),
                    TCP_RECEIVED => group.count(name, connection.received),
                    _ => {}
                }
            }
        });
    }

    fn add(&self, key: Key, now: i64, change: impl FnOnce(&mut Group)) {
        let mut groups = self.groups.lock();
        let group = groups.entry(key).or_insert_with(|| Group { metrics: Vec::new(), touched: now });
        group.touched = group.touched.max(now);
        change(group);
    }

    /// Looks at all groups, with the power to take some away.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut IndexMap<Key, Group>) -> R) -> R {
        look(&mut self.groups.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn key(code: &str) -> Key {
        let mut values: Values = std::array::from_fn(|_| "x".into());
        values[21] = code.into();
        Key {
            target: Target { pod: "p".into(), namespace: "n".into(), instance: "10.0.0.1:15020".into() },
            values,
            extra: Arc::default(),
        }
    }

    #[test]
    fn a_value_on_the_bound_belongs_to_the_bucket_below() {
        for (value, bucket) in
            [(0.0, 0), (0.5, 0), (0.6, 1), (1.0, 1), (5.0, 2), (5.1, 3), (3_600_000.0, 18), (3_600_001.0, 19)]
        {
            let mut histogram = Histogram::default();
            histogram.observe(value);
            let first = histogram.cumulative().position(|count| count == 1);
            assert_eq!(first, Some(bucket), "{value}");
            assert_eq!(histogram.cumulative().last(), Some(1));
        }
    }

    #[test]
    fn requests_and_connections_add_up() {
        let counters = Counters::default();
        let request = Request { duration_ms: 3.0, request_bytes: 100, response_bytes: 2000, messages: None };
        counters.request(key("200"), 1, &request, &METRICS);
        counters.request(key("200"), 2, &Request { messages: Some((1, 3)), ..request }, &METRICS);
        counters.request(key("503"), 3, &request, &METRICS);
        counters.connection(
            key(""),
            4,
            &Connection { opened: 1, closed: 0, sent: 10, received: 20 },
            &METRICS,
        );
        counters.connection(key(""), 5, &Connection { opened: 0, closed: 1, sent: 5, received: 0 }, &METRICS);
        let seen = counters.with(|groups| {
            let mut seen = Vec::new();
            for (key, group) in groups {
                for metric in &group.metrics {
                    let text = match &metric.measure {
                        Measure::Count(value) => value.to_string(),
                        Measure::Spread(histogram) => format!("sum {}", histogram.sum()),
                    };
                    seen.push(format!("{} {} {text}", key.values[21], metric.name));
                }
            }
            seen
        });
        assert_eq!(
            seen,
            [
                "200 istio_requests_total 2",
                "200 istio_request_duration_milliseconds sum 6",
                "200 istio_request_bytes sum 200",
                "200 istio_response_bytes sum 4000",
                "200 istio_request_messages_total 1",
                "200 istio_response_messages_total 3",
                "503 istio_requests_total 1",
                "503 istio_request_duration_milliseconds sum 3",
                "503 istio_request_bytes sum 100",
                "503 istio_response_bytes sum 2000",
                " istio_tcp_connections_opened_total 1",
                " istio_tcp_connections_closed_total 1",
                " istio_tcp_sent_bytes_total 15",
                " istio_tcp_received_bytes_total 20",
            ]
        );
    }
}
