//! Whether a sandbox that starts gets on: waits until every wanted pod is ready, and says which are late.

use crate::workloads::inject::PROXY;
use crate::workloads::kubelet::Logs;
use crate::workloads::ports::address;
use crate::workloads::snapshot::{ready, uid};
use apiserver::{Store, WatchEvent};
use istio::{Object, Problem};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long nothing may become ready; far more than a slow machine needs.
pub(crate) const LONGEST_START: Duration = Duration::from_secs(30);
/// How many late pods are named.
const NAMED: usize = 10;

/// Waits until every pod that the Deployments want is ready; the number of proxies among them. Fails when for
/// long no pod became ready.
pub(crate) async fn all_ready(store: &Store, logs: &Logs) -> Result<usize, Problem> {
    let mut news = store.watch();
    let mut missing: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut up = HashSet::new();
    let mut until = Instant::now() + LONGEST_START;
    loop {
        let Ok(event) = timeout_at(until, news.next()).await else {
            return Err(not_ready(store, logs, &missing));
        };
        if advances(&event, &mut up) {
            until = Instant::now() + LONGEST_START;
        }
        let (objects, gone) = match event {
            WatchEvent::Reset { objects, .. } => {
                missing.clear();
                (Arc::unwrap_or_clone(objects), false)
            }
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (vec![object], false),
            WatchEvent::Deleted(object) => (vec![object], true),
        };
        for deployment in objects.into_iter().map(Object).filter(|object| object.kind() == "Deployment") {
            let count = |of: &Value, field: &str, unset| of[field].as_u64().unwrap_or(unset);
            let wanted = count(deployment.spec(), "replicas", 1);
            let wanted = if gone { 0 } else { wanted };
            let lacks = wanted.saturating_sub(count(deployment.status(), "readyReplicas", 0));
            let name = (deployment.namespace().to_owned(), deployment.name().to_owned());
            let lacked = if lacks == 0 { missing.remove(&name) } else { missing.insert(name, lacks) };
            if lacked.is_some_and(|lacked| lacks < lacked) {
                until = Instant::now() + LONGEST_START;
            }
        }
        if missing.is_empty() {
            let pods = store.list("Pod").into_iter().map(Object);
            return Ok(pods.filter(|pod| address(pod, "15000").is_some()).count());
        }
    }
}

/// Whether the start goes on: a pod was made, or became ready for the first time.
fn advances(event: &WatchEvent, up: &mut HashSet<String>) -> bool {
    match event {
        WatchEvent::Reset { .. } => true,
        WatchEvent::Added(object) => object["kind"] == "Pod",
        WatchEvent::Modified(object) => {
            let pod = Object(object.clone());
            pod.kind() == "Pod" && ready(&pod) && up.insert(uid(&pod).to_owned())
        }
        WatchEvent::Deleted(_) => false,
    }
}

/// Which pods are late, with the last that their proxies said; which Deployments lack pods that are not even
/// there.
fn not_ready(store: &Store, logs: &Logs, missing: &BTreeMap<(String, String), u64>) -> Problem {
    let pods = store.list("Pod").into_iter().map(Object).filter(|pod| !ready(pod));
    let late: Vec<String> = pods.map(|pod| in_its_words(&pod, logs)).collect();
    let lacks = missing.iter().map(|((namespace, name), lacks)| format!("{namespace}/{name} lacks {lacks}"));
    let why = if late.is_empty() { some(lacks.collect()) } else { some(late) };
    Problem::new(
        "The sandbox did not start",
        format!("in {LONGEST_START:?} no further pod became ready. Not ready: {why}"),
        "Look at its log, and at the load of this machine",
    )
}

/// A list that can be read: not hundreds of names.
fn some(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let named = names.join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

/// A pod's name and the last that its proxy said.
fn in_its_words(pod: &Object, logs: &Logs) -> String {
    let last = logs.of(pod.namespace(), pod.name(), PROXY).and_then(|log| log.logs().past.pop());
    last.map_or_else(|| pod.name().to_owned(), |line| format!("{} (\"{}\")", pod.name(), line.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(name: &str, ready: u64) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"replicas": 2}, "status": {"readyReplicas": ready}})
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_stands_still_says_what_is_missing() {
        let (store, logs) = (Store::new(), Logs::default());
        store.apply(deployment("cart", 1)).unwrap();
        let why = all_ready(&store, &logs).await.unwrap_err().why;
        assert_eq!(why, "in 30s no further pod became ready. Not ready: shop/cart lacks 1");
        for number in 0..12 {
            store
                .create(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("cart-{number:02}"), "namespace": "shop"},
                "spec": {"containers": []}}))
                .unwrap();
        }
        let why = all_ready(&store, &logs).await.unwrap_err().why;
        assert!(why.contains("cart-00, cart-01,") && why.ends_with("cart-09 and 2 more"), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_start_goes_on_as_long_as_pods_become_ready() {
        let (store, logs) = (Store::new(), Logs::default());
        store.apply(deployment("cart", 0)).unwrap();
        let slowly = async {
            for ready in 1..=2 {
                tokio::time::sleep(LONGEST_START * 2 / 3).await;
                store.apply(deployment("cart", ready)).unwrap();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            done = all_ready(&store, &logs) => assert_eq!(done.unwrap(), 0),
            () = slowly => {}
        }
    }
}
