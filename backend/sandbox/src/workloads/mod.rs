//! Workloads: from Deployments to running pods, as the controllers of a cluster do it.
//!
//! One loop looks at all objects whenever something changed, and takes the steps that are missing: Deployments make
//! ReplicaSets, those make Pods (as StatefulSets and DaemonSets do), the [`kubelet`] runs them, and Services get their
//! endpoints. The objects are the only memory, so `kubectl scale`, `delete pod`, `rollout restart` or a new Deployment need
//! nothing of their own here.

mod container;
mod daemon_sets;
mod deployments;
mod endpoints;
mod environment;
mod faults;
pub(crate) mod inject;
pub(crate) mod kubelet;
mod names;
mod namespaces;
pub(crate) mod node;
mod pod;
pub(crate) mod ports;
mod probe;
mod replica_sets;
pub(crate) mod snapshot;
mod stateful_sets;
pub(crate) mod status;
mod termination;

use apiserver::{ApiError, Store};
use istio::Object;
use jiff::Timestamp;
use kubelet::Kubelet;
use names::time;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use snapshot::{Act, News, Snapshot, uid};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Changes within so short a time are looked at together.
const SETTLE: Duration = Duration::from_millis(5);
/// How often a rollout that is not complete is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How many Events there were; no two are named by the same moment.
static EVENTS: AtomicU16 = AtomicU16::new(0);
/// Events that are kept.
const KEPT_EVENTS: usize = 500;

/// Runs the workloads until told to stop; then ends all pods.
/// `root`: the certificate of the API, once that is there.
pub(crate) async fn run(
    store: Store,
    mut kubelet: Kubelet,
    mut chance: ChaCha8Rng,
    mut root: watch::Receiver<Option<String>>,
    stop: CancellationToken,
) {
    let mut renew = tokio::time::interval(node::RENEW);
    let mut news = store.watch();
    let mut changed = true;
    let mut on_its_way = false;
    loop {
        if changed {
            let all = look(&store);
            on_its_way = all.deployments.iter().any(deployments::on_its_way);
            kubelet.sync(&all.pods, &all.namespaces);
            let root = root.borrow_and_update().clone();
            for act in plan(&all, root.as_deref(), &mut chance) {
                carry_out(&store, act);
            }
            forget_old_events(&store);
        }
        changed = tokio::select! {
            event = news.next() => matters(&event),
            // A rollout that takes too long is late by the clock alone.
            () = tokio::time::sleep(TICK), if on_its_way => true,
            Ok(()) = root.changed() => true,
            _ = renew.tick() => {
                node::renew(&store);
                false
            }
            () = stop.cancelled() => break,
        };
        // What follows at once is part of the same change.
        let until = tokio::time::Instant::now() + SETTLE;
        while let Ok(event) = tokio::time::timeout_at(until, news.next()).await {
            changed |= matters(&event);
        }
    }
    kubelet.stop().await;
}

/// The kinds that the controllers look at.
const LOOKED_AT: [&str; 11] = [
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
    "Service",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Pod",
    "EndpointSlice",
    "Endpoints",
];

/// Whether a change can make work for the controllers.
fn matters(event: &apiserver::WatchEvent) -> bool {
    use apiserver::WatchEvent::{Added, Deleted, Modified, Reset};
    let object = match event {
        Reset { .. } => return true,
        Added(object) | Modified(object) | Deleted(object) => object,
    };
    let kind = object.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default();
    LOOKED_AT.contains(&kind)
}

fn look(store: &Store) -> Snapshot {
    let all = |kind: &str| store.list(kind).into_iter().map(Object).collect::<Vec<_>>();
    Snapshot {
        namespaces: all("Namespace"),
        service_accounts: all("ServiceAccount"),
        config_maps: all("ConfigMap"),
        services: all("Service"),
        deployments: all("Deployment"),
        replica_sets: all("ReplicaSet"),
        stateful_sets: all("StatefulSet"),
        daemon_sets: all("DaemonSet"),
        pods: all("Pod"),
        endpoint_slices: all("EndpointSlice"),
        endpoints: all("Endpoints"),
    }
}

/// Every step that is missing.
fn plan(all: &Snapshot, root: Option<&str>, chance: &mut ChaCha8Rng) -> Vec<Act> {
    let now = Timestamp::now();
    let mut acts = Vec::new();
    for namespace in &all.namespaces {
        acts.extend(namespaces::plan(namespace, all, root));
    }
    for deployment in &all.deployments {
        acts.extend(deployments::plan(deployment, &all.replica_sets, now));
    }
    for set in &all.replica_sets {
        acts.extend(replica_sets::plan(set, &all.pods, chance));
    }
    for set in &all.stateful_sets {
        acts.extend(stateful_sets::plan(set, &all.pods));
    }
    for set in &all.daemon_sets {
        acts.extend(daemon_sets::plan(set, &all.pods, chance));
    }
    for service in &all.services {
        acts.extend(endpoints::plan(service, all));
    }
    acts
}

fn carry_out(store: &Store, act: Act) {
    let done = match act {
        Act::Create(object) => store.create(object).map(drop),
        Act::Replace(object) => store.update(object).map(drop),
        Act::Delete(object) => store.delete(object.kind(), object.namespace(), object.name()).map(drop),
        Act::Tell(news) => return tell(store, &news),
    };
    match done {
        // Somebody was faster: that change is looked at next.
        Ok(()) | Err(ApiError { code: 404 | 409, .. }) => {}
        Err(error) => tracing::warn!(%error, "a controller's step failed"),
    }
}

/// Records an Event; one that happens again is counted.
pub(crate) fn tell(store: &Store, news: &News) {
    let about = &news.about;
    let now = Timestamp::now();
    let same = |event: &Object| {
        event.namespace() == about.namespace()
            && event.0["involvedObject"]["uid"] == uid(about)
            && event.0["reason"] == news.reason
            && event.0["message"] == news.message.as_str()
    };
    if let Some(known) = store.list("Event").into_iter().map(Object).find(same) {
        let again = store.modify("Event", known.namespace(), known.name(), |event| {
            event["count"] = json!(event["count"].as_u64().unwrap_or(1) + 1);
            event["lastTimestamp"] = json!(time(now));
        });
        if matches!(again, Ok(Some(_))) {
            return;
        }
    }
    // The name is the time, as in a cluster, so that what happens in one second is listed in its order.
    let name =
        format!("{}.{:x}{:04x}", about.name(), now.as_nanosecond(), EVENTS.fetch_add(1, Ordering::Relaxed));
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": about.namespace()},
        "involvedObject": {
            "apiVersion": about.0["apiVersion"],
            "kind": about.kind(),
            "namespace": about.namespace(),
            "name": about.name(),
            "uid": uid(about),
        },
        "type": news.kind,
        "reason": news.reason,
        "message": news.message,
        "source": {"component": news.source},
        "reportingComponent": news.source,
        "count": 1,
        "firstTimestamp": time(now),
        "lastTimestamp": time(now),
    });
    if let Err(error) = store.create(event) {
        tracing::debug!(%error, "an event was not recorded");
    }
}

fn forget_old_events(store: &Store) {
    let mut events: Vec<Object> = store.list("Event").into_iter().map(Object).collect();
    if events.len() <= KEPT_EVENTS {
        return;
    }
    events.sort_by_key(|event| event.0["lastTimestamp"].as_str().map(ToOwned::to_owned));
    for event in &events[..events.len() - KEPT_EVENTS] {
        carry_out(store, Act::Delete(event.clone()));
    }
}
