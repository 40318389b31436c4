//! The bookinfo sandbox as a whole: real Envoys, real requests, real kubectl.
//!
//! Envoy is found as the sandbox finds it (`$BINNACLE_ENVOY` first); without one these tests fail.
#![allow(clippy::unwrap_used, reason = "tests")]

mod away;
mod controllers;
mod deletion;
mod gateway_api;
mod kubectl;
#[cfg(target_os = "linux")]
mod lacks;
mod lives;
mod logs;
mod policies;
#[cfg(target_os = "linux")]
mod private;
mod rate_limits;
mod requests;
mod ways;

use sandbox::{Options, Sandbox};
use serde_json::Value;
use std::future::Future;
use std::time::{Duration, Instant};

/// A bookinfo sandbox without load, and a client for it.
struct Shop {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Shop {
    async fn open() -> Self {
        // What the sandbox says is shown when a test fails, or asked for by RUST_LOG.
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| "warn,sandbox=info".into());
        tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_test_writer().try_init().ok();
        // An error means that another test was faster.
        rustls::crypto::ring::default_provider().install_default().ok();
        let options = Options { rps: 0.0, ..Options::default() };
        let sandbox = Sandbox::start(options, |_| {}).await.unwrap_or_else(|problem| panic!("{problem}"));
        Self { sandbox, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// The product page, once.
    async fn page(&self) -> (u16, String) {
        let response =
            self.http.get(format!("{}/productpage", self.sandbox.ready().ingress)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Which version of reviews served each of so many pages.
    async fn versions(&self, pages: usize) -> [usize; 3] {
        let mut seen = [0; 3];
        for _ in 0..pages {
            let (status, page) = self.page().await;
            assert_eq!(status, 200, "{page}");
            let served_by = page
                .split("Reviews served by: <u>reviews-v")
                .nth(1)
                .unwrap_or_else(|| panic!("no reviews in {page}"));
            seen[usize::from(served_by.as_bytes()[0] - b'1')] += 1;
        }
        seen
    }

    /// Asks for pages until the versions of reviews have these shares, twice at most; says how many were
    /// asked for.
    ///
    /// One sample of chance lies outside of 3.5 standard deviations once in 2,000 times, two in a row in
    /// 4,000,000; shares that are wrong lie outside each time.
    async fn expect_shares(&self, pages: usize, wanted: [f64; 3]) -> usize {
        let first = self.versions(pages).await;
        if fit(first, pages, wanted) {
            return pages;
        }
        let second = self.versions(pages).await;
        assert!(fit(second, pages, wanted), "{first:?} and again {second:?} of {pages} are not {wanted:?}");
        2 * pages
    }

    /// An instant PromQL query's series.
    async fn query(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/query", self.sandbox.ready().prometheus);
        let answer: Value =
            self.http.get(url).query(&[("query", query)]).send().await.unwrap().json().await.unwrap();
        answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {answer}")).clone()
    }
}

/// Asks again until there is an answer, or fails after `within`.
async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether all counts are within 3.5 standard deviations of their shares of `total`; none at all for a share
/// of 0.
#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn fit(counts: [usize; 3], total: usize, shares: [f64; 3]) -> bool {
    let total = total as f64;
    let close = |(count, share): (usize, f64)| {
        (count as f64 - total * share).abs() <= 3.5 * (total * share * (1.0 - share)).sqrt()
    };
    counts.into_iter().zip(shares).all(close)
}
