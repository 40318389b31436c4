//! details: the facts about a book.

use super::{Host, json, product_number};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::json;

/// The service of one pod.
pub(crate) fn router(host: Host) -> Router {
    host.log.push("details serves on port 9080");
    Router::new()
        .route("/health", get(|| async { json(StatusCode::OK, &json!({"status": "Details is healthy"})) }))
        .route("/details/{id}", get(details))
}

async fn details(Path(id): Path<String>) -> axum::response::Response {
    let Some(id) = product_number(&id) else {
        return json(StatusCode::BAD_REQUEST, &json!({"error": "please provide numeric product id"}));
    };
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
