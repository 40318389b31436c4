//! What requests mean beyond the plain ones: options, preconditions, versions, who waits for whom.

use apiserver::Store;
use serde_json::{Value, json};

use crate::harness::{Cluster, ROUTES, cluster, cluster_with, pod, routes};

const CONFIG: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"},
        "data": {"a": value}})
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let cluster = cluster().await;
    for (method, path, words) in [
        (
            "GET",
            "?resourceVersionMatch=Exact",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            "GET",
            "?resourceVersionMatch=Exact&resourceVersion=0",
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ),
        (
            "GET",
            "?resourceVersionMatch=Perhaps&resourceVersion=1",
            "Unsupported value: \"Perhaps\": supported values: \"Exact\", \"NotOlderThan\"",
        ),
        ("GET", "?sendInitialEvents=true", "sendInitialEvents is forbidden for list"),
        (
            "GET",
            "?watch=1&sendInitialEvents=true",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            "GET",
            "?watch=1&resourceVersionMatch=Exact",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (
            "DELETE",
            "/a?propagationPolicy=Sideways",
            "supported values: \"Background\", \"Foreground\", \"Orphan\"",
        ),
    ] {
        let answer = cluster.send(method, &format!("{CONFIG}{path}"), "", None).await;
        assert_eq!(
            (answer.status, &answer.body["reason"]),
            (422, &json!("Invalid")),
            "{path}: {}",
            answer.body
        );
        assert!(answer.body["message"].as_str().unwrap().contains(words), "{path}: {}", answer.body);
    }
    cluster.post(CONFIG, map("a", "1")).await;
    for (content_type, query, status, words) in [
        (
            "application/merge-patch+json",
            "?force=true",
            422,
            "force: Forbidden: may not be specified for non-apply patch",
        ),
        (
            "application/apply-patch+yaml",
            "",
            422,
            "fieldManager: Required value: is required for apply patch",
        ),
        ("application/merge-patch+json", "?dryRun=Some", 422, "dryRun: Unsupported value: \"Some\""),
        (
            "application/merge-patch+json",
            "?fieldValidation=Some",
            422,
            "fieldValidation: Unsupported value: \"Some\"",
        ),
        (
            "text/plain",
            "",
            415,
            "the body of the request was in an unknown format - accepted media types include",
        ),
    ] {
        let answer = cluster
            .send("PATCH", &format!("{CONFIG}/a{query}"), content_type, Some(json!({"data": {}})))
            .await;
        assert_eq!(answer.status, status, "{content_type} {query}: {}", answer.body);
        assert!(answer.body["message"].as_str().unwrap().contains(words), "{}", answer.body);
    }
    let form = cluster.send("POST", CONFIG, "application/x-www-form-urlencoded", Some(map("b", "1"))).await;
    assert_eq!((form.status, &form.body["reason"]), (415, &json!("UnsupportedMediaType")));
    let future = cluster.get(&format!("{CONFIG}?resourceVersion=999999")).await;
    assert_eq!(
        (future.status, &future.body["details"]["causes"][0]["reason"]),
        (504, &json!("ResourceVersionTooLarge"))
    );
}

#[tokio::test]
async fn versions_of_lists() {
    let cluster = cluster_with(Store::with_history(6)).await;
    let version = |answer: &Value| answer["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let values = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["data"]["a"].as_str().unwrap().to_owned())
            .collect()
    };
    cluster.post(CONFIG, map("a", "1")).await;
    cluster.post(CONFIG, map("b", "1")).await;
    let then = version(&cluster.get(CONFIG).await.body);
    cluster.send("PUT", &format!("{CONFIG}/a"), "application/json", Some(map("a", "2"))).await;
    cluster.send("DELETE", &format!("{CONFIG}/b"), "", None).await;
    cluster.post(CONFIG, map("c", "3")).await;
    assert_eq!(values(&cluster.get(CONFIG).await.body), ["2", "3"]);
    let exact =
        cluster.get(&format!("{CONFIG}?resourceVersion={then}&resourceVersionMatch=Exact")).await.body;
    assert_eq!(
        (values(&exact), version(&exact)),
        (vec!["1".to_owned(), "1".to_owned()], then.clone()),
        "as it was"
    );
    for newer in ["", "&resourceVersionMatch=NotOlderThan"] {
        assert_eq!(
            values(&cluster.get(&format!("{CONFIG}?resourceVersion={then}{newer}")).await.body),
            ["2", "3"]
        );
    }
    assert_eq!(values(&cluster.get(&format!("{CONFIG}?resourceVersion=0")).await.body), ["2", "3"]);
    let page = cluster.get(&format!("{CONFIG}?limit=1&resourceVersion={then}")).await.body;
    assert_eq!((values(&page), &page["metadata"]["remainingItemCount"]), (vec!["1".to_owned()], &json!(1)));
    let token = page["metadata"]["continue"].as_str().unwrap();
    assert_eq!(values(&cluster.get(&format!("{CONFIG}?limit=1&continue={token}")).await.body), ["1"]);
    assert_eq!(
        cluster.get(&format!("{CONFIG}?limit=1&continue={token}&resourceVersion={then}")).await.status,
        400
    );
    assert_eq!(cluster.get(&format!("{CONFIG}?limit=1&continue=nonsense")).await.status, 400);
    for number in 0..10 {
        cluster.post(CONFIG, map(&format!("d{number}"), "4")).await;
    }
    for old in
        [format!("resourceVersion={then}&resourceVersionMatch=Exact"), format!("limit=1&continue={token}")]
    {
        let gone = cluster.get(&format!("{CONFIG}?{old}")).await;
        assert_eq!((gone.status, &gone.body["reason"]), (410, &json!("Expired")), "{}", gone.body);
    }
}

