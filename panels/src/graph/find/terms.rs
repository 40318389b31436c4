//! What can be asked for in the graph: each term is a row, with the names that it goes by (Kiali's words are among
//! them) and how it is told of a node and of an edge.

use mesh::graph::{Badge, Edge, Health, Node, NodeKind};
use mesh::traffic::Protocol;

/// A term.
pub struct Term {
    /// Its names, the usual one first.
    pub names: &'static [&'static str],
    /// What it asks for.
    pub about: &'static str,
    pub(super) is: Is,
}

type OfNode<T> = fn(&Node) -> T;
type OfEdge<T> = fn(&Edge, Option<[&Node; 2]>) -> T;

/// How it is told.
pub(super) enum Is {
    /// A name of a node.
    Text(for<'a> fn(&'a Node) -> Option<&'a str>),
    /// Names of an edge, of which one has to fit.
    Texts(OfEdge<Vec<String>>),
    /// A number of a node.
    Figure(OfNode<Option<f64>>),
    /// A number of an edge, and of a node where it has one too; with what a unit multiplies it by.
    Measure(OfEdge<Option<f64>>, Option<OfNode<Option<f64>>>),
    /// Something that a node is or is not.
    Flag(OfNode<bool>),
    /// The same, also of an edge.
    Both(OfNode<bool>, OfEdge<bool>),
}

const fn term(names: &'static [&'static str], about: &'static str, is: Is) -> Term {
    Term { names, about, is }
}

fn has(node: &Node, badge: Badge) -> bool {
    node.badges.contains(&badge)
}

fn of_protocol(edge: &Edge, protocol: Protocol, value: f64) -> Option<f64> {
    (edge.protocol == protocol).then_some(value)
}

fn errors(edge: &Edge, protocol: Protocol) -> Option<f64> {
    of_protocol(edge, protocol, edge.error_percent).filter(|_| edge.rps > 0.0)
}

fn in_errors(node: &Node) -> Option<f64> {
    (node.rps_in > 0.0).then_some(node.error_percent_in)
}

/// Of all that the caller sends, in percent.
fn part(edge: &Edge, ends: Option<[&Node; 2]>) -> Option<f64> {
    let sent = ends?[0].rps_out;
    (sent > 0.0).then(|| edge.rps / sent * 100.0)
}

