//! From entries as Envoy sends them to the labels and numbers of Istio's metrics.

use std::{collections::HashMap, net::SocketAddr};

use wire::{
    envoy::{
        config::core::v3::{Address, Metadata, Node, SocketAddress, address, socket_address::PortSpecifier},
        data::accesslog::v3::{
            AccessLogCommon, ConnectionProperties, HttpRequestProperties, HttpResponseProperties,
            ResponseFlags, TlsProperties,
            tls_properties::{
                CertificateProperties, certificate_properties::SubjectAltName,
                certificate_properties::subject_alt_name::San,
            },
        },
        service::accesslog::v3::stream_access_logs_message::{HttpAccessLogEntries, TcpAccessLogEntries},
    },
    protobuf::{Duration, Struct, UInt32Value, Value, value::Kind},
};

use super::*;
use crate::{
    Workload,
    counters::{LABELS, Measure},
};

struct Bookinfo;

fn workload(app: &str, version: &str) -> Arc<Workload> {
    Arc::new(Workload {
        pod: format!("{app}-{version}-abc"),
        namespace: "bookinfo".to_owned(),
        workload: format!("{app}-{version}"),
        app: app.to_owned(),
        version: version.to_owned(),
        canonical_service: app.to_owned(),
        canonical_revision: version.to_owned(),
        principal: format!("spiffe://cluster.local/ns/bookinfo/sa/bookinfo-{app}"),
        cluster: "Kubernetes".to_owned(),
        ip: "10.244.0.7".parse().ok(),
        service: Some(format!("{app}.bookinfo.svc.cluster.local")),
    })
}

impl Directory for Bookinfo {
    fn by_pod(&self, pod: &str) -> Option<Arc<Workload>> {
        match pod {
            "productpage-v1-abc.bookinfo" => Some(workload("productpage", "v1")),
            "reviews-v3-abc.bookinfo" => Some(workload("reviews", "v3")),
            _ => None,
        }
    }
    fn by_address(&self, address: SocketAddr) -> Option<Arc<Workload>> {
        (address == "127.0.0.1:41003".parse().unwrap()).then(|| workload("reviews", "v3"))
    }
    fn service(&self, host: &str) -> Option<(String, String)> {
        let name = host.strip_suffix(".bookinfo.svc.cluster.local")?;
        ["productpage", "reviews", "ratings"]
            .contains(&name)
            .then(|| (name.to_owned(), "bookinfo".to_owned()))
    }
}

fn text(value: &str) -> Value {
    Value { kind: Some(Kind::StringValue(value.to_owned())) }
}

fn fields(pairs: &[(&str, Value)]) -> Struct {
    Struct { fields: pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect() }
}

fn identifier(log_name: &str, pod: &str) -> Identifier {
    let labels = fields(&[("app", text("loadgen")), ("version", text("v1"))]);
    let metadata = fields(&[
        ("NAMESPACE", text("tools")),
        ("WORKLOAD_NAME", text("loadgen-v1")),
        ("SERVICE_ACCOUNT", text("loadgen")),
        ("CLUSTER_ID", text("Kubernetes")),
        ("LABELS", Value { kind: Some(Kind::StructValue(labels)) }),
    ]);
    let id = format!("sidecar~10.244.0.9~{pod}~bookinfo.svc.cluster.local");
    Identifier {
        node: Some(Node { id, metadata: Some(metadata), ..Node::default() }),
        log_name: log_name.to_owned(),
    }
}

fn address(port: u32) -> Option<Address> {
    let socket = SocketAddress {
        address: "127.0.0.1".to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(port)),
        ..SocketAddress::default()
    };
    Some(Address { address: Some(address::Address::SocketAddress(socket)) })
}

fn certificate(uri: &str) -> Option<CertificateProperties> {
    let name = SubjectAltName { san: Some(San::Uri(uri.to_owned())) };
    Some(CertificateProperties { subject_alt_name: vec![name], ..CertificateProperties::default() })
}

fn peer(id: &str) -> Option<Metadata> {
    let filter_metadata = HashMap::from([("binnacle.peer".to_owned(), fields(&[("id", text(id))]))]);
    Some(Metadata { filter_metadata, ..Metadata::default() })
}

