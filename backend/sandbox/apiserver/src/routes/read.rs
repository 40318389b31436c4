//! Reading: one object, or a list page by page.

use std::{collections::BTreeMap, sync::Arc};

use axum::body::Body;
use base64::Engine as _;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::answers::json_answer;
use crate::answers::typed_answer;
use crate::query::Form;
use crate::query::Query;
use crate::target::Place;
use crate::{
    api::Api,
    selector::Selector,
    status::{ApiError, Result},
    store::{Key, State},
    table,
};

pub(super) fn form(accept: &str) -> Result<Form> {
    Form::of(accept).ok_or_else(|| {
        ApiError::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/yaml",
        )
    })
}

pub(super) fn get(api: &Api, at: &Place, query: &Query, accept: &str) -> Result<Response<Body>> {
    let form = form(accept)?;
    let object = api
        .store
        .read(|state| state.get(&at.key(at.name())).cloned())
        .ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
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
            let mut table = table::one(at, &shown, query.get("includeObject"), true);
            table["metadata"]["resourceVersion"] = version.unwrap_or_default();
            table
        }
    }
}

pub(super) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata")})
}

/// What a list asks for.
struct Page {
    revision: u64,
    after: Option<(String, String)>,
    /// How many there are from here on, where an earlier page has counted.
    left: Option<usize>,
}

/// Pieces of a long answer are about so large.
const PIECE: usize = 64 * 1024;

pub(super) fn list(api: &Api, at: &Place, query: &Query, accept: &str) -> Result<Response<Body>> {
    let form = form(accept)?;
    options(query)?;
    let selector = Selector::parse(&at.kind, query.get("labelSelector"), query.get("fieldSelector"))?;
    let limit =
        query.number("limit").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    let (objects, remaining, revision) = api.store.read(|state| {
        let page = page(state, query)?;
        let mut found = select(state, at, &page)?.filter(|object| selector.matches(object));
        let objects: Vec<Arc<Value>> = found.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
        let remaining = match (found.next(), page.left) {
            (None, _) => 0,
            (Some(_), Some(left)) => left.saturating_sub(objects.len()).max(1),
            (Some(_), None) if selector.is_empty() => 1 + found.count(),
            (Some(_), None) => 1,
        };
        Ok((objects, remaining, page.revision))
    })?;
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if at.kind.custom && form == Form::Plain {
        metadata["continue"] = json!("");
    }
    if remaining > 0 {
        if let Some(last) = objects.last() {
            metadata["continue"] = json!(token(revision, last, selector.is_empty().then_some(remaining)));
        }
        // With a selector the real server does not count, either.
        if selector.is_empty() {
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    Ok(typed_answer(StatusCode::OK, "application/json", many(at, objects, form, query, &metadata)))
}

/// A list in the wanted form, written piece by piece as the client takes it.
pub(super) fn many(
    at: &Place,
    objects: Vec<Arc<Value>>,
    form: Form,
    query: &Query,
    metadata: &Value,
) -> Body {
    let (at, include) = (at.clone(), query.get("includeObject").to_owned());
    let (kind, version) = match form {
        Form::Plain => (at.kind.list_kind(), at.api_version()),
        Form::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        Form::Table => ("Table".to_owned(), "meta.k8s.io/v1".to_owned()),
    };
    let mut begin =
        format!("{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},", json!(kind), json!(version));
    if form == Form::Table {
        begin.push_str(&format!("\"columnDefinitions\":{},", table::headers(&at)));
    }
    begin.push_str(if form == Form::Table { "\"rows\":[" } else { "\"items\":[" });
    let mut left = objects.into_iter();
    let mut begin = Some(begin);
    let mut ended = false;
    let pieces = std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE);
        let mut first = false;
        if let Some(begin) = begin.take() {
            piece.extend_from_slice(begin.as_bytes());
            first = true;
        }
        while piece.len() < PIECE {
            let Some(object) = left.next() else {
                piece.extend_from_slice(b"]}");
                ended = true;
                break;
            };
            if !std::mem::take(&mut first) {
                piece.push(b',');
            }
            match form {
                Form::Plain => at.write_item(&object, &mut piece),
                Form::Metadata => piece.extend_from_slice(metadata_only(&object).to_string().as_bytes()),
                Form::Table => {
                    piece.extend_from_slice(table::row(&at, &object, &include).to_string().as_bytes());
                }
            }
        }
        Some(Ok::<Bytes, std::convert::Infallible>(Bytes::from(piece)))
    });
    Body::from_stream(futures::stream::iter(pieces))
}

