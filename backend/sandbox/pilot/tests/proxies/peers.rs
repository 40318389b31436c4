//! Mutual TLS by namespace, workload and port, what a DestinationRule makes of it on the other side, and
//! certificates that are replaced while requests go on.

use crate::bench::{Bench, PATIENCE, get};
use crate::conditions::{mesh, status};
use pilot::Options;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn peers(name: &str, namespace: &str, created: &str, spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: \
            {namespace}, creationTimestamp: '{created}'}}\nspec: {spec}\n---\n"
    )
}

/// What each of the ports 9080, 9081 and 9070 takes of a caller without TLS.
async fn plain(bench: &Bench) -> String {
    let mut seen = String::new();
    for port in [9080, 9081, 9070] {
        let taken = status(bench, &format!("plain port={port}")).await.is_some();
        write!(seen, "{}", if taken { '+' } else { '-' }).expect("text");
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn the_narrowest_and_oldest_policy_counts_for_each_port() {
    let mut bench = mesh().await;
    let web = "selector: {matchLabels: {app: web}}";
    let steps = [
        ("none: both are taken", String::new(), "+++"),
        (
            "mesh STRICT",
            peers("default", "istio-system", "2026-01-01T00:00:00Z", "{mtls: {mode: STRICT}}"),
            "---",
        ),
        (
            "namespace UNSET inherits",
            peers("default", "demo", "2026-01-02T00:00:00Z", "{mtls: {mode: UNSET}}"),
            "---",
        ),
        (
            "namespace PERMISSIVE",
            peers("default", "demo", "2026-01-02T00:00:00Z", "{mtls: {mode: PERMISSIVE}}"),
            "+++",
        ),
        (
            "a younger one of the namespace",
            peers("later", "demo", "2026-01-03T00:00:00Z", "{mtls: {mode: STRICT}}"),
            "+++",
        ),
        (
            "the root's with a selector",
            peers(
                "web",
                "istio-system",
                "2026-01-01T00:00:00Z",
                &format!("{{{web}, mtls: {{mode: STRICT}}}}"),
            ),
            "+++",
        ),
        (
            "workload STRICT",
            peers("web", "demo", "2026-01-04T00:00:00Z", &format!("{{{web}, mtls: {{mode: STRICT}}}}")),
            "---",
        ),
        (
            "workload STRICT, port 9081 PERMISSIVE and 9070 DISABLE",
            peers(
                "web",
                "demo",
                "2026-01-04T00:00:00Z",
                &format!(
                    "{{{web}, mtls: {{mode: STRICT}}, portLevelMtls: {{9081: {{mode: PERMISSIVE}}, 9070: \
                        {{mode: DISABLE}}}}}}"
                ),
            ),
            "-++",
        ),
        (
            "workload UNSET, port 9080 STRICT and 9081 UNSET",
            peers(
                "web",
                "demo",
                "2026-01-04T00:00:00Z",
                &format!("{{{web}, portLevelMtls: {{9080: {{mode: STRICT}}, 9081: {{mode: UNSET}}}}}}"),
            ),
            "-++",
        ),
    ];
    for (what, yaml, expect) in steps {
        bench.apply(&yaml);
        bench.settle().await;
        let seen = plain(&bench).await;
        println!("{what}: {seen}");
        assert_eq!(seen, expect, "{what}");
        for caller in ["client", "client port=9081", "client port=9070"] {
            assert_eq!(status(&bench, caller).await, Some(200), "{what}: a sidecar keeps to it: {caller}");
        }
    }
}

/// What a rule's TLS mode sees of each mode of the other side: status, and why.
#[tokio::test(flavor = "multi_thread")]
async fn a_rules_tls_meets_each_mode() {
    let mut bench = mesh().await;
    let rule = |tls: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web, namespace: \
                demo}}\nspec: {{host: web, trafficPolicy: {{connectionPool: {{http: \
                {{maxRequestsPerConnection: 1}}}}, {tls}}}, subsets: [{{name: plain, labels: {{app: web}}, \
                trafficPolicy: {{tls: {{mode: DISABLE}}}}}}]}}\n---\n"
        )
    };
    let mode = |mode: &str| peers("default", "demo", "", &format!("{{mtls: {{mode: {mode}}}}}"));
    let mut number = 0;
    for (tls, strict, permissive, disable) in [
        ("tls: {mode: ISTIO_MUTUAL}", (200, true), (200, true), (503, false)),
        ("tls: {mode: DISABLE}", (503, false), (200, false), (200, false)),
        (
            "portLevelSettings: [{port: {number: 9080}, tls: {mode: DISABLE}}]",
            (503, false),
            (200, false),
            (200, false),
        ),
        (
            "portLevelSettings: [{port: {number: 9081}, tls: {mode: DISABLE}}]",
            (200, true),
            (200, true),
            (200, false),
        ),
    ] {
        for (other, (expect, mutual)) in
            [("STRICT", strict), ("PERMISSIVE", permissive), ("DISABLE", disable)]
        {
            bench.apply(&(rule(tls) + &mode(other)));
            bench.settle().await;
            number += 1;
            let path = format!("/tls-{number}");
            let answer = bench.call("client", "10.96.0.10:9080", &get(&path, "web:9080", &[])).await;
            let why =
                if answer.status == 503 { bench.log_line("client", &path).await } else { String::new() };
            println!(
                "{tls} meets {other}: {} {}",
                answer.status,
                why.split(" \"-\" ").next().unwrap_or_default()
            );
            println!("    {}", answer.body.lines().next().unwrap_or_default());
            assert_eq!(
                (answer.status, answer.body.contains("URI=spiffe://")),
                (expect, mutual),
                "{tls} meets {other}: {}",
                answer.body
            );
            if expect == 503 {
                let failed = if other == "DISABLE" {
                    "TLS_error"
                } else {
                    "upstream_reset_before_response_started{connection_termination}"
                };
                assert!(why.contains(failed), "{why}");
            }
        }
    }
    // One subset without, and the rest with.
    bench.apply(&(rule("tls: {mode: ISTIO_MUTUAL}") + &mode("PERMISSIVE")));
    bench.apply(&crate::rules(
        "[{match: [{uri: {prefix: /plain}}], route: [{destination: {host: web, subset: \
        plain}}]}, {route: [{destination: {host: web}}]}]",
    ));
    bench.settle().await;
    for (path, mutual) in [("/plain", false), ("/", true)] {
        let answer = bench.call("client", "10.96.0.10:9080", &get(path, "web:9080", &[])).await;
        println!("{path}: {} mutual {}", answer.status, answer.body.contains("URI=spiffe://"));
        assert_eq!((answer.status, answer.body.contains("URI=spiffe://")), (200, mutual), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_replaced_while_requests_go_on() {
    const LIFE: Duration = Duration::from_secs(12);
    let sink = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let ca = Arc::new(pilot::Authority::new(LIFE).expect("an authority"));
    let options = Options { ca, ..Options::new(sink, sink).expect("options") };
    let bench = crate::two_versions_with(Bench::start_with(options).await).await;
    let serial_numbers = async || {
        [
            bench.certificate("client").await,
            bench.certificate("web-v1").await,
            bench.certificate("web-v2").await,
        ]
    };
    let first = serial_numbers().await;
    let (started, mut requests, mut failed) = (Instant::now(), 0, Vec::new());
    let mut last = first.clone();
    // Past the end of the first ones, and until all have been replaced twice.
    let mut changes = [0; 3];
    while started.elapsed() < LIFE || changes.iter().any(|count| *count < 2) {
        assert!(started.elapsed() < 4 * LIFE + PATIENCE, "{changes:?} changes");
        for _ in 0..10 {
            let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
            requests += 1;
            if answer.status != 200 {
                failed.push(answer.body);
            }
        }
        let now = serial_numbers().await;
        for ((count, last), now) in changes.iter_mut().zip(&last).zip(&now) {
            *count += u32::from(last != now);
        }
        last = now;
    }
    println!(
        "{requests} requests in {:?}, {} failed; serial numbers {first:?} → {last:?}",
        started.elapsed(),
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:?}");
}

/// A stranger may speak the application's own TLS to a port of bytes, where plain text is taken too.
#[tokio::test(flavor = "multi_thread")]
async fn the_applications_own_tls_passes() {
    let mut bench = mesh().await;
    let ca = crate::tls::Ca::new();
    let server = crate::tls::serve("vault", &ca.issue("vault.example"), None).await;
    let web = bench.pods.get_mut("web").expect("the pod");
    web.ports.insert("app/9070".into(), server.port);
    Arc::make_mut(&mut web.object)["metadata"]["annotations"][pilot::PORTS_ANNOTATION] =
        serde_json::to_string(&web.ports).expect("JSON").into();
    let outside = web.ports["9070"];
    for (mode, expect) in [("PERMISSIVE", Some(200)), ("STRICT", None), ("DISABLE", Some(200))] {
        bench.apply(&peers("default", "demo", "", &format!("{{mtls: {{mode: {mode}}}}}")));
        bench.settle().await;
        let answer =
            crate::tls::Client::new(&ca).ask(outside, "vault.example", &get("/", "vault.example", &[])).await;
        println!("{mode}: {:?}", answer.as_ref().map(|answer| (answer.status, &answer.body)));
        assert_eq!(answer.ok().map(|answer| answer.status), expect, "{mode}");
    }
}

/// `x-forwarded-client-cert`, as Istio's proxies set it.
#[tokio::test(flavor = "multi_thread")]
async fn the_application_is_told_who_called() {
    let bench = mesh().await;
    let header = |body: &str| {
        body.lines().find_map(|line| line.strip_prefix("x-forwarded-client-cert: ")).map(str::to_owned)
    };
    let forged = ["x-forwarded-client-cert: By=spiffe://x;URI=spiffe://cluster.local/ns/demo/sa/admin"];
    for (from, account) in [("client", "demo/sa/client"), ("guest.other", "other/sa/guest")] {
        let answer = bench.call(from, "10.96.0.10:9080", &get("/", "web.demo:9080", &forged)).await;
        let told = header(&answer.body).expect("the header");
        println!("{from}: {told}");
        let parts: Vec<&str> = told.split(';').collect();
        assert_eq!(parts[0], "By=spiffe://cluster.local/ns/demo/sa/web");
        assert!(parts[1].strip_prefix("Hash=").is_some_and(|hash| hash.len() == 64), "{told}");
        assert_eq!(parts[2..], ["Subject=\"\"", &format!("URI=spiffe://cluster.local/ns/{account}")]);
    }
    let stranger = bench.plain("web", 9080, &get("/", "web:9080", &forged)).await.expect("an answer");
    assert_eq!(header(&stranger.body), None, "nobody may say of himself who he is");
}
