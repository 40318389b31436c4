//! From a CustomResourceDefinition to a kind that is served.

use std::sync::Arc;

use serde_json::{Value, json};

use super::kind::{Column, Kind, ScalePaths, Version};
use crate::schema::{BUILT_IN, FieldProblem, Schema, Type, with_type_meta};

/// The kind that a CRD defines; nothing when it defines none that could be served.
pub(crate) fn registration(crd: &Value) -> Option<Kind> {
    let text = |path: &str| crd.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let texts = |path: &str| -> Vec<String> {
        let items = crd.pointer(path).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kind = text("/spec/names/kind")?;
    let mut versions = Vec::new();
    let (mut status, mut scale) = (false, false);
    for version in crd.pointer("/spec/versions").and_then(Value::as_array)? {
        if version.get("served").and_then(Value::as_bool) != Some(true) {
            continue;
        }
        status |= version.pointer("/subresources/status").is_some();
        scale |= version.pointer("/subresources/scale").is_some();
        let columns = version.get("additionalPrinterColumns").and_then(Value::as_array).into_iter().flatten();
        versions.push(Version {
            name: version.get("name")?.as_str()?.to_owned(),
            storage: version.get("storage").and_then(Value::as_bool) == Some(true),
            schema: Arc::new(schema(version.pointer("/schema/openAPIV3Schema"))),
            columns: columns.filter_map(column).collect(),
            scale: version.pointer("/subresources/scale").map(scale_paths),
        });
    }
    if versions.is_empty() {
        return None;
    }
    Some(Kind {
        group: text("/spec/group")?,
        singular: text("/spec/names/singular").unwrap_or_else(|| kind.to_lowercase()),
        plural: text("/spec/names/plural")?,
        short: texts("/spec/names/shortNames"),
        categories: texts("/spec/names/categories"),
        namespaced: text("/spec/scope").as_deref() == Some("Namespaced"),
        kind,
        versions,
        status,
        scale,
        generation: true,
        custom: true,
    })
}

/// What a real server would refuse in a CRD: its name, its versions, schemas that do not say what things are.
pub(crate) fn problems(crd: &Value) -> Vec<FieldProblem> {
    let text = |path: &str| crd.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let versions = || crd.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    let mut problems = Vec::new();
    let wanted = format!("{}.{}", text("/spec/names/plural"), text("/spec/group"));
    if text("/metadata/name") != wanted {
        let name = Value::from(text("/metadata/name"));
        problems.push(FieldProblem::invalid(
            "metadata.name",
            &name,
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    if versions().filter(|version| version.get("storage").and_then(Value::as_bool) == Some(true)).count() != 1
    {
        let all = Value::from(
            versions().filter_map(|version| version.get("name")?.as_str()).collect::<Vec<_>>().join(","),
        );
        problems.push(FieldProblem::invalid(
            "spec.versions",
            &all,
            "must have exactly one version marked as storage version",
        ));
    }
    if !matches!(text("/spec/scope"), "Namespaced" | "Cluster") {
        let scope = Value::from(text("/spec/scope"));
        let message = format!("Unsupported value: {scope}: supported values: \"Cluster\", \"Namespaced\"");
        problems.push(FieldProblem { field: "spec.scope".into(), reason: "FieldValueNotSupported", message });
    }
    for (index, version) in versions().enumerate() {
        let at = format!("spec.versions[{index}].schema.openAPIV3Schema");
        match version.pointer("/schema/openAPIV3Schema") {
            Some(schema) => structural(schema, &at, &mut problems),
            None => problems.push(FieldProblem {
                message: "Required value: schemas are required".into(),
                ..FieldProblem::required(&at)
            }),
        }
    }
    problems
}

/// Every field says its type, unless it may be anything.
fn structural(schema: &Value, at: &str, problems: &mut Vec<FieldProblem>) {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
    let free = flag("x-kubernetes-int-or-string") || flag("x-kubernetes-preserve-unknown-fields");
    if schema.get("type").is_none() && !free {
        let message = "Required value: must not be empty for specified object fields".into();
        problems.push(FieldProblem { message, ..FieldProblem::required(&format!("{at}.type")) });
    }
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        structural(field, &format!("{at}.properties[{name}]"), problems);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(field) = schema.get(inner).filter(|field| field.is_object()) {
            structural(field, &format!("{at}.{inner}"), problems);
        }
    }
}

fn schema(written: Option<&Value>) -> Schema {
    let mut schema = written.map(Schema::from_json).unwrap_or_default();
    if written.is_none() {
        schema.preserve = true;
    }
    schema.ty = Type::Object;
    // Metadata is the same for all kinds, whatever a CRD says of it.
    schema.properties.insert("metadata".into(), BUILT_IN.resolve("meta.v1.ObjectMeta"));
    with_type_meta(&schema)
}

/// Paths are written as `.spec.replicas`.
fn scale_paths(written: &Value) -> ScalePaths {
    let path = |name: &str| written.get(name).and_then(Value::as_str).map(|path| path.replace('.', "/"));
    ScalePaths {
        spec: path("specReplicasPath").unwrap_or_default(),
        status: path("statusReplicasPath").unwrap_or_default(),
        selector: path("labelSelectorPath").filter(|path| !path.is_empty()),
    }
}

fn column(written: &Value) -> Option<Column> {
    let text = |name: &str| written.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Column {
        name: written.get("name")?.as_str()?.to_owned(),
        ty: text("type"),
        path: text("jsonPath"),
        priority: written.get("priority").and_then(Value::as_i64).unwrap_or(0),
        description: text("description"),
    })
}

/// The names of a CRD that ships with the server.
pub(super) fn names(kind: &str, plural: &str, short: &[&str], categories: &Value) -> Value {
    let mut names = json!({
        "kind": kind, "listKind": format!("{kind}List"), "plural": plural,
        "singular": kind.to_lowercase(), "categories": categories,
    });
    if !short.is_empty() {
        names["shortNames"] = json!(short);
    }
    names
}
