//! The questions that the graph asks of Prometheus.

use mesh::evidence::CountedCalls;
use mesh::series::Range;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// What tells one path of traffic from another.
const PATH: &str = "source_cluster,source_workload_namespace,source_workload,source_canonical_service,\
source_canonical_revision,destination_cluster,destination_service_namespace,destination_service,\
destination_service_name,destination_workload_namespace,destination_workload,destination_canonical_service,\
destination_canonical_revision,request_protocol";
const IDENTITY: &str = "connection_security_policy,source_principal,destination_principal";
const CLIENT: &str = "reporter=~\"source|waypoint\"";
const SERVER: &str = "reporter=\"destination\"";

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// Requests as the callers' proxies count them.
    Client,
    /// Requests as the called proxies count them, with the security of their connections.
    Server,
    /// Milliseconds below which half of the answers came.
    P50,
    /// … 95 % …
    P95,
    /// … 99 % …
    P99,
    /// Bytes of requests, with their headers.
    RequestBytes,
    /// Bytes of responses, with their headers.
    ResponseBytes,
    /// TCP bytes from client to server.
    TcpSent,
    /// TCP bytes from server to client.
    TcpReceived,
    /// TCP connections, with their security.
    TcpOpened,
    /// Requests that nobody says to have counted: all other questions leave them out.
    Unreported,
}

/// All of them.
pub(crate) const QUESTIONS: [Question; 11] = [
    Question::Client,
    Question::Server,
    Question::P50,
    Question::P95,
    Question::P99,
    Question::RequestBytes,
    Question::ResponseBytes,
    Question::TcpSent,
    Question::TcpReceived,
    Question::TcpOpened,
    Question::Unreported,
];

impl Question {
    /// Its PromQL over so many seconds.
    pub(crate) fn promql(self, secs: u64) -> String {
        let codes = "response_code,grpc_response_status,response_flags";
        let requests = "istio_requests_total";
        let duration = "istio_request_duration_milliseconds";
        let rate = |metric: &str, filter: &str, by: &str| {
            format!("sum(rate({metric}{{{filter}}}[{secs}s])) by ({by})")
        };
        let timed = format!("reporter,{PATH}");
        let quantile = |q: &str| {
            let buckets = rate(&format!("{duration}_bucket"), "", &format!("le,{timed}"));
            format!("histogram_quantile({q}, {buckets}) > 0")
        };
        match self {
            Self::Unreported => format!("sum(rate({requests}{{reporter=\"\"}}[{secs}s])) > 0"),
            Self::Client => format!("{} > 0", rate(requests, CLIENT, &format!("{PATH},{codes}"))),
            Self::Server => format!("{} > 0", rate(requests, SERVER, &format!("{PATH},{codes},{IDENTITY}"))),
            Self::P50 => quantile("0.5"),
            Self::P95 => quantile("0.95"),
            Self::P99 => quantile("0.99"),
            // None is a number, too: where there is no series, nobody knows.
            Self::RequestBytes => rate("istio_request_bytes_sum", "", &timed),
            Self::ResponseBytes => rate("istio_response_bytes_sum", "", &timed),
            // Istio names TCP bytes as the server sees them.
            Self::TcpSent => {
                format!("{} > 0", rate("istio_tcp_received_bytes_total", "", &format!("{timed},{IDENTITY}")))
            }
            Self::TcpReceived => {
                format!("{} > 0", rate("istio_tcp_sent_bytes_total", "", &format!("{timed},{IDENTITY}")))
            }
            Self::TcpOpened => {
                format!(
                    "{} > 0",
                    rate("istio_tcp_connections_opened_total", "", &format!("{timed},{IDENTITY}"))
                )
            }
        }
    }
}

/// Prometheus' own clock.
pub(crate) const CLOCK: &str = "vector(time())";

/// The counter with the most requests: somebody who was read for long.
pub(crate) const BUSIEST: &str = "topk(1, istio_requests_total)";

/// How one counter was read in the last quarter of an hour.
pub(crate) fn readings(labels: &HashMap<String, String>) -> String {
    let mut fits: Vec<String> = labels
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| format!("{name}=\"{}\"", quoted(value)))
        .collect();
    fits.sort();
    format!("istio_requests_total{{{}}}[15m]", fits.join(","))
}

/// Whether there were counters so many seconds ago.
pub(crate) fn before(secs: u64) -> String {
    format!("count(istio_requests_total offset {secs}s)")
}

/// The middle of the last hour, in steps of so many seconds; the last step is left out.
fn middle(of: &str, step: u64) -> String {
    format!("quantile_over_time(0.5, ({of})[1h:{step}s] offset {step}s)")
}

/// In fewer steps of the hour than this a path was not usual, but tried once: a burst of calls reaches into two.
const USUAL: u8 = 3;

/// Requests per second of each path, as they usually are.
pub(crate) fn usual_rates(step: u64) -> String {
    let rates = format!("sum(rate(istio_requests_total[{step}s])) by (reporter,{PATH}) > 0");
    let often = format!("count_over_time(({rates})[1h:{step}s] offset {step}s) >= {USUAL}");
    format!("{} and {often}", middle(&rates, step))
}

