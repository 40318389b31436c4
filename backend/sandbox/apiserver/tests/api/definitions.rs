//! CRDs are looked at before they are taken, and what was let in once can be changed elsewhere.

use serde_json::{Value, json};

use crate::harness::{ROUTES, cluster, routes};

#[tokio::test]
async fn definitions_of_kinds_are_looked_at() {
    let cluster = cluster().await;
    let crd = |name: &str, versions: Value| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": name},
               "spec": {"group": "sea.example", "scope": "Namespaced",
                   "names": {"kind": "Boat", "plural": "boats"}, "versions": versions}})
    };
    let version = |storage: bool, schema: Value| {
        json!([{"name": "v1", "served": true, "storage": storage,
        "schema": {"openAPIV3Schema": schema}}])
    };
    let object =
        json!({"type": "object", "properties": {"spec": {"x-kubernetes-preserve-unknown-fields": true}}});
    for (name, versions, words) in [
        (
            "ships.sea.example",
            version(true, object.clone()),
            "metadata.name: Invalid value: \"ships.sea.example\": must be spec.names.plural+\".\"+spec.group",
        ),
        (
            "boats.sea.example",
            version(false, object.clone()),
            "spec.versions: Invalid value: \"v1\": must have exactly one version marked as storage version",
        ),
        (
            "boats.sea.example",
            version(true, json!({"type": "object", "properties": {"spec": {"properties": {}}}})),
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].type: Required value: must not be \
                empty for specified object fields",
        ),
        (
            "boats.sea.example",
            json!([{"name": "v1", "served": true, "storage": true}]),
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
        ),
    ] {
        let answer = cluster
            .post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd(name, versions))
            .await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert!(answer.body["message"].as_str().unwrap().contains(words), "{}", answer.body);
    }
    let made = cluster
        .post(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            crd("boats.sea.example", version(true, object)),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
}

#[tokio::test]
async fn what_was_let_in_can_be_changed_elsewhere() {
    let cluster = cluster().await;
    let mut object = routes("rec", 90, 10);
    object["spec"]["http"][0]["timeout"] = json!("0.1ms");
    // Written in process, where nobody checks.
    cluster.server.store().create(object).unwrap();
    let at = format!("{ROUTES}/rec");
    let merge =
        async |change: Value| cluster.send("PATCH", &at, "application/merge-patch+json", Some(change)).await;
    let words = "duration must be greater than 1ms";
    let labelled = merge(json!({"metadata": {"labels": {"a": "1"}}})).await;
    // The schema forgives what is as it was; the webhook, which sees only what is, does not.
    assert_eq!(labelled.status, 400, "{}", labelled.body);
    assert!(labelled.body["message"].as_str().unwrap().contains(words), "{}", labelled.body);
    let worse = json!([{"op": "replace", "path": "/spec/http/0/timeout", "value": "0.2ms"}]);
    assert_eq!(cluster.json_patch(&at, worse).await.status, 422);
    let better = json!([{"op": "replace", "path": "/spec/http/0/timeout", "value": "1s"}]);
    assert_eq!(cluster.json_patch(&at, better).await.status, 200);
}

#[tokio::test]
async fn the_gateway_api_has_the_versions_of_its_release() {
    let cluster = cluster().await;
    let group = "gateway.networking.k8s.io";
    let grant = json!({"from": [{"group": group, "kind": "TCPRoute", "namespace": "a"}], "to": [{"group": "", "kind": "Service"}]});
    let route =
        json!({"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": "db", "port": 3306}]}]});
    for (kind, plural, versions, spec) in [
        ("ReferenceGrant", "referencegrants", ["v1", "v1beta1"], grant),
        ("TCPRoute", "tcproutes", ["v1", "v1alpha2"], route),
    ] {
        for version in versions {
            let path = format!("/apis/{group}/{version}/namespaces/default/{plural}");
            let object = json!({"apiVersion": format!("{group}/{version}"), "kind": kind,
                "metadata": {"name": format!("of-{version}")}, "spec": spec});
            let made = cluster.post(&path, object).await;
            assert_eq!(made.status, 201, "{kind} {version}: {}", made.body);
        }
        for version in versions {
            let list = cluster.get(&format!("/apis/{group}/{version}/namespaces/default/{plural}")).await;
            assert_eq!(list.body["items"].as_array().unwrap().len(), 2, "{kind} {version}");
            assert_eq!(list.body["items"][0]["apiVersion"], format!("{group}/{version}"));
        }
    }
}
