//! kube-rs as the app uses it: discovery, watching with streaming lists, patches, logs, port-forward.

use futures::{AsyncBufReadExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Discovery,
    api::{DynamicObject, ListParams, LogParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    runtime::watcher,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{cluster, pod, routes};

#[tokio::test]
async fn discovery_old_and_new() {
    let cluster = cluster().await;
    let client = cluster.client().await;
    for discovery in [
        Discovery::new(client.clone()).run().await.unwrap(),
        Discovery::new(client.clone()).run_aggregated().await.unwrap(),
    ] {
        let (resource, capabilities) = discovery
            .resolve_gvk(&GroupVersionKind::gvk("networking.istio.io", "v1", "VirtualService"))
            .unwrap();
        assert_eq!(
            (resource.plural.as_str(), capabilities.supports_operation("watch")),
            ("virtualservices", true)
        );
        assert!(discovery.has_group("security.istio.io"));
    }
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.36.2");
}

#[tokio::test]
async fn a_watcher_follows() {
    let cluster = cluster().await;
    let client = cluster.client().await;
    let api: Api<Pod> = Api::all(client);
    cluster.server.store().create(pod("a")).unwrap();
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut events = watcher(api.clone(), config).boxed();
        let mut seen = Vec::new();
        while seen.last() != Some(&"done".to_owned()) {
            match events.next().await.unwrap().unwrap() {
                watcher::Event::Init => {}
                watcher::Event::InitApply(pod) => seen.push(pod.metadata.name.unwrap()),
                watcher::Event::InitDone => seen.push("done".into()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, ["a", "done"]);
        // A watch that is dropped is taken up again where it was.
        cluster.server.faults().drop_watches();
        cluster.server.store().create(pod("b")).unwrap();
        loop {
            match events.next().await.unwrap() {
                Ok(watcher::Event::Apply(pod)) if pod.metadata.name.as_deref() == Some("b") => break,
                Ok(watcher::Event::InitApply(pod)) if pod.metadata.name.as_deref() == Some("b") => break,
                Ok(_) | Err(_) => {}
            }
        }
        cluster.end("b");
    }
}

#[tokio::test]
async fn writes() {
    let cluster = cluster().await;
    let client = cluster.client().await;
    let discovery = Discovery::new(client.clone()).run_aggregated().await.unwrap();
    let (resource, _) =
        discovery.resolve_gvk(&GroupVersionKind::gvk("networking.istio.io", "v1", "VirtualService")).unwrap();
    let api: Api<DynamicObject> = Api::namespaced_with(client, "default", &resource);
    let object: DynamicObject = serde_json::from_value(routes("rec", 90, 10)).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
    let patch: json_patch::Patch = serde_json::from_value(json!([
        {"op": "test", "path": "/spec/http/0/route/0/weight", "value": 90},
        {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 75},
    ]))
    .unwrap();
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    let shown = api.patch("rec", &dry, &Patch::Json::<()>(patch.clone())).await.unwrap();
    assert_eq!(shown.data["spec"]["http"][0]["route"][0]["weight"], 75);
    let done = api.patch("rec", &PatchParams::default(), &Patch::Json::<()>(patch.clone())).await.unwrap();
    assert_eq!(
        (done.metadata.generation, &done.data["spec"]["http"][0]["route"][0]["weight"]),
        (Some(2), &json!(75))
    );
    match api.patch("rec", &PatchParams::default(), &Patch::Json::<()>(patch)).await.unwrap_err() {
        kube::Error::Api(status) => assert_eq!((status.code, status.reason.as_str()), (422, "Invalid")),
        other => panic!("{other}"),
    }
    let apply = PatchParams::apply("binnacle").force().validation_strict();
    api.patch("rec", &apply, &Patch::Apply(routes("rec", 60, 40))).await.unwrap();
    let list = api.list(&ListParams::default().limit(1)).await.unwrap();
    assert_eq!(list.items[0].data["spec"]["http"][0]["route"][0]["weight"], 60);
    api.delete("rec", &kube::api::DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn ports_are_forwarded() {
    let cluster = cluster().await;
    cluster.server.store().create(pod("a")).unwrap();
    let api: Api<Pod> = Api::namespaced(cluster.client().await, "default");
    let mut forward = api.portforward("a", &[80, 81]).await.unwrap();
    let mut stream = forward.take_stream(80).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = vec![0; crate::harness::GREETING.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, crate::harness::GREETING.as_bytes());
    let error = forward.take_error(81).unwrap().await.unwrap();
    assert!(error.contains("error forwarding port 81 to pod a"), "{error}");
}

#[tokio::test]
async fn many_large_streams_share_a_tunnel() {
    let cluster = cluster().await;
    cluster.server.store().create(pod("a")).unwrap();
    let api: Api<Pod> = Api::namespaced(cluster.client().await, "default");
    let answers = futures::future::join_all((0..20).map(|_| async {
        let mut forward = api.portforward("a", &[80]).await.unwrap();
        let mut stream = forward.take_stream(80).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }))
    .await;
    assert!(answers.iter().all(|answer| answer == crate::harness::GREETING));
}

#[tokio::test]
async fn logs_are_tailed_and_followed() {
    let cluster = cluster().await;
    cluster.server.store().create(pod("a")).unwrap();
    let api: Api<Pod> = Api::namespaced(cluster.client().await, "default");
    for line in ["one", "two", "three"] {
        cluster.log.push(line);
    }
    assert_eq!(api.logs("a", &LogParams::default()).await.unwrap(), "one\ntwo\nthree\n");
    let two = LogParams { tail_lines: Some(2), limit_bytes: Some(6), ..LogParams::default() };
    assert_eq!(api.logs("a", &two).await.unwrap(), "two\nth");
    let stamped = api
        .logs("a", &LogParams { timestamps: true, tail_lines: Some(1), ..LogParams::default() })
        .await
        .unwrap();
    let (time, text) = stamped.split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok() && text == "three\n", "{stamped}");
    let follow = LogParams {
        follow: true,
        tail_lines: Some(1),
        container: Some("web".into()),
        ..LogParams::default()
    };
    let mut lines = api.log_stream("a", &follow).await.unwrap().lines();
    assert_eq!(lines.next().await.unwrap().unwrap(), "three");
    cluster.log.push("four");
    assert_eq!(lines.next().await.unwrap().unwrap(), "four");
    let previous = api.logs("a", &LogParams { previous: true, ..LogParams::default() }).await.unwrap_err();
    assert!(previous.to_string().contains("previous terminated container"), "{previous}");
    let unknown =
        api.logs("a", &LogParams { container: Some("db".into()), ..LogParams::default() }).await.unwrap_err();
    assert!(unknown.to_string().contains("container db is not valid for pod a"), "{unknown}");
}

#[tokio::test]
async fn the_proxy_reaches_pods_and_services() {
    let cluster = cluster().await;
    cluster.server.store().create(pod("a")).unwrap();
    let service: Value = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
                                "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8080,
                                    "targetPort": "http"}]}});
    cluster.server.store().create(service).unwrap();
    for path in ["pods/a:80", "pods/a", "services/web:8080", "services/web:http", "services/web"] {
        let answer = cluster.get(&format!("/api/v1/namespaces/default/{path}/proxy/anything?x=1")).await;
        assert_eq!((answer.status, &answer.body), (200, &json!("hello\n")), "{path}");
    }
    assert_eq!(cluster.get("/api/v1/namespaces/default/services/web:9/proxy/").await.status, 503);
    assert_eq!(cluster.get("/api/v1/namespaces/default/pods/a:81/proxy/").await.status, 503);
}
