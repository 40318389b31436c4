//! Delays and aborts, and what the access log calls them.

use crate::bench::get;
use crate::world::{TALK, rules_of, tally, within};
use crate::{rules, two_versions};
use std::time::Duration;

const ROUTE: &str = "route: [{destination: {host: web}}]";

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_delays_and_an_abort_aborts() {
    let mut bench = two_versions().await;
    let call = || get("/", "web:9080", &[]);
    bench.apply(&rules(
        "[{match: [{headers: {slow: {}}}], fault: {delay: {percentage: {value: 100}, fixedDelay: 0.7s}}, \
            route: [{destination: {host: web}}]}, \
          {fault: {abort: {percentage: {value: 100}, httpStatus: 503}}, route: [{destination: {host: \
          web}}]}]",
    ));
    bench.settle().await;
    let slow = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &["slow: yes"])).await;
    assert_eq!(slow.status, 200);
    assert!(slow.took >= Duration::from_millis(690), "{:?}", slow.took);
    let aborted = bench.call("client", "10.96.0.10:9080", &call()).await;
    assert_eq!((aborted.status, aborted.body.as_str()), (503, "fault filter abort"));
    let log = bench.log_line("client", "fault_filter_abort").await;
    assert!(log.contains("503 FI fault_filter_abort"), "{log}");
    let log = bench.log_line("client", " DI ").await;
    assert!(log.contains("200 DI via_upstream"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_together_and_only_for_those_that_match() {
    let mut bench = two_versions().await;
    let fault = "fault: {delay: {percentage: {value: 100}, fixedDelay: 300ms}, abort: {percentage: {value: \
        100}, httpStatus: 555}}";
    bench.apply(&rules(&format!(
        "[{{match: [{{headers: {{end-user: {{exact: jason}}}}}}], {fault}, {ROUTE}}}, \
          {{match: [{{uri: {{prefix: /never}}}}], fault: {{abort: {{percentage: {{value: 0}}, httpStatus: \
          500}}}}, {ROUTE}}}, \
          {{match: [{{uri: {{prefix: /unsaid}}}}], fault: {{delay: {{fixedDelay: 5s}}, abort: {{httpStatus: \
          500}}}}, {ROUTE}}}, \
          {{match: [{{uri: {{prefix: /old}}}}], fault: {{delay: {{percent: 100, fixedDelay: 300ms}}}}, \
          {ROUTE}}}, {{{ROUTE}}}]"
    )));
    bench.settle().await;
    let both = bench.web("/", &["end-user: jason"]).await;
    let log = bench.log_line("client", " 555 ").await;
    println!("both: {} after {:?}: {log}", both.status, both.took);
    assert!(both.status == 555 && both.took >= Duration::from_millis(290), "{both:?}");
    assert!(log.contains("555 DI,FI fault_filter_abort"), "{log}");
    for path in ["/", "/never", "/unsaid"] {
        let answer = bench.web(path, &["end-user: anna"]).await;
        println!("{path}: {} after {:?}", answer.status, answer.took);
        assert!(answer.status == 200 && answer.took < Duration::from_secs(5), "{path}: {answer:?}");
    }
    let old = bench.web("/old", &[]).await;
    assert!(old.status == 200 && old.took >= Duration::from_millis(290), "{old:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_caller_gets_a_grpc_status() {
    let mut bench = two_versions().await;
    bench.apply(TALK);
    bench.settle().await;
    let well = bench.talk(&[]).await;
    assert_eq!((well.http, well.status.as_str()), (200, "0"), "{well:?}");
    assert!(well.body.contains("HTTP/2.0"), "{well:?}");
    for (status, number) in [("UNAVAILABLE", "14"), ("RESOURCE_EXHAUSTED", "8"), ("5", "5")] {
        bench.apply(&rules_of(
            "talk",
            &format!(
                "[{{fault: {{abort: {{percentage: {{value: 100}}, grpcStatus: '{status}'}}}}, route: \
                [{{destination: {{host: talk}}}}]}}]"
            ),
        ));
        bench.settle().await;
        let answer = bench.talk(&[]).await;
        println!("{status}: HTTP {}, grpc-status {}, {}", answer.http, answer.status, answer.message);
        assert_eq!(
            (answer.http, answer.status.as_str(), answer.message.as_str()),
            (200, number, "fault filter abort")
        );
    }
    let log = bench.log_line("client", " FI ").await;
    println!("{log}");
    assert!(log.contains("200 FI fault_filter_abort"), "{log}");
    assert!(bench.heard("web-v1").len() + bench.heard("web-v2").len() == 1, "only the first came through");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_the_requests_fail() {
    let mut bench = two_versions().await;
    for (share, what) in [
        (0.5, "abort: {percentage: {value: 50}, httpStatus: 500}"),
        (0.1, "abort: {percentage: {value: 10}, httpStatus: 500}"),
    ] {
        bench.apply(&rules(&format!("[{{fault: {{{what}}}, {ROUTE}}}]")));
        bench.settle().await;
        let seen = bench.answered(300, &[]).await;
        println!("{what}: {:?}", tally(&seen));
        let failed = seen.iter().filter(|who| *who == "500").count();
        assert!(within(failed, 300, share), "{failed} of 300 at {share}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_a_slow_call() {
    let mut bench = two_versions().await;
    bench.apply(TALK);
    bench.apply(&rules(&format!("[{{timeout: 0.3s, retries: {{attempts: 0}}, {ROUTE}}}]")));
    bench.apply(&rules_of("talk", "[{timeout: 1h, route: [{destination: {host: talk}}]}]"));
    bench.settle().await;
    let late = bench.web("/", &["sleep-ms: 5000"]).await;
    assert_eq!((late.status, late.body.as_str()), (504, "upstream request timeout"));
    assert!(late.took >= Duration::from_millis(290), "{:?}", late.took);
    let log = bench.log_line("client", " UT ").await;
    println!("{} after {:?}: {log}", late.status, late.took);
    assert!(log.contains("504 UT response_timeout"), "{log}");
    // A gRPC caller says itself how long it waits.
    let late = bench.talk(&[("grpc-timeout", "300m"), ("sleep-ms", "5000")]).await;
    println!("gRPC: {late:?}");
    assert!(late.took >= Duration::from_millis(290) && late.took < Duration::from_secs(5), "{late:?}");
    assert_eq!(late.message, "upstream request timeout");
}