/// Every term.
pub const TERMS: &[Term] = &[
    term(&["name"], "What a node is called", Is::Text(|node| Some(&node.name))),
    term(&["namespace", "ns"], "The namespace of a node", Is::Text(|node| Some(&node.namespace))),
    term(&["app"], "The app of a node", Is::Text(|node| node.app.as_deref())),
    term(&["version"], "The version of a node", Is::Text(|node| node.version.as_deref())),
    term(&["service", "svc"], "The service that leads to a node", Is::Text(|node| node.service.as_deref())),
    term(&["workload", "wl"], "The workload of a node", Is::Text(|node| node.workload.as_deref())),
    term(
        &["node"],
        "The kind of a node: app, workload, service, namespace, external, unknown",
        Is::Text(|node| {
            Some(match node.kind {
                NodeKind::App => "app",
                NodeKind::Workload => "workload",
                NodeKind::Service => "service",
                NodeKind::Namespace => "namespace",
                NodeKind::External => "external",
                NodeKind::Unknown => "unknown",
            })
        }),
    ),
    term(
        &["protocol"],
        "How an edge talks: http, grpc, tcp",
        Is::Texts(|edge, _| vec![edge.protocol.name().to_owned()]),
    ),
    term(
        &["code"],
        "A response code on an edge: code = 503",
        Is::Texts(|edge, _| edge.responses.keys().map(|(code, _)| code.to_string()).collect()),
    ),
    term(
        &["flag"],
        "A response flag of Envoy on an edge: flag = UO",
        Is::Texts(|edge, _| edge.responses.keys().map(|(_, flags)| flags.to_string()).collect()),
    ),
    term(&["in", "httpin"], "Requests per second that a node gets", Is::Figure(|node| Some(node.rps_in))),
    term(&["out", "httpout"], "Requests per second that a node sends", Is::Figure(|node| Some(node.rps_out))),
    term(
        &["rps", "rate", "traffic"],
        "Requests per second on an edge, or that a node gets",
        Is::Measure(|edge, _| Some(edge.rps), Some(|node| Some(node.rps_in))),
    ),
    term(
        &["http"],
        "Requests per second of HTTP on an edge",
        Is::Measure(|edge, _| of_protocol(edge, Protocol::Http, edge.rps), None),
    ),
    term(
        &["grpc"],
        "Requests per second of gRPC on an edge",
        Is::Measure(|edge, _| of_protocol(edge, Protocol::Grpc, edge.rps), None),
    ),
    term(
        &["tcp"],
        "Bytes per second of TCP on an edge",
        Is::Measure(|edge, _| of_protocol(edge, Protocol::Tcp, edge.bytes), None),
    ),
    term(
        &["throughput"],
        "Bytes per second on an edge, both ways: throughput > 1MB",
        Is::Measure(|edge, _| Some(edge.sent_bytes_per_s? + edge.received_bytes_per_s?), None),
    ),
    term(
        &["sent"],
        "Bytes per second that the caller of an edge sends",
        Is::Measure(|edge, _| edge.sent_bytes_per_s, None),
    ),
    term(
        &["received"],
        "Bytes per second that the caller of an edge gets",
        Is::Measure(|edge, _| edge.received_bytes_per_s, None),
    ),
    term(
        &["%errors", "%error", "%err", "errors"],
        "Percent of requests that fail",
        Is::Measure(|edge, _| (edge.rps > 0.0).then_some(edge.error_percent), Some(in_errors)),
    ),
    term(
        &["%httperr"],
        "Percent of requests of HTTP that fail",
        Is::Measure(|edge, _| errors(edge, Protocol::Http), Some(in_errors)),
    ),
    term(
        &["%grpcerr"],
        "Percent of requests of gRPC that fail",
        Is::Measure(|edge, _| errors(edge, Protocol::Grpc), None),
    ),
    term(
        &["%traffic", "%httptraffic", "%grpctraffic"],
        "Percent of all that the caller sends",
        Is::Measure(part, None),
    ),
    term(
        &["p95", "rt", "responsetime"],
        "95th percentile of latency in milliseconds: rt > 1s",
        Is::Measure(|edge, _| edge.p95_ms, None),
    ),
    term(
        &["p50"],
        "Half of the answers come in so many milliseconds",
        Is::Measure(|edge, _| edge.p50_ms, None),
    ),
    term(&["p99"], "99th percentile of latency in milliseconds", Is::Measure(|edge, _| edge.p99_ms, None)),
    term(&["%mtls"], "Percent of calls over mutual TLS", Is::Measure(|edge, _| edge.mtls_percent, None)),
    term(
        &["mtls"],
        "Calls over mutual TLS; nodes that take no others",
        Is::Both(
            |node| has(node, Badge::StrictMtls),
            |edge, _| edge.mtls_percent.is_some_and(|percent| percent > 0.0),
        ),
    ),
    term(
        &["healthy"],
        "All is well",
        Is::Both(|node| node.health <= Health::Healthy, |edge, _| edge.health <= Health::Healthy),
    ),
    term(
        &["degraded"],
        "Some calls fail, or pods are missing",
        Is::Both(|node| node.health == Health::Degraded, |edge, _| edge.health == Health::Degraded),
    ),
    term(
        &["failing"],
        "Many calls fail, or no pod is ready",
        Is::Both(|node| node.health == Health::Failing, |edge, _| edge.health == Health::Failing),
    ),
    term(
        &["idle"],
        "Nothing was called",
        Is::Both(|node| node.health == Health::Idle, |edge, _| edge.health == Health::Idle),
    ),
    term(&["gateway"], "An ingress or egress gateway", Is::Flag(|node| has(node, Badge::Gateway))),
    term(
        &["circuitbreaker", "cb"],
        "Connections are limited, or endpoints that fail are ejected",
        Is::Flag(|node| has(node, Badge::CircuitBreaker)),
    ),
    term(&["faultinjection", "fi", "fault"], "Faults are injected", Is::Flag(|node| has(node, Badge::Fault))),
    term(
        &["trafficshifting", "ts", "split"],
        "A rule divides calls between versions",
        Is::Flag(|node| has(node, Badge::Split)),
    ),
    term(&["mirroring", "mirror"], "Calls are mirrored", Is::Flag(|node| has(node, Badge::Mirror))),
    term(
        &["requesttimeout", "rto", "timeout"],
        "Calls have a timeout",
        Is::Flag(|node| has(node, Badge::Timeout)),
    ),
    term(&["retries"], "Failed calls are tried again by a rule", Is::Flag(|node| has(node, Badge::Retries))),
    term(
        &["outofmesh", "om"],
        "Some of its pods have no proxy",
        Is::Flag(|node| has(node, Badge::MissingSidecar)),
    ),
    term(&["outside"], "It stands outside the chosen namespaces", Is::Flag(|node| has(node, Badge::Outside))),
    term(
        &["serviceentry", "se"],
        "It stands outside the mesh",
        Is::Flag(|node| node.kind == NodeKind::External),
    ),
    term(
        &["trafficsource", "root"],
        "It calls, and nobody calls it",
        Is::Flag(|node| node.rps_in == 0.0 && node.rps_out > 0.0),
    ),
];

/// The term of a name.
pub(super) fn named(name: &str) -> Option<&'static Term> {
    TERMS.iter().find(|term| term.names.contains(&name))
}
