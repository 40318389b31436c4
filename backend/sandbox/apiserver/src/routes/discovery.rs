//! Which kinds there are: the version of the server, groups, and everything at once (aggregated discovery).

use std::collections::BTreeMap;

use axum::body::Body;
use base64::Engine as _;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::answers::json_answer;
use crate::answers::typed_answer;
use crate::api::Api;

const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// Nobody deletes all namespaces at once.
const NAMESPACE_VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
/// The same as [`VERBS`], in the order in which kinds from CRDs have them.
const CUSTOM_VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const HALF_VERBS: &[&str] = &["get", "patch", "update"];

/// A group and its versions, the preferred one first.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) versions: Vec<String>,
}

impl Group {
    pub(super) fn to_json(&self) -> Value {
        let version = |version: &String| {
            json!({"groupVersion": format!("{}/{version}", self.name),
            "version": version})
        };
        json!({
            "name": self.name,
            "versions": self.versions.iter().map(version).collect::<Vec<_>>(),
            "preferredVersion": self.versions.first().map(version),
        })
    }
}

/// One resource of a group version.
pub(super) struct ResourceRow {
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
    pub(super) verbs: &'static [&'static str],
    pub(super) short: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) subresources: Vec<Subresource>,
    /// Tells in which version objects are kept; nothing for what is not kept.
    pub(super) storage_hash: Option<String>,
    /// Came from a CRD.
    custom: bool,
}

/// A subresource; what it answers may belong to another group.
pub(super) struct Subresource {
    pub(super) name: &'static str,
    pub(super) kind: String,
    pub(super) verbs: &'static [&'static str],
    pub(super) group_version: Option<(&'static str, &'static str)>,
}

/// Answers that are computed instead of stored.
const REVIEWS: &[(&str, &str, &str)] = &[
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
];

/// `v1` before `v1beta1` before `v1alpha3`.
fn maturity(version: &str) -> (u8, std::cmp::Reverse<String>) {
    let rank = if version.contains("alpha") {
        2
    } else if version.contains("beta") {
        1
    } else {
        0
    };
    (rank, std::cmp::Reverse(version.to_owned()))
}

pub(super) fn groups(api: &Api) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (group, _, _) in REVIEWS {
        groups.insert((*group).to_owned(), vec!["v1".to_owned()]);
    }
    let kinds = api.store.read(|state| state.kinds.clone());
    for (_, kind) in
        kinds.iter().filter(|(_, kind)| !kind.group.is_empty() && !api.faults.is_hidden(&kind.qualified()))
    {
        let versions = groups.entry(kind.group.clone()).or_default();
        for version in &kind.versions {
            if !versions.contains(&version.name) {
                versions.push(version.name.clone());
            }
        }
    }
    groups
        .into_iter()
        .map(|(name, mut versions)| {
            versions.sort_by_key(|version| maturity(version));
            Group { name, versions }
        })
        .collect()
}

pub(super) fn resource_rows(api: &Api, group: &str, version: &str) -> Vec<ResourceRow> {
    let mut rows = Vec::new();
    for (_, kind, plural) in REVIEWS.iter().filter(|(of, _, _)| *of == group && version == "v1") {
        rows.push(ResourceRow {
            plural: (*plural).to_owned(),
            singular: kind.to_lowercase(),
            kind: (*kind).to_owned(),
            namespaced: false,
            verbs: &["create"],
            short: Vec::new(),
            categories: Vec::new(),
            subresources: Vec::new(),
            storage_hash: None,
            custom: false,
        });
    }
    let kinds = api.store.read(|state| state.kinds.clone());
    for (_, kind) in kinds.iter() {
        if kind.group != group || kind.version(version).is_none() || api.faults.is_hidden(&kind.qualified()) {
            continue;
        }
        let mut subresources = Vec::new();
        let mut add = |name: &'static str, kind: &str, verbs, group_version| {
            subresources.push(Subresource { name, kind: kind.to_owned(), verbs, group_version });
        };
        match kind.qualified().as_str() {
            "pods" => {
                add("eviction", "Eviction", &["create"], Some(("policy", "v1")));
                add("log", "Pod", &["get"], None);
                add("portforward", "PodPortForwardOptions", &["create", "get"], None);
                add("proxy", "PodProxyOptions", &["create", "delete", "get", "patch", "update"], None);
            }
            "services" => {
                add("proxy", "ServiceProxyOptions", &["create", "delete", "get", "patch", "update"], None);
            }
            _ => {}
        }
        if kind.scale {
            add("scale", "Scale", HALF_VERBS, Some(("autoscaling", "v1")));
        }
        if kind.status {
            add("status", &kind.kind, HALF_VERBS, None);
        }
        rows.push(ResourceRow {
            plural: kind.plural.clone(),
            singular: kind.singular.clone(),
            kind: kind.kind.clone(),
            namespaced: kind.namespaced,
            verbs: match kind.qualified().as_str() {
                "namespaces" => NAMESPACE_VERBS,
                _ if kind.custom => CUSTOM_VERBS,
                _ => VERBS,
            },
            short: kind.short.clone(),
            categories: kind.categories.clone(),
            subresources,
            storage_hash: Some(storage_hash(&kind.group, &kind.storage().name, &kind.kind)),
            custom: kind.custom,
        });
    }
    rows.sort_by(|a, b| a.plural.cmp(&b.plural));
    rows
}