#[tokio::test]
async fn who_waits_for_whom() {
    let cluster = cluster().await;
    let store = cluster.server.store();
    let set = store
        .create(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "set", "namespace": "default"}}))
        .unwrap();
    let mut held = pod("held");
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    held["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "name": "set",
        "uid": set["metadata"]["uid"], "blockOwnerDeletion": true}]);
    let mut free = pod("free");
    for pod in [&mut held, &mut free] {
        // On no node yet, so nothing has to end.
        pod["spec"].as_object_mut().unwrap().remove("nodeName");
    }
    free["metadata"]["ownerReferences"] = held["metadata"]["ownerReferences"].clone();
    store.create(held).unwrap();
    store.create(free).unwrap();
    let at = "/apis/apps/v1/namespaces/default/replicasets/set";
    let marked = cluster.send("DELETE", &format!("{at}?propagationPolicy=Foreground"), "", None).await;
    assert_eq!(
        (marked.status, &marked.body["metadata"]["finalizers"]),
        (200, &json!(["foregroundDeletion"])),
        "{}",
        marked.body
    );
    assert!(marked.body["metadata"]["deletionTimestamp"].is_string());
    assert!(store.get("Pod", "default", "free").is_none());
    assert!(store.get("Pod", "default", "held").unwrap()["metadata"]["deletionTimestamp"].is_string());
    let pod = "/api/v1/namespaces/default/pods/held";
    let freed = cluster
        .send("PATCH", pod, "application/merge-patch+json", Some(json!({"metadata": {"finalizers": null}})))
        .await;
    assert!(store.get("Pod", "default", "held").is_none(), "{}", freed.body);
    assert!(store.get("ReplicaSet", "default", "set").is_none(), "the owner goes when the last one has gone");
}

#[tokio::test]
async fn what_never_changes() {
    let cluster = cluster().await;
    cluster.post(ROUTES, routes("rec", 90, 10)).await;
    let at = format!("{ROUTES}/rec");
    let merge = async |path: &str, change: Value| {
        cluster.send("PATCH", path, "application/merge-patch+json", Some(change)).await
    };
    let renamed = merge(&at, json!({"metadata": {"name": "other"}})).await;
    assert_eq!(renamed.status, 422, "{}", renamed.body);
    assert!(
        renamed.body["message"]
            .as_str()
            .unwrap()
            .contains("metadata.name: Invalid value: \"other\": field is immutable")
    );
    let labelled = merge(&at, json!({"metadata": {"labels": {"a": "not good"}}})).await;
    assert!(
        labelled.body["message"]
            .as_str()
            .unwrap()
            .contains("metadata.labels: Invalid value: \"not good\": a valid label must be"),
        "{}",
        labelled.body
    );
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
        "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}});
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(cluster.post(deployments, deployment).await.status, 201);
    let moved = merge(
        &format!("{deployments}/web"),
        json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}}),
    )
    .await;
    assert!(
        moved.body["message"].as_str().unwrap().contains(
            "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable"
        ),
        "{}",
        moved.body
    );
    let mut frozen = map("frozen", "1");
    frozen["immutable"] = json!(true);
    cluster.post(CONFIG, frozen).await;
    let changed = merge(&format!("{CONFIG}/frozen"), json!({"data": {"a": "2"}})).await;
    assert!(
        changed.body["message"]
            .as_str()
            .unwrap()
            .contains("data: Forbidden: field is immutable when `immutable` is set"),
        "{}",
        changed.body
    );
    let stale = merge(&at, json!({"metadata": {"uid": "another"}})).await;
    assert_eq!((stale.status, &stale.body["reason"]), (409, &json!("Conflict")), "{}", stale.body);
}

