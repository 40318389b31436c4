//! Following the world: a burst of changes ends, then what it has become is published.

use crate::ads::shared::{Shared, Snapshot};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::registry::{Known, Untranslated};
use crate::world::World;
use crate::{log, read};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// However large the world is, its changes are told after so long (istiod: PILOT_DEBOUNCE_MAX).
const DEBOUNCE_MOST: Duration = Duration::from_secs(10);

/// Kinds that the control plane counts: the registry's and Istio's.
fn matters(object: &Value) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    let istio = || {
        object["apiVersion"].as_str().is_some_and(|version| {
            version.contains("istio.io/") || version.starts_with(istio::views::gateway_api::GROUP)
        })
    };
    matches!(kind, "Pod" | "Service" | "Namespace" | "EndpointSlice" | "Secret") || istio()
}

/// Follows the world: lets a burst of changes end, then publishes what it has become.
pub(crate) struct Follower {
    world: watch::Receiver<Arc<World>>,
    known: Known,
    /// What was there before, by kind, namespace and name.
    objects: HashMap<[String; 3], Arc<Value>>,
    logged: BTreeSet<Untranslated>,
    options: Options,
}

impl Follower {
    pub(crate) fn new(world: watch::Receiver<Arc<World>>, options: Options) -> Self {
        let (known, objects, logged) = (Known::default(), HashMap::new(), BTreeSet::new());
        Self { world, known, objects, logged, options }
    }

    /// The world as it is now.
    pub(crate) fn read(&mut self, seen: Instant) -> Snapshot {
        let world = self.world.borrow_and_update().clone();
        let registry = read::read(&world, &mut self.known);
        // What goes and comes back is told again.
        self.logged.retain(|known| registry.untranslated.contains(known));
        for untranslated in &registry.untranslated {
            if self.logged.insert(untranslated.clone()) {
                self.options.tell(untranslated);
            }
        }
        Snapshot { registry, objects: world.objects.clone(), seen }
    }

    /// Counts what has happened to which kinds since the last time; to what, as `kind/namespace/name`.
    fn count(&mut self, snapshot: &Snapshot, metrics: &Metrics) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = |object: &Value| {
            [text(&object["kind"]), text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"])]
        };
        let counted = snapshot.objects.iter().filter(|object| matters(object));
        let (mut changed, mut names) = (BTreeSet::new(), Vec::new());
        let now: HashMap<_, _> = counted.map(|object| (key(object), object.clone())).collect();
        #[allow(clippy::iter_over_hash_type, reason = "counts have no order")]
        for (key, object) in &now {
            match self.objects.remove(key) {
                None => metrics.event(&key[0], "add"),
                Some(before) if !Arc::ptr_eq(&before, object) => metrics.event(&key[0], "update"),
                Some(_) => continue,
            }
            changed.insert(key[0].as_str());
            names.push(key.join("/"));
        }
        #[allow(clippy::iter_over_hash_type, reason = "counts have no order")]
        for gone in self.objects.keys() {
            metrics.event(&gone[0], "delete");
            changed.insert(gone[0].as_str());
            names.push(gone.join("/"));
        }
        metrics.triggered(&changed);
        self.objects = now;
        names.sort();
        names
    }

    /// Runs until the control plane stops, or the world ends.
    pub(crate) async fn follow(mut self, shared: Arc<Shared>) {
        let stop = shared.stop.clone();
        self.count(&shared.snapshot(), &shared.metrics);
        let (mut pushes, mut pushed, mut took) = (0_u64, Instant::now(), Duration::ZERO);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = self.world.changed() => if changed.is_err() { return },
            }
            let seen = Instant::now();
            // A large world that keeps changing is read again for a part of the time only.
            tokio::time::sleep(shared.options.debounce.max(took * 6).min(DEBOUNCE_MOST)).await;
            let begun = Instant::now();
            let snapshot = self.read(seen);
            let changed = self.count(&snapshot, &shared.metrics);
            took = begun.elapsed();
            if !changed.is_empty() {
                pushes += 1;
                self.options.info(&format!(
                    "Push debounce stable[{pushes}] {} for {}: {:?} since last change, {:?} since last push, \
                        full=true",
                    changed.len(),
                    log::reason(&changed),
                    seen.elapsed(),
                    pushed.elapsed(),
                ));
                self.options.info(&format!(
                    "XDS: Pushing Services:{} ConnectedEndpoints:{} Version:{:.0}/{pushes}",
                    snapshot.registry.services.len(),
                    shared.sessions().len(),
                    jiff::Timestamp::now(),
                ));
                pushed = Instant::now();
            }
            shared.publish(snapshot);
        }
    }
}
