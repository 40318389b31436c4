//! What is refused in Kubernetes' own kinds, as its clients see it; the rules themselves have tables beside
//! them.

use serde_json::{Value, json};

use crate::harness::cluster;

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}})
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

#[tokio::test]
async fn a_workload_that_does_not_select_its_pods() {
    let cluster = cluster().await;
    let mut stray = deployment("web");
    stray["spec"]["template"]["metadata"]["labels"] = json!({"a": "c"});
    let refused = cluster.post(DEPLOYMENTS, stray).await;
    let words = "Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`";
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.body["message"],
        format!("Deployment.apps \"web\" is invalid: spec.template.metadata.labels: {words}")
    );
    let cause =
        json!({"reason": "FieldValueInvalid", "message": words, "field": "spec.template.metadata.labels"});
    let details = json!({"name": "web", "group": "apps", "kind": "Deployment", "causes": [cause]});
    assert_eq!(refused.body["details"], details);
    assert_eq!(cluster.post(DEPLOYMENTS, deployment("web")).await.status, 201);
    for (change, words) in [
        (
            json!({"spec": {"replicas": -1}}),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            json!({"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}}),
            "spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match \
                template `labels`",
        ),
    ] {
        let patched = cluster
            .send("PATCH", &format!("{DEPLOYMENTS}/web"), "application/merge-patch+json", Some(change))
            .await;
        assert_eq!(patched.status, 422);
        assert_eq!(patched.body["message"], format!("Deployment.apps \"web\" is invalid: {words}"));
    }
}

#[tokio::test]
async fn a_body_of_another_kind() {
    let cluster = cluster().await;
    for (kind, version) in
        [(json!("Pod"), json!("v1")), (json!("Pod"), Value::Null), (Value::Null, json!("v1"))]
    {
        let mut other = deployment("web");
        (other["kind"], other["apiVersion"]) = (kind, version);
        let refused = cluster.post(DEPLOYMENTS, other).await;
        assert_eq!(
            (refused.status, &refused.body["reason"]),
            (400, &json!("BadRequest")),
            "{}",
            refused.body
        );
        let words = "does not match the expected API version (apps/v1, Kind=Deployment)";
        assert!(refused.body["message"].as_str().unwrap().contains(words), "{}", refused.body);
    }
    cluster.post(DEPLOYMENTS, deployment("web")).await;
    let change = json!({"kind": "StatefulSet"});
    let patched = cluster
        .send("PATCH", &format!("{DEPLOYMENTS}/web"), "application/merge-patch+json", Some(change))
        .await;
    assert_eq!(patched.status, 400, "{}", patched.body);
}

#[tokio::test]
async fn names_ports_and_data() {
    let cluster = cluster().await;
    let service = |name: &str, node_port: i64| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": node_port}]}})
    };
    let services = "/api/v1/namespaces/default/services";
    assert_eq!(cluster.post(services, service("a", 30080)).await.status, 201);
    let taken = cluster.post(services, service("b", 30080)).await;
    let words = "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated";
    assert_eq!(taken.body["message"], format!("Service \"b\" is invalid: {words}"));
    let named = cluster.post(services, service("1a", 30081)).await;
    assert!(
        named.body["message"].as_str().unwrap().contains("a DNS-1035 label must consist of"),
        "{}",
        named.body
    );
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "YWJj!"}});
    let unread = cluster.post("/api/v1/namespaces/default/secrets", secret).await;
    assert_eq!(unread.status, 400);
    assert_eq!(
        unread.body["message"],
        "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 4"
    );
}
