//! PATCH: JSON patch, merge patch, strategic merge patch and server-side apply.

use axum::body::Body;
use http::Response;
use serde_json::Value;

use super::{
    body::not_json,
    metadata,
    write::{Request, Written},
};
use crate::{
    api::Api,
    patch,
    status::{ApiError, Result},
};

pub(super) fn patch(api: &Api, request: Request<'_>, body: &[u8]) -> Result<Response<Body>> {
    let at = request.at;
    if request.query.has("force") && request.content_type() != "application/apply-patch+yaml" {
        return Err(ApiError::invalid_options(
            "PatchOptions",
            "force",
            "Forbidden: may not be specified for non-apply patch",
        ));
    }
    let written = match request.content_type() {
        "application/apply-patch+yaml" => apply(api, &request, body)?,
        "application/json-patch+json" => changed(api, &request, body, patch::json_patch)?,
        "application/merge-patch+json" => changed(api, &request, body, |object, change| {
            patch::merge_patch(object, change);
            Ok(())
        })?,
        "application/strategic-merge-patch+json" if !at.kind.custom => {
            let schema = request.schema()?;
            changed(api, &request, body, |object, change| {
                patch::strategic_merge_patch(object, change, schema)
            })?
        }
        other => {
            let mut known = vec![
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ];
            if !at.kind.custom {
                known.push("application/strategic-merge-patch+json");
            }
            return Err(ApiError::unsupported_media_type(other, &known));
        }
    };
    Ok(request.answer(&written))
}

fn changed(
    api: &Api,
    request: &Request<'_>,
    body: &[u8],
    change: impl FnOnce(&mut Value, &Value) -> Result<()>,
) -> Result<Written> {
    let patch: Value = serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!("error decoding patch: {}", not_json(body, &error)))
    })?;
    let at = request.at;
    api.store.write(|state| {
        let key = at.key(at.name());
        let old = state.get(&key).cloned().ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
        let mut new = at.show(&old);
        change(&mut new, &patch)?;
        if !new.is_object() {
            return Err(ApiError::patch_does_not_decode(&new, "Object 'Kind' is missing"));
        }
        metadata::same_kind(&at.kind, &at.api_version(), &new)?;
        metadata::same_object(&at.kind, &old, &new)?;
        let warnings = request.without_unknown(&mut new, None)?;
        request.replace(state, &old, new, warnings, None)
    })
}

fn apply(api: &Api, request: &Request<'_>, body: &[u8]) -> Result<Written> {
    let at = request.at;
    if request.query.get("fieldManager").is_empty() {
        return Err(ApiError::invalid_options(
            "PatchOptions",
            "fieldManager",
            "Required value: is required for apply patch",
        ));
    }
    let mut config = request.object(body)?;
    let warnings = request.without_unknown(&mut config, Some(body))?;
    let name = config.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        config["metadata"]["name"] = Value::from(at.name());
    } else if name != at.name() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            at.name()
        )));
    }
    let schema = request.schema()?;
    api.store.write(|state| {
        let old = state.get(&at.key(at.name())).cloned();
        let shown = old.as_ref().map(|old| at.show(old));
        let force = request.is_forced();
        let uid = config.pointer("/metadata/uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        if let (None, Some(uid)) = (&old, uid) {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(ApiError::conflict(&at.kind, at.name(), &why));
        }
        let applied =
            request.with_writer(|writer| patch::apply(schema, shown.as_ref(), &config, writer, force))?;
        match old {
            Some(old) => request.replace(state, &old, applied.object, warnings, Some(applied.entries)),
            None => request.insert(state, applied.object, warnings, Some(applied.entries)),
        }
    })
}
