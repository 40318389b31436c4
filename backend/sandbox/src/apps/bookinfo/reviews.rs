//! reviews: what readers wrote. v1 shows no stars, v2 black ones, v3 red ones; v2 and v3 ask ratings.

use super::{Host, json, onward, peer};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use std::time::Duration;

const TEXTS: [(&str, &str); 2] = [
    ("Reviewer1", "An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!"),
    (
        "Reviewer2",
        "Absolutely fun and entertaining. The play lacks thematic depth when compared to other plays by Shakespeare.",
    ),
];

/// The service of one pod. `stars` is the colour of its stars; without one it does not ask ratings.
pub(crate) fn router(host: Host, stars: Option<&'static str>) -> Router {
    host.log.push("reviews serves on port 9080");
    let reviews = move |Path(id): Path<String>, headers: HeaderMap| async move {
        reviews(&host, stars, &id, &headers).await
    };
    Router::new()
        .route("/health", get(|| async { json(StatusCode::OK, &json!({"status": "Reviews is healthy"})) }))
        .route("/reviews/{id}", get(reviews))
}

async fn reviews(host: &Host, stars: Option<&str>, id: &str, headers: &HeaderMap) -> Response {
    if id.parse::<i64>().is_err() {
        return json(StatusCode::BAD_REQUEST, &json!({"error": "please provide numeric product ID"}));
    }
    let ratings = match stars {
        Some(color) => Some((color, ratings(host, color, id, headers).await)),
        None => None,
    };
    let written: Vec<Value> = TEXTS
        .iter()
        .map(|(reviewer, text)| {
            let mut review = json!({"reviewer": reviewer, "text": text});
            if let Some((color, ratings)) = &ratings {
                review["rating"] = match ratings.as_ref().and_then(|ratings| ratings.get(reviewer)) {
                    Some(stars) => json!({"stars": stars, "color": color}),
                    None => json!({"error": "Ratings service is currently unavailable"}),
                };
            }
            review
        })
        .collect();
    let body = json!({"id": id, "podname": host.name, "clustername": "null", "reviews": written});
    json(StatusCode::OK, &body)
}

/// What ratings says, by reviewer; `None` when it does not answer in time, or not with 200.
async fn ratings(host: &Host, color: &str, id: &str, headers: &HeaderMap) -> Option<Value> {
    // The black version is more patient than productpage, which makes the sample's delay walk-through fail as
    // it should.
    let within = if color == "black" { Duration::from_secs(10) } else { Duration::from_millis(2500) };
    let (name, port) = peer(host, "ratings");
    match host.caller.get(&name, port, &format!("/ratings/{id}"), onward(headers), within).await {
        Ok(answer) if answer.status == StatusCode::OK => {
            let body: Value = serde_json::from_slice(&answer.body).ok()?;
            body.get("ratings").cloned()
        }
        Ok(answer) => {
            host.log
                .push(&format!("Error: unable to contact ratings, it returned status of {}", answer.status));
            None
        }
        Err(error) => {
            host.log.push(&format!("Error: unable to contact ratings: {error}"));
            None
        }
    }
}
