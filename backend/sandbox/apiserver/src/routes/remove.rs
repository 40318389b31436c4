//! Deleting one object or a collection.

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{body::object_of, read::many};
use crate::answers::json_answer;
use crate::answers::success;
use crate::answers::typed_answer;
use crate::query::Form;
use crate::query::Query;
use crate::target::Place;
use crate::{
    api::Api,
    selector::Selector,
    status::{ApiError, Result},
    store::{Deletion, Dependents},
};

/// What a request to delete says.
pub(super) struct Asked<'a> {
    pub(super) at: &'a Place,
    pub(super) query: &'a Query,
    pub(super) content_type: &'a str,
    pub(super) body: &'a [u8],
}

/// What the client asked for, in the body or the query.
struct Options {
    dry_run: bool,
    how: Deletion,
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Options {
    fn read(asked: &Asked<'_>) -> Result<Self> {
        let Asked { query, content_type, body, .. } = *asked;
        let body =
            if body.is_empty() { Value::Null } else { object_of("DeleteOptions", content_type, body)? };
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let policy = text("/propagationPolicy").unwrap_or_else(|| query.get("propagationPolicy").to_owned());
        if !matches!(policy.as_str(), "" | "Orphan" | "Background" | "Foreground") {
            let why = format!(
                "Unsupported value: \"{policy}\": supported values: \"Background\", \"Foreground\", \
                    \"Orphan\""
            );
            return Err(ApiError::invalid_options("DeleteOptions", "propagationPolicy", &why));
        }
        if !matches!(query.get("dryRun"), "" | "All") {
            let why = format!("Unsupported value: \"{}\": supported values: \"All\"", query.get("dryRun"));
            return Err(ApiError::invalid_options("DeleteOptions", "dryRun", &why));
        }
        let orphan =
            policy == "Orphan" || body.get("orphanDependents").and_then(Value::as_bool) == Some(true);
        let dry = body
            .get("dryRun")
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(|item| item == "All"));
        let dependents = match policy.as_str() {
            _ if orphan => Dependents::Orphan,
            "Foreground" => Dependents::Before,
            _ => Dependents::Delete,
        };
        let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
        Ok(Self {
            dry_run: dry || query.get("dryRun") == "All",
            how: Deletion { dependents, grace: grace.or_else(|| query.number("gracePeriodSeconds")) },
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
        })
    }

    fn check(&self, at: &Place, name: &str, object: &Value) -> Result<()> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        for (what, wanted, found) in [
            ("UID", &self.uid, text("/metadata/uid")),
            ("ResourceVersion", &self.resource_version, text("/metadata/resourceVersion")),
        ] {
            if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != found) {
                let why = format!(
                    "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
                );
                return Err(ApiError::conflict(&at.kind, name, &why));
            }
        }
        Ok(())
    }
}

pub(super) fn one(api: &Api, asked: &Asked<'_>) -> Result<Response<Body>> {
    let at = asked.at;
    let options = Options::read(asked)?;
    let name = at.name();
    if at.kind.qualified() == "namespaces" && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(ApiError::new(
            403,
            "Forbidden",
            format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted"),
        ));
    }
    let gone = api.store.write(|state| {
        let key = at.key(name);
        let object = state.get(&key).cloned().ok_or_else(|| ApiError::not_found(&at.kind, name))?;
        options.check(at, name, &object)?;
        if options.dry_run {
            return Ok(object);
        }
        Ok(state.delete(&key, options.how).unwrap_or(object))
    })?;
    // Things that end gracefully are shown as they were; the others get a Status.
    if at.kind.qualified() == "pods" || gone.pointer("/metadata/deletionTimestamp").is_some() {
        return Ok(json_answer(StatusCode::OK, &at.show(&gone)));
    }
    let mut details = json!({"name": name, "kind": at.kind.plural, "uid": gone.pointer("/metadata/uid")});
    if !at.kind.group.is_empty() {
        details["group"] = json!(at.kind.group);
    }
    Ok(json_answer(StatusCode::OK, &success(details)))
}

/// Deletes a pod for whoever empties a node. Nothing here says how many pods of an application have to stay.
pub(super) fn evict(api: &Api, asked: &Asked<'_>) -> Result<Response<Body>> {
    let eviction = object_of("Eviction", asked.content_type, asked.body)?;
    let options = eviction
        .get("deleteOptions")
        .filter(|options| options.is_object())
        .map(ToString::to_string)
        .unwrap_or_default();
    one(api, &Asked { content_type: "application/json", body: options.as_bytes(), ..*asked })?;
    let done =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(json_answer(StatusCode::CREATED, &done))
}

pub(super) fn collection(api: &Api, asked: &Asked<'_>) -> Result<Response<Body>> {
    let Asked { at, query, .. } = *asked;
    if at.kind.qualified() == "namespaces" {
        return Err(ApiError::method_not_allowed());
    }
    let options = Options::read(asked)?;
    let selector = Selector::parse(&at.kind, query.get("labelSelector"), query.get("fieldSelector"))?;
    let (items, revision) = api.store.write(|state| {
        let keys: Vec<_> = state
            .range(at.id, at.target.namespace.as_deref())
            .filter(|(_, object)| selector.matches(object))
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect();
        let mut items = Vec::new();
        for (key, object) in keys {
            let last = if options.dry_run { None } else { state.delete(&key, options.how) };
            items.push(last.unwrap_or(object));
        }
        Ok((items, state.revision))
    })?;
    let metadata = json!({"resourceVersion": revision.to_string()});
    Ok(typed_answer(StatusCode::OK, "application/json", many(at, items, Form::Plain, query, &metadata)))
}
