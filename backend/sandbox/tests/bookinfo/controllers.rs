//! Controllers beside Deployments, and who takes in what was left behind.

use super::kubectl::{apply, said};
use super::{Shop, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const IMAGE: &str = "docker.io/istio/examples-bookinfo-ratings-v1:1.20.3";

fn workload(kind: &str, name: &str, more: &Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": IMAGE}]}}}});
    for (field, value) in more.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    object
}

async fn names(shop: &Shop, app: &str) -> Vec<String> {
    let pods =
        said(shop, &["get", "pod", "-l", &format!("app={app}"), "-o", "jsonpath={.items[*].metadata.name}"])
            .await;
    pods.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_controller_runs_its_pods_and_takes_in_orphans() {
    let shop = Shop::open().await;
    apply(&shop, &workload("StatefulSet", "db", &json!({"replicas": 2, "serviceName": "db"}))).await;
    apply(&shop, &workload("DaemonSet", "agent", &json!({}))).await;
    apply(&shop, &workload("Deployment", "web", &json!({"replicas": 2}))).await;
    for workload in ["sts/db", "ds/agent", "deploy/web"] {
        said(&shop, &["rollout", "status", workload, "--timeout=30s"]).await;
    }
    assert_eq!(names(&shop, "db").await, ["db-0", "db-1"]);
    assert_eq!(names(&shop, "agent").await.len(), 1);
    assert!(
        said(&shop, &["get", "ds", "agent"])
            .await
            .contains("agent   1         1         1       1            1")
    );

    let before = names(&shop, "web").await;
    said(&shop, &["delete", "deploy", "web", "--cascade=orphan"]).await;
    apply(&shop, &workload("Deployment", "web", &json!({"replicas": 2}))).await;
    said(&shop, &["rollout", "status", "deploy/web", "--timeout=30s"]).await;
    assert_eq!(names(&shop, "web").await, before, "the same pods, under the same set");
    let sets = said(&shop, &["get", "rs", "-l", "app=web", "-o", "name"]).await;
    assert_eq!(sets.lines().count(), 1, "{sets}");

    let set = sets.trim();
    said(&shop, &["delete", "deploy", "web", "--cascade=orphan"]).await;
    said(&shop, &["delete", set, "--cascade=orphan"]).await;
    apply(
        &shop,
        &workload(
            "ReplicaSet",
            "heir",
            &json!({"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": IMAGE}]}}}),
        ),
    )
    .await;
    eventually("two ready pods", SOON, || async {
        let ready = said(&shop, &["get", "rs", "heir", "-o", "jsonpath={.status.readyReplicas}"]).await;
        (ready == "2").then_some(())
    })
    .await;
    assert_eq!(names(&shop, "web").await, before, "taken in by another set");
    shop.sandbox.stop().await;
}
