//! Reading: one object, or a list page by page.

use std::{collections::BTreeMap, sync::Arc};

use axum::body::Body;
use base64::Engine as _;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Query, json_answer, query::Form, target::Place};
use crate::{
    selector::Selector,
    server::Api,
    status::{ApiError, Result},
    store::State,
    table,
};

pub(super) fn form(accept: &str) -> Result<Form> {
    Form::of(accept)
        .ok_or_else(|| ApiError::new(406, "NotAcceptable", "only the following media types are accepted: application/json"))
}

pub(super) fn get(api: &Api, at: &Place, query: &Query, accept: &str) -> Result<Response<Body>> {
    let form = form(accept)?;
    let object =
        api.store.read(|state| state.get(&at.key(at.name())).cloned()).ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
    Ok(json_answer(StatusCode::OK, &one(at, &object, form, query)))
}

/// One object in the wanted form.
pub(super) fn one(at: &Place, object: &Value, form: Form, query: &Query) -> Value {
    let shown = at.show(object);
    match form {
        Form::Plain => shown,
        Form::Metadata => metadata_only(&shown),
        Form::Table => {
            let version = shown.pointer("/metadata/resourceVersion").cloned();
            let mut table = table::render(at, std::iter::once(&shown), query.get("includeObject"), true);
            table["metadata"]["resourceVersion"] = version.unwrap_or_default();
            table
        }
    }
}

pub(super) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.get("metadata")})
}

/// What a list asks for.
struct Page {
    revision: u64,
    after: Option<(String, String)>,
}

pub(super) fn list(api: &Api, at: &Place, query: &Query, accept: &str) -> Result<Response<Body>> {
    let form = form(accept)?;
    let selector = Selector::parse(&at.kind, query.get("labelSelector"), query.get("fieldSelector"))?;
    let (mut objects, revision) = api.store.read(|state| select(state, at, query))?;
    objects.retain(|object| selector.matches(object));
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let Some(limit) = query.number("limit").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0)
        && objects.len() > limit
    {
        let remaining = objects.len() - limit;
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            metadata["continue"] = json!(token(revision, last));
        }
        // With a selector the real server does not count, either.
        if selector.is_empty() {
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    Ok(json_answer(StatusCode::OK, &many(at, &objects, form, query, metadata)))
}

/// A list in the wanted form.
fn many(at: &Place, objects: &[Arc<Value>], form: Form, query: &Query, metadata: Value) -> Value {
    match form {
        Form::Plain => {
            let items: Vec<Value> = objects.iter().map(|object| at.show(object)).collect();
            json!({"kind": at.kind.list_kind(), "apiVersion": at.api_version(), "metadata": metadata, "items": items})
        }
        Form::Metadata => {
            let items: Vec<Value> = objects.iter().map(|object| metadata_only(object)).collect();
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items})
        }
        Form::Table => {
            let shown: Vec<Value> = objects.iter().map(|object| at.show(object)).collect();
            let mut table = table::render(at, shown.iter(), query.get("includeObject"), true);
            table["metadata"] = metadata;
            table
        }
    }
}

/// The objects that a list is about, before selectors, and the revision that they are of.
fn select(state: &State, at: &Place, query: &Query) -> Result<(Vec<Arc<Value>>, u64)> {
    let page = page(state, query)?;
    let namespace = at.target.namespace.as_deref();
    let mut objects = as_of(state, at, namespace, page.revision)?;
    if let Some(after) = &page.after {
        objects.retain(|key, _| (&key.0, &key.1) > (&after.0, &after.1));
    }
    Ok((objects.into_values().collect(), page.revision))
}

fn page(state: &State, query: &Query) -> Result<Page> {
    let token = query.get("continue");
    if !token.is_empty() {
        return read_token(token)
            .ok_or_else(|| ApiError::bad_request("continue key is not valid: the token was not made by this server"));
    }
    let wanted = query.get("resourceVersion");
    if wanted.is_empty() || wanted == "0" {
        return Ok(Page { revision: state.revision, after: None });
    }
    let wanted: u64 =
        wanted.parse().map_err(|_| ApiError::bad_request(format!("resourceVersion: Invalid value: \"{wanted}\"")))?;
    if wanted > state.revision {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {}", state.revision);
        return Err(ApiError::new(504, "Timeout", message));
    }
    let exact = query.get("resourceVersionMatch") == "Exact";
    Ok(Page { revision: if exact { wanted } else { state.revision }, after: None })
}

/// The objects of a kind as they were at a revision, by undoing what came after it.
fn as_of(state: &State, at: &Place, namespace: Option<&str>, revision: u64) -> Result<BTreeMap<(String, String), Arc<Value>>> {
    let name = |key: &crate::store::Key| (key.namespace.clone(), key.name.clone());
    let mut objects: BTreeMap<_, _> = state.range(at.id, namespace).map(|(key, object)| (name(key), object.clone())).collect();
    if revision < state.revision {
        let since = state.history.since(revision).map_err(|_| {
            ApiError::expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
        })?;
        let later: Vec<_> = since
            .filter(|entry| entry.key.kind == at.id && namespace.is_none_or(|namespace| entry.key.namespace == namespace))
            .collect();
        for entry in later.into_iter().rev() {
            match &entry.previous {
                Some(previous) => drop(objects.insert(name(&entry.key), previous.clone())),
                None => drop(objects.remove(&name(&entry.key))),
            }
        }
    }
    Ok(objects)
}

fn token(revision: u64, last: &Value) -> String {
    let text = |name: &str| last.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let token =
        json!({"v": "meta.k8s.io/v1", "rv": revision, "ns": text("/metadata/namespace"), "start": text("/metadata/name")});
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Option<Page> {
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    Some(Page {
        revision: token.get("rv")?.as_u64()?,
        after: Some((token.get("ns")?.as_str()?.to_owned(), token.get("start")?.as_str()?.to_owned())),
    })
}