/// As Kubernetes makes it.
fn storage_hash(group: &str, version: &str, kind: &str) -> String {
    let digest = Sha256::digest(format!("{group}/{version}/{kind}"));
    base64::engine::general_purpose::STANDARD.encode(&digest[..8])
}

/// `/version`.
pub(super) fn version(api: &Api) -> Value {
    let mut parts = api.version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("36"));
    let before =
        minor.parse::<u32>().map_or_else(|_| minor.to_owned(), |minor| minor.saturating_sub(1).to_string());
    json!({
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": before,
        "gitVersion": api.version,
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-11-22T00:00:00Z",
        "goVersion": "go1.24.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// `/`: the paths that there are.
pub(super) fn paths(api: &Api) -> Value {
    let mut paths: Vec<String> = [
        "/api",
        "/api/v1",
        "/apis",
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ]
    .map(str::to_owned)
    .to_vec();
    for group in groups(api) {
        paths.push(format!("/apis/{}", group.name));
        paths.extend(group.versions.iter().map(|version| format!("/apis/{}/{version}", group.name)));
    }
    paths.sort();
    json!({"paths": paths})
}

/// `/api` and `/apis`, in the form that the client understands.
pub(super) fn root(api: &Api, path: &str, accept: &str) -> Response<Body> {
    for range in accept.split(',') {
        let has = |part: &str| range.split(';').any(|one| one.trim() == part);
        if !has("as=APIGroupDiscoveryList") || !has("g=apidiscovery.k8s.io") {
            continue;
        }
        for (version, content_type) in [
            ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
            ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
        ] {
            if has(&format!("v={version}")) {
                return typed_answer(
                    StatusCode::OK,
                    content_type,
                    Body::from(aggregated(api, path, version).to_string()),
                );
            }
        }
    }
    let legacy = if path == "/api" {
        let address = json!({"clientCIDR": "0.0.0.0/0", "serverAddress": api.address.to_string()});
        json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]})
    } else {
        let groups: Vec<Value> = groups(api).iter().map(Group::to_json).collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    };
    json_answer(StatusCode::OK, &legacy)
}

fn aggregated(api: &Api, path: &str, version: &str) -> Value {
    let groups = if path == "/api" {
        vec![Group { name: String::new(), versions: vec!["v1".to_owned()] }]
    } else {
        groups(api)
    };
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let versions: Vec<Value> = group
                .versions
                .iter()
                .map(|version| {
                    let rows = resource_rows(api, &group.name, version);
                    let resources: Vec<Value> =
                        rows.iter().map(|row| aggregated_row(row, &group.name, version)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if group.name.is_empty() { json!({}) } else { json!({"name": group.name}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": items})
}

fn aggregated_row(row: &ResourceRow, group: &str, version: &str) -> Value {
    // Of Kubernetes' own kinds the real server leaves out what stands around it.
    let (group, version) = if row.custom { (group, version) } else { ("", "") };
    let mut resource = json!({
        "resource": row.plural,
        "responseKind": {"group": group, "version": version, "kind": row.kind},
        "scope": if row.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": row.singular,
        "verbs": row.verbs,
    });
    if !row.short.is_empty() {
        resource["shortNames"] = json!(row.short);
    }
    if !row.categories.is_empty() {
        resource["categories"] = json!(row.categories);
    }
    if !row.subresources.is_empty() {
        let subresources: Vec<Value> = row
            .subresources
            .iter()
            .map(|sub| {
                let (group, version) = sub.group_version.unwrap_or((group, version));
                json!({"subresource": sub.name, "responseKind": {"group": group, "version": version,
                    "kind": sub.kind}, "verbs": sub.verbs})
            })
            .collect();
        resource["subresources"] = json!(subresources);
    }
    resource
}
