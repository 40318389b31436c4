//! Many objects, many changes, slow clients.

use std::time::{Duration, Instant};

use apiserver::Store;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, runtime::watcher};
use serde_json::{Value, json};

use crate::harness::{Cluster, ROUTES, cluster, cluster_with, pod, routes};
use crate::watches::Lines;

const CHANGES: usize = 5_000;
const WATCHERS: usize = 8;

fn settings(name: &str, number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"},
           "data": {"number": number.to_string()}})
}

/// Changes one of a thousand objects again and again, a thousand times a second as far as the machine allows.
async fn change(store: Store, from: usize) -> f64 {
    let begun = Instant::now();
    for number in from..from + CHANGES {
        store.apply(settings(&format!("c{}", number % 1000), number)).unwrap();
        if number % 10 == 9 {
            // Ten more each ten milliseconds.
            let due = begun + Duration::from_millis(u64::try_from(number + 1 - from).unwrap());
            tokio::time::sleep_until(due.into()).await;
        }
    }
    f64::from(u32::try_from(CHANGES).unwrap()) / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_survive_a_thousand_changes_a_second() {
    let cluster = cluster_with(Store::with_history(20_000)).await;
    let store = cluster.server.store().clone();
    let from = store.revision();
    let mut watches = Vec::new();
    for _ in 0..WATCHERS {
        watches
            .push(Lines::open(&cluster, &format!("/api/v1/configmaps?watch=1&resourceVersion={from}")).await);
    }
    let writer = tokio::spawn(change(store.clone(), 0));
    let seen = futures::future::join_all(watches.into_iter().map(|mut lines| async move {
        let mut last = from;
        for number in 0..CHANGES {
            let (kind, object) = lines.next().await.expect("an event");
            let version: u64 = object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
            assert!(version > last, "{version} came after {last}");
            last = version;
            assert_eq!(
                (kind.as_str(), &object["data"]["number"]),
                (if number < 1000 { "ADDED" } else { "MODIFIED" }, &json!(number.to_string()))
            );
        }
        CHANGES
    }))
    .await;
    let rate = writer.await.unwrap();
    assert_eq!(seen, vec![CHANGES; WATCHERS]);
    println!(
        "{WATCHERS} watchers saw {CHANGES} changes each, in order and none lost, at {rate:.0} changes a \
            second"
    );
}

/// The resident memory of this process in MiB, where the system tells.
fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).map_or(0, |pages| pages * 4 / 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_falls_behind_gets_410_and_no_memory() {
    const HISTORY: usize = 200;
    const SIZE: usize = 20_000;
    let cluster = cluster_with(Store::with_history(HISTORY)).await;
    let store = cluster.server.store().clone();
    let from = store.revision();
    let mut slow = Lines::open(&cluster, &format!("/api/v1/configmaps?watch=1&resourceVersion={from}")).await;
    store.apply(settings("one", 0)).unwrap();
    assert_eq!(slow.next().await.unwrap().0, "ADDED");
    let before = memory();
    let filler = "x".repeat(SIZE);
    let mut written = 1;
    let most = 20_000;
    while written < most {
        let mut object = settings("one", written);
        object["data"]["filler"] = json!(filler);
        store.apply(object).unwrap();
        written += 1;
        if written % 50 == 0 {
            // The server may send as fast as it likes; nobody reads.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let after = memory();
    let mut seen = 1;
    let refusal = loop {
        let (kind, object) = slow.next().await.expect("an event, or the error");
        if kind == "ERROR" {
            break object;
        }
        assert_eq!(object["data"]["number"], seen.to_string(), "no gap before the end");
        seen += 1;
    };
    assert_eq!(
        (&refusal["code"], &refusal["reason"], &refusal["status"]),
        (&json!(410), &json!("Expired"), &json!("Failure"))
    );
    assert!(refusal["message"].as_str().unwrap().starts_with("too old resource version: "), "{refusal}");
    assert!(slow.next().await.is_none(), "the stream ends after the error");
    let all = written * SIZE / 1024 / 1024;
    println!(
        "a client that does not read got {seen} of {written} events ({all} MiB) and then 410; {HISTORY} \
            events are kept for it; \
         the memory of the process went from {before} to {after} MiB"
    );
    // What was sent before nobody read any more, what is kept, and nothing that grows with what was written.
    assert!(seen < HISTORY * 10, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kube_rs_begins_anew_after_410() {
    let cluster = cluster_with(Store::with_history(50)).await;
    let store = cluster.server.store().clone();
    let api: Api<ConfigMap> = Api::all(cluster.client().await);
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        store.apply(settings("one", 0)).unwrap();
        let mut events = watcher(api.clone(), config).boxed();
        while !matches!(events.next().await, Some(Ok(watcher::Event::InitDone))) {}
        // While its watch is down, more happens than the server keeps.
        cluster.server.faults().drop_watches();
        for number in 1..=200 {
            store.apply(settings("one", number)).unwrap();
        }
        let mut errors = Vec::new();
        let found = loop {
            match events.next().await.unwrap() {
                Ok(watcher::Event::InitApply(map) | watcher::Event::Apply(map)) => {
                    let number = map.data.unwrap_or_default().get("number").cloned().unwrap_or_default();
                    if number == "200" {
                        break number;
                    }
                }
                Ok(_) => {}
                Err(error) => errors.push(error.to_string()),
            }
        };
        println!("recovered to {found}; on the way: {errors:?}");
    }
}

async fn timed(cluster: &Cluster, what: &str, path: &str, accept: &str) {
    let begun = Instant::now();
    let response = cluster.request("GET", path).header("accept", accept).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let body = response.bytes().await.unwrap();
    let took = begun.elapsed();
    let list: Value = serde_json::from_slice(&body).unwrap();
    let count = list["items"].as_array().or(list["rows"].as_array()).map_or(1, Vec::len);
    println!("{what}: {count} in {} ms, {} KiB", took.as_millis(), body.len() / 1024);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_thousands() {
    let cluster = cluster().await;
    let store = cluster.server.store();
    let begun = Instant::now();
    for number in 0..5_000 {
        let service = json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": format!("s{number}"), "namespace": "default"},
            "spec": {"selector": {"app": format!("s{number}")}, "ports": [{"name": "http", "port": 80}]}});
        store.create(service).unwrap();
    }
    for number in 0..20_000 {
        let mut one = pod(&format!("p{number}"));
        one["metadata"]["labels"]["app"] = json!(format!("s{}", number / 4));
        store.create(one).unwrap();
    }
    println!("made 5,000 services and 20,000 pods in {} ms", begun.elapsed().as_millis());
    const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
    const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    timed(&cluster, "services", "/api/v1/services", "").await;
    timed(&cluster, "pods", "/api/v1/pods", "").await;
    timed(&cluster, "pods as a table", "/api/v1/pods", TABLE).await;
    timed(&cluster, "pods, metadata only", "/api/v1/pods", METADATA).await;
    timed(&cluster, "pods of one service", "/api/v1/pods?labelSelector=app%3Ds7", "").await;
    timed(&cluster, "one pod", "/api/v1/namespaces/default/pods/p7", "").await;
    let begun = Instant::now();
    let (mut pages, mut count, mut token) = (0, 0, String::new());
    loop {
        let page = cluster.get(&format!("/api/v1/pods?limit=500&continue={token}")).await.body;
        count += page["items"].as_array().unwrap().len();
        pages += 1;
        token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
        // The pages show one moment, whatever happens meanwhile.
        store.create(pod(&format!("later{pages}"))).unwrap();
    }
    assert_eq!(count, 20_000);
    println!("pods in {pages} pages while others are made: {count} in {} ms", begun.elapsed().as_millis());
    let begun = Instant::now();
    for number in 0..200 {
        cluster.post(ROUTES, routes(&format!("r{number}"), 50, 50)).await;
    }
    println!("200 VirtualServices written one after another in {} ms", begun.elapsed().as_millis());
}
