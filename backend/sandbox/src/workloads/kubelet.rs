//! Pods that run: for each Pod object its programs in this process, its real ports, and its Envoy.

use super::inject::{self, PROXY};
use super::ports::{ANNOTATION, Ports};
use super::snapshot::{News, ending, uid};
use super::status::{self, Container, NODE};
use super::tell;
use crate::apps::outgoing::{Caller, Names};
use crate::apps::{self, Host};
use crate::control_plane::ControlPlane;
use crate::envoy::{Envoy, Proxy, Run, Spawner};
use apiserver::{LogRing, Store};
use futures::future::join_all;
use mesh::Object;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Ports inside a pod that its proxy takes, besides those of its containers.
const PROXY_PORTS: [&str; 4] = ["15000", "15020", "15021", "15090"];
/// How long a deleted pod goes on serving, until nobody sends it requests any more.
const DRAIN: Duration = Duration::from_millis(500);
/// The image whose pods stand for the control plane.
pub(crate) const ISTIOD: &str = "binnacle/istiod";
/// Lines kept of each container's log.
const KEPT_LINES: usize = 1000;
/// Where a sidecar takes what its pod sends; a gateway has none.
const OUTBOUND: &str = "15001";

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
    fn open(&self, pod: &Object, container: &str) -> LogRing {
        let key = (pod.namespace().to_owned(), pod.name().to_owned(), container.to_owned());
        self.0.lock().entry(key).or_insert_with(|| LogRing::new(KEPT_LINES)).clone()
    }
    fn forget(&self, pod: &Object) {
        self.0.lock().retain(|(namespace, name, _), _| (namespace.as_str(), name.as_str()) != (pod.namespace(), pod.name()));
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
    /// Its object is gone; it ends after [`DRAIN`].
    leaving: bool,
    task: AbortOnDropHandle<()>,
}

impl Kubelet {
    pub(crate) fn new(machine: Arc<Machine>) -> Self {
        // .1 is the node.
        Self { machine, running: HashMap::new(), last_ip: 1 }
    }

    /// Starts the pods that do not run yet, and ends those that are gone.
    pub(crate) fn sync(&mut self, pods: &[Object], namespaces: &[Object]) {
        let here = |key: &str| pods.iter().any(|pod| uid(pod) == key && !ending(pod));
        self.running.retain(|key, running| {
            let stays = here(key);
            if !stays && !running.leaving {
                running.leaving = true;
                let stop = running.stop.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(DRAIN).await;
                    stop.cancel();
                });
            }
            stays || !running.task.is_finished()
        });
        for pod in pods.iter().filter(|pod| !ending(pod)) {
            if self.running.contains_key(uid(pod)) {
                continue;
            }
            let namespace = namespaces.iter().find(|namespace| namespace.name() == pod.namespace());
            let sidecar = !inject::has_proxy(pod) && inject::wanted(pod, namespace);
            let stop = CancellationToken::new();
            let life = life(self.machine.clone(), pod.clone(), self.free_ip(pods), sidecar, stop.clone());
            let task = AbortOnDropHandle::new(tokio::spawn(life));
            self.running.insert(uid(pod).to_owned(), Running { stop, leaving: false, task });
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

/// One pod from start to end.
async fn life(machine: Arc<Machine>, pod: Object, ip: Ipv4Addr, sidecar: bool, stop: CancellationToken) {
    let mut wanted = (*pod.0).clone();
    if sidecar {
        inject::inject(&mut wanted);
    }
    let pod = Object::from(wanted);
    let mut programs = Vec::new();
    match begin(&machine, &pod, ip, &mut programs, &stop).await {
        Ok(Some(started)) => started.run(&machine, ip, &stop).await,
        Ok(None) => {} // gone before it began
        Err(error) => {
            tracing::warn!(pod = pod.name(), %error, "a pod could not be started");
            say(&machine, &pod, "Warning", "Failed", format!("The pod could not be started: {error}"));
            stop.cancelled().await;
        }
    }
    for program in programs {
        program.await.ok();
    }
    machine.logs.forget(&pod);
}

/// Keeps the control plane running until this pod ends.
async fn stand_for(control: &Arc<ControlPlane>, stop: &CancellationToken) -> io::Result<AbortOnDropHandle<()>> {
    control.pod_started().await.map_err(|problem| io::Error::other(problem.why))?;
    let (control, stop) = (control.clone(), stop.clone());
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        stop.cancelled().await;
        control.pod_ended().await;
    })))
}

struct Started {
    pod: Object,
    containers: Vec<Container>,
    ports: Ports,
}

