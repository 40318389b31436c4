//! Outlier detection: who fails is left out for a while, and comes back.

use crate::bench::{Bench, PATIENCE};
use crate::rude::{Manner, Rude};
use crate::world::{outside, policy, policy_of, rules_of, tally};
use crate::{rules, two_versions};
use std::time::{Duration, Instant};

async fn ejecting(bench: &mut Bench, outliers: &str) {
    bench.apply(&policy(&format!(
        "{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{{outliers}}}}}"
    )));
    bench.apply(&rules("[{retries: {attempts: 0}, route: [{destination: {host: web}}]}]"));
    bench.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_is_left_out() {
    let mut bench = two_versions().await;
    // What is counted, what v2 answers, and how many of 40 calls fail: one in two, until it is left out.
    let table = [
        ("consecutive5xxErrors: 2", "500", 2),
        ("consecutive5xxErrors: 5", "503", 5),
        ("consecutive5xxErrors: 0, consecutiveGatewayErrors: 3", "502", 3),
        ("consecutive5xxErrors: 0, consecutiveGatewayErrors: 3", "500", 20),
        ("consecutive5xxErrors: 0, consecutiveGatewayErrors: 0", "503", 20),
        ("consecutive5xxErrors: 3", "429", 20),
        ("consecutive5xxErrors: 3, outlierDetectionHttpErrorCodes: [429, 418]", "429", 3),
        ("consecutive5xxErrors: 4, outlierDetectionHttpErrorCodes: [429]", "503", 20),
    ];
    for (turn, (outliers, code, failures)) in table.into_iter().enumerate() {
        // Each time another rule, and so another cluster: nobody is left out from before.
        let common = format!("interval: {}s, baseEjectionTime: 100s, maxEjectionPercent: 100", 100 + turn);
        ejecting(&mut bench, &format!("{outliers}, {common}")).await;
        let seen = bench.answered(40, &["fail-at: web-v2", &format!("answer-with: {code}")]).await;
        println!("{outliers}, v2 answers {code}: {:?}", tally(&seen));
        assert_eq!(seen.iter().filter(|who| *who == code).count(), failures, "{outliers} at {code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_back_after_its_time() {
    let mut bench = two_versions().await;
    ejecting(
        &mut bench,
        "consecutive5xxErrors: 1, interval: 200ms, baseEjectionTime: 2s, maxEjectionPercent: 100",
    )
    .await;
    // The call that fails has it left out: it began before.
    let mut left = Instant::now();
    while bench.web("/", &["fail-at: web-v2"]).await.status == 200 {
        left = Instant::now();
    }
    let back = async { while !bench.answered(2, &[]).await.contains(&"web-v2".into()) {} };
    tokio::time::timeout(PATIENCE, back).await.expect("it comes back");
    println!("back after {:?}", left.elapsed());
    assert!(left.elapsed() >= Duration::from_millis(1900), "{:?}", left.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn not_everybody_may_be_left_out() {
    let both: &[&str] = &["fail-at: web-v1,web-v2"];
    let counted = "consecutive5xxErrors: 1, interval: 100s, baseEjectionTime: 100s";
    // A proxy that has left somebody out counts it for a while even when the rule is another: each time a new
    // one.
    let mut bench = two_versions().await;
    ejecting(&mut bench, &format!("{counted}, maxEjectionPercent: 50")).await;
    bench.answered(10, both).await;
    let half = bench.answered(10, &[]).await;
    println!("maxEjectionPercent 50: {:?}", tally(&half));
    assert_eq!(tally(&half).len(), 1, "one of two may");
    let mut bench = two_versions().await;
    ejecting(&mut bench, &format!("{counted}, maxEjectionPercent: 100")).await;
    bench.answered(10, both).await;
    // The second one follows within a second: a proxy gathers such news before it acts on them.
    let mut none = bench.web("/", both).await;
    let started = Instant::now();
    while none.body != "no healthy upstream" && started.elapsed() < PATIENCE {
        none = bench.web("/", both).await;
    }
    let log = bench.log_line("client", " UH ").await;
    println!("maxEjectionPercent 100: {} {}: {log}", none.status, none.body);
    assert_eq!((none.status, none.body.as_str()), (503, "no healthy upstream"));
    assert!(log.contains("503 UH no_healthy_upstream"), "{log}");
    // Below the share of minHealthPercent nobody is left out after all.
    for (percent, expect) in [(40, 1), (60, 2)] {
        let mut bench = two_versions().await;
        ejecting(&mut bench, &format!("{counted}, maxEjectionPercent: 100, minHealthPercent: {percent}"))
            .await;
        bench.answered(10, &["fail-at: web-v2"]).await;
        let seen = bench.answered(20, &[]).await;
        println!("minHealthPercent {percent}, half of them healthy: {:?}", tally(&seen));
        assert_eq!(tally(&seen).len(), expect, "{percent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_on_the_way_can_be_counted_apart() {
    let mut bench = two_versions().await;
    let (well, nobody) = (bench.outsider("far"), Rude::start(Manner::Reset).await.port);
    bench.apply(&outside("HTTP", &[well, nobody]));
    bench.apply(&rules_of(
        "outside.example",
        "[{retries: {attempts: 0}, route: [{destination: {host: outside.example}}]}]",
    ));
    for (counted, failures) in [
        ("consecutive5xxErrors: 3", 3),
        (
            "splitExternalLocalOriginErrors: true, consecutive5xxErrors: 3, consecutiveLocalOriginFailures: \
                1000",
            20,
        ),
        (
            "splitExternalLocalOriginErrors: true, consecutive5xxErrors: 1000, \
                consecutiveLocalOriginFailures: 4",
            4,
        ),
        ("consecutive5xxErrors: 0, consecutiveLocalOriginFailures: 4", 20),
    ] {
        let common = "interval: 100s, baseEjectionTime: 100s, maxEjectionPercent: 100";
        bench.apply(&policy_of(
            "outside.example",
            &format!("{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{{counted}, {common}}}}}"),
        ));
        bench.settle().await;
        let mut failed = 0;
        for _ in 0..40 {
            failed += usize::from(bench.outside("/", &[]).await.status == 503);
        }
        println!("{counted}: {failed} of 40 found nobody");
        assert_eq!(failed, failures, "{counted}");
    }
}
