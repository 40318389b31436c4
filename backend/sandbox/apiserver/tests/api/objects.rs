//! Objects through their life: lists and pages, versions, subresources, owners, kinds that come and go.

use apiserver::{Store, WatchEvent};
use serde_json::{Value, json};

use crate::harness::{ROUTES, cluster, cluster_with, pod, read, routes};

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_show_one_moment() {
    let cluster = cluster().await;
    for name in ["a", "b", "c", "d", "e"] {
        cluster.server.store().create(pod(name)).unwrap();
    }
    let first = cluster.get("/api/v1/pods?limit=2").await.body;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(3)));
    // What happens between the pages does not show.
    cluster.end("d");
    cluster.server.store().create(pod("cc")).unwrap();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = cluster.get(&format!("/api/v1/pods?limit=2&continue={token}")).await.body;
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let last = cluster.get(&format!("/api/v1/pods?limit=2&continue={token}")).await.body;
    assert_eq!((names(&last), last["metadata"].get("continue")), (vec!["e"], None));
    cluster.server.store().compact();
    cluster.server.store().create(pod("f")).unwrap();
    let late = cluster.get(&format!("/api/v1/pods?limit=2&continue={token}")).await;
    assert_eq!((late.status, &late.body["reason"]), (410, &json!("Expired")));
    assert_eq!(
        names(
            &cluster.get("/api/v1/pods?labelSelector=app%3Dweb&fieldSelector=metadata.name%3Dcc").await.body
        ),
        ["cc"]
    );
    assert_eq!(cluster.get("/api/v1/pods?fieldSelector=spec.nonsense%3Dcc").await.status, 400);
}

#[tokio::test]
async fn all_versions_show_the_same_object() {
    let cluster = cluster().await;
    cluster.post(ROUTES, routes("rec", 90, 10)).await;
    for version in ["v1", "v1beta1", "v1alpha3"] {
        let object = cluster
            .get(&format!("/apis/networking.istio.io/{version}/namespaces/default/virtualservices/rec"))
            .await
            .body;
        assert_eq!(object["apiVersion"], format!("networking.istio.io/{version}"));
        assert_eq!(object["spec"], routes("rec", 90, 10)["spec"]);
    }
    let mut old = routes("old", 1, 1);
    old["apiVersion"] = json!("networking.istio.io/v1alpha3");
    let made =
        cluster.post("/apis/networking.istio.io/v1alpha3/namespaces/default/virtualservices", old).await;
    assert_eq!((made.status, &made.body["apiVersion"]), (201, &json!("networking.istio.io/v1alpha3")));
    assert_eq!(
        cluster.server.store().get("VirtualService", "default", "old").unwrap()["apiVersion"],
        "networking.istio.io/v1"
    );
}

#[tokio::test]
async fn status_and_spec_are_written_apart() {
    let cluster = cluster().await;
    cluster.server.store().create(pod("a")).unwrap();
    let at = "/api/v1/namespaces/default/pods/a";
    let answer = cluster
        .json_patch(
            at,
            json!([{"op": "replace", "path": "/status/phase", "value": "Failed"},
        {"op": "add", "path": "/metadata/labels/x", "value": "y"}]),
        )
        .await;
    assert_eq!(
        (answer.status, &answer.body["status"]["phase"], &answer.body["metadata"]["labels"]["x"]),
        (200, &json!("Running"), &json!("y"))
    );
    assert_eq!(answer.body["metadata"]["generation"], 1, "labels are no change of the spec");
    let answer = cluster
        .json_patch(
            &format!("{at}/status"),
            json!([{"op": "replace", "path": "/status/phase", "value": "Failed"},
            {"op": "add", "path": "/metadata/labels/x", "value": "z"}]),
        )
        .await;
    assert_eq!(
        (answer.status, &answer.body["status"]["phase"], &answer.body["metadata"]["labels"]["x"]),
        (200, &json!("Failed"), &json!("y"))
    );
    let version = &answer.body["metadata"]["resourceVersion"];
    let again =
        cluster.json_patch(at, json!([{"op": "replace", "path": "/metadata/labels/x", "value": "y"}])).await;
    assert_eq!(&again.body["metadata"]["resourceVersion"], version, "nothing changed");
}

#[tokio::test]
async fn what_is_owned_ends_with_its_owner() {
    let cluster = cluster().await;
    let store = cluster.server.store();
    let set = store
        .create(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "set", "namespace": "default"}}))
        .unwrap();
    let mut owned = pod("a");
    // On no node yet, so nothing has to end.
    owned["spec"]["nodeName"] = Value::Null;
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "name": "set", "uid": set["metadata"]["uid"]}]);
    store.create(owned.clone()).unwrap();
    let at = "/apis/apps/v1/namespaces/default/replicasets/set";
    let refused = cluster
        .send("DELETE", at, "application/json", Some(json!({"preconditions": {"uid": "another"}})))
        .await;
    assert_eq!((refused.status, &refused.body["reason"]), (409, &json!("Conflict")));
    assert_eq!(cluster.send("DELETE", &format!("{at}?dryRun=All"), "", None).await.status, 200);
    let gone = cluster.send("DELETE", at, "", None).await;
    assert_eq!(
        (gone.status, &gone.body["status"], &gone.body["details"]["kind"]),
        (200, &json!("Success"), &json!("replicasets"))
    );
    assert!(store.get("Pod", "default", "a").is_none());
    let set = store
        .create(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "set", "namespace": "default"}}))
        .unwrap();
    owned["metadata"]["ownerReferences"][0]["uid"] = set["metadata"]["uid"].clone();
    store.create(owned).unwrap();
    cluster.send("DELETE", &format!("{at}?propagationPolicy=Orphan"), "", None).await;
    assert_eq!(store.get("Pod", "default", "a").unwrap()["metadata"]["ownerReferences"], json!([]));
    let gone =
        cluster.send("DELETE", "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb", "", None).await;
    assert_eq!(names(&gone.body), ["a"]);
    assert!(store.list("Pod").is_empty());
}

