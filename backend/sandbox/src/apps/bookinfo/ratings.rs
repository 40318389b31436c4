//! ratings: stars by reviewer, kept in memory. `SERVICE_VERSION` makes it fail, as in the sample: `v-faulty`
//! fails and `v-delayed` waits 7 s for every other request by chance; `v-unavailable` and `v-unhealthy` fail
//! by turns.

use super::{Host, json, product_number};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use parking_lot::Mutex;
use rand::Rng;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOW_LATE: Duration = Duration::from_secs(7);
const UNAVAILABLE_TURN: Duration = Duration::from_secs(60);
const UNHEALTHY_TURN: Duration = Duration::from_secs(15 * 60);
/// Products whose ratings are kept; more are refused, so that nobody can fill the memory.
const MOST_PRODUCTS: usize = 1000;

struct Ratings {
    posted: Mutex<HashMap<u64, Map<String, Value>>>,
    version: String,
    started: Instant,
}

/// The service of one pod; its image says which version it is, and the environment may say otherwise.
pub(crate) fn router(host: Host, version: &str) -> Router {
    host.log.push("Server listening on: http://0.0.0.0:9080");
    let ratings = Arc::new(Ratings {
        posted: Mutex::default(),
        version: host.env_or("SERVICE_VERSION", version),
        started: Instant::now(),
    });
    let (health, read, write) = (ratings.clone(), ratings.clone(), ratings);
    Router::new().route("/health", get(|| async move { health.health() })).route(
        "/ratings/{id}",
        get(|Path(id): Path<String>| async move { read.read(&id).await })
            .post(|Path(id): Path<String>, body: Bytes| async move { write.write(&id, &body) }),
    )
}

impl Ratings {
    /// Whether it is its turn to fail.
    fn fails(&self, turn: Duration) -> bool {
        (self.started.elapsed().as_secs() / turn.as_secs()) % 2 == 1
    }

    fn health(&self) -> Response {
        if self.version == "v-unhealthy" && self.fails(UNHEALTHY_TURN) {
            return json(StatusCode::INTERNAL_SERVER_ERROR, &json!({"status": "Ratings is not healthy"}));
        }
        json(StatusCode::OK, &json!({"status": "Ratings is healthy"}))
    }

    async fn read(&self, id: &str) -> Response {
        let by_chance = rand::rng().random_bool(0.5);
        let unavailable = match self.version.as_str() {
            "v-faulty" => by_chance,
            "v-unavailable" => self.fails(UNAVAILABLE_TURN),
            "v-unhealthy" => self.fails(UNHEALTHY_TURN),
            _ => false,
        };
        if unavailable {
            return json(StatusCode::SERVICE_UNAVAILABLE, &json!({"error": "Service unavailable"}));
        }
        if self.version == "v-delayed" && by_chance {
            tokio::time::sleep(HOW_LATE).await;
        }
        let Some(id) = product_number(id) else { return not_numeric() };
        let posted = self.posted.lock().get(&id).cloned();
        let ratings = posted.map_or_else(|| json!({"Reviewer1": 5, "Reviewer2": 4}), Value::Object);
        json(StatusCode::OK, &json!({"id": id, "ratings": ratings}))
    }

    fn write(&self, id: &str, body: &[u8]) -> Response {
        let Some(id) = product_number(id) else { return not_numeric() };
        let Ok(ratings) = serde_json::from_slice::<Map<String, Value>>(body) else {
            return json(StatusCode::BAD_REQUEST, &json!({"error": "please provide valid ratings JSON"}));
        };
        let mut posted = self.posted.lock();
        if posted.len() >= MOST_PRODUCTS && !posted.contains_key(&id) {
            return json(StatusCode::INSUFFICIENT_STORAGE, &json!({"error": "too many products"}));
        }
        posted.insert(id, ratings.clone());
        json(StatusCode::OK, &json!({"id": id, "ratings": ratings}))
    }
}

fn not_numeric() -> Response {
    json(StatusCode::BAD_REQUEST, &json!({"error": "please provide numeric product ID"}))
}