/// The 95th percentile of each path, as it usually is.
pub(crate) fn usual_times(step: u64) -> String {
    let buckets =
        format!("sum(rate(istio_request_duration_milliseconds_bucket[{step}s])) by (le,reporter,{PATH})");
    middle(&format!("histogram_quantile(0.95, {buckets}) > 0"), step)
}

/// Requests and connections of the last hour that came without mutual TLS, by path, as the called side counts
/// them.
pub(crate) fn plaintext() -> String {
    let of = |metric: &str| {
        let plain = format!("{SERVER},connection_security_policy=\"none\"");
        format!("sum(increase({metric}{{{plain}}}[1h])) by (reporter,{PATH}) > 0")
    };
    format!("({}) or ({})", of("istio_requests_total"), of("istio_tcp_connections_opened_total"))
}

/// The counters of these calls, as they were scraped in the last so many seconds. With `timed`, by how long
/// calls took.
pub(crate) fn counters(calls: &CountedCalls, timed: bool, secs: u64) -> String {
    let metric = match calls {
        CountedCalls::Opened(_) => "istio_tcp_connections_opened_total",
        _ if timed => "istio_request_duration_milliseconds_bucket",
        _ => "istio_requests_total",
    };
    let filter = match calls {
        CountedCalls::To(host) | CountedCalls::Routed(host) | CountedCalls::Opened(host) => {
            format!("{CLIENT},destination_service=\"{}\"", quoted(host))
        }
        CountedCalls::RoutedTo(hosts) => {
            let hosts = hosts.iter().map(String::as_str).collect();
            format!("{CLIENT},destination_service=~\"{}\"", any_of(&hosts))
        }
        CountedCalls::At(workloads) => {
            let names: BTreeSet<&str> = workloads.iter().map(|(_, name)| name.as_str()).collect();
            let spaces: BTreeSet<&str> = workloads.iter().map(|(namespace, _)| namespace.as_str()).collect();
            let mut filter = format!("{SERVER},destination_workload_namespace=~\"{}\"", any_of(&spaces));
            // Many names cost more than they save.
            if names.len() <= 50 {
                write!(filter, ",destination_workload=~\"{}\"", any_of(&names))
                    .expect("writing to a String cannot fail");
            }
            filter
        }
    };
    format!("{metric}{{{filter}}}[{secs}s]")
}

/// Names of Kubernetes as one pattern; they have no other special sign than the dot.
fn any_of(names: &BTreeSet<&str>) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(&name.replace('.', "\\."))).collect();
    names.join("|")
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Path and query of an instant query.
pub(crate) fn instant(promql: &str) -> String {
    format!("/api/v1/query?query={}", escaped(promql))
}

/// Path and query of a range query that ends now, or at its moment. Points stand at whole steps, so that lines do not jump as
/// time goes.
pub(crate) fn range(range: &Range, now: f64) -> String {
    let Range { promql, range_secs, step_secs, until, ago_secs } = range;
    let end = until.unwrap_or(now.max(0.0) as u64).saturating_sub(*ago_secs) / step_secs * step_secs;
    let start = end.saturating_sub(*range_secs);
    format!("/api/v1/query_range?query={}&start={start}&end={end}&step={step_secs}", escaped(promql))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => write!(escaped, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_the_url() {
        assert_eq!(instant("up{a=\"b c\"} > 0"), "/api/v1/query?query=up%7Ba%3D%22b%20c%22%7D%20%3E%200");
    }

    #[test]
    fn a_range_ends_at_a_whole_step() {
        let asked = Range { promql: "up".into(), range_secs: 600, step_secs: 5, until: None, ago_secs: 0 };
        assert_eq!(range(&asked, 1_003.9), "/api/v1/query_range?query=up&start=400&end=1000&step=5");
        assert_eq!(
            range(&asked.clone().before(103), 1_003.9),
            "/api/v1/query_range?query=up&start=300&end=900&step=5"
        );
        let zoomed = Range { range_secs: 60, ..asked.until(902) };
        assert_eq!(range(&zoomed, 1_003.9), "/api/v1/query_range?query=up&start=840&end=900&step=5");
    }

    #[test]
    fn quotes_in_a_host_stay_inside_the_string() {
        let asked = counters(&CountedCalls::To("a\"b".into()), false, 7);
        assert!(asked.ends_with("destination_service=\"a\\\"b\"}[7s]"), "{asked}");
    }

    #[test]
    fn calls_that_arrive_are_asked_for_by_their_workloads() {
        let at = |name: &str| ("shop".to_owned(), name.to_owned());
        assert_eq!(
            counters(&CountedCalls::At(vec![at("web-v1"), at("web-v1.2")]), false, 7),
            "istio_requests_total{reporter=\"destination\",destination_workload_namespace=~\"shop\",\
             destination_workload=~\"web-v1|web-v1\\\\.2\"}[7s]"
        );
    }
}
