//! The tutorial chain: customer asks preference, preference asks recommendation, and each puts its name
//! before what it was told.
//!
//! Paths, bodies, statuses and headers are those of the well-known tutorial, so that its walk-throughs give
//! what they promise: recommendation counts its answers for each pod, fails after `/misbehave` until
//! `/behave`, and an error further down arrives at the top with its status and words.

use super::Host;
use super::headers::{TRACE, passed_on};
use super::outgoing::{CallError, refused};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The port that all three serve on.
pub(crate) const PORT: u16 = 8080;

/// Longer than any walk-through makes somebody wait; the mesh is to set the limits.
const WITHIN: Duration = Duration::from_secs(60);
/// How slow recommendation is as `v2-timeout`.
const HOW_SLOW: Duration = Duration::from_secs(3);
/// Where customer writes which browser its user has, so that the services behind it can be routed by that.
const BROWSER: &str = "baggage-user-agent";
/// What belongs to the user, besides the trace.
const USER: &[&str] = &[BROWSER, "authorization", "user-preference"];
/// Whom recommendation v3 asks for the time.
const WORLD_CLOCK: &str = "worldclockapi.com";

/// customer: the way in.
pub(crate) fn customer(host: Host) -> Router {
    link(host, "customer", "preference", |headers| {
        let mut onward = passed_on(headers, &[TRACE, USER]);
        if let Some(browser) = headers.get(header::USER_AGENT) {
            onward.insert(BROWSER, browser.clone());
        }
        onward
    })
}

/// preference: in the middle.
pub(crate) fn preference(host: Host) -> Router {
    link(host, "preference", "recommendation", |headers| passed_on(headers, &[TRACE, USER]))
}

fn healthy(router: Router) -> Router {
    ["/health", "/health/ready", "/health/live"]
        .into_iter()
        .fold(router, |router, path| router.route(path, get(|| async { "UP\n" })))
}

/// A service that asks the next one, with what goes `onward` of the headers that it got.
fn link(host: Host, name: &'static str, next: &'static str, onward: fn(&HeaderMap) -> HeaderMap) -> Router {
    host.log.push(&format!("{name} serves on port {PORT}"));
    let ask = move |headers: HeaderMap| async move {
        let (status, told) = told_by(&host, next, onward(&headers)).await;
        host.log.push(&format!("{name} => {told}"));
        (status, format!("{name} => {told}\n")).into_response()
    };
    healthy(Router::new().route("/", get(ask)))
}

/// What the next service says, in this one's words.
async fn told_by(host: &Host, next: &str, onward: HeaderMap) -> (StatusCode, String) {
    match host.caller.get(next, PORT, "/", onward, WITHIN).await {
        Ok(answer) => {
            let words = String::from_utf8_lossy(&answer.body);
            let words = words.trim_end_matches('\n');
            if answer.status.is_success() {
                return (StatusCode::OK, words.to_owned());
            }
            (StatusCode::SERVICE_UNAVAILABLE, format!("Error: {} - {words}", answer.status.as_u16()))
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, exception(&error)),
    }
}

/// Why nobody answered, as the original's language calls it.
fn exception(error: &CallError) -> String {
    match error {
        CallError::UnknownName(name) => format!("UnknownHostException: {name}"),
        CallError::Timeout(_) => format!("SocketTimeoutException: {error}"),
        CallError::Connect(why) if refused(why) => "ConnectException: Connection refused".to_owned(),
        CallError::Connect(_) | CallError::Broken(_) => format!("ProcessingException: {error}"),
    }
}

struct Recommendation {
    host: Host,
    version: String,
    slow: bool,
    answers: AtomicU64,
    misbehaves: AtomicBool,
}

/// recommendation: the end of the chain. Which version it is, the environment's `VERSION` says, else the
/// image's tag: the published `:v1.1`, `:v2.1`, `:v2-timeout`, `:v3.1`.
pub(crate) fn recommendation(host: Host) -> Router {
    let said = host.env.get("VERSION").unwrap_or(&host.tag).clone();
    let (version, slow) = (version(&said), said.contains("timeout"));
    host.log.push(&format!("recommendation {version} serves on port {PORT}"));
    let service = Arc::new(Recommendation {
        host,
        version,
        slow,
        answers: AtomicU64::new(0),
        misbehaves: AtomicBool::new(false),
    });
    let (misbehaving, behaving) = (service.clone(), service.clone());
    healthy(Router::new())
        .route("/", get(move |headers: HeaderMap| async move { service.recommend(&headers).await }))
        .route(
            "/misbehave",
            get(|| async move { misbehaving.set(true, "Following requests to / will return a 503\n") }),
        )
        .route(
            "/behave",
            get(|| async move { behaving.set(false, "Following requests to / will return 200\n") }),
        )
}

/// `v2` of `v2.1` and `v2-timeout`; an image without such a tag is `v1`.
fn version(said: &str) -> String {
    let number = said.strip_prefix('v').unwrap_or_default();
    let end = number.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(number.len());
    format!("v{}", if end == 0 { "1" } else { &number[..end] })
}

/// Why the world clock did not tell the time.
#[derive(Debug, thiserror::Error)]
enum NoTime {
    #[error("{}", exception(.0))]
    Call(CallError),
    #[error("Error: {0} - {1}")]
    Status(u16, String),
}

impl Recommendation {
    async fn recommend(&self, headers: &HeaderMap) -> Response {
        let count = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        let name = &self.host.name;
        self.host.log.push(&format!("recommendation request from {name}: {count}"));
        if self.slow {
            tokio::time::sleep(HOW_SLOW).await;
        }
        if self.misbehaves.load(Ordering::Relaxed) {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("recommendation misbehavior from '{name}'\n"))
                .into_response();
        }
        let version = &self.version;
        if version == "v3" {
            return match self.time(headers).await {
                Ok(time) => format!("recommendation v3 {time} from '{name}': {count}\n").into_response(),
                Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
            };
        }
        format!("recommendation {version} from '{name}': {count}\n").into_response()
    }

    /// The time that the world clock tells. A sandbox has no outside: as long as the mesh does not know the
    /// clock's name, it is this machine's time.
    async fn time(&self, headers: &HeaderMap) -> Result<String, NoTime> {
        let answer = self
            .host
            .caller
            .get(WORLD_CLOCK, 80, "/api/json/cet/now", passed_on(headers, &[TRACE]), WITHIN)
            .await;
        match answer {
            Err(CallError::UnknownName(_)) => {
                Ok(Timestamp::now().strftime("%Y-%m-%dT%H:%M+00:00").to_string())
            }
            Err(error) => Err(NoTime::Call(error)),
            Ok(answer) if answer.status.is_success() => {
                let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                Ok(told["currentDateTime"].as_str().unwrap_or("at an unknown time").to_owned())
            }
            Ok(answer) => Err(NoTime::Status(
                answer.status.as_u16(),
                String::from_utf8_lossy(&answer.body).trim_end().to_owned(),
            )),
        }
    }

    fn set(&self, misbehaves: bool, words: &'static str) -> &'static str {
        self.misbehaves.store(misbehaves, Ordering::Relaxed);
        self.host.log.push(words);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_says_which_version_it_is() {
        let read =
            ["v1.1", "v2", "v2.1", "v2-timeout", "v2.1-timeout", "v10", "latest", "", "1"].map(version);
        assert_eq!(read, ["v1", "v2", "v2", "v2", "v2", "v10", "v1", "v1", "v1"]);
    }
}