fn mutual(from: &str) -> Option<TlsProperties> {
    Some(TlsProperties {
        peer_certificate_properties: certificate(from),
        local_certificate_properties: certificate("spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews"),
        ..TlsProperties::default()
    })
}

fn entry(common: AccessLogCommon, code: u32) -> HttpAccessLogEntry {
    HttpAccessLogEntry {
        common_properties: Some(AccessLogCommon {
            duration: Some(Duration { seconds: 1, nanos: 7_900_000 }),
            ..common
        }),
        request: Some(HttpRequestProperties {
            authority: "reviews:9080".to_owned(),
            ..HttpRequestProperties::default()
        }),
        response: Some(HttpResponseProperties {
            response_code: (code > 0).then_some(UInt32Value { value: code }),
            ..HttpResponseProperties::default()
        }),
        ..HttpAccessLogEntry::default()
    }
}

fn outbound() -> AccessLogCommon {
    AccessLogCommon {
        upstream_cluster: "outbound|9080|v3|reviews.bookinfo.svc.cluster.local".to_owned(),
        upstream_remote_address: address(41003),
        downstream_wire_bytes_received: 300,
        downstream_wire_bytes_sent: 900,
        ..AccessLogCommon::default()
    }
}

fn inbound() -> AccessLogCommon {
    AccessLogCommon {
        upstream_cluster: "inbound|9080||".to_owned(),
        metadata: peer("productpage-v1-abc.bookinfo"),
        ..AccessLogCommon::default()
    }
}

/// The values that counted, in the order of Istio's labels.
fn http(identifier: &Identifier, entry: HttpAccessLogEntry) -> String {
    let counters = Arc::new(Counters::default());
    let logs = AccessLogs::new(Arc::clone(&counters), Arc::new(Bookinfo), CancellationToken::new());
    logs.0.take(identifier, &LogEntries::HttpLogs(HttpAccessLogEntries { log_entry: vec![entry] }), 1);
    counters.with(|groups| groups.keys().map(|key| key.values.join(" ")).collect::<Vec<_>>().join("\n"))
}

const PRODUCTPAGE: &str = "productpage-v1 productpage v1 bookinfo";
const REVIEWS_SERVICE: &str = "reviews.bookinfo.svc.cluster.local";
const PP_ID: &str = "spiffe://cluster.local/ns/bookinfo/sa/bookinfo-productpage";
const RV_ID: &str = "spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews";

#[test]
fn both_sides_of_a_call_have_all_labels() {
    let source = http(&identifier("outbound", "productpage-v1-abc.bookinfo"), entry(outbound(), 200));
    assert_eq!(
        source,
        format!(
            "source {PRODUCTPAGE} {PP_ID} productpage v1 Kubernetes reviews-v3 bookinfo {RV_ID} reviews v3 {REVIEWS_SERVICE} reviews v3 reviews bookinfo Kubernetes http 200  - unknown"
        )
    );
    let common = AccessLogCommon { tls_properties: mutual(PP_ID), ..inbound() };
    let destination = http(&identifier("inbound", "reviews-v3-abc.bookinfo"), entry(common, 200));
    assert_eq!(
        destination,
        format!(
            "destination {PRODUCTPAGE} {PP_ID} productpage v1 Kubernetes reviews-v3 bookinfo {RV_ID} reviews v3 {REVIEWS_SERVICE} reviews v3 reviews bookinfo Kubernetes http 200  - mutual_tls"
        )
    );
    assert_eq!(LABELS.len(), 25);
}

