//! details: the facts about a book. With `ENABLE_EXTERNAL_BOOK_SERVICE`, as in v2, it asks a bookseller
//! outside of the mesh.

use super::{Host, json, onward, product_number};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use std::time::Duration;

/// The service of one pod.
pub(crate) fn router(host: Host) -> Router {
    host.log.push("details serves on port 9080");
    Router::new()
        .route("/health", get(|| async { json(StatusCode::OK, &json!({"status": "Details is healthy"})) }))
        .route(
            "/details/{id}",
            get(move |id: Path<String>, headers: HeaderMap| async move { details(&host, id, headers).await }),
        )
}

const BOOKSELLER: &str = "www.googleapis.com";
const WITHIN: Duration = Duration::from_secs(10);

async fn details(host: &Host, Path(id): Path<String>, headers: HeaderMap) -> axum::response::Response {
    let Some(id) = product_number(&id) else {
        return json(StatusCode::BAD_REQUEST, &json!({"error": "please provide numeric product id"}));
    };
    if host.env_or("ENABLE_EXTERNAL_BOOK_SERVICE", "false") == "true" {
        let path = "/books/v1/volumes?q=isbn:0486424618";
        return match host.caller.get(BOOKSELLER, 80, path, onward(&headers), WITHIN).await {
            Ok(answer) if answer.status.is_success() => json(StatusCode::OK, &bought(id, &answer.body)),
            Ok(answer) => json(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({"error": format!("{BOOKSELLER} answered {}", answer.status)}),
            ),
            Err(error) => json(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": error.to_string()})),
        };
    }
    let book = json!({
        "id": id,
        "author": "William Shakespeare",
        "year": 1595,
        "type": "paperback",
        "pages": 200,
        "publisher": "PublisherA",
        "language": "English",
        "ISBN-10": "1234567890",
        "ISBN-13": "123-1234567890",
    });
    json(StatusCode::OK, &book)
}

/// What the bookseller says about the first book that it found, in our words.
fn bought(id: u64, answer: &[u8]) -> Value {
    let found: Value = serde_json::from_slice(answer).unwrap_or_default();
    let book = &found["items"][0]["volumeInfo"];
    let isbn = |kind: &str| {
        let ids = book["industryIdentifiers"].as_array().into_iter().flatten();
        ids.into_iter().find(|id| id["type"] == kind).map_or(Value::Null, |id| id["identifier"].clone())
    };
    json!({
        "id": id,
        "author": book["authors"][0],
        "year": book["publishedDate"],
        "type": if book["printType"] == "BOOK" { "paperback" } else { "unknown" },
        "pages": book["pageCount"],
        "publisher": book["publisher"],
        "language": if book["language"] == "en" { "English" } else { "unknown" },
        "ISBN-10": isbn("ISBN_10"),
        "ISBN-13": isbn("ISBN_13"),
    })
}
