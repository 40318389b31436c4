//! Watches, line by line.

use apiserver::Store;
use serde_json::{Value, json};

use crate::harness::{Cluster, ROUTES, cluster, cluster_with, pod, routes};

/// A watch that is read event by event.
pub(crate) struct Lines {
    response: reqwest::Response,
    buffer: Vec<u8>,
}

impl Lines {
    pub(crate) async fn open(cluster: &Cluster, path: &str) -> Self {
        let response = cluster.request("GET", path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, buffer: Vec::new() }
    }

    /// The next event as its type and its object; nothing when the watch is over.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).unwrap();
                return Some((event["type"].as_str().unwrap().to_owned(), event["object"].clone()));
            }
            self.buffer.extend_from_slice(&self.response.chunk().await.ok()??);
        }
    }

    #[track_caller]
    fn names(event: Option<(String, Value)>) -> String {
        let (kind, object) = event.expect("an event");
        format!("{kind} {}", object["metadata"]["name"].as_str().unwrap_or_default())
    }

    async fn name(&mut self) -> String {
        Self::names(self.next().await)
    }
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let cluster = cluster().await;
    for name in ["a", "b"] {
        cluster.server.store().create(pod(name)).unwrap();
    }
    let mut lines = Lines::open(
        &cluster,
        "/api/v1/pods?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan",
    )
    .await;
    assert_eq!((lines.name().await, lines.name().await), ("ADDED a".into(), "ADDED b".into()));
    let (kind, bookmark) = lines.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), &bookmark["metadata"]["annotations"]["k8s.io/initial-events-end"]),
        ("BOOKMARK", &json!("true"))
    );
    assert_eq!(bookmark["metadata"]["resourceVersion"], cluster.server.store().revision().to_string());
    cluster.end("a");
    assert_eq!(lines.name().await, "DELETED a");
}

#[tokio::test]
async fn selectors_and_namespaces() {
    let cluster = cluster().await;
    let from = cluster.server.store().revision();
    let mut lines = Lines::open(
        &cluster,
        &format!("/api/v1/namespaces/default/pods?watch=1&labelSelector=app%3Dweb&resourceVersion={from}"),
    )
    .await;
    let store = cluster.server.store();
    let mut elsewhere = pod("elsewhere");
    elsewhere["metadata"]["namespace"] = json!("kube-system");
    store.create(elsewhere).unwrap();
    store.create(pod("a")).unwrap();
    store.modify("Pod", "default", "a", |pod| pod["status"]["phase"] = json!("Failed")).unwrap();
    store.modify("Pod", "default", "a", |pod| pod["metadata"]["labels"]["app"] = json!("other")).unwrap();
    store.modify("Pod", "default", "a", |pod| pod["status"]["phase"] = json!("Running")).unwrap();
    store.modify("Pod", "default", "a", |pod| pod["metadata"]["labels"]["app"] = json!("web")).unwrap();
    for expect in ["ADDED a", "MODIFIED a", "DELETED a", "ADDED a"] {
        assert_eq!(lines.name().await, expect);
    }
}

#[tokio::test]
async fn too_old_is_said_inside_the_watch() {
    let cluster = cluster_with(Store::with_history(3)).await;
    for name in ["a", "b", "c", "d", "e"] {
        cluster.server.store().create(pod(name)).unwrap();
    }
    let mut lines = Lines::open(&cluster, "/api/v1/pods?watch=1&resourceVersion=1").await;
    let (kind, status) = lines.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), &status["code"], &status["reason"]),
        ("ERROR", &json!(410), &json!("Expired"))
    );
    assert!(status["message"].as_str().unwrap().starts_with("too old resource version: 1 ("));
    assert!(lines.next().await.is_none());
}

#[tokio::test]
async fn a_watch_ends_when_asked_to_and_when_dropped() {
    let cluster = cluster().await;
    let mut short =
        Lines::open(&cluster, "/api/v1/pods?watch=1&timeoutSeconds=1&allowWatchBookmarks=true").await;
    assert_eq!(short.name().await, "BOOKMARK ");
    assert!(short.next().await.is_none());
    let mut long = Lines::open(&cluster, "/api/v1/pods?watch=1").await;
    cluster.server.store().create(pod("a")).unwrap();
    assert_eq!(long.name().await, "ADDED a");
    cluster.server.faults().drop_watches();
    assert!(long.next().await.is_none());
}

#[tokio::test]
async fn forms_and_versions_of_events() {
    let cluster = cluster().await;
    cluster.server.store().create(routes("rec", 1, 1)).unwrap();
    let mut old = Lines::open(&cluster, &format!("{}?watch=1", ROUTES.replace("/v1/", "/v1beta1/"))).await;
    assert_eq!(old.next().await.unwrap().1["apiVersion"], "networking.istio.io/v1beta1");
    let response = cluster
        .request("GET", &format!("{ROUTES}?watch=1"))
        .header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1")
        .send()
        .await
        .unwrap();
    let mut table = Lines { response, buffer: Vec::new() };
    let (_, row) = table.next().await.unwrap();
    assert_eq!((&row["kind"], &row["rows"][0]["cells"][0]), (&json!("Table"), &json!("rec")));
    assert!(row["columnDefinitions"].is_array());
    cluster.server.store().delete("VirtualService", "default", "rec").unwrap();
    assert!(table.next().await.unwrap().1["columnDefinitions"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_changes_arrive_in_order_everywhere() {
    let cluster = cluster().await;
    cluster.server.store().create(pod("a")).unwrap();
    let mut watches = Vec::new();
    for _ in 0..20 {
        let mut lines = Lines::open(&cluster, "/api/v1/pods?watch=1").await;
        assert_eq!(lines.name().await, "ADDED a");
        watches.push(lines);
    }
    for number in 0..1000 {
        cluster
            .server
            .store()
            .modify("Pod", "default", "a", |pod| pod["metadata"]["labels"]["n"] = json!(number.to_string()))
            .unwrap();
    }
    futures::future::join_all(watches.into_iter().map(|mut lines| async move {
        for number in 0..1000 {
            let (_, object) = lines.next().await.unwrap();
            assert_eq!(object["metadata"]["labels"]["n"], number.to_string());
        }
    }))
    .await;
}

#[tokio::test]
async fn stopping_ends_what_is_open() {
    let cluster = cluster().await;
    let mut lines = Lines::open(&cluster, "/api/v1/namespaces?watch=1").await;
    assert_eq!(lines.name().await, "ADDED default");
    cluster.server.stop().await;
    while lines.next().await.is_some() {}
}