/// The objects that a page is about, before selectors.
fn select<'a>(
    state: &'a State,
    at: &Place,
    page: &Page,
) -> Result<Box<dyn Iterator<Item = Arc<Value>> + 'a>> {
    let namespace = at.target.namespace.as_deref();
    if page.revision == state.revision {
        let after = page.after.as_ref().map(|(namespace, name)| (namespace.as_str(), name.as_str()));
        return Ok(Box::new(state.range_after(at.id, namespace, after).map(|(_, object)| object.clone())));
    }
    let undone = undone(state, at, page)?;
    let after = page.after.clone();
    let mut before: Vec<(&Key, &Arc<Value>)> =
        undone.iter().filter_map(|(key, object)| Some((*key, (*object)?))).collect();
    before.retain(|(key, _)| {
        after.as_ref().is_none_or(|(namespace, name)| (&key.namespace, &key.name) > (namespace, name))
    });
    let after = after.as_ref().map(|(namespace, name)| (namespace.as_str(), name.as_str()));
    let unchanged =
        state.range_after(at.id, namespace, after).filter(move |(key, _)| !undone.contains_key(key));
    Ok(Box::new(merged(unchanged, before.into_iter())))
}

/// Two runs in the order of their keys, as one.
fn merged<'a>(
    one: impl Iterator<Item = (&'a Key, &'a Arc<Value>)> + 'a,
    other: impl Iterator<Item = (&'a Key, &'a Arc<Value>)> + 'a,
) -> impl Iterator<Item = Arc<Value>> + 'a {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || {
        let first = match (one.peek(), other.peek()) {
            (Some((a, _)), Some((b, _))) => a < b,
            (some, _) => some.is_some(),
        };
        let next = if first { one.next() } else { other.next() };
        next.map(|(_, object)| object.clone())
    })
}

/// What of the options of a list goes together.
fn options(query: &Query) -> Result<()> {
    let refuse = |field: &str, why: &str| Err(ApiError::invalid_options("ListOptions", field, why));
    let (matching, version, more) =
        (query.get("resourceVersionMatch"), query.get("resourceVersion"), query.get("continue"));
    if query.has("sendInitialEvents") {
        return refuse("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list");
    }
    let why = match matching {
        "" => return Ok(()),
        "Exact" | "NotOlderThan" if version.is_empty() => {
            "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        }
        "Exact" | "NotOlderThan" if !more.is_empty() => {
            "Forbidden: resourceVersionMatch is forbidden when continue is provided"
        }
        "Exact" if version == "0" => {
            "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
        }
        "Exact" | "NotOlderThan" => return Ok(()),
        other => {
            let why = format!(
                "Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\", \"\""
            );
            return refuse("resourceVersionMatch", &why);
        }
    };
    refuse("resourceVersionMatch", why)
}

fn page(state: &State, query: &Query) -> Result<Page> {
    let token = query.get("continue");
    if !token.is_empty() {
        if !matches!(query.get("resourceVersion"), "" | "0") {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        return read_token(token).ok_or_else(|| {
            ApiError::bad_request("continue key is not valid: the token was not made by this server")
        });
    }
    let wanted = query.get("resourceVersion");
    if wanted.is_empty() || wanted == "0" {
        return Ok(Page { revision: state.revision, after: None, left: None });
    }
    let wanted: u64 = wanted
        .parse()
        .map_err(|_| ApiError::bad_request(format!("resourceVersion: Invalid value: \"{wanted}\"")))?;
    if wanted > state.revision {
        return Err(ApiError::too_large_version(wanted, state.revision));
    }
    // A page of a version that is asked for without a word on matching is of just that version.
    let exact = match query.get("resourceVersionMatch") {
        "" => query.number("limit").is_some_and(|limit| limit > 0),
        matching => matching == "Exact",
    };
    Ok(Page { revision: if exact { wanted } else { state.revision }, after: None, left: None })
}

/// What has changed since the revision of a page, as it was then; nothing for what was not there yet.
fn undone<'a>(
    state: &'a State,
    at: &Place,
    page: &Page,
) -> Result<BTreeMap<&'a Key, Option<&'a Arc<Value>>>> {
    let since = state.history.since(page.revision).map_err(|_| {
        ApiError::expired(if page.after.is_some() {
            "The provided continue parameter is too old to display a consistent list result. You can start a \
                new list without the continue parameter."
        } else {
            "The resourceVersion for the provided list is too old."
        })
    })?;
    let namespace = at.target.namespace.as_deref();
    let mut undone = BTreeMap::new();
    for entry in since.filter(|entry| {
        entry.key.kind == at.id && namespace.is_none_or(|namespace| entry.key.namespace == namespace)
    }) {
        // The first change tells what was there before all of them.
        undone.entry(&entry.key).or_insert(entry.previous.as_ref());
    }
    Ok(undone)
}

fn token(revision: u64, last: &Value, left: Option<usize>) -> String {
    let text = |name: &str| last.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "ns": text("/metadata/namespace"),
        "start": text("/metadata/name"), "left": left});
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Option<Page> {
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Value = serde_json::from_slice(&bytes).ok()?;
    Some(Page {
        revision: token.get("rv")?.as_u64()?,
        after: Some((token.get("ns")?.as_str()?.to_owned(), token.get("start")?.as_str()?.to_owned())),
        left: token.get("left").and_then(Value::as_u64).and_then(|left| usize::try_from(left).ok()),
    })
}
