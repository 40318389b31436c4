//! What a page is asked for, and why there is none.

use axum::http::StatusCode;
use serde::Deserialize;

/// Why there is no such page, in istiod's words.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn bad(words: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, words.into())
    }

    pub(super) fn missing(words: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, words.into())
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(rename = "proxyID")]
    pub(super) proxy_id: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) types: Option<String>,
    pub(super) include_eds: Option<String>,
}
