//! productpage: the page that the user sees. It asks details and reviews, waits 3 s for each, and asks
//! reviews twice.

use super::{Host, json, onward, page, peer};
use axum::Form;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(3);
/// The sample asks reviews a second time, against all advice, so that a delay of ratings costs twice.
const REVIEWS_ATTEMPTS: usize = 2;
const LONGEST_USER_NAME: usize = 100;

struct ProductPage {
    host: Host,
    /// How often each service answered with each status.
    results: Mutex<BTreeMap<(&'static str, u16), u64>>,
}

/// The service of one pod.
pub(crate) fn router(host: Host) -> Router {
    host.log.push("productpage serves on port 9080");
    let page = Arc::new(ProductPage { host, results: Mutex::default() });
    let (shown, details, reviews, ratings, metrics) =
        (page.clone(), page.clone(), page.clone(), page.clone(), page);
    Router::new()
        .route("/", get(|| async { Html(page::index()) }))
        .route("/index.html", get(|| async { Html(page::index()) }))
        .route("/health", get(|| async { "Product page is healthy" }))
        .route("/login", post(login))
        .route("/logout", get(logout))
        .route("/static/bookinfo.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], page::STYLE) }))
        .route("/productpage", get(|headers: HeaderMap| async move { shown.page(&headers).await }))
        .route("/api/v1/products", get(|| async { json(StatusCode::OK, &json!([page::product()])) }))
        .route(
            "/api/v1/products/{id}",
            get(|Path(id): Path<u64>, headers: HeaderMap| async move {
                details.ask("details", id, &headers).await.into_response()
            }),
        )
        .route(
            "/api/v1/products/{id}/reviews",
            get(|Path(id): Path<u64>, headers: HeaderMap| async move {
                reviews.reviews(id, &headers).await.into_response()
            }),
        )
        .route(
            "/api/v1/products/{id}/ratings",
            get(|Path(id): Path<u64>, headers: HeaderMap| async move {
                ratings.ask("ratings", id, &headers).await.into_response()
            }),
        )
        .route("/metrics", get(|| async move { metrics.metrics() }))
}

/// What a service answered, or the sample's words when it did not.
struct Told {
    status: StatusCode,
    body: Value,
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        json(self.status, &self.body)
    }
}

impl ProductPage {
    async fn page(&self, headers: &HeaderMap) -> Response {
        let user = user(headers);
        let details = self.ask("details", 0, headers).await;
        let reviews = self.reviews(0, headers).await;
        Html(page::page(
            user.as_deref(),
            (details.status == StatusCode::OK, &details.body),
            (reviews.status == StatusCode::OK, &reviews.body),
        ))
        .into_response()
    }

    async fn reviews(&self, id: u64, headers: &HeaderMap) -> Told {
        let mut told = self.ask("reviews", id, headers).await;
        for _ in 1..REVIEWS_ATTEMPTS {
            if told.status == StatusCode::OK {
                break;
            }
            told = self.ask("reviews", id, headers).await;
        }
        told
    }

    async fn ask(&self, service: &'static str, id: u64, headers: &HeaderMap) -> Told {
        let (name, port) = peer(&self.host, service);
        let mut headers_on = onward(headers);
        if let Some(user) = user(headers).and_then(|user| HeaderValue::from_str(&user).ok()) {
            headers_on.insert("end-user", user);
        }
        let answer = self.host.caller.get(&name, port, &format!("/{service}/{id}"), headers_on, WITHIN).await;
        let status = match answer {
            Ok(answer) if answer.status == StatusCode::OK => match serde_json::from_slice(&answer.body) {
                Ok(body) => {
                    self.count(service, StatusCode::OK);
                    return Told { status: StatusCode::OK, body };
                }
                Err(error) => {
                    self.host.log.push(&format!("{service} sent something else than JSON: {error}"));
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
            Ok(answer) => answer.status,
            Err(error) => {
                self.host.log.push(&format!("{service} did not answer: {error}"));
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        self.count(service, status);
        let error = format!("Sorry, product {service} are currently unavailable for this book.");
        Told { status, body: json!({ "error": error }) }
    }

    fn count(&self, service: &'static str, status: StatusCode) {
        *self.results.lock().entry((service, status.as_u16())).or_default() += 1;
    }

    fn metrics(&self) -> String {
        let mut text = String::from(
            "# HELP request_result_total Results of requests\n# TYPE request_result_total counter\n",
        );
        for ((service, status), count) in &*self.results.lock() {
            // Writing to a String cannot fail.
            writeln!(
                text,
                "request_result_total{{destination_app=\"{service}\",response_code=\"{status}\"}} {count}"
            )
            .unwrap_or_default();
        }
        text
    }
}

#[derive(Deserialize)]
struct Login {
    username: String,
}

/// Remembers who the user says they are, in a cookie, and goes back to the page.
async fn login(headers: HeaderMap, Form(login): Form<Login>) -> Response {
    let known: String = login.username.chars().take(LONGEST_USER_NAME).collect();
    let mut cookie = String::from("session=");
    for byte in known.bytes() {
        write!(cookie, "{byte:02x}").unwrap_or_default();
    }
    back(&headers, &format!("{cookie}; Path=/; HttpOnly"))
}

async fn logout(headers: HeaderMap) -> Response {
    back(&headers, "session=; Path=/; Max-Age=0; HttpOnly")
}

fn back(headers: &HeaderMap, cookie: &str) -> Response {
    let page = HeaderValue::from_static("/productpage");
    let to = headers.get(header::REFERER).cloned().unwrap_or(page);
    let mut response = (StatusCode::FOUND, [(header::LOCATION, to)]).into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The logged-in user, by the session cookie.
fn user(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let session =
        cookies.flat_map(|line| line.split(';')).find_map(|cookie| cookie.trim().strip_prefix("session="))?;
    let bytes =
        session.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let name = String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()?;
    (!name.is_empty()).then_some(name)
}
