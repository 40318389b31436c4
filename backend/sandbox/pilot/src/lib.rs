//! The control plane: Istio resources in, Envoy configuration out.
//!
//! It watches a [`World`] of API objects, translates it for every proxy as istiod would ([`translate`]), serves it over the
//! aggregated discovery service with certificates from its own authority ([`ca`]), and answers istiod's debug pages.
//!
//! **How traffic gets into the proxies without root.** Pods have cluster-like addresses, but everything listens on
//! 127.0.0.1; the Pod annotation [`PORTS_ANNOTATION`] maps ports inside the pod to real ones. An application calls a
//! service by connecting to its own sidecar's real port for 15001 and writing a PROXY protocol (version 1) line with the
//! service's address first; `virtualOutbound` restores that as the original destination and hands the connection to the
//! listener that istiod would name (`0.0.0.0_9080`, `10.96.0.9_3306`). Calls to a pod go to the real port that its
//! annotation gives for the container's port, where the sidecar listens; the application itself is at `app/<port>`.
//!
//! **What is not translated is said**: it is logged once per object, told to [`Options::notice`], and listed at
//! `/debug/untranslatedz`.

mod ads;
mod bootstrap;
pub mod ca;
mod debug;
pub mod locality;
mod log;
pub mod mesh_config;
mod metrics;
pub mod registry;
mod secrets;
mod service;
pub mod translate;
pub mod workload;

pub use ads::{ObjectStatuses, ProxyStatus, Statuses};
pub use bootstrap::{ALS_CLUSTER, OTLP_CLUSTER, XDS_CLUSTER};
pub use ca::Authority;
pub use log::Log;
pub use translate::gateway_api::ObjectStatus;
pub use workload::PORTS_ANNOTATION;

use crate::ads::Shared;
use crate::registry::{Known, Registry};
use crate::workload::Workload;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The cluster's name, as in every istiod that was not told otherwise.
pub const CLUSTER_ID: &str = "Kubernetes";
/// The release of Istio whose behaviour is followed.
pub const ISTIO_VERSION: &str = "1.31.0";

/// All API objects at one moment.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Grows with every change.
    pub revision: u64,
    /// Pods, Services, Istio's kinds and whatever else there is.
    pub objects: Vec<Arc<Value>>,
}

/// Hears, once, of each part of an object that has no effect.
pub type Notice = Arc<dyn Fn(&registry::Untranslated) + Send + Sync>;

/// How a control plane is set up.
#[derive(Clone)]
pub struct Options {
    /// Where proxies send their access logs (gRPC).
    pub als: SocketAddr,
    /// Where proxies send their spans (OTLP over gRPC).
    pub otlp: SocketAddr,
    /// Who signs certificates.
    pub ca: Arc<Authority>,
    /// How long to wait for a burst of changes to end.
    pub debounce: Duration,
    /// Where to serve proxies; port 0 lets the system choose.
    pub xds: SocketAddr,
    /// Where to serve the debug pages; port 0 lets the system choose.
    pub debug: SocketAddr,
    /// Who else than the log hears of what has no effect.
    pub notice: Option<Notice>,
    /// Who keeps what istiod would write to its log.
    pub log: Option<Log>,
}

impl Options {
    /// Everything as usual: ports chosen by the system, a new authority whose certificates live for an hour.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(als: SocketAddr, otlp: SocketAddr) -> Result<Self, Error> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self {
            als,
            otlp,
            ca: Arc::new(Authority::new(Duration::from_secs(3600))?),
            debounce: Duration::from_millis(10),
            xds: any,
            debug: any,
            notice: None,
            log: None,
        })
    }
}

impl Options {
    /// Says of a part of an object that it has no effect, to everybody who hears of it.
    pub(crate) fn tell(&self, untranslated: &registry::Untranslated) {
        tracing::warn!(object = %untranslated.object, "{}", untranslated.reason);
        self.warn("model", &format!("{}: {}", untranslated.object, untranslated.reason));
        self.notice.iter().for_each(|notice| notice(untranslated));
    }

    /// The configuration to start a Pod's Envoy with, when [`Options::xds`] is the true address; `None` for a pod that has
    /// no address or no proxy. A proxy may start while the control plane is away.
    pub fn bootstrap(&self, pod: &Value) -> Option<Value> {
        let workload = Workload::of(&istio::Object::from(pod.clone()))?;
        workload.proxy?;
        Some(bootstrap::bootstrap(
            &workload,
            &bootstrap::Servers { xds: self.xds, als: self.als, otlp: self.otlp },
        ))
    }
}

