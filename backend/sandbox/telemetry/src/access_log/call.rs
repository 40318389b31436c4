//! One access log entry, in the labels of Istio's metrics.

use istio::cluster_name::Outbound;
use istio::hosts::{dialled, of_service};
use std::{net::SocketAddr, sync::Arc};

use prost::Message as _;
use wire::{
    envoy::{
        data::accesslog::v3::{AccessLogCommon, HttpAccessLogEntry},
        extensions::filters::http::grpc_stats::v3::FilterObject,
    },
    protobuf::Duration,
};

use super::{
    flags,
    identity::{Peer, Principals, Proxy, Side},
};
use crate::{
    counters::{Request, Values},
    workload::{Directory, Workload},
};

/// The custom tag with the upstream cluster's name.
const UPSTREAM_CLUSTER: &str = "upstream_cluster";
/// Clusters of Envoy that stand for no Service: the label shows their own name.
const CATCH_ALL: [&str; 5] = [
    "BlackHoleCluster",
    "PassthroughCluster",
    "InboundPassthroughCluster",
    "InboundPassthroughClusterIpv4",
    "InboundPassthroughClusterIpv6",
];

/// The labels of an HTTP or gRPC request.
pub(crate) fn http_labels(
    proxy: &Proxy,
    entry: &HttpAccessLogEntry,
    common: &AccessLogCommon,
    directory: &dyn Directory,
) -> Values {
    let authority = entry.request.as_ref().map(|request| request.authority.as_str()).unwrap_or_default();
    let code =
        entry.response.as_ref().and_then(|response| response.response_code).map_or(0, |code| code.value);
    let grpc = is_grpc(entry);
    let answer = Answer {
        protocol: if grpc { "grpc" } else { "http" },
        code: code.to_string(),
        grpc_status: if grpc { grpc_status(entry).unwrap_or_default() } else { String::new() },
    };
    labels(proxy, common, authority, answer, None, directory)
}

/// The labels of a TCP connection: no response code.
pub(crate) fn tcp_labels(
    proxy: &Proxy,
    common: &AccessLogCommon,
    caller: Option<Arc<Workload>>,
    directory: &dyn Directory,
) -> Values {
    let answer = Answer { protocol: "tcp", code: String::new(), grpc_status: String::new() };
    labels(proxy, common, "", answer, caller, directory)
}

struct Answer {
    protocol: &'static str,
    code: String,
    grpc_status: String,
}

fn labels(
    proxy: &Proxy,
    common: &AccessLogCommon,
    authority: &str,
    answer: Answer,
    caller: Option<Arc<Workload>>,
    directory: &dyn Directory,
) -> Values {
    let own = Some(&proxy.workload);
    let (reporter, peer, principals) = match proxy.side {
        Side::Source => {
            let peer = Peer::called(common, directory);
            let principals = Principals::outbound(common, &proxy.workload, &peer);
            ("source", peer, principals)
        }
        Side::Destination => {
            let principals = Principals::inbound(common);
            ("destination", Peer::calling(common, &principals, caller, directory), principals)
        }
    };
    let (source, destination) = match proxy.side {
        Side::Source => (own, peer.workload.as_ref()),
        Side::Destination => (peer.workload.as_ref(), own),
    };
    let (source_namespace, destination_namespace) = match proxy.side {
        Side::Source => (&proxy.workload.namespace, &peer.namespace),
        Side::Destination => (&peer.namespace, &proxy.workload.namespace),
    };
    let service = match proxy.side {
        // As Istio's disable_host_header_fallback has it: whoever calls would make series as he likes.
        Side::Source if proxy.gateway => called_service(&proxy.workload.namespace, common, "", directory),
        Side::Source => called_service(&proxy.workload.namespace, common, authority, directory),
        Side::Destination => own_service(&proxy.workload, common, authority, directory),
    };
    let security = match (proxy.side, principals.is_mutual()) {
        (Side::Source, _) => "unknown",
        (Side::Destination, true) => "mutual_tls",
        (Side::Destination, false) => "none",
    };
    let of = |workload: Option<&Arc<Workload>>, field: fn(&Workload) -> &String| {
        known(workload.map_or("", |workload| field(workload)))
    };
    let revision = |workload: Option<&Arc<Workload>>| -> Arc<str> {
        match workload.map_or("", |workload| workload.canonical_revision.as_str()) {
            "" => "latest".into(),
            revision => revision.into(),
        }
    };
    [
        reporter.into(),
        of(source, |w| &w.workload),
        of(source, |w| &w.canonical_service),
        revision(source),
        known(source_namespace),
        known(&principals.source),
        of(source, |w| &w.app),
        of(source, |w| &w.version),
        of(source, |w| &w.cluster),
        of(destination, |w| &w.workload),
        known(destination_namespace),
        known(&principals.destination),
        of(destination, |w| &w.app),
        of(destination, |w| &w.version),
        known(&service.host),
        of(destination, |w| &w.canonical_service),
        revision(destination),
        known(&service.name),
        known(&service.namespace),
        of(destination, |w| &w.cluster),
        answer.protocol.into(),
        answer.code.into(),
        answer.grpc_status.into(),
        flags::short_codes(common.response_flags.as_ref()).into(),
        security.into(),
    ]
}

