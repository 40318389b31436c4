//! The control plane, fed with the objects. It runs as long as there is a pod of istiod's: scaled to 0 it is
//! away, proxies go on with what they have, and come back to it when it does.

use crate::gateway_status;
use crate::lack::Lack;
use crate::workloads::{self, snapshot::News};
use apiserver::{LogRing, Store, WatchEvent};
use futures::FutureExt;
use istio::{Object, Problem};
use pilot::registry::Untranslated;
use pilot::{Pilot, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use telemetry::Telemetry;
use tokio::sync::{Mutex, watch};
use tokio_util::task::AbortOnDropHandle;
use wire::Address;

/// Lines kept until there is a pod whose log they are.
const EARLY_LINES: usize = 1000;

/// A control plane that can go and come, and what tells it of changes.
pub(crate) struct ControlPlane {
    options: pilot::Options,
    worlds: Arc<watch::Sender<Arc<World>>>,
    store: Store,
    running: Mutex<Running>,
    log: Arc<Log>,
    _feed: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Running {
    pilot: Option<Pilot>,
    /// Pods that stand for it.
    pods: usize,
}

/// Its log, which is that of each pod that stands for it.
#[derive(Default)]
struct Log(parking_lot::Mutex<Lines>);

#[derive(Default)]
struct Lines {
    /// By pod.
    pods: BTreeMap<String, LogRing>,
    /// Those from before there was a pod.
    early: Vec<String>,
}

impl Log {
    fn write(&self, line: &str) {
        let mut lines = self.0.lock();
        lines.pods.values().for_each(|log| log.push(line));
        if lines.pods.is_empty() && lines.early.len() < EARLY_LINES {
            lines.early.push(line.to_owned());
        }
    }

    fn open(&self, pod: &str, log: LogRing) {
        let mut lines = self.0.lock();
        lines.early.drain(..).for_each(|line| log.push(&line));
        lines.pods.insert(pod.to_owned(), log);
    }

    fn close(&self, pod: &str) {
        self.0.lock().pods.remove(pod);
    }
}

impl ControlPlane {
    /// Starts it, and puts the mesh's root certificate where workloads expect it.
    pub(crate) async fn start(store: &Store, telemetry: &Telemetry, dir: &Path) -> Result<Self, Problem> {
        let mut options = pilot::Options::new(telemetry.als_addr(), telemetry.otlp_addr()).map_err(failed)?;
        options.xds = Address::Unix(dir.join("xds"));
        options.debug = Address::Unix(dir.join("istiod"));
        let told = store.clone();
        options.notice = Some(Arc::new(move |untranslated| tell_of(&told, untranslated)));
        let log = Arc::<Log>::default();
        let lines = log.clone();
        options.log = Some(Arc::new(move |line| lines.write(line)));
        let root = options.ca.root().to_owned();
        store.list("Namespace").iter().for_each(|namespace| publish_root(store, namespace, &root));
        let (told, followed) = watch::channel(Arc::new(world(store)));
        let pilot = Pilot::start(followed, options.clone()).await.map_err(failed)?;
        let (store, worlds) = (store.clone(), Arc::new(told));
        let (told, objects) = (worlds.clone(), store.clone());
        tell(&store, &pilot);
        let feed = async move {
            let mut news = store.watch();
            loop {
                let mut event = news.next().await;
                let mut changed = false;
                loop {
                    if let WatchEvent::Added(object) = &event
                        && object["kind"] == "Namespace"
                    {
                        publish_root(&store, object, &root);
                    }
                    changed |= matters(&event);
                    // What is known by now is told at once: a world is everything there is.
                    let Some(next) = news.next().now_or_never() else { break };
                    event = next;
                }
                if changed {
                    let since = Instant::now();
                    told.send_replace(Arc::new(world(&store)));
                    // In a large mesh that takes a moment, which others need too.
                    tokio::time::sleep(since.elapsed()).await;
                }
            }
        };
        let running = Mutex::new(Running { pilot: Some(pilot), pods: 0 });
        Ok(Self {
            options,
            worlds,
            store: objects,
            running,
            log,
            _feed: AbortOnDropHandle::new(tokio::spawn(feed)),
        })
    }

    /// Where proxies are served.
    pub(crate) fn xds_addr(&self) -> Address {
        self.options.xds.clone()
    }

    /// Where istiod's debug pages are.
    pub(crate) fn debug_addr(&self) -> Address {
        self.options.debug.clone()
    }

    /// The configuration to start a Pod's Envoy with; `None` for a pod that has no address or no proxy.
    pub(crate) fn bootstrap(&self, pod: &Value) -> Option<Value> {
        self.options.bootstrap(pod)
    }

    /// One more pod stands for it, and has its log: it runs when this returns.
    pub(crate) async fn pod_started(&self, pod: &str, log: LogRing) -> Result<(), Problem> {
        let mut running = self.running.lock().await;
        self.log.open(pod, log);
        running.pods += 1;
        if running.pilot.is_none() {
            match Pilot::start(self.worlds.subscribe(), self.options.clone()).await {
                Ok(pilot) => {
                    tell(&self.store, &pilot);
                    running.pilot = Some(pilot);
                }
                Err(error) => {
                    running.pods -= 1;
                    self.log.close(pod);
                    return Err(failed(error));
                }
            }
        }
        Ok(())
    }

    /// A pod that stood for it is gone; with the last one it goes too.
    pub(crate) async fn pod_ended(&self, pod: &str) {
        let mut running = self.running.lock().await;
        running.pods = running.pods.saturating_sub(1);
        if running.pods == 0
            && let Some(pilot) = running.pilot.take()
        {
            pilot.stop().await;
        }
        self.log.close(pod);
    }

    /// Waits until so many proxies run on the objects as they are now. Says which proxies are late, or what
    /// they refuse, when that takes too long.
    pub(crate) async fn all_synced(
        &self,
        store: &Store,
        proxies: usize,
        within: Duration,
    ) -> Result<(), Problem> {
        let now = Arc::new(world(store));
        let revision = now.revision;
        self.worlds.send_replace(now);
        let Some(mut statuses) = self.running.lock().await.pilot.as_ref().map(Pilot::connected) else {
            return Err(Problem::new(
                "The sandbox did not start",
                "there is no pod of istiod's",
                "Look at its log",
            ));
        };
        let done = statuses.wait_for(|all| {
            all.values().filter(|proxy| proxy.synced && proxy.revision >= revision).count() >= proxies
        });
        if tokio::time::timeout(within, done).await.is_ok_and(|done| done.is_ok()) {
            return Ok(());
        }
        let all = statuses.borrow().clone();
        let late = all.iter().filter(|(_, proxy)| !proxy.synced || proxy.revision < revision).map(
            |(name, proxy)| {
                let refused = proxy.refused.iter().map(|(kind, words)| format!("{kind} refused: {words}"));
                let reasons: Vec<String> = refused.chain(proxy.waiting.iter().cloned()).collect();
                if reasons.is_empty() { name.clone() } else { format!("{name} ({})", reasons.join("; ")) }
            },
        );
        let late: Vec<String> = late.collect();
        let why = format!(
            "{} of {proxies} proxies are connected; without their configuration are: {}",
            all.len(),
            late.join(", ")
        );
        Err(Problem::new("The sandbox did not start", why, "Look at its log"))
    }

    /// Ends it.
    pub(crate) async fn stop(&self) {
        let pilot = self.running.lock().await.pilot.take();
        if let Some(pilot) = pilot {
            pilot.stop().await;
        }
    }
}

/// Lets it say at the Gateway API's objects what it makes of them, until it is away.
fn tell(store: &Store, pilot: &Pilot) {
    tokio::spawn(gateway_status::write(store.clone(), pilot.object_statuses()));
}

/// What of an object has no effect, as an Event that `kubectl describe` shows beside it.
fn tell_of(store: &Store, untranslated: &Untranslated) {
    let Some((kind, name)) = untranslated.object.split_once(' ') else { return };
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    // Istio's Gateway and the Gateway API's share their kind.
    let kinds =
        [kind.to_owned(), format!("{kind}.networking.istio.io"), format!("{kind}.gateway.networking.k8s.io")];
    let Some(about) = kinds.iter().find_map(|kind| store.get(kind, namespace, name)).map(Object) else {
        return;
    };
    let message = untranslated.reason.clone();
    workloads::tell(store, &News { about, kind: "Warning", reason: "NoEffect", message, source: "istiod" });
}

fn failed(error: pilot::Error) -> Problem {
    if let Some(lack) = Lack::behind(&error) {
        return lack.problem();
    }
    Problem::new("The control plane did not start", error.to_string(), "Look at the sandbox's log")
}

fn world(store: &Store) -> World {
    let (objects, revision) = store.snapshot_of(is_read);
    World { revision, objects }
}

/// Whether the control plane reads a kind.
fn is_read(kind: &str) -> bool {
    !["Event", "Lease", "Endpoints", "ReplicaSet", "Deployment"].contains(&kind)
}

/// Whether a change can be of interest. Endpoints only repeat what their pods say.
fn matters(event: &WatchEvent) -> bool {
    match event {
        WatchEvent::Reset { .. } => true,
        WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
            let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
            is_read(kind) && kind != "EndpointSlice"
        }
    }
}

/// Istio's root certificate, as a ConfigMap in a namespace.
fn publish_root(store: &Store, namespace: &Value, root: &str) {
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
