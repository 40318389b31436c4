//! The `scale` subresource: how many replicas, apart from everything else, and yet a write of one field of
//! the object.

use axum::body::Body;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    body::{decode, object_of},
    write,
};
use crate::answers::json_answer;
use crate::target::Place;
use crate::{
    api::Api,
    kinds::{Kind, ScalePaths},
    patch,
    schema::FieldProblem,
    status::{ApiError, Result},
    store::Part,
};

pub(super) fn answer(
    api: &Api,
    at: &Place,
    method: &Method,
    request: &write::Request<'_>,
    body: &[u8],
) -> Result<Response<Body>> {
    let version = at.kind.version(&at.target.version).ok_or_else(ApiError::no_such_resource)?;
    let paths = version.scale.as_ref().ok_or_else(ApiError::no_such_resource)?;
    let content_type = request.content_type();
    let applied = content_type == "application/apply-patch+yaml";
    let scale = api.store.write(|state| {
        let old =
            state.get(&at.key(at.name())).cloned().ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
        let mut scale = scale_of(&old, paths)?;
        match *method {
            Method::GET | Method::HEAD => return Ok(scale),
            Method::PUT => scale = object_of("Scale", content_type, body)?,
            Method::PATCH => {
                let change: Value = decode(content_type, body)?;
                if content_type.starts_with("application/json-patch") {
                    patch::json_patch(&mut scale, &change)?;
                } else {
                    patch::merge_patch(&mut scale, &change);
                }
                if !scale.is_object() {
                    return Err(ApiError::patch_does_not_decode(&scale, "Object 'Kind' is missing"));
                }
            }
            _ => return Err(ApiError::method_not_allowed()),
        }
        let replicas = wanted(&at.kind, at.name(), &scale)?;
        let mut new = at.show(&old);
        set(&mut new, &paths.spec, replicas);
        if let Some(version) = scale.pointer("/metadata/resourceVersion").filter(|_| !applied) {
            new["metadata"]["resourceVersion"] = version.clone();
        }
        let mut owners = None;
        if applied {
            let mut config = json!({"apiVersion": new["apiVersion"], "kind": new["kind"],
                "metadata": {"name": at.name()}});
            set(&mut config, &paths.spec, replicas);
            let live = at.show(&old);
            let done = request.with_writer(|writer| {
                patch::apply(&version.schema, Some(&live), &config, writer, request.is_forced())
            })?;
            owners = Some(done.entries);
        }
        let entries = patch::base_entries(Some(&old), &new);
        let mut object =
            state.prepare_update(&at.kind, &old, new, Part::Main)?.unwrap_or_else(|| Value::clone(&old));
        match owners {
            Some(entries) => patch::set_entries(&mut object, entries),
            None => request.with_writer(|writer| {
                patch::record_update(&version.schema, Some(&old), &mut object, entries, writer);
            }),
        }
        if !patch::has_changed(&old, &object) && object.pointer(&paths.spec) == old.pointer(&paths.spec) {
            return scale_of(&old, paths);
        }
        scale_of(&request.store(state, object), paths)
    })?;
    Ok(json_answer(StatusCode::OK, &scale))
}

/// How many replicas a Scale asks for.
fn wanted(kind: &Kind, name: &str, scale: &Value) -> Result<i64> {
    let replicas = scale.pointer("/spec/replicas").unwrap_or(&Value::Null);
    let Some(number) = (if replicas.is_null() { Some(0) } else { replicas.as_i64() }) else {
        let found = match replicas {
            Value::String(_) => "string".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) => format!("number {number}"),
            Value::Array(_) => "array".to_owned(),
            _ => "object".to_owned(),
        };
        return Err(ApiError::bad_request(format!(
            "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal {found} into Go \
                struct field ScaleSpec.spec.replicas of type int32"
        )));
    };
    if number < 0 {
        let problem = FieldProblem::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        let scale = Kind { kind: "Scale".into(), group: "autoscaling".into(), ..kind.clone() };
        return Err(ApiError::invalid(&scale, name, &[problem]));
    }
    Ok(number)
}

fn set(object: &mut Value, path: &str, replicas: i64) {
    let mut at = object;
    for name in path.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = json!(replicas);
}

fn scale_of(object: &Value, paths: &ScalePaths) -> Result<Value> {
    let metadata = |name: &str| object.pointer(&format!("/metadata/{name}")).cloned().unwrap_or_default();
    let count = |path: &str| object.pointer(path).and_then(Value::as_i64);
    let Some(replicas) = count(&paths.spec) else {
        let path = paths.spec.replace('/', ".");
        return Err(ApiError::internal(format!(
            "Internal error occurred: the spec replicas field \"{path}\" does not exist"
        )));
    };
    let mut status = json!({"replicas": count(&paths.status).unwrap_or(0)});
    match paths.selector.as_ref().and_then(|path| object.pointer(path)) {
        Some(Value::String(selector)) => status["selector"] = json!(selector),
        Some(selector) => status["selector"] = json!(in_words(selector)),
        None => {}
    }
    Ok(json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata("name"), "namespace": metadata("namespace"), "uid": metadata("uid"),
            "resourceVersion": metadata("resourceVersion"),
                "creationTimestamp": metadata("creationTimestamp"),
        },
        "spec": {"replicas": replicas},
        "status": status,
    }))
}

/// A selector as it is written in a query.
fn in_words(selector: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let plain = selector["matchLabels"].as_object().into_iter().flatten();
    let mut words: Vec<String> = plain.map(|(key, value)| format!("{key}={}", text(value))).collect();
    words.extend(selector["matchExpressions"].as_array().into_iter().flatten().map(|wanted| {
        let values =
            wanted["values"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(",");
        let key = text(&wanted["key"]);
        match wanted["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key,
        }
    }));
    words.sort();
    words.join(",")
}