/// Takes ports, starts the pod's programs, and says so in the Pod object.
async fn begin(
    machine: &Machine,
    pod: &Object,
    ip: Ipv4Addr,
    programs: &mut Vec<AbortOnDropHandle<()>>,
    stop: &CancellationToken,
) -> io::Result<Option<Started>> {
    let mut ports = Ports::default();
    let proxied = inject::has_proxy(pod);
    if proxied {
        for port in PROXY_PORTS {
            ports.reserve(port)?;
        }
        if !inject::is_gateway(pod) {
            ports.reserve(OUTBOUND)?;
        }
    }
    let caller =
        Caller { pod_ip: ip, namespace: pod.namespace().to_owned(), sidecar: ports.real(OUTBOUND), names: machine.names.clone() };
    let mut containers = Vec::new();
    for container in inject::containers(pod) {
        let name = container["name"].as_str().unwrap_or_default();
        let image = container["image"].as_str().unwrap_or_default();
        let log = machine.logs.open(pod, name);
        let mut told = Container {
            name: name.into(),
            image: image.into(),
            ready: name != PROXY,
            restarts: 0,
            started: inject::now(),
            waiting: None,
        };
        if name == PROXY {
            let gateway = (pod.namespace().to_owned(), inject::workload(pod));
            for port in declared_ports(container).filter(|port| !PROXY_PORTS.contains(&port.as_str())) {
                let mut known = machine.ways_in.lock();
                let known = known.entry(gateway.clone()).or_default().entry(port.clone()).or_default();
                *known = ports.share(&port, *known)?;
            }
        } else if let Some(own) = machine.own_images.get(image) {
            own.iter().for_each(|(port, real)| ports.add(port, *real));
            if image == ISTIOD {
                programs.push(stand_for(&machine.control, stop).await?);
            }
        } else if let Some(demo) = apps::find(image) {
            let port = demo.port.to_string();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let real = listener.local_addr()?.port();
            if proxied {
                ports.reserve(&port)?;
                ports.add(&format!("app/{port}"), real);
            } else {
                ports.add(&port, real);
            }
            let tag = apps::tag(image).to_owned();
            let host = Host { name: pod.name().to_owned(), tag, env: environment(container), caller: caller.clone(), log };
            let server = axum::serve(listener, (demo.make)(host)).with_graceful_shutdown(stop.clone().cancelled_owned());
            programs.push(AbortOnDropHandle::new(tokio::spawn(async move {
                if let Err(error) = server.await {
                    tracing::warn!(%error, "a demo service ended");
                }
            })));
        } else {
            let message = format!("the sandbox has no image \"{image}\": it runs the demo services only");
            say(machine, pod, "Warning", "Failed", format!("Failed to pull image \"{image}\": {message}"));
            told.ready = false;
            told.waiting = Some(("ErrImagePull", message));
        }
        containers.push(told);
    }
    let written = write(machine, pod, |object| {
        object["metadata"]["labels"] = pod.0["metadata"]["labels"].clone();
        object["metadata"]["annotations"] = pod.0["metadata"]["annotations"].clone();
        object["metadata"]["annotations"][ANNOTATION] = json!(ports.annotation());
        object["spec"] = pod.spec().clone();
        object["spec"]["nodeName"] = json!(NODE);
        object["status"] = status::status(pod, ip, &containers);
    });
    let Some(pod) = written else { return Ok(None) };
    say(machine, &pod, "Normal", "Scheduled", format!("Successfully assigned {}/{} to {NODE}", pod.namespace(), pod.name()));
    for container in containers.iter().filter(|container| container.waiting.is_none()) {
        say(machine, &pod, "Normal", "Started", format!("Started container {}", container.name));
    }
    Ok(Some(Started { pod, containers, ports }))
}

impl Started {
    /// Runs the pod's proxy, if it has one, and keeps the Pod object true, until told to stop.
    async fn run(self, machine: &Machine, ip: Ipv4Addr, stop: &CancellationToken) {
        // The ports stay reserved until the proxy has ended.
        let Self { pod, containers, ports } = self;
        let (Some(admin), true) = (ports.real("15000"), inject::has_proxy(&pod)) else { return stop.cancelled().await };
        let log = machine.logs.open(&pod, PROXY);
        let Some(bootstrap) = machine.control.bootstrap(&pod.0) else {
            say(machine, &pod, "Warning", "Failed", "The control plane has no configuration for this proxy".to_owned());
            return stop.cancelled().await;
        };
        let name = format!("{}.{}", pod.name(), pod.namespace());
        let run = Run { name, envoy: machine.envoy.path.clone(), bootstrap, dir: machine.dir.clone(), admin };
        let proxy = match Proxy::start(run, machine.spawner.clone(), log) {
            Ok(proxy) => proxy,
            Err(error) => {
                say(machine, &pod, "Warning", "Failed", format!("Envoy cannot be started: {error}"));
                return stop.cancelled().await;
            }
        };
        let mut state = proxy.state.clone();
        let mut restarts = 0;
        loop {
            let is = *state.borrow_and_update();
            if is.restarts > restarts {
                restarts = is.restarts;
                say(machine, &pod, "Normal", "Started", format!("Started container {PROXY}"));
            }
            let told = status::with_proxy(&containers, is.ready, is.restarts);
            write(machine, &pod, |object| {
                let known = Object::from(object.clone());
                object["status"] = status::status(&known, ip, &told);
            });
            tokio::select! {
                changed = state.changed() => if changed.is_err() { break },
                () = stop.cancelled() => break,
            }
        }
        proxy.stop().await;
        drop(ports);
    }
}

/// Changes the Pod object, if it is still this pod's.
fn write(machine: &Machine, pod: &Object, change: impl FnOnce(&mut Value)) -> Option<Object> {
    let mut same = false;
    let written = machine.store.modify("Pod", pod.namespace(), pod.name(), |object| {
        same = object.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid(pod));
        if same {
            change(object);
        }
    });
    match written {
        Ok(written) => written.filter(|_| same).map(Object),
        Err(error) => {
            tracing::warn!(pod = pod.name(), %error, "a pod's status could not be written");
            None
        }
    }
}

fn say(machine: &Machine, pod: &Object, kind: &'static str, reason: &'static str, message: String) {
    let source = if reason == "Scheduled" { "default-scheduler" } else { "kubelet" };
    tell(&machine.store, &News { about: pod.clone(), kind, reason, message, source });
}

fn declared_ports(container: &Value) -> impl Iterator<Item = String> + '_ {
    let ports = container["ports"].as_array().into_iter().flatten();
    ports.filter_map(|port| Some(port["containerPort"].as_u64()?.to_string()))
}

fn environment(container: &Value) -> BTreeMap<String, String> {
    let pairs = container["env"].as_array().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair["name"].as_str()?.to_owned(), pair["value"].as_str()?.to_owned()))).collect()
}
