//! Delays and aborts, and what the access log calls them.

use crate::bench::get;
use crate::{rules, two_versions};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_delays_and_an_abort_aborts() {
    let mut bench = two_versions().await;
    let call = || get("/", "web:9080", &[]);
    bench.apply(&rules(
        "[{match: [{headers: {slow: {}}}], fault: {delay: {percentage: {value: 100}, fixedDelay: 0.7s}}, route: [{destination: {host: web}}]}, \
          {fault: {abort: {percentage: {value: 100}, httpStatus: 503}}, route: [{destination: {host: web}}]}]",
    ));
    bench.settle().await;
    let slow = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &["slow: yes"])).await;
    assert_eq!(slow.status, 200);
    assert!(slow.took >= Duration::from_millis(700), "{:?}", slow.took);
    let aborted = bench.call("client", "10.96.0.10:9080", &call()).await;
    assert_eq!((aborted.status, aborted.body.as_str()), (503, "fault filter abort"));
    let log = bench.log_line("client", "fault_filter_abort").await;
    assert!(log.contains("503 FI fault_filter_abort"), "{log}");
    let log = bench.log_line("client", " DI ").await;
    assert!(log.contains("200 DI via_upstream"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_the_requests_fail() {
    let mut bench = two_versions().await;
    bench.apply(&rules("[{fault: {abort: {percentage: {value: 50}, httpStatus: 500}}, route: [{destination: {host: web}}]}]"));
    bench.settle().await;
    let mut failed = 0;
    for _ in 0..200 {
        let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
        failed += u32::from(answer.status == 500);
    }
    // 50 % of 200, give or take four standard deviations.
    assert!((72..=128).contains(&failed), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_a_slow_call_and_retries_are_counted() {
    let mut bench = two_versions().await;
    bench.apply(&rules(
        "[{timeout: 0.3s, retries: {attempts: 0}, route: [{destination: {host: web}}], match: [{headers: {sleep-ms: {}}}]}, \
          {retries: {attempts: 2, retryOn: '503'}, route: [{destination: {host: web}}]}]",
    ));
    bench.settle().await;
    let late = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &["sleep-ms: 2000"])).await;
    assert_eq!((late.status, late.body.as_str()), (504, "upstream request timeout"));
    let failed = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &["answer-with: 503"])).await;
    assert_eq!(failed.status, 503);
    assert!(failed.body.contains("x-envoy-attempt-count: 3"), "{}", failed.body);
    let log = bench.log_line("client", " UT ").await;
    assert!(log.contains("504 UT response_timeout"), "{log}");
}