#[tokio::test]
async fn finalizers_hold_things_back() {
    let cluster = cluster().await;
    let mut held = routes("held", 1, 1);
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    cluster.post(ROUTES, held).await;
    let at = format!("{ROUTES}/held");
    let marked = cluster.send("DELETE", &at, "", None).await;
    assert!(marked.body["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(cluster.get(&at).await.status, 200);
    cluster
        .send("PATCH", &at, "application/merge-patch+json", Some(json!({"metadata": {"finalizers": null}})))
        .await;
    assert_eq!(cluster.get(&at).await.status, 404);
}

#[tokio::test]
async fn new_kinds_come_and_go() {
    let cluster = cluster().await;
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.sea.example"},
        "spec": {"group": "sea.example", "scope": "Namespaced", "names": {"kind": "Boat", "plural": "boats"},
            "versions": [
            {"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "required": ["sails"],
                    "properties": {"sails": {"type": "integer", "maximum": 7}}}}}}}]}});
    let made = cluster.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["status"]["conditions"][1]["type"], "Established");
    let boats = "/apis/sea.example/v1/namespaces/default/boats";
    let boat = |sails: Value| {
        json!({"apiVersion": "sea.example/v1", "kind": "Boat",
        "metadata": {"generateName": "boat-"}, "spec": {"sails": sails, "gone": 1}})
    };
    let made = cluster.post(boats, boat(json!(3))).await;
    assert_eq!((made.status, &made.body["spec"]), (201, &json!({"sails": 3})));
    assert!(made.body["metadata"]["name"].as_str().unwrap().starts_with("boat-"));
    assert_eq!(cluster.post(boats, boat(json!(8))).await.status, 422);
    assert_eq!(cluster.post(boats, boat(Value::Null)).await.status, 422);
    let groups = cluster.get("/apis").await.body;
    assert!(groups["groups"].as_array().unwrap().iter().any(|group| group["name"] == "sea.example"));
    cluster
        .send("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.sea.example", "", None)
        .await;
    assert_eq!(cluster.get(boats).await.status, 404);
}

#[tokio::test]
async fn tables_and_metadata() {
    let cluster = cluster().await;
    cluster.server.store().create(pod("a")).unwrap();
    cluster.server.store().create(routes("rec", 1, 1)).unwrap();
    let table = read(
        cluster
            .request("GET", "/api/v1/pods")
            .header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1"),
    )
    .await
    .body;
    let headers: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(headers[..5], ["Name", "Ready", "Status", "Restarts", "Age"]);
    assert_eq!(
        table["rows"][0]["cells"].as_array().unwrap()[..4],
        [json!("a"), json!("1/1"), json!("Running"), json!("0")]
    );
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let table =
        read(cluster.request("GET", ROUTES).header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1"))
            .await
            .body;
    assert_eq!(
        table["rows"][0]["cells"].as_array().unwrap()[..3],
        [json!("rec"), Value::Null, json!("[\"rec\"]")]
    );
    let slim = read(
        cluster
            .request("GET", "/api/v1/pods")
            .header("accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
    )
    .await
    .body;
    assert_eq!((&slim["kind"], slim["items"][0].get("spec")), (&json!("PartialObjectMetadataList"), None));
}

#[tokio::test]
async fn writers_in_process_and_outside_see_each_other() {
    let store = Store::new();
    let there = store.snapshot().0.len();
    let mut follower = store.watch();
    assert!(matches!(follower.next().await, WatchEvent::Reset { objects, .. } if objects.len() == there));
    let cluster = cluster_with(store.clone()).await;
    cluster.post(ROUTES, routes("rec", 90, 10)).await;
    assert!(
        matches!(follower.next().await, WatchEvent::Added(object) if object["metadata"]["name"] == "rec")
    );
    store
        .modify("VirtualService", "default", "rec", |object| {
            object["status"] = json!({"observedGeneration": 1});
        })
        .unwrap()
        .unwrap();
    assert!(
        matches!(follower.next().await, WatchEvent::Modified(object) if object["metadata"]["generation"] == 1)
    );
    let before = store.revision();
    store.apply(routes("rec", 90, 10)).unwrap();
    assert_eq!(store.revision(), before, "the same again is no change");
    store.apply(routes("rec", 80, 20)).unwrap();
    assert!(matches!(follower.next().await,
            WatchEvent::Modified(object) if object["metadata"]["generation"] == 2 && object["status"]["observedGeneration"] == 1));
    store.delete("VirtualService", "default", "rec").unwrap();
    assert!(
        matches!(follower.next().await, WatchEvent::Deleted(object) if object["spec"]["hosts"][0] == "rec")
    );
    cluster.server.stop().await;
}

#[tokio::test]
async fn a_slow_follower_begins_anew() {
    let store = Store::with_history(4);
    let there = store.snapshot().0.len();
    let mut follower = store.watch();
    follower.next().await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        store.create(pod(name)).unwrap();
    }
    assert!(matches!(follower.next().await, WatchEvent::Reset { objects, .. } if objects.len() == there + 6));
}
