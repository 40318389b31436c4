//! One document per group and version.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::names::{definition_name, group_version_kind};
use crate::{
    kinds::{Kind, Kinds, Version},
    schema::{References, Schema},
};

const PREFIX: &str = "#/components/schemas/";

/// The documents that there are: `api/v1`, `apis/apps/v1` …
pub(super) fn names(kinds: &Kinds) -> Vec<String> {
    let mut names: Vec<String> = kinds
        .iter()
        .flat_map(|(_, kind)| {
            kind.versions.iter().map(|version| document_name(kind, version)).collect::<Vec<_>>()
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn document_name(kind: &Kind, version: &Version) -> String {
    if kind.group.is_empty() {
        format!("api/{}", version.name)
    } else {
        format!("apis/{}/{}", kind.group, version.name)
    }
}

/// One document.
pub(super) fn document(kinds: &Kinds, name: &str) -> Value {
    let mut schemas = BTreeMap::new();
    let mut paths = Map::new();
    for (_, kind) in kinds.iter() {
        for version in kind.versions.iter().filter(|version| document_name(kind, version) == name) {
            define(kind, version, PREFIX, &mut schemas);
            for (path, item) in path_items(kind, version, name) {
                paths.insert(path, item);
            }
        }
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "sandbox"},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// The name under which a kind stands in documents.
pub(super) fn name_of(kind: &Kind, version: &Version) -> String {
    version
        .schema
        .definition
        .clone()
        .unwrap_or_else(|| definition_name(&kind.group, &version.name, &kind.kind))
}

/// Adds a kind's schema, and those that it refers to.
pub(super) fn define(kind: &Kind, version: &Version, prefix: &str, schemas: &mut BTreeMap<String, Value>) {
    let mut schema = version.schema.to_json(References::Named(prefix));
    schema["x-kubernetes-group-version-kind"] =
        json!([group_version_kind(&kind.group, &version.name, &kind.kind)]);
    schemas.insert(name_of(kind, version), schema);
    referred(&version.schema, prefix, schemas);
}

fn referred(schema: &Schema, prefix: &str, schemas: &mut BTreeMap<String, Value>) {
    let inside = schema.properties.values().chain(&schema.items).chain(&schema.additional);
    for field in inside {
        if let Some(name) = &field.definition {
            if schemas.contains_key(name) {
                continue;
            }
            schemas.insert(name.clone(), field.to_json(References::Named(prefix)));
        }
        referred(field, prefix, schemas);
    }
}

/// What can be done where: clients look here for `dryRun` and `fieldValidation`, and for the kinds of
/// patches.
pub(super) fn path_items(kind: &Kind, version: &Version, name: &str) -> Vec<(String, Value)> {
    let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("/{name}{scope}/{}", kind.plural);
    let subject = group_version_kind(&kind.group, &version.name, &kind.kind);
    let reference = json!({"$ref": format!("{PREFIX}{}", name_of(kind, version))});
    let content = json!({"application/json": {"schema": reference}});
    let parameter = |name: &str, description: &str| {
        json!({"name": name, "in": "query",
        "description": description, "schema": {"type": "string", "uniqueItems": true}})
    };
    let writing = json!([
        parameter("dryRun", "When `All`, everything is done except storing the outcome."),
        parameter("fieldManager", "The name of who writes."),
        parameter("fieldValidation", "What to do about unknown fields: `Ignore`, `Warn` or `Strict`."),
    ]);
    let operation = |action: &str, parameters: &Value, body: Option<Value>| {
        let mut operation = json!({
            "tags": ["sandbox"], "parameters": parameters, "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": subject,
            "responses": {"200": {"description": "OK", "content": content}},
        });
        if let Some(body) = body {
            operation["requestBody"] = json!({"content": body, "required": true});
        }
        operation
    };
    let mut patches =
        vec!["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];
    if !kind.custom {
        patches.push("application/strategic-merge-patch+json");
    }
    let patches: Map<String, Value> =
        patches.into_iter().map(|kind| (kind.to_owned(), json!({"schema": {"type": "object"}}))).collect();
    let none = json!([]);
    vec![
        (
            collection.clone(),
            json!({"get": operation("list", &none, None),
                "post": operation("post", &writing, Some(content.clone()))}),
        ),
        (
            format!("{collection}/{{name}}"),
            json!({
                "get": operation("get", &none, None),
                "put": operation("put", &writing, Some(content.clone())),
                "patch": operation("patch", &writing, Some(Value::Object(patches))),
                "delete": operation("delete", &writing, None),
            }),
        ),
    ]
}
