//! The `scale` subresource: how many replicas, apart from everything else.

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Query, body, body::decode, content_type, json_answer, target::Place};
use crate::{
    patch,
    server::Api,
    status::{ApiError, Result},
    store::Part,
};

pub(super) async fn answer(api: &Api, at: &Place, query: &Query, request: Request<Incoming>) -> Result<Response<Body>> {
    let method = request.method().clone();
    let content_type = content_type(&request);
    let body = body(request).await?;
    let dry_run = query.get("dryRun") == "All";
    let object = api.store.write(|state| {
        let old = state.get(&at.key(at.name())).cloned().ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
        let mut scale = scale_of(&old);
        match method {
            Method::GET => return Ok(scale),
            Method::PUT => scale = decode(&content_type, &body)?,
            Method::PATCH => {
                let change: Value = decode(&content_type, &body)?;
                if content_type.starts_with("application/json-patch") {
                    patch::json_patch(&mut scale, &change)?;
                } else {
                    patch::merge_patch(&mut scale, &change);
                }
            }
            _ => return Err(ApiError::method_not_allowed()),
        }
        let replicas = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
        if replicas < 0 {
            let problem =
                crate::schema::FieldProblem::invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
            return Err(ApiError::invalid(&at.kind, at.name(), &[problem]));
        }
        let mut new = Value::clone(&old);
        new["spec"]["replicas"] = json!(replicas);
        if let Some(version) = scale.pointer("/metadata/resourceVersion") {
            new["metadata"]["resourceVersion"] = version.clone();
        }
        match state.prepare_update(&at.kind, &old, new, Part::Main)? {
            Some(object) if dry_run => Ok(scale_of(&object)),
            Some(object) => Ok(scale_of(&state.put(at.id, &at.kind, object))),
            None => Ok(scale_of(&old)),
        }
    })?;
    Ok(json_answer(StatusCode::OK, &object))
}

fn scale_of(object: &Value) -> Value {
    let metadata = |name: &str| object.pointer(&format!("/metadata/{name}")).cloned().unwrap_or_default();
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object).into_iter().flatten();
    let selector: Vec<String> = labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata("name"), "namespace": metadata("namespace"), "uid": metadata("uid"),
            "resourceVersion": metadata("resourceVersion"), "creationTimestamp": metadata("creationTimestamp"),
        },
        "spec": {"replicas": object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)},
        "status": {"replicas": object.pointer("/status/replicas").and_then(Value::as_i64).unwrap_or(0), "selector": selector.join(",")},
    })
}
