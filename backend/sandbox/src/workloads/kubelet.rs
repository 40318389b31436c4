//! Pods that run: one life for each Pod object, from when it appears until it is gone.

use super::addresses::Addresses;
use super::faults::{self, Faults};
use super::inject;
use super::pod::{self, Life};
use super::snapshot::{ending, uid};
use super::termination::{self, Leave};
use crate::apps::outgoing::Names;
use crate::control_plane::ControlPlane;
use crate::envoy::{Envoy, Spawner};
use crate::lack::Lacks;
use crate::synthetic::is_synthetic;
use apiserver::{LogRing, Store};
use futures::future::join_all;
use istio::Object;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::Address;

/// The image whose pods stand for the control plane.
pub(crate) const ISTIOD: &str = "binnacle/istiod";
/// Lines kept of each container's log.
const KEPT_LINES: usize = 1000;

/// What pods are run with.
pub(crate) struct Machine {
    pub(crate) store: Store,
    pub(crate) spawner: Spawner,
    /// None where a scenario needs none.
    pub(crate) envoy: Option<Envoy>,
    /// Where proxies' configuration and sockets are kept; nobody else may enter.
    pub(crate) dir: PathBuf,
    /// The cluster's DNS.
    pub(crate) names: Arc<dyn Names>,
    /// Knows the configuration that a pod's proxy starts with, and runs while there is a pod of istiod's.
    pub(crate) control: Arc<ControlPlane>,
    /// Images that stand for parts of the sandbox itself, with where those listen.
    pub(crate) own_images: BTreeMap<&'static str, Vec<(&'static str, Address)>>,
    /// The real ports of each gateway, by namespace and workload. Its pods share them, so that the way in
    /// stays the same while pods come and go.
    pub(crate) ways_in: Mutex<HashMap<(String, String), BTreeMap<String, u16>>>,
    /// The containers' logs.
    pub(crate) logs: Logs,
    /// Hears what cannot be started.
    pub(crate) lacks: Lacks,
}

/// Every container's log.
#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<HashMap<ContainerName, LogRing>>>);

/// Namespace, pod, container.
type ContainerName = (String, String, String);

impl Logs {
    pub(super) fn open(&self, pod: &Object, container: &str) -> LogRing {
        let key = (pod.namespace().to_owned(), pod.name().to_owned(), container.to_owned());
        self.0.lock().entry(key).or_insert_with(|| LogRing::new(KEPT_LINES)).clone()
    }
    pub(super) fn forget(&self, pod: &Object) {
        self.0.lock().retain(|(namespace, name, _), _| {
            (namespace.as_str(), name.as_str()) != (pod.namespace(), pod.name())
        });
    }
    /// The log of one container.
    pub(crate) fn of(&self, namespace: &str, pod: &str, container: &str) -> Option<LogRing> {
        self.0.lock().get(&(namespace.to_owned(), pod.to_owned(), container.to_owned())).cloned()
    }
}

/// Runs the pods that there are.
pub(crate) struct Kubelet {
    machine: Arc<Machine>,
    running: HashMap<String, Running>,
    addresses: Addresses,
}

struct Running {
    namespace: String,
    stop: CancellationToken,
    leave: Leave,
    faults: watch::Sender<Faults>,
    task: AbortOnDropHandle<()>,
}

impl Kubelet {
    pub(crate) fn new(machine: Arc<Machine>) -> Self {
        Self { machine, running: HashMap::new(), addresses: Addresses::default() }
    }

    /// Starts the pods of a namespace that do not run yet, tells those that run their faults, and ends those
    /// that were deleted. `pods` are all that there are in it.
    pub(crate) fn sync(&mut self, name: &str, pods: &[Object], namespace: Option<&Object>) {
        self.addresses.keep(name, pods);
        let known: HashMap<&str, &Object> = pods.iter().map(|pod| (uid(pod), pod)).collect();
        self.running.retain(|key, running| {
            let pod = known.get(key.as_str()).copied();
            let elsewhere = running.namespace != name;
            if let Some(seconds) = termination::grace(pod).filter(|_| !elsewhere) {
                running.leave.within(seconds);
            }
            elsewhere || pod.is_some() || !running.task.is_finished()
        });
        for pod in pods.iter().filter(|pod| ending(pod) && !self.running.contains_key(uid(pod))) {
            // Nothing runs of it, or no more.
            pod::ended(&self.machine.store, pod);
        }
        for pod in pods.iter().filter(|pod| !ending(pod)) {
            if is_synthetic(pod) {
                if pod.status()["podIP"].is_null() {
                    pod::stand_in(&self.machine.store, pod, self.addresses.of(pod));
                }
                continue;
            }
            let faults = faults::of(pod);
            if let Some(running) = self.running.get(uid(pod)) {
                running.faults.send_if_modified(|known| {
                    let other = *known != faults;
                    *known = faults;
                    other
                });
                continue;
            }
            let sidecar = !inject::has_proxy(pod) && inject::wanted(pod, namespace);
            let (stop, leave, faults) = (CancellationToken::new(), Leave::new(), watch::Sender::new(faults));
            let life = Life {
                machine: self.machine.clone(),
                pod: pod.clone(),
                ip: self.addresses.of(pod),
                sidecar,
                faults: faults.subscribe(),
                stop: stop.clone(),
                leave: leave.clone(),
            };
            let task = AbortOnDropHandle::new(tokio::spawn(life.live()));
            let namespace = name.to_owned();
            self.running.insert(uid(pod).to_owned(), Running { namespace, stop, leave, faults, task });
        }
    }

    /// Ends all pods and waits until they have ended.
    pub(crate) async fn stop(mut self) {
        let running: Vec<Running> = self.running.drain().map(|(_, running)| running).collect();
        for pod in &running {
            pod.stop.cancel();
        }
        join_all(running.into_iter().map(|pod| pod.task)).await;
    }
}
