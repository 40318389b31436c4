//! How things go: pods that take their time, and what else waits for them.

use apiserver::{Store, WatchEvent};
use serde_json::{Value, json};

use crate::harness::{cluster, pod};

const PODS: &str = "/api/v1/namespaces/default/pods";

fn grace(object: &Value) -> (bool, &Value) {
    (object["metadata"]["deletionTimestamp"].is_string(), &object["metadata"]["deletionGracePeriodSeconds"])
}

#[tokio::test]
async fn a_running_pod_is_marked_and_goes_when_it_has_ended() {
    let cluster = cluster().await;
    let store = cluster.server.store();
    let uid = store.create(pod("a")).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    let mut news = store.watch();
    news.next().await;

    let marked = cluster.send("DELETE", &format!("{PODS}/a"), "", None).await;
    assert_eq!((marked.status, grace(&marked.body)), (200, (true, &json!(30))), "{}", marked.body);
    assert_eq!(marked.body["metadata"]["generation"], 2);
    assert!(
        matches!(news.next().await, WatchEvent::Modified(object) if grace(&object) == (true, &json!(30)))
    );
    let revision = store.revision();
    cluster.send("DELETE", &format!("{PODS}/a?gracePeriodSeconds=60"), "", None).await;
    cluster.send("DELETE", &format!("{PODS}/a"), "", None).await;
    assert_eq!(store.revision(), revision, "longer, or the same again, changes nothing");

    // Whoever writes to it does not end it.
    let label = json!({"metadata": {"labels": {"x": "y"}}});
    cluster.send("PATCH", &format!("{PODS}/a"), "application/merge-patch+json", Some(label)).await;
    news.next().await;

    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 5});
    let sooner = cluster.send("DELETE", &format!("{PODS}/a"), "application/json", Some(options)).await;
    assert_eq!(grace(&sooner.body), (true, &json!(5)));
    let until = |object: &Value| {
        object["metadata"]["deletionTimestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    assert_eq!(until(&marked.body).duration_since(until(&sooner.body)).as_secs(), 25);
    news.next().await;

    assert!(!store.ended("default", "a", "of another").unwrap());
    assert!(store.ended("default", "a", &uid).unwrap());
    assert!(matches!(news.next().await, WatchEvent::Modified(object) if grace(&object) == (true, &json!(0))));
    assert!(matches!(news.next().await, WatchEvent::Deleted(object) if grace(&object) == (true, &json!(0))));
}

#[tokio::test]
async fn what_does_not_run_goes_at_once() {
    let cluster = cluster().await;
    let store = cluster.server.store();
    let mut waiting = pod("waiting");
    waiting["spec"]["nodeName"] = Value::Null;
    let mut done = pod("done");
    done["status"]["phase"] = json!("Succeeded");
    for (pod, how) in [(waiting, ""), (done, ""), (pod("forced"), "?gracePeriodSeconds=0")] {
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        store.create(pod).unwrap();
        let gone = cluster.send("DELETE", &format!("{PODS}/{name}{how}"), "", None).await;
        assert_eq!((gone.status, gone.body["kind"].as_str()), (200, Some("Pod")), "{}", gone.body);
        assert!(store.get("Pod", "default", &name).is_none(), "{name}");
    }
    store.create(pod("own")).unwrap();
    let own = cluster.send("DELETE", &format!("{PODS}/own?gracePeriodSeconds=-7"), "", None).await;
    assert_eq!(grace(&own.body), (true, &json!(1)));
    cluster.send("DELETE", &format!("{PODS}?gracePeriodSeconds=0"), "", None).await;
    assert!(store.list("Pod").is_empty());
}

#[tokio::test]
async fn an_evicted_pod_goes_as_a_deleted_one_does() {
    let cluster = cluster().await;
    let store = cluster.server.store();
    store.create(pod("a")).unwrap();
    let eviction = |options: Value| {
        json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": "a"}, "deleteOptions": options})
    };
    let dry = cluster.post(&format!("{PODS}/a/eviction"), eviction(json!({"dryRun": ["All"]}))).await;
    assert_eq!((dry.status, grace(&store.get("Pod", "default", "a").unwrap()).0), (201, false));
    let done = cluster.post(&format!("{PODS}/a/eviction"), eviction(json!({"gracePeriodSeconds": 5}))).await;
    assert_eq!((done.status, &done.body["status"]), (201, &json!("Success")));
    assert_eq!(grace(&store.get("Pod", "default", "a").unwrap()), (true, &json!(5)));
    let nobody = cluster.post(&format!("{PODS}/nobody/eviction"), eviction(Value::Null)).await;
    assert_eq!(nobody.status, 404);
}

#[tokio::test]
async fn an_owner_gone_marks_its_pods_and_a_foreground_owner_waits_for_them() {
    for (policy, stays) in [("Background", false), ("Foreground", true)] {
        let cluster = cluster().await;
        let store = cluster.server.store();
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "set", "namespace": "default"}});
        let set = store.create(set).unwrap();
        let mut owned = pod("a");
        owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "name": "set",
            "uid": set["metadata"]["uid"], "blockOwnerDeletion": true}]);
        let uid = store.create(owned).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
        let at = format!("/apis/apps/v1/namespaces/default/replicasets/set?propagationPolicy={policy}");
        cluster.send("DELETE", &at, "", None).await;
        assert_eq!(grace(&store.get("Pod", "default", "a").unwrap()), (true, &json!(30)));
        assert_eq!(store.get("ReplicaSet", "default", "set").is_some(), stays, "{policy}");
        store.ended("default", "a", &uid).unwrap();
        assert_eq!(store.list("Pod").len() + store.list("ReplicaSet").len(), 0, "{policy}");
    }
}

#[tokio::test]
async fn a_namespace_goes_with_the_last_thing_in_it() {
    let cluster = cluster().await;
    let store: &Store = cluster.server.store();
    store.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).unwrap();
    let there = |name: &str| {
        let mut object = pod(name);
        object["metadata"]["namespace"] = json!("shop");
        object
    };
    let uid = store.create(there("a")).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    let marked = cluster.send("DELETE", "/api/v1/namespaces/shop", "", None).await;
    assert_eq!(
        (marked.status, &marked.body["status"]["phase"]),
        (200, &json!("Terminating")),
        "{}",
        marked.body
    );
    assert_eq!(grace(&store.get("Pod", "shop", "a").unwrap()), (true, &json!(30)));
    let late = cluster.post("/api/v1/namespaces/shop/pods", there("b")).await;
    assert_eq!(
        (late.status, &late.body["details"]["causes"][0]["reason"]),
        (403, &json!("NamespaceTerminating"))
    );
    store.ended("shop", "a", &uid).unwrap();
    assert!(store.get("Namespace", "", "shop").is_none());
    let again = cluster.post("/api/v1/namespaces", json!({"metadata": {"name": "shop"}})).await;
    assert_eq!(again.status, 201, "{}", again.body);
}