#[test]
fn what_is_not_known_is_unknown() {
    let own = format!("source {PRODUCTPAGE} unknown productpage v1 Kubernetes");
    let nobody = "unknown unknown unknown unknown unknown";
    // No healthy endpoint: the cluster alone tells the Service.
    let flags = ResponseFlags { no_healthy_upstream: true, ..ResponseFlags::default() };
    let common = AccessLogCommon { upstream_remote_address: None, response_flags: Some(flags), ..outbound() };
    assert_eq!(
        http(&identifier("outbound", "productpage-v1-abc.bookinfo"), entry(common, 503)),
        format!(
            "{own} {nobody} {REVIEWS_SERVICE} unknown latest reviews bookinfo unknown http 503  UH unknown"
        )
    );
    // An injected abort names no cluster: the short name that was called is the service of the caller's
    // namespace.
    let common = AccessLogCommon {
        response_flags: Some(ResponseFlags { fault_injected: true, ..ResponseFlags::default() }),
        ..AccessLogCommon::default()
    };
    assert_eq!(
        http(&identifier("outbound", "productpage-v1-abc.bookinfo"), entry(common, 503)),
        format!(
            "{own} {nobody} {REVIEWS_SERVICE} unknown latest reviews bookinfo unknown http 503  FI unknown"
        )
    );
    // Outside the mesh, and the caller went away before the answer.
    let flags = ResponseFlags { downstream_connection_termination: true, ..ResponseFlags::default() };
    let common = AccessLogCommon {
        upstream_cluster: "PassthroughCluster".to_owned(),
        response_flags: Some(flags),
        ..AccessLogCommon::default()
    };
    let mut outside = entry(common, 0);
    outside.request = Some(HttpRequestProperties {
        authority: "example.com:80".to_owned(),
        ..HttpRequestProperties::default()
    });
    assert_eq!(
        http(&identifier("outbound", "productpage-v1-abc.bookinfo"), outside),
        format!(
            "{own} {nobody} example.com unknown latest PassthroughCluster unknown unknown http 0  DC unknown"
        )
    );
    // What strangers ask a gateway for makes no series: no route of it is for them.
    let mut gateway = identifier("outbound", "edge.bookinfo");
    gateway.node.as_mut().unwrap().id =
        "router~10.244.0.9~edge.bookinfo~bookinfo.svc.cluster.local".to_owned();
    let mut asked = entry(AccessLogCommon::default(), 404);
    asked.request = Some(HttpRequestProperties {
        authority: "h1.evil.example".to_owned(),
        ..HttpRequestProperties::default()
    });
    let told = http(&gateway, asked);
    assert!(
        told.ends_with(&format!(
            "{nobody} unknown unknown latest unknown unknown unknown http 404  - unknown"
        )),
        "{told}"
    );
    // Plain text from somebody who does not say who it is.
    let stranger = AccessLogCommon { metadata: None, ..inbound() };
    assert_eq!(
        http(&identifier("inbound", "reviews-v3-abc.bookinfo"), entry(stranger, 403)),
        format!(
            "destination unknown unknown latest unknown unknown unknown unknown unknown reviews-v3 bookinfo unknown reviews v3 {REVIEWS_SERVICE} reviews v3 reviews bookinfo Kubernetes http 403  - none"
        )
    );
    // A certificate tells at least the namespace.
    let certified = AccessLogCommon {
        metadata: None,
        tls_properties: mutual("spiffe://cluster.local/ns/other/sa/x"),
        ..inbound()
    };
    let seen = http(&identifier("inbound", "reviews-v3-abc.bookinfo"), entry(certified, 200));
    assert!(
        seen.starts_with(
            "destination unknown unknown latest other spiffe://cluster.local/ns/other/sa/x unknown"
        ),
        "{seen}"
    );
}

#[test]
fn a_proxy_that_the_directory_does_not_know_tells_about_itself() {
    let seen = http(&identifier("outbound", "loadgen-xyz.tools"), entry(outbound(), 200));
    assert!(
        seen.starts_with(
            "source loadgen-v1 loadgen v1 tools spiffe://cluster.local/ns/tools/sa/loadgen loadgen v1 Kubernetes reviews-v3"
        ),
        "{seen}"
    );
    assert_eq!(http(&identifier("sideways", "loadgen-xyz.tools"), entry(outbound(), 200)), "");
}

#[test]
fn a_custom_tag_tells_whether_an_outbound_call_was_mutual_tls() {
    let tagged = |sans: &str| AccessLogCommon {
        custom_tags: HashMap::from([("upstream_sans".to_owned(), sans.to_owned())]),
        ..outbound()
    };
    let principals = |common| {
        let seen = http(&identifier("outbound", "productpage-v1-abc.bookinfo"), entry(common, 200));
        let words: Vec<&str> = seen.split(' ').collect();
        (words[5].to_owned(), words[11].to_owned())
    };
    let known = ("spiffe://a".to_owned(), "spiffe://b".to_owned());
    let unknown = ("unknown".to_owned(), "unknown".to_owned());
    for (sans, expected) in [("|", &unknown), ("-|-", &unknown), ("spiffe://a|spiffe://b", &known)] {
        assert_eq!(&principals(tagged(sans)), expected, "{sans}");
    }
}

