//! What every object has to keep to, whatever its kind: its name, its labels, and what of it may never
//! change.

use serde_json::Value;

use crate::{
    kinds::Kind,
    names,
    schema::FieldProblem,
    status::{ApiError, Result},
};

/// The most that all annotations together may have.
const ANNOTATIONS: usize = 256 * 1024;

/// A body is of the kind that the URL names. What it does not say of apiVersion and kind goes without saying.
pub(super) fn same_kind(kind: &Kind, wanted: &str, object: &Value) -> Result<()> {
    let text = |name: &str, unsaid: &str| match object.get(name).and_then(Value::as_str) {
        None | Some("") => unsaid.to_owned(),
        Some(said) => said.to_owned(),
    };
    let (api_version, named) = (text("apiVersion", wanted), text("kind", &kind.kind));
    if api_version == wanted && named == kind.kind {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "the API version in the data ({api_version}, Kind={named}) does not match the expected API version \
            ({wanted}, Kind={})",
        kind.kind
    )))
}

/// A patch may not turn an object into another one.
pub(super) fn same_object(kind: &Kind, old: &Value, new: &Value) -> Result<()> {
    for field in ["name", "namespace"] {
        let of = |object: &Value| object.get("metadata").and_then(|metadata| metadata.get(field)).cloned();
        let (before, after) = (of(old), of(new));
        if let Some(after) = after.filter(|after| !after.is_null() && Some(after) != before.as_ref()) {
            let problem = FieldProblem::invalid(&format!("metadata.{field}"), &after, "field is immutable");
            let name = old.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            return Err(ApiError::invalid(kind, name, &[problem]));
        }
    }
    Ok(())
}

/// What is wrong with labels, annotations and references to owners.
pub(super) fn check(object: &Value) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let members = |path: &str| object.pointer(path).and_then(Value::as_object).into_iter().flatten();
    let mut note = |field: &str, value: &str, wrong: Vec<String>| {
        problems.extend(wrong.iter().map(|why| FieldProblem::invalid(field, &Value::from(value), why)));
    };
    for (key, value) in members("/metadata/labels") {
        note("metadata.labels", key, names::key(key));
        let value = value.as_str().unwrap_or_default();
        note("metadata.labels", value, names::label_value(value));
    }
    for (key, _) in members("/metadata/annotations") {
        // Keys of annotations may be written in capitals.
        note("metadata.annotations", key, names::key(&key.to_lowercase()));
    }
    let size: usize = members("/metadata/annotations")
        .map(|(key, value)| key.len() + value.as_str().unwrap_or_default().len())
        .sum();
    if size > ANNOTATIONS {
        problems.push(FieldProblem {
            field: "metadata.annotations".into(),
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {ANNOTATIONS} bytes"),
        });
    }
    for (index, owner) in object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        for name in ["apiVersion", "kind", "name", "uid"] {
            if owner.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                let why = format!("{name} must not be empty");
                problems.push(FieldProblem::invalid(
                    &format!("metadata.ownerReferences[{index}].{name}"),
                    &Value::from(""),
                    &why,
                ));
            }
        }
    }
    problems
}

/// Fields of Kubernetes' own kinds that stay as they were made.
pub(super) fn unchangeable(kind: &Kind, old: &Value, new: &Value) -> Vec<FieldProblem> {
    let fields: &[&str] = match kind.qualified().as_str() {
        "deployments.apps" | "replicasets.apps" | "daemonsets.apps" => &["/spec/selector"],
        "secrets" => &["/type"],
        // A Service that becomes a name for something outside gives its address back.
        "services" if new.pointer("/spec/type").and_then(Value::as_str) != Some("ExternalName") => {
            &["/spec/clusterIP"]
        }
        "endpointslices.discovery.k8s.io" => &["/addressType"],
        "customresourcedefinitions.apiextensions.k8s.io" => {
            &["/spec/group", "/spec/names/kind", "/spec/names/plural", "/spec/scope"]
        }
        _ => &[],
    };
    let changed = |path: &str| {
        let (before, after) = (old.pointer(path)?, new.pointer(path).unwrap_or(&Value::Null));
        let field = path[1..].replace('/', ".");
        (before != after && before.as_str() != Some("")).then(|| FieldProblem {
            field,
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {after}: field is immutable"),
        })
    };
    let mut problems: Vec<FieldProblem> = fields.iter().filter_map(|path| changed(path)).collect();
    let frozen = old.get("immutable").and_then(Value::as_bool) == Some(true);
    if frozen && matches!(kind.qualified().as_str(), "configmaps" | "secrets") {
        for path in ["/data", "/binaryData"].into_iter().filter(|path| old.pointer(path) != new.pointer(path))
        {
            problems.push(FieldProblem {
                field: path[1..].to_owned(),
                reason: "FieldValueForbidden",
                message: "Forbidden: field is immutable when `immutable` is set".into(),
            });
        }
    }
    problems
}
