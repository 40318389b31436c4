//! The schema of a kind, as the API server publishes it to everybody who may log in.

use crate::error;
use crate::http;
use crate::session::Session;
use mesh::{Problem, Schema, SchemaOf};
use serde_json::Value;
use std::sync::Arc;

/// Reads the schema of a kind.
pub(crate) async fn schema(session: &Session, of: &SchemaOf) -> Result<Arc<Schema>, Problem> {
    let what = format!("The schema of {} cannot be read", of.kind);
    let root = if of.api_version.contains('/') { "apis" } else { "api" };
    let path = format!("/openapi/v3/{root}/{}", of.api_version);
    let document: Value = match http::json(&session.api.client, &path).await {
        Ok(document) => document,
        Err(error) => return Err(error::problem(what, &error)),
    };
    Schema::read(&document, of).map(Arc::new).ok_or_else(|| {
        let why = format!("What the server publishes of {} does not say its fields", of.api_version);
        Problem::new(what, why, "Look at the CRD: it may have no schema")
    })
}
