//! The documents about the kinds: whole, also about kinds that came later.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Cluster, cluster, read};

/// All references in a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// The kinds that a document's schemas are about, with every reference in them resolved.
fn kinds(document: &Value, schemas: &str, prefix: &str) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    references(document, &mut wanted);
    let there = document.pointer(schemas).and_then(Value::as_object).unwrap();
    for reference in wanted {
        let name = reference.strip_prefix(prefix).unwrap_or_else(|| panic!("{reference}"));
        assert!(there.contains_key(name), "{reference} leads nowhere");
    }
    let about =
        there.values().filter_map(|schema| schema["x-kubernetes-group-version-kind"].as_array()).flatten();
    about
        .map(|of| {
            format!(
                "{}/{}/{}",
                of["group"].as_str().unwrap(),
                of["version"].as_str().unwrap(),
                of["kind"].as_str().unwrap()
            )
        })
        .collect()
}

/// The kinds that discovery names.
async fn discovered(cluster: &Cluster) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut paths = vec!["/api/v1".to_owned()];
    for group in cluster.get("/apis").await.body["groups"].as_array().unwrap() {
        let versions = group["versions"].as_array().unwrap().iter();
        paths.extend(versions.map(|version| format!("/apis/{}", version["groupVersion"].as_str().unwrap())));
    }
    for path in paths {
        let list = cluster.get(&path).await.body;
        let (group, version) = match list["groupVersion"].as_str().unwrap().split_once('/') {
            Some((group, version)) => (group.to_owned(), version.to_owned()),
            None => (String::new(), "v1".to_owned()),
        };
        for resource in list["resources"].as_array().unwrap() {
            // Reviews are asked for, and not kept.
            let kept = resource["verbs"].as_array().unwrap().contains(&json!("list"));
            if kept {
                found.insert(format!("{group}/{version}/{}", resource["kind"].as_str().unwrap()));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_kind_is_described_and_every_reference_leads_somewhere() {
    let cluster = cluster().await;
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.sea.example"},
        "spec": {"group": "sea.example", "scope": "Namespaced", "names": {"kind": "Boat", "plural": "boats"},
            "versions": [
            {"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"sails": {"type": "integer"}}}}}}}]}});
    for later in [false, true] {
        if later {
            assert_eq!(
                cluster
                    .post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd.clone())
                    .await
                    .status,
                201
            );
        }
        let wanted = discovered(&cluster).await;
        assert_eq!(wanted.contains("sea.example/v1/Boat"), later);
        let mut described = BTreeSet::new();
        for (_, at) in cluster.get("/openapi/v3").await.body["paths"].as_object().unwrap() {
            let document = cluster.get(at["serverRelativeURL"].as_str().unwrap()).await.body;
            assert_eq!(document["openapi"], "3.0.0");
            described.extend(kinds(&document, "/components/schemas", "#/components/schemas/"));
        }
        assert_eq!(wanted.difference(&described).collect::<Vec<_>>(), Vec::<&String>::new());
        let second = cluster.get("/openapi/v2").await.body;
        let described = kinds(&second, "/definitions", "#/definitions/");
        assert_eq!(wanted.difference(&described).collect::<Vec<_>>(), Vec::<&String>::new());
        let accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
        let encoded = cluster.request("GET", "/openapi/v2").header("accept", accept).send().await.unwrap();
        assert_eq!(encoded.status(), 200);
        assert!(encoded.bytes().await.unwrap().len() > 100_000);
        println!("{} kinds are described in OpenAPI 3 and 2", wanted.len());
    }
}

#[tokio::test]
async fn the_sandbox_has_one_user() {
    let cluster = cluster().await;
    let answer = read(cluster.request("GET", "/api/v1/pods").header("impersonate-user", "alice")).await;
    let words = "users \"alice\" is forbidden: User \"kubernetes-admin\" cannot impersonate resource \
        \"users\" in API group \"\" at the cluster scope";
    assert_eq!((answer.status, &answer.body["message"]), (403, &json!(words)));
    let review = |attributes: Value| {
        json!({"apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}})
    };
    let ask = async |attributes: Value| {
        cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review(attributes)).await.body
            ["status"]["allowed"]
            .clone()
    };
    assert_eq!(ask(json!({"verb": "get", "resource": "secrets", "namespace": "istio-system"})).await, true);
    assert_eq!(ask(json!({"verb": "create", "resource": "pods", "subresource": "exec"})).await, false);
    let rules = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": "default"}});
    let rules = cluster.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", rules).await.body;
    assert_eq!(
        rules["status"]["resourceRules"],
        json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
    );
    let dry = cluster.send("DELETE", "/api/v1/namespaces/istio-system?dryRun=Some", "", None).await;
    assert_eq!(dry.status, 422, "{}", dry.body);
}
