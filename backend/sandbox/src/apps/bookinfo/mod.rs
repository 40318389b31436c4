//! Bookinfo: a page about one book, put together from details and reviews, with stars from ratings.
//!
//! Paths, bodies, timeouts and the deliberate faults are those of the well-known sample, so that its
//! walk-throughs give what they promise: reviews v2 waits longer for ratings than productpage waits for
//! reviews.

pub(crate) mod details;
mod page;
pub(crate) mod productpage;
pub(crate) mod ratings;
pub(crate) mod reviews;

use super::Host;
use super::headers::{TRACE, passed_on};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// The port that all four serve on.
pub(crate) const PORT: u16 = 9080;

/// What belongs to the user, besides the trace.
const USER: &[&str] = &["end-user", "user-agent", "cookie", "authorization", "jwt"];

/// The headers of a request that go on with those made because of it.
fn onward(headers: &HeaderMap) -> HeaderMap {
    passed_on(headers, &[TRACE, USER])
}

/// A JSON answer.
fn json(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// Where a service that another one needs is found: the sample's environment variables, or its usual name.
fn peer(host: &Host, service: &str) -> (String, u16) {
    let key = service.to_uppercase();
    let name = host.env_or(&format!("{key}_HOSTNAME"), service);
    let domain = host.env_or("SERVICES_DOMAIN", "");
    let name = if domain.is_empty() { name } else { format!("{name}.{domain}") };
    let port = host.env_or(&format!("{key}_SERVICE_PORT"), "").parse().unwrap_or(PORT);
    (name, port)
}

/// A product's number as the services read it: leading digits count, as in their languages' parsers.
fn product_number(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}
