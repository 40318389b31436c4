//! The bookinfo sandbox as a whole: real Envoys, real requests, real kubectl.
//!
//! Envoy is found as the sandbox finds it (`$BINNACLE_ENVOY` first); without one these tests fail.
#![allow(clippy::unwrap_used, reason = "tests")]

mod away;
mod kubectl;
mod lives;
mod policies;
mod requests;

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
        let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,sandbox=info".into());
        tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_test_writer().try_init().ok();
        // An error means that another test was faster.
        rustls::crypto::ring::default_provider().install_default().ok();
        let options = Options { rps: 0.0, ..Options::default() };
        let sandbox = Sandbox::start(options, |_| {}).await.unwrap_or_else(|problem| panic!("{problem}"));
        Self { sandbox, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// The product page, once.
    async fn page(&self) -> (u16, String) {
        let response = self.http.get(format!("{}/productpage", self.sandbox.ready().ingress)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Which version of reviews served each of so many pages.
    async fn versions(&self, pages: usize) -> [usize; 3] {
        let mut seen = [0; 3];
        for _ in 0..pages {
            let (status, page) = self.page().await;
            assert_eq!(status, 200, "{page}");
            let served_by =
                page.split("Reviews served by: <u>reviews-v").nth(1).unwrap_or_else(|| panic!("no reviews in {page}"));
            seen[usize::from(served_by.as_bytes()[0] - b'1')] += 1;
        }
        seen
    }

    /// An instant PromQL query's series.
    async fn query(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/query", self.sandbox.ready().prometheus);
        let answer: Value = self.http.get(url).query(&[("query", query)]).send().await.unwrap().json().await.unwrap();
        answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {answer}")).clone()
    }
}

/// Asks again until there is an answer, or fails after `within`.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, within: Duration, mut ask: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a count is within three standard deviations of `share` of `total`.
fn fits(count: usize, total: usize, share: f64) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "small counts")]
    let (count, total) = (count as f64, total as f64);
    (count - total * share).abs() <= 3.0 * (total * share * (1.0 - share)).sqrt()
}
