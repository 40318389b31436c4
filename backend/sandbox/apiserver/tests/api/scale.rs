//! The `scale` subresource: a write of one field, by somebody.

use serde_json::{Value, json};

use crate::harness::{Answer, Cluster, cluster};

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

async fn apply(cluster: &Cluster, replicas: i64) -> Answer {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}});
    cluster
        .send("PATCH", &format!("{WEB}?fieldManager=me"), "application/apply-patch+yaml", Some(object))
        .await
}

async fn scale(cluster: &Cluster, path: &str, replicas: Value) -> Answer {
    let change = json!({"spec": {"replicas": replicas}});
    let path = format!("{path}/scale?fieldManager=kubectl");
    cluster.send("PATCH", &path, "application/merge-patch+json", Some(change)).await
}

#[tokio::test]
async fn who_scales_owns_the_replicas() {
    let cluster = cluster().await;
    assert_eq!(apply(&cluster, 1).await.status, 201);
    let scaled = scale(&cluster, WEB, json!(2)).await;
    assert_eq!((scaled.status, &scaled.body["spec"]["replicas"]), (200, &json!(2)), "{}", scaled.body);
    assert_eq!(scaled.body["status"], json!({"replicas": 0, "selector": "app=web"}));
    let entries = cluster.get(WEB).await.body["metadata"]["managedFields"].clone();
    let entry = entries.as_array().unwrap().iter().find(|entry| entry["manager"] == "kubectl").unwrap();
    assert_eq!((&entry["operation"], &entry["subresource"]), (&json!("Update"), &json!("scale")));
    assert_eq!(entry["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    let refused = apply(&cluster, 1).await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.body["message"],
        "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: \
            .spec.replicas"
    );
    let version = cluster.get(WEB).await.body["metadata"]["resourceVersion"].clone();
    scale(&cluster, WEB, json!(2)).await;
    assert_eq!(
        cluster.get(WEB).await.body["metadata"]["resourceVersion"],
        version,
        "the same again is no change"
    );
    let less = scale(&cluster, WEB, json!(-1)).await;
    assert_eq!(
        less.body["message"],
        "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or \
            equal to 0"
    );
    let words = scale(&cluster, WEB, json!("two")).await;
    assert_eq!(words.status, 400, "{}", words.body);
}

#[tokio::test]
async fn a_defined_kind_says_where_its_numbers_are() {
    let cluster = cluster().await;
    let count = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "fleets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "fleets", "kind": "Fleet"}, "versions": [{
            "name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": count, "status": count}}},
            "subresources": {"scale": {"specReplicasPath": ".spec.size.wanted",
                "statusReplicasPath": ".status.ships", "labelSelectorPath": ".status.selector"}}}]}});
    assert_eq!(
        cluster.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd).await.status,
        201
    );
    let fleets = "/apis/example.com/v1/namespaces/default/fleets";
    let fleet = json!({"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "a"},
        "spec": {"size": {"wanted": 3}}, "status": {"ships": 2, "selector": "app=a"}});
    assert_eq!(cluster.post(fleets, fleet).await.status, 201);
    let at = format!("{fleets}/a");
    let seen = cluster.get(&format!("{at}/scale")).await.body;
    assert_eq!(
        (&seen["spec"], &seen["status"]),
        (&json!({"replicas": 3}), &json!({"replicas": 2, "selector": "app=a"}))
    );
    assert_eq!(scale(&cluster, &at, json!(5)).await.body["spec"]["replicas"], 5);
    assert_eq!(cluster.get(&at).await.body["spec"], json!({"size": {"wanted": 5}}));
    cluster
        .post(
            fleets,
            json!({"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "b"}, "spec": {}}),
        )
        .await;
    let unsaid = cluster.get(&format!("{fleets}/b/scale")).await;
    assert_eq!(
        (unsaid.status, &unsaid.body["message"]),
        (
            500,
            &json!("Internal error occurred: the spec replicas field \".spec.size.wanted\" does not exist")
        )
    );
}
