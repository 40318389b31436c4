//! Pods that run: one life for each Pod object, from when it appears until it is gone.

use super::faults::{self, Faults};
use super::inject;
use super::pod::{self, Life};
use super::snapshot::{ending, uid};
use super::termination::{self, Leave};
use crate::apps::outgoing::Names;
use crate::control_plane::ControlPlane;
use crate::envoy::{Envoy, Spawner};
use crate::synthetic::is_synthetic;
use apiserver::{LogRing, Store};
use futures::future::join_all;
use istio::Object;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The image whose pods stand for the control plane.
pub(crate) const ISTIOD: &str = "binnacle/istiod";
/// Lines kept of each container's log.
const KEPT_LINES: usize = 1000;

/// What pods are run with.
pub(crate) struct Machine {
    pub(crate) store: Store,
    pub(crate) spawner: Spawner,
    pub(crate) envoy: Envoy,
    /// Where proxies' configuration is kept.
    pub(crate) dir: PathBuf,
    /// The cluster's DNS.
    pub(crate) names: Arc<dyn Names>,
    /// Knows the configuration that a pod's proxy starts with, and runs while there is a pod of istiod's.
    pub(crate) control: Arc<ControlPlane>,
    /// Images that stand for parts of the sandbox itself, with the real ports at which those listen.
    pub(crate) own_images: BTreeMap<&'static str, Vec<(&'static str, u16)>>,
    /// The real ports of each gateway, by namespace and workload. Its pods share them, so that the way in stays the same
    /// while pods come and go.
    pub(crate) ways_in: Mutex<HashMap<(String, String), BTreeMap<String, u16>>>,
    /// The containers' logs.
    pub(crate) logs: Logs,
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
    last_ip: u16,
}

struct Running {
    stop: CancellationToken,
    leave: Leave,
    faults: watch::Sender<Faults>,
    task: AbortOnDropHandle<()>,
}

impl Kubelet {
    pub(crate) fn new(machine: Arc<Machine>) -> Self {
        // .1 is the node.
        Self { machine, running: HashMap::new(), last_ip: 1 }
    }

    /// Starts the pods that do not run yet, tells those that run their faults, and ends those that were deleted.
    pub(crate) fn sync(&mut self, pods: &[Object], namespaces: &[Object]) {
        self.running.retain(|key, running| {
            let pod = pods.iter().find(|pod| uid(pod) == key);
            if let Some(seconds) = termination::grace(pod) {
                running.leave.within(seconds);
            }
            pod.is_some() || !running.task.is_finished()
        });
        for pod in pods.iter().filter(|pod| ending(pod) && !self.running.contains_key(uid(pod))) {
            // Nothing runs of it, or no more.
            pod::ended(&self.machine.store, pod);
        }
        for pod in pods.iter().filter(|pod| !ending(pod)) {
            if is_synthetic(pod) {
                if pod.status()["podIP"].is_null() {
                    let ip = self.free_ip(pods);
                    pod::stand_in(&self.machine.store, pod, ip);
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
            let namespace = namespaces.iter().find(|namespace| namespace.name() == pod.namespace());
            let sidecar = !inject::has_proxy(pod) && inject::wanted(pod, namespace);
            let (stop, leave, faults) = (CancellationToken::new(), Leave::new(), watch::Sender::new(faults));
            let life = Life {
                machine: self.machine.clone(),
                pod: pod.clone(),
                ip: self.free_ip(pods),
                sidecar,
                faults: faults.subscribe(),
                stop: stop.clone(),
                leave: leave.clone(),
            };
            let task = AbortOnDropHandle::new(tokio::spawn(life.live()));
            self.running.insert(uid(pod).to_owned(), Running { stop, leave, faults, task });
        }
    }

    fn free_ip(&mut self, pods: &[Object]) -> Ipv4Addr {
        loop {
            self.last_ip = self.last_ip.checked_add(1).unwrap_or(2);
            let [high, low] = self.last_ip.to_be_bytes();
            let ip = Ipv4Addr::new(10, 244, high, low);
            let taken = pods.iter().any(|pod| pod.status()["podIP"] == ip.to_string());
            if low != 0 && low != 255 && !taken {
                return ip;
            }
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
