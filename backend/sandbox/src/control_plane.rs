//! The control plane, fed with the objects.

use apiserver::{Store, WatchEvent};
use mesh::Problem;
use pilot::{Pilot, World};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use telemetry::Telemetry;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// A running control plane and what tells it of changes.
pub(crate) struct ControlPlane {
    pub(crate) pilot: Arc<Pilot>,
    worlds: Arc<watch::Sender<Arc<World>>>,
    _feed: AbortOnDropHandle<()>,
}

impl ControlPlane {
    /// Starts it, and puts the mesh's root certificate where workloads expect it.
    pub(crate) async fn start(store: &Store, telemetry: &Telemetry) -> Result<Self, Problem> {
        let failed = |error: pilot::Error| Problem::new("The sandbox did not start", error.to_string(), "Look at its log");
        let options = pilot::Options::new(telemetry.als_addr(), telemetry.otlp_addr()).map_err(failed)?;
        let root = options.ca.root().to_owned();
        publish_root(store, &root);
        let (told, followed) = watch::channel(Arc::new(world(store)));
        let pilot = Pilot::start(followed, options).await.map_err(failed)?;
        let (store, worlds) = (store.clone(), Arc::new(told));
        let told = worlds.clone();
        let feed = async move {
            let mut news = store.watch();
            loop {
                let event = news.next().await;
                if matches!(&event, WatchEvent::Added(object) if object["kind"] == "Namespace") {
                    publish_root(&store, &root);
                }
                if matters(&event) {
                    told.send_replace(Arc::new(world(&store)));
                }
            }
        };
        Ok(Self { pilot: Arc::new(pilot), worlds, _feed: AbortOnDropHandle::new(tokio::spawn(feed)) })
    }

    /// Waits until so many proxies run on the objects as they are now. Says which proxies are late, or what they refuse, when
    /// that takes too long.
    pub(crate) async fn all_synced(&self, store: &Store, proxies: usize, within: Duration) -> Result<(), Problem> {
        let now = Arc::new(world(store));
        let revision = now.revision;
        self.worlds.send_replace(now);
        let mut statuses = self.pilot.connected();
        let done =
            statuses.wait_for(|all| all.values().filter(|proxy| proxy.synced && proxy.revision >= revision).count() >= proxies);
        if tokio::time::timeout(within, done).await.is_ok_and(|done| done.is_ok()) {
            return Ok(());
        }
        let all = self.pilot.connected().borrow().clone();
        let late = all.iter().filter(|(_, proxy)| !proxy.synced || proxy.revision < revision).map(|(name, proxy)| {
            let refused = proxy.refused.iter().map(|(kind, words)| format!("{kind} refused: {words}"));
            let reasons: Vec<String> = refused.chain(proxy.waiting.iter().cloned()).collect();
            if reasons.is_empty() { name.clone() } else { format!("{name} ({})", reasons.join("; ")) }
        });
        let late: Vec<String> = late.collect();
        let why =
            format!("{} of {proxies} proxies are connected; without their configuration are: {}", all.len(), late.join(", "));
        Err(Problem::new("The sandbox did not start", why, "Look at its log"))
    }

    /// Ends it. By now nothing else may hold it.
    pub(crate) async fn stop(self) {
        match Arc::into_inner(self.pilot) {
            Some(pilot) => pilot.stop().await,
            None => tracing::warn!("something still holds the control plane; it ends when that does"),
        }
    }
}

fn world(store: &Store) -> World {
    let (objects, revision) = store.snapshot();
    World { revision, objects: Arc::unwrap_or_clone(objects) }
}

/// Whether a change can be of interest; Events and endpoints are written often and read by nobody there.
fn matters(event: &WatchEvent) -> bool {
    match event {
        WatchEvent::Reset { .. } => true,
        WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
            let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
            !["Event", "Lease", "Endpoints", "EndpointSlice", "ReplicaSet", "Deployment"].contains(&kind)
        }
    }
}

/// Istio's root certificate, as a ConfigMap in every namespace.
fn publish_root(store: &Store, root: &str) {
    for namespace in store.list("Namespace") {
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio-ca-root-cert", "namespace": namespace["metadata"]["name"], "labels": {"istio.io/config": "true"}},
            "data": {"root-cert.pem": root},
        });
        if let Err(error) = store.apply(map) {
            tracing::warn!(%error, "the root certificate was not published");
        }
    }
}
