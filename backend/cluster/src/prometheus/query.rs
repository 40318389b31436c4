//! The questions that the graph asks of Prometheus.

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
    /// Mean milliseconds.
    Mean,
    /// TCP bytes from client to server.
    TcpSent,
    /// TCP bytes from server to client.
    TcpReceived,
    /// TCP connections, with their security.
    TcpOpened,
}

/// All of them.
pub(crate) const QUESTIONS: [Question; 9] = [
    Question::Client,
    Question::Server,
    Question::P50,
    Question::P95,
    Question::P99,
    Question::Mean,
    Question::TcpSent,
    Question::TcpReceived,
    Question::TcpOpened,
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
            Self::Client => format!("{} > 0", rate(requests, CLIENT, &format!("{PATH},{codes}"))),
            Self::Server => format!("{} > 0", rate(requests, SERVER, &format!("{PATH},{codes},{IDENTITY}"))),
            Self::P50 => quantile("0.5"),
            Self::P95 => quantile("0.95"),
            Self::P99 => quantile("0.99"),
            Self::Mean => {
                let sum = rate(&format!("{duration}_sum"), "", &timed);
                let count = rate(&format!("{duration}_count"), "", &timed);
                format!("{sum} / {count} > 0")
            }
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

/// Requests to a host in the last so many seconds, by the workload that answered, code and flags.
pub(crate) fn requests_to(host: &str, secs: u64) -> String {
    let by = "destination_workload_namespace,destination_workload,response_code,response_flags";
    format!(
        "sum(increase(istio_requests_total{{{CLIENT},destination_service=\"{}\"}}[{secs}s])) by ({by})",
        quoted(host)
    )
}

/// Requests that workloads took in the last so many seconds, by workload and security of the connection.
pub(crate) fn security_of(secs: u64) -> String {
    let by = "destination_workload_namespace,destination_workload,connection_security_policy";
    format!("sum(increase(istio_requests_total{{{SERVER}}}[{secs}s])) by ({by})")
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Path and query of an instant query.
pub(crate) fn instant(promql: &str) -> String {
    let mut path = String::from("/api/v1/query?query=");
    for byte in promql.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'~' => {
                path.push(char::from(byte));
            }
            _ => write!(path, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_the_url() {
        assert_eq!(instant("up{a=\"b c\"} > 0"), "/api/v1/query?query=up%7Ba%3D%22b%20c%22%7D%20%3E%200");
    }

    #[test]
    fn quotes_in_a_host_stay_inside_the_string() {
        assert!(requests_to("a\"b", 7).contains("destination_service=\"a\\\"b\"}[7s]"));
    }
}
