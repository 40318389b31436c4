//! Workloads: from Deployments to running pods, as the controllers of a cluster do it.
//!
//! One loop looks at a namespace whenever something changed in it, and takes the steps that are missing:
//! Deployments make ReplicaSets, those make Pods (as StatefulSets and DaemonSets do), the [`kubelet`] runs
//! them, and Services get their endpoints. The objects are the only memory, so `kubectl scale`, `delete pod`,
//! `rollout restart` or a new Deployment need nothing of their own here. None of these steps reaches into
//! another namespace, so that a change costs what stands beside it, however large the mesh is.

mod addresses;
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

use crate::changes::Changes;
use apiserver::{ApiError, Store};
use istio::Object;
use jiff::Timestamp;
use kubelet::Kubelet;
use names::time;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use snapshot::{Act, Belongings, News, Snapshot, uid};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Changes within so short a time are looked at together.
const SETTLE: Duration = Duration::from_millis(5);
/// How often a namespace is looked at again in which something is not complete.
const TICK: Duration = Duration::from_secs(1);
/// How many Events there were; no two are named by the same moment.
static EVENTS: AtomicU16 = AtomicU16::new(0);
/// Events that are kept.
const KEPT_EVENTS: usize = 500;
/// Old ones are looked for when there are so many more.
const FORGOTTEN_AT_ONCE: usize = 100;

/// Runs the workloads until told to stop; then ends all pods.
/// `root`: the certificate of the API, once that is there.
pub(crate) async fn run(
    store: Store,
    kubelet: Kubelet,
    chance: ChaCha8Rng,
    root: watch::Receiver<Option<String>>,
    stop: CancellationToken,
) {
    let changes = Changes::follow(&store, &LOOKED_AT);
    let mut controllers = Controllers { store, kubelet, chance, root, changes, unfinished: BTreeSet::new() };
    stop.run_until_cancelled(controllers.work()).await;
    controllers.kubelet.stop().await;
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

struct Controllers {
    store: Store,
    kubelet: Kubelet,
    chance: ChaCha8Rng,
    root: watch::Receiver<Option<String>>,
    changes: Changes,
    /// Namespaces to look at again although nothing changes in them: a step failed, or a rollout may become
    /// late.
    unfinished: BTreeSet<String>,
}

impl Controllers {
    async fn work(&mut self) {
        let mut renew = tokio::time::interval(node::RENEW);
        let mut again = tokio::time::interval(TICK);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = tokio::select! {
                due = self.changes.next(SETTLE) => due,
                _ = again.tick(), if !self.unfinished.is_empty() => std::mem::take(&mut self.unfinished),
                Ok(()) = self.root.changed() => self.namespaces(),
                _ = renew.tick() => {
                    node::renew(&self.store);
                    continue;
                }
            };
            let root = self.root.borrow_and_update().clone();
            for namespace in &due {
                self.look_after(namespace, root.as_deref());
                self.changes.keep_up();
                // Whoever waits for the processor comes between.
                tokio::task::yield_now().await;
            }
        }
    }

    fn namespaces(&self) -> BTreeSet<String> {
        self.store
            .list("Namespace")
            .into_iter()
            .map(|namespace| Object(namespace).name().to_owned())
            .collect()
    }

    /// Takes the steps that are missing in one namespace.
    fn look_after(&mut self, namespace: &str, root: Option<&str>) {
        let all = look(&self.store, namespace);
        self.kubelet.sync(namespace, &all.pods, all.namespace.as_ref());
        let acts = plan(&all, root, &mut self.chance);
        let steps: Vec<bool> = acts.into_iter().map(|act| carry_out(&self.store, act)).collect();
        let on_its_way = all.deployments.iter().any(deployments::on_its_way);
        if on_its_way || steps.contains(&false) {
            self.unfinished.insert(namespace.to_owned());
        } else {
            self.unfinished.remove(namespace);
        }
        forget_old_events(&self.store);
    }
}

fn look(store: &Store, namespace: &str) -> Snapshot {
    let all = |kind: &str| store.list_in(kind, namespace).into_iter().map(Object).collect::<Vec<_>>();
    Snapshot {
        namespace: store.get("Namespace", "", namespace).map(Object),
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
    let (sets, pods) = (Belongings::of(&all.replica_sets), Belongings::of(&all.pods));
    let mut acts = Vec::new();
    acts.extend(all.namespace.iter().flat_map(|namespace| namespaces::plan(namespace, all, root)));
    for deployment in &all.deployments {
        acts.extend(deployments::plan(deployment, &sets.of_interest_to(deployment), now));
    }
    for set in &all.replica_sets {
        acts.extend(replica_sets::plan(set, &pods.of_interest_to(set), chance));
    }
    for set in &all.stateful_sets {
        acts.extend(stateful_sets::plan(set, &all.pods));
    }
    for set in &all.daemon_sets {
        acts.extend(daemon_sets::plan(set, &pods.of_interest_to(set), chance));
    }
    for service in &all.services {
        acts.extend(endpoints::plan(service, all));
    }
    acts
}

/// Whether the step was taken.
fn carry_out(store: &Store, act: Act) -> bool {
    let done = match act {
        Act::Create(object) => store.create(object).map(drop),
        Act::Replace(object) => store.update(object).map(drop),
        Act::Delete(object) => store.delete(object.kind(), object.namespace(), object.name()).map(drop),
        Act::Tell(news) => {
            tell(store, &news);
            Ok(())
        }
    };
    match &done {
        // Somebody was faster: that change is looked at next.
        Ok(()) | Err(ApiError { code: 404 | 409, .. }) => {}
        Err(error) => tracing::warn!(%error, "a controller's step failed"),
    }
    done.is_ok()
}

/// Records an Event; one that happens again is counted.
pub(crate) fn tell(store: &Store, news: &News) {
    let about = &news.about;
    let now = Timestamp::now();
    let same = |event: &Object| {
        event.0["involvedObject"]["uid"] == uid(about)
            && event.0["reason"] == news.reason
            && event.0["message"] == news.message.as_str()
    };
    // An Event is named after what it is about.
    let told = store.list_named("Event", about.namespace(), &format!("{}.", about.name()));
    if let Some(known) = told.into_iter().map(Object).find(same) {
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
    if store.count("Event") <= KEPT_EVENTS + FORGOTTEN_AT_ONCE {
        return;
    }
    let mut events: Vec<Object> = store.list("Event").into_iter().map(Object).collect();
    events.sort_by_key(|event| event.0["lastTimestamp"].as_str().map(ToOwned::to_owned));
    for event in &events[..events.len() - KEPT_EVENTS] {
        carry_out(store, Act::Delete(event.clone()));
    }
}
