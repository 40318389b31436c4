//! What every object has to keep to, whatever its kind: its name, its labels, and what of it may never change.

use serde_json::Value;

use crate::{
    kinds::Kind,
    schema::FieldProblem,
    status::{ApiError, Result},
};

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
    for (path, field) in [("/metadata/labels", "metadata.labels"), ("/metadata/annotations", "metadata.annotations")] {
        for (key, value) in members(path) {
            let (prefix, name) = key.split_once('/').map_or((None, key.as_str()), |(prefix, name)| (Some(prefix), name));
            if !is_word(name) || name.is_empty() || prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
                let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
                problems.push(FieldProblem::invalid(field, &Value::from(key.as_str()), why));
            }
            if path == "/metadata/labels" && !value.as_str().is_some_and(is_word) {
                let why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
                problems.push(FieldProblem::invalid(field, value, why));
            }
        }
    }
    for (index, owner) in object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten().enumerate()
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

/// Letters, digits and `-_.` between, or nothing.
fn is_word(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    let inner = text.chars().all(|c| edge(c) || "-_.".contains(c));
    text.is_empty() || (text.len() <= 63 && inner && text.starts_with(edge) && text.ends_with(edge))
}

fn is_subdomain(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| label.starts_with(edge) && label.ends_with(edge) && label.chars().all(|c| edge(c) || c == '-');
    text.len() <= 253 && text.split('.').all(label)
}

/// Fields of Kubernetes' own kinds that stay as they were made.
pub(super) fn unchangeable(kind: &Kind, old: &Value, new: &Value) -> Vec<FieldProblem> {
    let fields: &[&str] = match kind.qualified().as_str() {
        "deployments.apps" | "replicasets.apps" | "daemonsets.apps" => &["/spec/selector"],
        "statefulsets.apps" => &["/spec/selector", "/spec/serviceName"],
        "secrets" => &["/type"],
        "services" => &["/spec/clusterIP"],
        "customresourcedefinitions.apiextensions.k8s.io" => {
            &["/spec/group", "/spec/names/kind", "/spec/names/plural", "/spec/scope"]
        }
        _ => &[],
    };
    let changed = |path: &str| {
        let (before, after) = (old.pointer(path)?, new.pointer(path).unwrap_or(&Value::Null));
        let field = path[1..].replace('/', ".");
        (before != after && before.as_str() != Some("")).then(|| FieldProblem::invalid(&field, after, "field is immutable"))
    };
    let mut problems: Vec<FieldProblem> = fields.iter().filter_map(|path| changed(path)).collect();
    let frozen = old.get("immutable").and_then(Value::as_bool) == Some(true);
    if frozen && matches!(kind.qualified().as_str(), "configmaps" | "secrets") {
        for path in ["/data", "/binaryData"].into_iter().filter(|path| old.pointer(path) != new.pointer(path)) {
            problems.push(FieldProblem {
                field: path[1..].to_owned(),
                reason: "FieldValueForbidden",
                message: "Forbidden: field is immutable when `immutable` is set".into(),
            });
        }
    }
    problems
}
