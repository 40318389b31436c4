//! Everything in one version 2 document, for older clients.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{names::group_version_kind, v3};
use crate::kinds::Kinds;

const PREFIX: &str = "#/definitions/";

/// The document.
pub(super) fn document(kinds: &Kinds) -> Value {
    let mut definitions = BTreeMap::new();
    let mut paths = Map::new();
    for (_, kind) in kinds.iter() {
        for version in &kind.versions {
            v3::define(kind, version, PREFIX, &mut definitions);
            let root = if kind.group.is_empty() {
                format!("/api/{}", version.name)
            } else {
                format!("/apis/{}/{}", kind.group, version.name)
            };
            let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
            let parameter =
                |name: &str| json!({"name": name, "in": "query", "type": "string", "uniqueItems": true});
            let mut patches = vec![
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ];
            if !kind.custom {
                patches.push("application/strategic-merge-patch+json");
            }
            paths.insert(
                format!("{root}{scope}/{}/{{name}}", kind.plural),
                json!({"patch": {
                    "consumes": patches,
                    "produces": ["application/json"],
                    "parameters": [parameter("dryRun"), parameter("fieldManager"),
                        parameter("fieldValidation")],
                    "responses": {"200": {"description": "OK"}},
                    "x-kubernetes-action": "patch",
                    "x-kubernetes-group-version-kind": group_version_kind(&kind.group, &version.name,
                        &kind.kind),
                }}),
            );
        }
    }
    for definition in definitions.values_mut() {
        without_all_of(definition);
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "sandbox"},
        "paths": paths,
        "definitions": definitions,
    })
}

/// Version 2 allows no words beside a reference through `allOf`: the reference stands there itself.
fn without_all_of(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("allOf").and_then(|all| all.pointer("/0/$ref")).cloned() {
                let description = members.get("description").cloned();
                members.clear();
                if let Some(description) = description {
                    members.insert("description".into(), description);
                }
                members.insert("$ref".into(), target);
                return;
            }
            members.values_mut().for_each(without_all_of);
        }
        Value::Array(items) => items.iter_mut().for_each(without_all_of),
        _ => {}
    }
}
