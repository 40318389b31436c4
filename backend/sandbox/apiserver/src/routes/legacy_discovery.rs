//! Which kinds there are, group version by group version, as clients before aggregated discovery ask.

use serde_json::{Value, json};

use super::discovery::{groups, resource_rows};
use crate::{
    api::Api,
    status::{ApiError, Result},
};

/// `/apis/GROUP`, `/apis/GROUP/VERSION` or `/api/v1`.
pub(super) fn group(api: &Api, path: &str) -> Result<Value> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        ["api", version] => resources(api, "", version),
        ["apis", name] => groups(api)
            .into_iter()
            .find(|group| group.name == *name)
            .map(|group| {
                let mut shown = group.to_json();
                shown["kind"] = json!("APIGroup");
                shown["apiVersion"] = json!("v1");
                shown
            })
            .ok_or_else(ApiError::no_such_resource),
        ["apis", name, version] => resources(api, name, version),
        _ => Err(ApiError::no_such_resource()),
    }
}

fn resources(api: &Api, group: &str, version: &str) -> Result<Value> {
    let rows = resource_rows(api, group, version);
    if rows.is_empty() {
        return Err(ApiError::no_such_resource());
    }
    let mut listed = Vec::new();
    for row in rows {
        let mut resource = json!({
            "name": row.plural, "singularName": row.singular, "namespaced": row.namespaced, "kind": row.kind,
                "verbs": row.verbs,
        });
        if !row.short.is_empty() {
            resource["shortNames"] = json!(row.short);
        }
        if !row.categories.is_empty() {
            resource["categories"] = json!(row.categories);
        }
        if let Some(hash) = row.storage_hash {
            resource["storageVersionHash"] = json!(hash);
        }
        listed.push(resource);
        for sub in row.subresources {
            let mut resource = json!({
                "name": format!("{}/{}", row.plural, sub.name), "singularName": "",
                    "namespaced": row.namespaced,
                "kind": sub.kind, "verbs": sub.verbs,
            });
            if let Some((group, version)) = sub.group_version {
                resource["group"] = json!(group);
                resource["version"] = json!(version);
            }
            listed.push(resource);
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
            "resources": listed}))
}