fn known(text: &str) -> Arc<str> {
    if text.is_empty() { "unknown".into() } else { text.into() }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Called {
    host: String,
    name: String,
    namespace: String,
}

impl Called {
    fn host(host: &str, directory: &dyn Directory) -> Self {
        match directory.service(host) {
            Some((name, namespace)) => Self { host: host.to_owned(), name, namespace },
            // A host outside the objects (a ServiceEntry's, say) is its own name.
            None => Self { host: host.to_owned(), name: host.to_owned(), namespace: String::new() },
        }
    }
}

/// The cluster that a call went to, or was meant for when no endpoint of it could be chosen.
fn upstream_cluster(common: &AccessLogCommon) -> &str {
    let told = || common.custom_tags.get(UPSTREAM_CLUSTER).map(String::as_str).filter(|name| *name != "-");
    if common.upstream_cluster.is_empty() { told().unwrap_or_default() } else { &common.upstream_cluster }
}

/// The Service that an outbound call from a namespace was meant for.
fn called_service(
    namespace: &str,
    common: &AccessLogCommon,
    authority: &str,
    directory: &dyn Directory,
) -> Called {
    let cluster = upstream_cluster(common);
    if let Some(cluster) = Outbound::read(cluster) {
        return Called::host(cluster.host, directory);
    }
    let host = without_port(authority);
    // Requests that are blocked are answered by a route of this name, without a cluster.
    let cluster =
        if cluster.is_empty() && common.route_name == "block_all" { "BlackHoleCluster" } else { cluster };
    if CATCH_ALL.contains(&cluster) {
        return Called { host: host.to_owned(), name: cluster.to_owned(), namespace: String::new() };
    }
    // No route, an injected abort, a direct answer: only the request itself tells where it wanted to go, by
    // the name that the caller used.
    if host.is_empty() {
        return Called::default();
    }
    let names = [host.to_owned(), dialled(host, namespace)];
    let meant = names.iter().find(|name| directory.service(name).is_some()).map_or(host, String::as_str);
    Called::host(meant, directory)
}

/// The Service that an inbound call came in for.
fn own_service(
    own: &Workload,
    common: &AccessLogCommon,
    authority: &str,
    directory: &dyn Directory,
) -> Called {
    if let Some(host) = &own.service {
        return Called::host(host, directory);
    }
    if CATCH_ALL.contains(&common.upstream_cluster.as_str()) {
        return Called {
            host: without_port(authority).to_owned(),
            name: common.upstream_cluster.clone(),
            namespace: String::new(),
        };
    }
    let host = without_port(authority);
    let namespaced = |name: &str| of_service(name, &own.namespace);
    [host.to_owned(), namespaced(host), namespaced(&own.canonical_service)]
        .into_iter()
        .find(|candidate| directory.service(candidate).is_some())
        .map_or_else(
            || Called {
                host: String::new(),
                name: own.canonical_service.clone(),
                namespace: own.namespace.clone(),
            },
            |found| Called::host(&found, directory),
        )
}

fn without_port(authority: &str) -> &str {
    if authority.parse::<SocketAddr>().is_ok() || !authority.contains("::") {
        let cut =
            authority.rfind(':').filter(|at| authority[at + 1..].bytes().all(|byte| byte.is_ascii_digit()));
        return cut.map_or(authority, |at| &authority[..at]);
    }
    authority
}

fn is_grpc(entry: &HttpAccessLogEntry) -> bool {
    let grpc = |value: &String| {
        value == "application/grpc"
            || value.starts_with("application/grpc+")
            || value.starts_with("application/grpc;")
    };
    entry.request.as_ref().and_then(|request| request.request_headers.get("content-type")).is_some_and(grpc)
        || entry.response.as_ref().is_some_and(|response| {
            response.response_headers.get("content-type").is_some_and(grpc)
                || response.response_trailers.contains_key("grpc-status")
                || response.response_headers.contains_key("grpc-status")
        })
}

fn grpc_status(entry: &HttpAccessLogEntry) -> Option<String> {
    let response = entry.response.as_ref()?;
    response
        .response_trailers
        .get("grpc-status")
        .or_else(|| response.response_headers.get("grpc-status"))
        .cloned()
}

/// What the request adds to the metrics.
pub(crate) fn measure(entry: &HttpAccessLogEntry, common: &AccessLogCommon) -> Request {
    let request = entry.request.as_ref().map_or(0, |r| r.request_headers_bytes + r.request_body_bytes);
    let response = entry.response.as_ref().map_or(0, |r| r.response_headers_bytes + r.response_body_bytes);
    let wire = |wire: u64, parts: u64| if wire > 0 { wire } else { parts };
    Request {
        duration_ms: duration_ms(common),
        request_bytes: wire(common.downstream_wire_bytes_received, request),
        response_bytes: wire(common.downstream_wire_bytes_sent, response),
        messages: grpc_messages(common),
    }
}

/// Istio's duration is in whole milliseconds.
fn duration_ms(common: &AccessLogCommon) -> f64 {
    let ms = |duration: &Option<Duration>| {
        duration.as_ref().map(|duration| duration.seconds * 1000 + i64::from(duration.nanos) / 1_000_000)
    };
    [&common.duration, &common.time_to_last_downstream_tx_byte, &common.time_to_last_upstream_rx_byte]
        .into_iter()
        .find_map(ms)
        .unwrap_or_default() as f64
}

/// Messages to and from the server, when the proxy's gRPC statistics filter puts them into the log.
fn grpc_messages(common: &AccessLogCommon) -> Option<(u64, u64)> {
    let state = common.filter_state_objects.get("envoy.filters.http.grpc_stats")?;
    let counted = FilterObject::decode(&*state.value).ok()?;
    Some((counted.request_message_count, counted.response_message_count))
}
