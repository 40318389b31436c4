//! Server-side apply and who owns which field.

use serde_json::{Value, json};

use crate::harness::{Answer, Cluster, ROUTES, cluster, routes};

async fn apply(cluster: &Cluster, manager: &str, more: &str, object: Value) -> Answer {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    cluster
        .send(
            "PATCH",
            &format!("{ROUTES}/{name}?fieldManager={manager}{more}"),
            "application/apply-patch+yaml",
            Some(object),
        )
        .await
}

fn entry<'a>(object: &'a Value, manager: &str) -> &'a Value {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries.iter().find(|entry| entry["manager"] == manager).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn apply_makes_and_owns() {
    let cluster = cluster().await;
    let made = apply(&cluster, "one", "", routes("rec", 90, 10)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(entry(&made.body, "one")["fieldsV1"], json!({"f:spec": {"f:hosts": {}, "f:http": {}}}));
    assert_eq!(entry(&made.body, "one")["operation"], "Apply");
    let again = apply(&cluster, "one", "", routes("rec", 90, 10)).await;
    assert_eq!(
        (again.status, &again.body["metadata"]["resourceVersion"]),
        (200, &made.body["metadata"]["resourceVersion"])
    );
    // Agreeing is sharing.
    let shared = apply(&cluster, "two", "", routes("rec", 90, 10)).await;
    assert_eq!(entry(&shared.body, "two")["fieldsV1"], entry(&shared.body, "one")["fieldsV1"]);
    assert_eq!(shared.body["metadata"]["generation"], 1);
}

#[tokio::test]
async fn disagreeing_is_a_conflict_that_can_be_forced() {
    let cluster = cluster().await;
    apply(&cluster, "one", "", routes("rec", 90, 10)).await;
    apply(&cluster, "two", "", routes("rec", 90, 10)).await;
    let refused = apply(&cluster, "three", "", routes("rec", 50, 50)).await;
    assert_eq!((refused.status, &refused.body["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        refused.body["message"],
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.http\nconflicts with \"two\":\n- \
            .spec.http"
    );
    assert_eq!(
        refused.body["details"]["causes"][0],
        json!({"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".spec.http"})
    );
    let forced = apply(&cluster, "three", "&force=true", routes("rec", 50, 50)).await;
    assert_eq!(forced.body["spec"], routes("rec", 50, 50)["spec"]);
    assert_eq!(entry(&forced.body, "one")["fieldsV1"], json!({"f:spec": {"f:hosts": {}}}));
    assert_eq!(entry(&forced.body, "three")["fieldsV1"], json!({"f:spec": {"f:hosts": {}, "f:http": {}}}));
}

#[tokio::test]
async fn updates_take_over_what_they_change() {
    let cluster = cluster().await;
    apply(&cluster, "one", "", routes("rec", 90, 10)).await;
    let patch = json!([{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 80}]);
    let patched = cluster.json_patch(&format!("{ROUTES}/rec?fieldManager=kubectl-patch"), patch).await.body;
    assert_eq!(entry(&patched, "one")["fieldsV1"], json!({"f:spec": {"f:hosts": {}}}));
    assert_eq!(entry(&patched, "kubectl-patch")["fieldsV1"], json!({"f:spec": {"f:http": {}}}));
    let refused = apply(&cluster, "one", "", routes("rec", 90, 10)).await;
    assert_eq!(
        refused.body["message"],
        "Apply failed with 1 conflict: conflict with \"kubectl-patch\" using networking.istio.io/v1: \
            .spec.http"
    );
}

#[tokio::test]
async fn what_is_no_longer_applied_goes_away() {
    let cluster = cluster().await;
    let mut object = routes("rec", 90, 10);
    object["metadata"]["labels"] = json!({"a": "1", "b": "2"});
    object["spec"]["gateways"] = json!(["mesh"]);
    apply(&cluster, "one", "", object.clone()).await;
    apply(
        &cluster,
        "two",
        "",
        json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "rec", "labels": {"b": "2"}}}),
    )
    .await;
    object["metadata"]["labels"] = json!({"c": "3"});
    object["spec"].as_object_mut().unwrap().shift_remove("gateways");
    let after = apply(&cluster, "one", "", object).await.body;
    assert_eq!(after["metadata"]["labels"], json!({"b": "2", "c": "3"}), "b is still wanted by the other");
    assert_eq!(after["spec"].get("gateways"), None);
}

#[tokio::test]
async fn keyed_lists_are_owned_item_by_item() {
    let cluster = cluster().await;
    let service = |ports: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": ports}})
    };
    let at = |manager: &str| format!("/api/v1/namespaces/default/services/web?fieldManager={manager}");
    let send = async |manager: &str, ports: Value| {
        cluster.send("PATCH", &at(manager), "application/apply-patch+yaml", Some(service(ports))).await
    };
    let made = send("one", json!([{"name": "http", "port": 80}, {"name": "admin", "port": 90}])).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let both = send("two", json!([{"name": "grpc", "port": 70}])).await.body;
    assert_eq!(both["spec"]["ports"].as_array().unwrap().len(), 3);
    let less = send("one", json!([{"name": "http", "port": 80}])).await.body;
    let names: Vec<&str> =
        less["spec"]["ports"].as_array().unwrap().iter().map(|port| port["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["http", "grpc"]);
}

#[tokio::test]
async fn a_dry_run_owns_nothing() {
    let cluster = cluster().await;
    let made = apply(&cluster, "one", "&dryRun=All", routes("rec", 90, 10)).await;
    assert_eq!(made.status, 201);
    assert_eq!(cluster.get(&format!("{ROUTES}/rec")).await.status, 404);
    let unnamed = cluster
        .send("PATCH", &format!("{ROUTES}/rec"), "application/apply-patch+yaml", Some(routes("rec", 1, 1)))
        .await;
    assert_eq!(unnamed.status, 422);
}
