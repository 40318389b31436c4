//! Retries: how often a service is asked, after what, and who is asked next. Counted where the requests
//! arrive.

use crate::bench::{Bench, get};
use crate::rude::{Manner, Rude};
use crate::world::{OUTSIDE, TALK, mesh_config, outside, policy_of, rules_of, tally};
use crate::{rules, two_versions};
use futures::future::join_all;
use std::time::Duration;

fn web(retries: &str) -> String {
    rules(&format!("[{{retries: {{{retries}}}, route: [{{destination: {{host: web}}}}]}}]"))
}

fn beyond(retries: &str) -> String {
    rules_of(
        "outside.example",
        &format!("[{{retries: {{{retries}}}, route: [{{destination: {{host: outside.example}}}}]}}]"),
    )
}

/// How often the two versions were asked since the last time.
fn asked(bench: &Bench) -> usize {
    bench.heard("web-v1").len() + bench.heard("web-v2").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_policy_retries_its_own_answers() {
    let mut bench = two_versions().await;
    let table = [
        ("5xx", "500", 3),
        ("5xx", "404", 1),
        ("gateway-error", "502", 3),
        ("gateway-error", "504", 3),
        ("gateway-error", "500", 1),
        ("retriable-4xx", "409", 3),
        ("retriable-4xx", "404", 1),
        ("418", "418", 3),
        ("418", "417", 1),
        ("retriable-status-codes,429", "429", 3),
        ("gateway-error, 418", "418", 3),
        ("gateway-error, 418", "503", 3),
        ("connect-failure", "503", 1),
    ];
    for (on, code, times) in table {
        bench.apply(&web(&format!("attempts: 2, retryOn: '{on}'")));
        bench.settle().await;
        let answer = bench.web("/", &[&format!("answer-with: {code}")]).await;
        let asked = asked(&bench);
        println!("retryOn {on}, answer {code}: asked {asked} times");
        assert_eq!((answer.status.to_string().as_str(), asked), (code, times), "{on}");
    }
    let log = bench.log_line("client", " URX ").await;
    println!("{log}");
    assert!(log.contains(" 500 URX via_upstream"), "{log}");
    // Istio has no field for the headers that retriable-headers means, and Envoy does not hear of them from
    // callers.
    bench.apply(&web("attempts: 2, retryOn: retriable-headers"));
    bench.settle().await;
    bench.web("/", &["x-envoy-retriable-header-names: x-again", "answer-header: x-again"]).await;
    let once = asked(&bench);
    println!("retryOn retriable-headers: asked {once} times");
    assert_eq!(once, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grpc_status_has_its_policy() {
    let mut bench = two_versions().await;
    bench.apply(TALK);
    let table = [
        ("cancelled", "1"),
        ("deadline-exceeded", "4"),
        ("internal", "13"),
        ("resource-exhausted", "8"),
        ("unavailable", "14"),
    ];
    for (on, status) in table {
        bench.apply(&rules_of(
            "talk",
            &format!(
                "[{{retries: {{attempts: 2, retryOn: {on}}}, route: [{{destination: {{host: talk}}}}]}}]"
            ),
        ));
        bench.settle().await;
        let failed = bench.talk(&[("answer-with", status)]).await;
        let retried = asked(&bench);
        let other = bench.talk(&[("answer-with", "5")]).await;
        let once = asked(&bench);
        println!(
            "retryOn {on}: asked {retried} times at grpc-status {}, {once} at {}",
            failed.status, other.status
        );
        assert_eq!(
            (failed.status.as_str(), retried, other.status.as_str(), once),
            (status, 3, "5", 1),
            "{on}"
        );
    }
    bench.delete("VirtualService", "demo", "talk");
    bench.settle().await;
    bench.talk(&[("answer-with", "14")]).await;
    let unset = asked(&bench);
    println!("without a rule: asked {unset} times at grpc-status 14");
    assert_eq!(unset, 3, "the default retries what is unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_are_retried() {
    let mut bench = two_versions().await;
    let rude = Rude::start(Manner::Reset).await;
    bench.apply(&outside("HTTP", &[rude.port]));
    for (retries, times) in [
        ("attempts: 2, retryOn: reset", 3),
        ("attempts: 1, retryOn: 5xx", 2),
        ("attempts: 2, retryOn: connect-failure", 1),
        ("attempts: 0", 1),
    ] {
        bench.apply(&beyond(retries));
        bench.settle().await;
        let answer = bench.outside("/", &[]).await;
        let asked = rude.asked();
        println!("{retries}: {} after {asked} requests", answer.status);
        assert_eq!((answer.status, asked), (503, times), "{retries}");
    }
    let log = bench.log_line("client", "URX,UC").await;
    println!("{log}");
    assert!(
        log.contains("503 URX,UC upstream_reset_before_response_started{connection_termination}"),
        "{log}"
    );

    let refusing = Rude::start(Manner::RefuseStreams).await;
    bench.apply(&outside("HTTP2", &[refusing.port]));
    for (retries, times) in
        [("attempts: 2, retryOn: refused-stream", 3), ("attempts: 2, retryOn: connect-failure", 1)]
    {
        bench.apply(&beyond(retries));
        bench.settle().await;
        let answer = bench.outside("/", &[]).await;
        let asked = refusing.asked();
        println!("{retries}: {} after {asked} refused streams", answer.status);
        assert_eq!((answer.status, asked), (503, times), "{retries}");
    }

    // Nobody listens: only the proxy can count.
    let nobody = Rude::start(Manner::Reset).await.port;
    bench.apply(&outside("HTTP", &[nobody]));
    let failures = "cluster.outbound|9090||outside.example.upstream_cx_connect_fail";
    for (retries, times) in
        [("attempts: 4, retryOn: connect-failure", 5), ("attempts: 4, retryOn: retriable-4xx", 1)]
    {
        bench.apply(&beyond(retries));
        bench.settle().await;
        let before = bench.stat("client", failures).await;
        let answer = bench.outside("/", &[]).await;
        let tries = bench.stat("client", failures).await - before;
        println!("{retries}: {} after {tries} connections", answer.status);
        assert_eq!(answer.status, 503, "{retries}");
        assert!(tries == times, "{retries}: {tries}");
    }
    let log = bench.log_line("client", "URX,UF").await;
    println!("{log}");
    assert!(
        log.contains("503 URX,UF upstream_reset_before_response_started{remote_connection_failure"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_istios_default_holds() {
    let mut bench = two_versions().await;
    let nobody = Rude::start(Manner::Reset).await.port;
    bench.apply(&outside("HTTP", &[nobody]));
    let failures = "cluster.outbound|9090||outside.example.upstream_cx_connect_fail";
    let plain = rules("[{route: [{destination: {host: web}}]}]");
    for (what, text) in [("no VirtualService", ""), ("no retries in it", plain.as_str())] {
        bench.apply(text);
        bench.settle().await;
        bench.web("/", &["answer-with: 503"]).await;
        let before = bench.stat("client", failures).await;
        bench.outside("/", &[]).await;
        let (unwell, tries) = (asked(&bench), bench.stat("client", failures).await - before);
        println!("{what}: asked {unwell} times at 503, {tries} connections to nobody");
        assert_eq!((unwell, tries), (1, 3), "{what}");
    }
    bench.apply(&web("attempts: 0"));
    bench.settle().await;
    let answer = bench.web("/", &["answer-with: 503"]).await;
    assert_eq!((answer.status, asked(&bench)), (503, 1), "no retries are wanted");
    // The mesh's own default, for whoever says nothing.
    bench.apply(&mesh_config("defaultHttpRetryPolicy: {attempts: 4, retryOn: 5xx}"));
    bench.apply(&plain);
    bench.settle().await;
    bench.web("/", &["answer-with: 503"]).await;
    let retried = asked(&bench);
    println!("meshConfig.defaultHttpRetryPolicy: asked {retried} times at 503");
    assert_eq!(retried, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_try_has_its_time_and_tries_keep_their_distance() {
    let mut bench = two_versions().await;
    bench.apply(&web("attempts: 2, retryOn: 5xx, perTryTimeout: 200ms"));
    bench.settle().await;
    let late = bench.web("/", &["sleep-ms: 5000"]).await;
    let log = bench.log_line("client", " 504 ").await;
    let tries = asked(&bench);
    println!("perTryTimeout: {} after {:?} and {tries} tries: {log}", late.status, late.took);
    assert_eq!((late.status, tries), (504, 3));
    assert!(late.took >= Duration::from_millis(590) && late.took < Duration::from_secs(5), "{:?}", late.took);
    assert!(log.contains("upstream_per_try_timeout"), "{log}");
    // The pause is chosen by chance between nothing and the backoff: of ten the longest is not short.
    bench.apply(&web("attempts: 1, retryOn: 5xx, backoff: 2s"));
    bench.settle().await;
    let request = get("/", "web:9080", &["answer-with: 503"]);
    let calls = join_all((0..10).map(|_| bench.call("client", crate::world::WEB, &request))).await;
    let longest = calls.iter().map(|answer| answer.took).max().expect("ten");
    println!("backoff 2s: the longest of ten took {longest:?}");
    assert!(longest >= Duration::from_millis(300), "{longest:?}");
    assert_eq!(asked(&bench), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_look_for_another_host() {
    let mut bench = two_versions().await;
    bench.apply(&crate::world::policy("{loadBalancer: {simple: RANDOM}}"));
    for (what, spared) in
        [("", true), (", retryIgnorePreviousHosts: true", true), (", retryIgnorePreviousHosts: false", false)]
    {
        bench.apply(&web(&format!("attempts: 1, retryOn: 5xx{what}")));
        bench.settle().await;
        let seen = bench.answered(160, &["fail-at: web-v1"]).await;
        println!("attempts: 1{what}: {:?}", tally(&seen));
        // One in four when chance decides, one in 128 when it decides at most six times.
        let failed = seen.iter().filter(|who| *who == "503").count();
        assert!(if spared { failed <= 12 } else { failed > 14 }, "{what}: {failed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_go_to_other_localities_when_asked_to() {
    let mut bench = Bench::start().await;
    bench.apply(crate::WEB);
    bench.pod("client", "app=client,istio-locality=r1.z1", 8080, false).await;
    bench.pod("web-near", "app=web,istio-locality=r1.z1", 9080, false).await;
    bench.pod("web-far", "app=web,istio-locality=r2.z1", 9080, false).await;
    bench.apply(&policy_of("web", "{outlierDetection: {consecutive5xxErrors: 1000}}"));
    for (what, expect) in [("", "503"), (", retryRemoteLocalities: true", "web-far")] {
        bench.apply(&web(&format!("attempts: 3, retryOn: 5xx{what}")));
        bench.settle().await;
        let seen = bench.answered(20, &["fail-at: web-near"]).await;
        println!(
            "attempts: 3{what}: {:?}, asked near {}, far {}",
            tally(&seen),
            bench.heard("web-near").len(),
            bench.heard("web-far").len()
        );
        assert_eq!(tally(&seen).into_keys().collect::<Vec<_>>(), [expect], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_have_a_budget() {
    let mut bench = two_versions().await;
    let port = bench.outsider("far");
    bench.apply(&outside("HTTP", &[port]));
    bench.apply(&beyond("attempts: 1, retryOn: 5xx, backoff: 1ms"));
    let request = get("/", "outside.example", &["answer-with: 503", "sleep-ms: 300"]);
    // A budget is a share of the requests that are active at that moment, so a whole one may still refuse a
    // late retry.
    for (policy, expected) in [
        ("{connectionPool: {tcp: {maxConnections: 100}}}", 24..=24),
        ("{connectionPool: {http: {maxRetries: 1}}}", 13..=17),
        ("{retryBudget: {percent: 1, minRetryConcurrency: 1}}", 13..=17),
        ("{retryBudget: {percent: 100, minRetryConcurrency: 1}}", 18..=24),
    ] {
        bench.apply(&policy_of("outside.example", policy));
        bench.settle().await;
        join_all((0..12).map(|_| bench.call("client", OUTSIDE, &request))).await;
        let asked = bench.heard("far").len();
        println!("{policy}: 12 calls at once, the service was asked {asked} times");
        assert!(expected.contains(&asked), "{policy}: {asked}, not {expected:?}");
    }
    let log = bench.log_line("client", " UO ").await;
    println!("{log}");
    assert!(log.contains("503 UO via_upstream"), "{log}");
}
