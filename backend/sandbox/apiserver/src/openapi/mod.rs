//! OpenAPI documents, for `kubectl explain` and for validation: version 3 per group, version 2 in one piece.

mod names;
mod v2;
mod v2_protobuf;
mod v3;

use std::{collections::BTreeMap, sync::Arc};

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use parking_lot::Mutex;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{
    answers::{json_answer, typed_answer},
    kinds::Kinds,
    status::{ApiError, Result},
    store::Store,
};

/// The content type of the version 2 document as protobuf. Clients ask with an `@` in it, which is no good in
/// an answer.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The documents, made when they are first asked for and again when the kinds change.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Documents>);

#[derive(Default)]
struct Documents {
    kinds_revision: Option<u64>,
    v2_json: Option<Bytes>,
    v2_protobuf: Option<Bytes>,
    v3: BTreeMap<String, Bytes>,
}

impl Cache {
    fn with<T>(&self, store: &Store, look: impl FnOnce(&mut Documents, &Kinds) -> T) -> T {
        let (kinds, revision): (Arc<Kinds>, u64) =
            store.read(|state| (state.kinds.clone(), state.kinds_revision));
        let mut documents = self.0.lock();
        if documents.kinds_revision != Some(revision) {
            *documents = Documents { kinds_revision: Some(revision), ..Documents::default() };
        }
        look(&mut documents, &kinds)
    }

    /// `/openapi/v3`: which documents there are.
    pub(crate) fn v3_index(&self, store: &Store) -> Response<Body> {
        self.with(store, |documents, kinds| {
            let mut paths = serde_json::Map::new();
            for name in v3::names(kinds) {
                let document = documents
                    .v3
                    .entry(name.clone())
                    .or_insert_with(|| Bytes::from(v3::document(kinds, &name).to_string()));
                // The hash lets clients keep what they have.
                let hash: String =
                    Sha256::digest(document).iter().map(|byte| format!("{byte:02X}")).collect();
                paths.insert(
                    name.clone(),
                    json!({"serverRelativeURL": format!("/openapi/v3/{name}?hash={hash}")}),
                );
            }
            json_answer(StatusCode::OK, &json!({"paths": paths}))
        })
    }

    /// `/openapi/v3/apis/GROUP/VERSION` or `/openapi/v3/api/v1`.
    pub(crate) fn v3(&self, store: &Store, name: &str) -> Result<Response<Body>> {
        self.with(store, |documents, kinds| {
            if !v3::names(kinds).iter().any(|known| known == name) {
                return Err(ApiError::no_such_resource());
            }
            let document = documents
                .v3
                .entry(name.to_owned())
                .or_insert_with(|| Bytes::from(v3::document(kinds, name).to_string()));
            Ok(typed_answer(StatusCode::OK, "application/json", Body::from(document.clone())))
        })
    }

    /// `/openapi/v2`, as JSON or as protobuf.
    pub(crate) fn v2(&self, store: &Store, accept: &str) -> Result<Response<Body>> {
        self.with(store, |documents, kinds| {
            if accept.contains("proto-openapi.spec.v2") {
                let document = documents
                    .v2_protobuf
                    .get_or_insert_with(|| Bytes::from(v2_protobuf::encode(&v2::document(kinds))));
                return Ok(typed_answer(StatusCode::OK, PROTOBUF, Body::from(document.clone())));
            }
            let document =
                documents.v2_json.get_or_insert_with(|| Bytes::from(v2::document(kinds).to_string()));
            Ok(typed_answer(StatusCode::OK, "application/json", Body::from(document.clone())))
        })
    }
}