/// Why the control plane cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port is taken, or there are none.
    #[error("The control plane cannot listen at {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// No key or certificate can be made.
    #[error("The control plane cannot make a certificate: {0}")]
    Certificate(rcgen::Error),
}

/// A world, read; and when it was seen.
pub(crate) struct Snapshot {
    pub(crate) registry: Registry,
    pub(crate) objects: Vec<Arc<Value>>,
    pub(crate) seen: Instant,
}

/// A running control plane. Dropping it ends it at once; proxies keep their last configuration and come back.
pub struct Pilot {
    xds: SocketAddr,
    debug: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Pilot {
    /// Starts to serve.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start(world: watch::Receiver<Arc<World>>, options: Options) -> Result<Self, Error> {
        let xds_listener = listen(options.xds).await?;
        let debug_listener = listen(options.debug).await?;
        let address = |listener: &TcpListener, wanted| {
            listener.local_addr().map_err(|error| Error::Listen(wanted, error))
        };
        let (xds, debug) = (address(&xds_listener, options.xds)?, address(&debug_listener, options.debug)?);
        let stop = CancellationToken::new();
        let mut follower = Follower {
            world,
            known: Known::default(),
            objects: HashMap::new(),
            logged: BTreeSet::new(),
            options: options.clone(),
        };
        let first = follower.read(Instant::now());
        let (snapshots, _) = watch::channel(Arc::new(first));
        let shared = Arc::new(Shared::new(snapshots, options, stop.clone()));
        let serving =
            wire::ads::serve(xds_listener, ads::answer(&shared), Box::pin(stop.clone().cancelled_owned()));
        let tasks = vec![
            tokio::spawn(follower.follow(shared.clone())),
            tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "the control plane no longer takes proxies");
                }
            }),
            tokio::spawn(debug::serve(debug_listener, shared.clone())),
        ];
        Ok(Self { xds, debug, shared, stop, tasks })
    }

    /// Where proxies are served.
    pub fn xds_addr(&self) -> SocketAddr {
        self.xds
    }

    /// Where istiod's debug pages are: what istiod serves at 15014 and 8080.
    pub fn debug_addr(&self) -> SocketAddr {
        self.debug
    }

    /// The configuration to start a Pod's Envoy with; `None` for a pod that has no address or no proxy.
    pub fn bootstrap(&self, pod: &Value) -> Option<Value> {
        Options { xds: self.xds, ..self.shared.options.clone() }.bootstrap(pod)
    }

    /// Which proxies are connected, and how far they are.
    pub fn connected(&self) -> watch::Receiver<Statuses> {
        self.shared.statuses()
    }

    /// The status that each object of the Gateway API is to have; whoever can write to the API writes it there.
    pub fn object_statuses(&self) -> watch::Receiver<ObjectStatuses> {
        self.shared.objects()
    }

    /// Ends all streams and waits until nothing runs any more.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a part of the control plane failed");
            }
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.stop.cancel();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| Error::Listen(address, error))
}

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
struct Follower {
    world: watch::Receiver<Arc<World>>,
    known: Known,
    /// What was there before, by kind, namespace and name.
    objects: HashMap<[String; 3], Arc<Value>>,
    logged: BTreeSet<registry::Untranslated>,
    options: Options,
}

impl Follower {
    fn read(&mut self, seen: Instant) -> Snapshot {
        let world = self.world.borrow_and_update().clone();
        let registry = Registry::read(&world, &mut self.known);
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
    fn count(&mut self, snapshot: &Snapshot, metrics: &metrics::Metrics) -> Vec<String> {
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

    async fn follow(mut self, shared: Arc<Shared>) {
        let stop = shared.stop.clone();
        self.count(&shared.snapshot(), &shared.metrics);
        let (mut pushes, mut pushed) = (0_u64, Instant::now());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = self.world.changed() => if changed.is_err() { return },
            }
            let seen = Instant::now();
            tokio::time::sleep(shared.options.debounce).await;
            let snapshot = self.read(seen);
            let changed = self.count(&snapshot, &shared.metrics);
            if !changed.is_empty() {
                pushes += 1;
                self.options.info(&format!(
                    "Push debounce stable[{pushes}] {} for {}: {:?} since last change, {:?} since last push, full=true",
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