async fn warnings(cluster: &Cluster, object: Value) -> Vec<String> {
    let answer = cluster.post(&format!("{ROUTES}?dryRun=All"), object).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.headers.get_all("warning").iter().map(|words| words.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_warned_of() {
    let cluster = cluster().await;
    assert!(warnings(&cluster, routes("a", 1, 1)).await.is_empty());
    let mut object = routes("a", 1, 1);
    object["spec"]["gateways"] = json!(["g.n.svc"]);
    let again = object["spec"]["http"][0].clone();
    object["spec"]["http"].as_array_mut().unwrap().push(again);
    object["spec"]["odd"] = json!(1);
    assert_eq!(
        warnings(&cluster, object).await,
        [
            "299 - \"unknown field \\\"spec.odd\\\"\"",
            "299 - \"using legacy gatewayName format \\\"g.n.svc\\\"; prefer the <namespace>/<name> format: \
                \\\"n/g\\\"\"",
            "299 - \"virtualService rule #1 not used (only the last rule can have no matches)\"",
        ]
    );
    assert_eq!(cluster.get(&format!("{ROUTES}/a")).await.status, 404, "nothing was stored");
}

#[tokio::test]
async fn owners_of_fields() {
    let cluster = cluster().await;
    let apply = async |manager: &str, path: &str, object: Value| {
        cluster
            .send(
                "PATCH",
                &format!("{path}?fieldManager={manager}"),
                "application/apply-patch+yaml",
                Some(object),
            )
            .await
    };
    let managers = |object: &Value| -> Vec<String> {
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        let shown = |entry: &Value| {
            format!(
                "{} {}{}",
                entry["manager"].as_str().unwrap(),
                entry["operation"].as_str().unwrap(),
                entry["subresource"].as_str().map(|sub| format!(" {sub}")).unwrap_or_default()
            )
        };
        entries.iter().map(shown).collect()
    };
    let at = format!("{ROUTES}/rec");
    let made = apply("one", &at, routes("rec", 90, 10)).await;
    // The status has managers of its own, and a write of the rest does not touch it.
    let status = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "rec"},
        "status": {"conditions": [{"type": "Reconciled", "status": "True"}]}});
    let said = apply("istiod", &format!("{at}/status"), status).await;
    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(managers(&said.body), ["istiod Apply status", "one Apply"]);
    assert_eq!((&said.body["spec"], &said.body["metadata"]["generation"]), (&made.body["spec"], &json!(1)));
    // Ownership goes over when one stops applying a field that the other applies, too.
    assert_eq!(apply("two", &at, routes("rec", 90, 10)).await.status, 200);
    let mut less = routes("rec", 90, 10);
    less["spec"].as_object_mut().unwrap().shift_remove("http");
    let handed = apply("one", &at, less).await;
    assert_eq!(
        handed.body["spec"]["http"],
        routes("rec", 90, 10)["spec"]["http"],
        "the other one still wants it"
    );
    assert_eq!(apply("two", &at, routes("rec", 50, 50)).await.status, 200, "and is alone with it now");
    // A manager that applies nothing any more lets go of all.
    let nothing = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "rec"}});
    let left = apply("one", &at, nothing).await;
    assert_eq!(managers(&left.body), ["istiod Apply status", "two Apply"]);
    // A dry run answers what would be, and stores nothing.
    let dry = cluster
        .send(
            "PATCH",
            &format!("{at}?fieldManager=two&dryRun=All"),
            "application/apply-patch+yaml",
            Some(routes("rec", 1, 2)),
        )
        .await;
    assert_eq!(dry.body["spec"]["http"][0]["route"][0]["weight"], 1);
    assert_eq!(cluster.get(&at).await.body["spec"]["http"][0]["route"][0]["weight"], 50);
    let lost = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "lost", "uid": "u"}});
    let lost = apply("one", &format!("{ROUTES}/lost"), lost).await;
    assert_eq!((lost.status, &lost.body["reason"]), (409, &json!("Conflict")), "{}", lost.body);
}

#[tokio::test]
async fn updates_say_what_they_replace() {
    let cluster = cluster().await;
    cluster.post(ROUTES, routes("rec", 90, 10)).await;
    let put = async |object: Value| {
        cluster.send("PUT", &format!("{ROUTES}/rec"), "application/json", Some(object)).await
    };
    let blind = put(routes("rec", 1, 2)).await;
    assert_eq!(
        (blind.status, &blind.body["message"]),
        (
            422,
            &json!(
                "VirtualService.networking.istio.io \"rec\" is invalid: metadata.resourceVersion: Invalid \
                    value: 0x0: must be specified for an update"
            )
        )
    );
    let mut seen = cluster.get(&format!("{ROUTES}/rec")).await.body;
    seen["spec"]["hosts"] = json!(["rec", "more"]);
    assert_eq!(put(seen).await.status, 200);
    // What stands in a body twice is warned of, or refused.
    let twice = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1", "a": "2"}}"#;
    let send = async |query: &str| {
        let request =
            cluster.request("POST", &format!("{CONFIG}{query}")).header("content-type", "application/json");
        crate::harness::read(request.body(twice)).await
    };
    let strict = send("?fieldValidation=Strict").await;
    assert_eq!(
        (strict.status, &strict.body["message"]),
        (400, &json!("strict decoding error: duplicate field \"data.a\""))
    );
    let warned = send("").await;
    assert_eq!(
        (warned.status, warned.headers["warning"].to_str().unwrap()),
        (201, "299 - \"duplicate field \\\"data.a\\\"\"")
    );
    assert_eq!(warned.body["data"]["a"], "2");
}
