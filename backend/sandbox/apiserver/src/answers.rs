//! Answers: JSON, text, refusals.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::status::ApiError;

/// An answer in JSON.
pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    typed_answer(status, "application/json", Body::from(body.to_string()))
}

/// An answer of any type.
pub(crate) fn typed_answer(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Plain words.
pub(crate) fn text(words: &'static str) -> Response<Body> {
    typed_answer(StatusCode::OK, "text/plain; charset=utf-8", Body::from(words))
}

/// A refusal.
pub(crate) fn error(error: &ApiError) -> Response<Body> {
    json_answer(error.http(), &error.to_status())
}

/// The answer when something went well and there is no object to show.
pub(crate) fn success(details: Value) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
