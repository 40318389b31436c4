//! What is measured on the sample meshes, and the traces of it.

use crate::trace::{Found, Span, Trace};
use crate::traffic::{Called, Flow, Path, Peer, Protocol, Traffic};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::NOW;

/// Ten page views a second over one minute; reviews as the sample's weights say, and two calls in a hundred
/// of ratings fail.
pub fn bookinfo_traffic() -> Traffic {
    let page = peer("bookinfo", "productpage", "v1");
    let gateway = Peer {
        workload: "istio-ingressgateway".into(),
        app: "istio-ingressgateway".into(),
        version: "latest".into(),
        ..peer("istio-system", "istio-ingressgateway", "latest")
    };
    let outside = Peer {
        cluster: "unknown".into(),
        namespace: "unknown".into(),
        workload: "unknown".into(),
        app: "unknown".into(),
        version: "unknown".into(),
        principal: "unknown".into(),
    };
    let ratings = |source: Peer, rps: f64| {
        let (path, mut flow) = flow(source, peer("bookinfo", "ratings", "v1"), rps * 0.98, 3.0);
        flow.responses.insert(("503".into(), "FI".into()), rps * 0.02);
        flow.mutual_tls = rps;
        (path, flow)
    };
    let mut enter = flow(outside, gateway.clone(), 10.0, 40.0);
    (enter.1.plaintext, enter.1.mutual_tls) = (enter.1.mutual_tls, 0.0);
    let flows = [
        enter,
        flow(gateway, page.clone(), 10.0, 38.0),
        flow(page.clone(), peer("bookinfo", "details", "v1"), 10.0, 4.0),
        flow(page.clone(), peer("bookinfo", "reviews", "v1"), 5.0, 12.0),
        flow(page.clone(), peer("bookinfo", "reviews", "v2"), 3.0, 18.0),
        flow(page, peer("bookinfo", "reviews", "v3"), 2.0, 19.0),
        ratings(peer("bookinfo", "reviews", "v2"), 3.0),
        ratings(peer("bookinfo", "reviews", "v3"), 2.0),
    ];
    Traffic { window_secs: 60, flows: BTreeMap::from(flows), ..Traffic::default() }
}

pub(super) fn peer(namespace: &str, app: &str, version: &str) -> Peer {
    Peer {
        cluster: "Kubernetes".into(),
        namespace: namespace.into(),
        workload: format!("{app}-{version}").into(),
        app: app.into(),
        version: version.into(),
        principal: format!("spiffe://cluster.local/ns/{namespace}/sa/{namespace}-{app}").into(),
    }
}

/// Successful HTTP calls over mutual TLS.
pub(super) fn flow(source: Peer, destination: Peer, rps: f64, p50_ms: f64) -> (Path, Flow) {
    let service = Called {
        host: format!("{}.{}.svc.cluster.local", destination.app, destination.namespace).into(),
        name: destination.app.clone(),
        namespace: destination.namespace.clone(),
    };
    let flow = Flow {
        responses: [(("200".into(), "-".into()), rps)].into_iter().collect(),
        p50_ms: Some(p50_ms),
        p95_ms: Some(p50_ms * 2.0),
        p99_ms: Some(p50_ms * 3.0),
        request_bytes: Some(rps * 800.0),
        response_bytes: Some(rps * 4_000.0),
        mutual_tls: rps,
        ..Flow::default()
    };
    (Path { source, destination, service, protocol: Protocol::Http }, flow)
}

/// A page view through four services: eight spans, one of which failed by an injected abort.
pub fn trace() -> Trace {
    numbered(0x3f2a, true)
}

/// Twenty page views, one in five with a failed span, ten seconds apart, the newest last.
pub fn traces() -> Vec<Trace> {
    (0..20).map(|number| numbered(0x3f2a + number, number % 5 == 0)).collect()
}

/// The same as a search finds them.
pub fn found() -> Found {
    Found { traces: traces().into_iter().map(|trace| Arc::new(trace.into())).collect(), odd: Vec::new() }
}

/// Id, parent, service, what is called, kind, start and length in µs, status, flags.
type Row = (
    &'static str,
    Option<&'static str>,
    &'static str,
    &'static str,
    &'static str,
    u64,
    u64,
    &'static str,
    &'static str,
);

fn numbered(number: u64, failed: bool) -> Trace {
    let base = u64::try_from(NOW.as_microsecond()).unwrap_or_default();
    let start = base - (0x3f2a + 20 - number) * 10_000_000 % 600_000_000;
    let slow = number % 7 * 3_000;
    let (code, flags) = if failed { ("503", "FI") } else { ("200", "-") };
    let rows: [Row; 8] = [
        (
            "a1",
            None,
            "istio-ingressgateway.istio-system",
            "productpage",
            "client",
            0,
            42_000 + slow,
            "200",
            "-",
        ),
        ("b1", Some("a1"), "productpage.bookinfo", "productpage", "server", 600, 41_000 + slow, "200", "-"),
        ("c1", Some("b1"), "productpage.bookinfo", "details", "client", 2_000, 5_000, "200", "-"),
        ("c2", Some("c1"), "details.bookinfo", "details", "server", 2_700, 3_600, "200", "-"),
        ("d1", Some("b1"), "productpage.bookinfo", "reviews", "client", 9_000, 28_000 + slow, "200", "-"),
        ("d2", Some("d1"), "reviews.bookinfo", "reviews", "server", 9_800, 26_500 + slow, "200", "-"),
        ("e1", Some("d2"), "reviews.bookinfo", "ratings", "client", 14_000, 9_000 + slow, code, flags),
        ("e2", Some("e1"), "ratings.bookinfo", "ratings", "server", 15_000, 6_500 + slow, "200", "-"),
    ];
    let id = format!("{number:04x}{:028x}", 0x00c0_ffee);
    let spans =
        rows.into_iter().map(|(span, parent, service, called, kind, at, length, status, flags)| Span {
            id: format!("{number:014x}{span}"),
            parent: parent.map(|parent| format!("{number:014x}{parent}")),
            service: service.into(),
            operation: format!("{called}.bookinfo.svc.cluster.local:9080/*"),
            kind: kind.into(),
            start_us: start + at,
            duration_us: length,
            tags: [
                ("component", "proxy"),
                ("http.method", "GET"),
                ("http.status_code", status),
                ("http.url", "http://books.example/productpage"),
                ("response_flags", flags),
                ("upstream_cluster.name", called),
            ]
            .into(),
            process: Arc::new([("service.name", service)].into()),
            error: status.starts_with('5'),
            ..Span::default()
        });
    Trace { id, spans: spans.collect() }
}