#[test]
fn grpc_is_told_by_its_headers() {
    let mut grpc = entry(outbound(), 200);
    grpc.request
        .as_mut()
        .unwrap()
        .request_headers
        .insert("content-type".to_owned(), "application/grpc+proto".to_owned());
    grpc.response.as_mut().unwrap().response_trailers.insert("grpc-status".to_owned(), "14".to_owned());
    let seen = http(&identifier("outbound", "productpage-v1-abc.bookinfo"), grpc);
    assert!(seen.ends_with("grpc 200 14 - unknown"), "{seen}");
}

#[test]
fn durations_and_bytes_are_measured_once_when_the_request_ends() {
    let counters = Arc::new(Counters::default());
    let logs = AccessLogs::new(Arc::clone(&counters), Arc::new(Bookinfo), CancellationToken::new());
    let typed =
        |kind: AccessLogType| entry(AccessLogCommon { access_log_type: kind.into(), ..outbound() }, 200);
    let list = [
        AccessLogType::DownstreamStart,
        AccessLogType::DownstreamPeriodic,
        AccessLogType::UpstreamEnd,
        AccessLogType::DownstreamEnd,
    ];
    let log_entry = list.map(typed).to_vec();
    logs.0.take(
        &identifier("outbound", "productpage-v1-abc.bookinfo"),
        &LogEntries::HttpLogs(HttpAccessLogEntries { log_entry }),
        1,
    );
    assert_eq!(
        shown(&counters),
        [
            "istio_requests_total 1",
            "istio_request_duration_milliseconds 1007",
            "istio_request_bytes 300",
            "istio_response_bytes 900"
        ]
    );
}

/// Totals and sums of all metrics.
fn shown(counters: &Counters) -> Vec<String> {
    counters.with(|groups| {
        let metrics = groups.values().flat_map(|group| &group.metrics);
        metrics
            .map(|metric| match &metric.measure {
                Measure::Count(value) => format!("{} {value}", metric.name),
                Measure::Spread(histogram) => format!("{} {}", metric.name, histogram.sum()),
            })
            .collect()
    })
}

#[test]
fn connections_count_while_they_last_and_when_they_end() {
    let report =
        |kind: AccessLogType, stream: &str, received_bytes: u64, sent_bytes: u64| TcpAccessLogEntry {
            common_properties: Some(AccessLogCommon {
                access_log_type: kind.into(),
                stream_id: stream.to_owned(),
                ..outbound()
            }),
            connection_properties: Some(ConnectionProperties { received_bytes, sent_bytes }),
        };
    let totals = |log_entry: Vec<TcpAccessLogEntry>| {
        let counters = Arc::new(Counters::default());
        let logs = AccessLogs::new(Arc::clone(&counters), Arc::new(Bookinfo), CancellationToken::new());
        logs.0.take(
            &identifier("outbound", "productpage-v1-abc.bookinfo"),
            &LogEntries::TcpLogs(TcpAccessLogEntries { log_entry }),
            1,
        );
        shown(&counters)
            .iter()
            .map(|line| line.rsplit(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    // opened, closed, sent, received
    use AccessLogType::{NotSet, TcpConnectionEnd, TcpConnectionStart, TcpPeriodic, TcpUpstreamConnected};
    for (reports, expected) in [
        (vec![report(NotSet, "a", 10, 20)], "1 1 20 10"),
        (vec![report(TcpConnectionStart, "a", 0, 0), report(TcpUpstreamConnected, "a", 0, 0)], "1 0 0 0"),
        (
            vec![
                report(TcpUpstreamConnected, "a", 5, 5),
                report(TcpPeriodic, "a", 7, 50),
                report(TcpPeriodic, "a", 9, 60),
            ],
            "1 0 60 9",
        ),
        (vec![report(TcpPeriodic, "a", 7, 50), report(TcpConnectionEnd, "a", 9, 60)], "1 1 60 9"),
        (
            vec![
                report(TcpPeriodic, "a", 7, 50),
                report(TcpPeriodic, "b", 1, 1),
                report(TcpConnectionEnd, "b", 2, 2),
            ],
            "2 1 52 9",
        ),
    ] {
        assert_eq!(totals(reports), expected);
    }
}
