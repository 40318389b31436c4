//! One pod from start to end: its real ports, its containers, its Envoy, and what the Pod object says of
//! them.

use super::container::{Board, Program, never_pulled, no_image};
use super::environment::environment;
use super::faults::Faults;
use super::inject::{self, PROXY};
use super::kubelet::{ISTIOD, Machine};
use super::ports::{ANNOTATION, Ports};
use super::probe::Probe;
use super::snapshot::{News, uid};
use super::status::{self, Container, NODE};
use super::tell;
use super::termination::{Ending, Leave};
use crate::apps::mounts::Mounts;
use crate::apps::outgoing::Caller;
use crate::apps::{self, Host};
use crate::control_plane::ControlPlane;
use crate::envoy::{Proxy, Run, State};
use crate::lack::Lacks;
use apiserver::{LogRing, Store};
use istio::Object;
use serde_json::{Value, json};
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Ports inside a pod that tell about its proxy and steer it.
const PROXY_PORTS: [&str; 4] = ["15000", "15020", "15021", "15090"];
/// Where a sidecar takes what its pod sends; a gateway has none.
const OUTBOUND: &str = "15001";

/// What a pod's life is made of.
pub(super) struct Life {
    pub(super) machine: Arc<Machine>,
    pub(super) pod: Object,
    pub(super) ip: Ipv4Addr,
    /// It gets a sidecar.
    pub(super) sidecar: bool,
    pub(super) faults: watch::Receiver<Faults>,
    /// The whole sandbox ends.
    pub(super) stop: CancellationToken,
    /// Somebody deleted the pod.
    pub(super) leave: Leave,
}

/// Tells about one pod.
#[derive(Clone)]
pub(crate) struct Voice {
    store: Store,
    lacks: Lacks,
    pod: Object,
}

impl Voice {
    /// Something that happens as it should.
    pub(crate) fn tell(&self, reason: &'static str, message: String) {
        self.say("Normal", reason, message);
    }
    /// Something that does not.
    pub(crate) fn warn(&self, reason: &'static str, message: String) {
        self.say("Warning", reason, message);
    }
    /// Something that cannot be done.
    pub(crate) fn cannot(&self, what: &str, error: &io::Error) {
        self.lacks.tell(error);
        self.warn("Failed", format!("{what}: {error}"));
    }
    fn say(&self, kind: &'static str, reason: &'static str, message: String) {
        let source = if reason == "Scheduled" { "default-scheduler" } else { "kubelet" };
        tell(&self.store, &News { about: self.pod.clone(), kind, reason, message, source });
    }
    /// As a kubelet names it in its messages.
    pub(crate) fn pod_name(&self) -> String {
        format!("{}_{}({})", self.pod.name(), self.pod.namespace(), uid(&self.pod))
    }
}

/// A pod that has its ports, and what it runs.
struct Begun {
    pod: Object,
    ports: Ports,
    board: Board,
    voice: Voice,
    tasks: JoinSet<()>,
    /// Tells the tasks to finish.
    finish: CancellationToken,
}

impl Life {
    /// From start to end.
    pub(super) async fn live(mut self) {
        if self.sidecar {
            let mut wanted = (*self.pod.0).clone();
            inject::inject(&mut wanted);
            self.pod = Object::from(wanted);
        }
        match self.begin().await {
            Ok(Some(begun)) => self.go_on(begun).await,
            Ok(None) => {} // gone before it began
            Err(error) => {
                tracing::warn!(pod = self.pod.name(), %error, "a pod could not be started");
                self.voice(&self.pod).cannot("The pod could not be started", &error);
                tokio::select! {
                    () = self.leave.begins() => {}
                    () = self.stop.cancelled() => {}
                }
            }
        }
        self.machine.logs.forget(&self.pod);
        if !self.stop.is_cancelled() {
            ended(&self.machine.store, &self.pod);
        }
    }

    fn voice(&self, pod: &Object) -> Voice {
        Voice { store: self.machine.store.clone(), lacks: self.machine.lacks.clone(), pod: pod.clone() }
    }

    /// Takes ports, says so in the Pod object, and starts the containers.
    async fn begin(&self) -> io::Result<Option<Begun>> {
        let (machine, pod) = (&self.machine, &self.pod);
        let mut ports = Ports::default();
        let proxied = inject::has_proxy(pod);
        if proxied {
            PROXY_PORTS.iter().for_each(|port| ports.hide(port, &machine.dir));
            if !inject::is_gateway(pod) {
                ports.reserve(OUTBOUND)?;
            }
        }
        let caller = Caller {
            pod_ip: self.ip,
            namespace: pod.namespace().to_owned(),
            sidecar: ports.real(OUTBOUND),
            names: machine.names.clone(),
        };
        let (mut containers, mut programs, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tasks, finish) = (JoinSet::new(), self.stop.child_token());
        for (index, container) in inject::containers(pod).enumerate() {
            let name = container["name"].as_str().unwrap_or_default();
            let image = container["image"].as_str().unwrap_or_default();
            let log = machine.logs.open(pod, name);
            let mut told = Container::new(name, image);
            if name == PROXY {
                let gateway = (pod.namespace().to_owned(), inject::workload(pod));
                for port in declared_ports(container).filter(|port| !PROXY_PORTS.contains(&port.as_str())) {
                    let mut known = machine.ways_in.lock();
                    let known = known.entry(gateway.clone()).or_default().entry(port.clone()).or_default();
                    *known = ports.share(&port, *known)?;
                }
            } else if let Some(own) = machine.own_images.get(image) {
                own.iter().for_each(|(port, at)| ports.add(port, at.clone()));
                told.ready = true;
                if image == ISTIOD {
                    stand_for(&machine.control, (pod, log), &finish, &mut tasks).await?;
                }
            } else if let Some(demo) = apps::find(image) {
                let mut real = Vec::new();
                for port in demo.ports {
                    let outside = ports.reserve(&port.to_string())?;
                    real.push(if proxied { ports.reserve(&format!("app/{port}"))? } else { outside });
                }
                let (tag, env) = (apps::tag(image).to_owned(), environment(pod, container));
                let files = Mounts::of(&machine.store, pod, container);
                let host = Host { name: pod.name().to_owned(), tag, env, files, caller: caller.clone(), log };
                let [readiness, liveness] =
                    ["readinessProbe", "livenessProbe"].map(|probe| Probe::of(container, probe));
                programs.push(Program {
                    demo,
                    host,
                    real,
                    index,
                    faults: self.faults.clone(),
                    readiness,
                    liveness,
                });
            } else {
                told.waiting = Some(("ErrImagePull", no_image(image)));
                unknown.push((image.to_owned(), index));
            }
            containers.push(told);
        }
        let written = self.write(|object| {
            object["metadata"]["labels"] = pod.0["metadata"]["labels"].clone();
            object["metadata"]["annotations"] = pod.0["metadata"]["annotations"].clone();
            object["metadata"]["annotations"][ANNOTATION] = json!(ports.annotation());
            object["spec"] = pod.spec().clone();
            object["spec"]["nodeName"] = json!(NODE);
            object["status"] = status::status(pod, self.ip, &containers);
        });
        let Some(pod) = written else { return Ok(None) };
        let voice = self.voice(&pod);
        voice
            .tell("Scheduled", format!("Successfully assigned {}/{} to {NODE}", pod.namespace(), pod.name()));
        for Container { name, image, .. } in containers.iter().filter(|container| container.waiting.is_none())
        {
            voice.tell("Pulled", format!("Container image \"{image}\" already present on machine"));
            voice.tell("Created", format!("Created container: {name}"));
            voice.tell("Started", format!("Started container {name}"));
        }
        let board = Board::new(containers);
        for program in programs {
            tasks.spawn(program.run(board.clone(), voice.clone(), finish.clone()));
        }
        for (image, index) in unknown {
            let (pull, stop) = (never_pulled(image, index, board.clone(), voice.clone()), finish.clone());
            tasks.spawn(async move { stop.run_until_cancelled_owned(pull).await.unwrap_or_default() });
        }
        Ok(Some(Begun { pod, ports, board, voice, tasks, finish }))
    }

    /// Runs the pod's proxy, if it has one, and keeps the Pod object true, until it ends.
    async fn go_on(&mut self, begun: Begun) {
        // The ports stay reserved until everything has ended.
        let Begun { pod, ports, board, voice, mut tasks, finish } = begun;
        let proxy = self.start_proxy(&pod, &ports, &voice);
        let at =
            inject::containers(&pod).position(|container| container["name"] == PROXY).unwrap_or_default();
        let mut state = proxy.as_ref().map(|proxy| proxy.state.clone());
        let mut told = board.follow();
        let stop = self.stop.clone();
        let mut mistakes = Vec::new();
        loop {
            let faults = self.faults.borrow_and_update().mistakes.clone();
            for mistake in faults.iter().filter(|mistake| !mistakes.contains(*mistake)) {
                voice.warn("AnnotationIgnored", mistake.clone());
            }
            mistakes = faults;
            let containers = told.borrow_and_update().clone();
            self.write_status(&containers);
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.leave.begins() => break,
                Ok(()) = told.changed() => {}
                Ok(()) = self.faults.changed() => {}
                is = next(&mut state) => {
                    board.change(at, |container| container.follow(is));
                    if containers.get(at).is_some_and(|before| before.restarts != is.restarts) {
                        let how = format!("Container {PROXY} exited with code {}, it was started again", is.exit_code);
                        voice.warn("Exited", how);
                        voice.tell("Created", format!("Created container: {PROXY}"));
                        voice.tell("Started", format!("Started container {PROXY}"));
                    }
                }
            }
        }
        if !stop.is_cancelled() {
            self.write_status(&told.borrow_and_update().clone());
            let ending =
                Ending { pod: &pod, leave: &self.leave, board: &board, voice: &voice, finish: &finish };
            stop.run_until_cancelled(ending.gracefully(proxy, tasks)).await;
            self.write_status(&told.borrow_and_update().clone());
        } else {
            if let Some(proxy) = proxy {
                proxy.stop().await;
            }
            while tasks.join_next().await.is_some() {}
        }
        drop(ports);
    }

    fn write_status(&self, containers: &[Container]) {
        self.write(|object| {
            let known = Object::from(object.clone());
            object["status"] = status::status(&known, self.ip, containers);
        });
    }

    fn start_proxy(&self, pod: &Object, ports: &Ports, voice: &Voice) -> Option<Proxy> {
        let machine = &self.machine;
        let admin = ports.at("15000")?.clone();
        let Some(envoy) = &machine.envoy else {
            voice.warn("Failed", "Envoy cannot be started: it is not on this machine".to_owned());
            return None;
        };
        let log = machine.logs.open(pod, PROXY);
        let Some(bootstrap) = machine.control.bootstrap(&pod.0) else {
            voice.warn("Failed", "The control plane has no configuration for this proxy".to_owned());
            return None;
        };
        let name = format!("{}.{}", pod.name(), pod.namespace());
        let (envoy, dir) = (envoy.path.clone(), machine.dir.clone());
        let container = inject::containers(pod).find(|container| container["name"] == PROXY)?;
        let environment = environment(pod, container);
        let run = Run { name, envoy, bootstrap, environment, dir, admin, lacks: machine.lacks.clone() };
        match Proxy::start(run, machine.spawner.clone(), log) {
            Ok(proxy) => Some(proxy),
            Err(error) => {
                voice.cannot("Envoy cannot be started", &error);
                None
            }
        }
    }

    /// Changes the Pod object, if it is still this pod's.
    fn write(&self, change: impl FnOnce(&mut Value)) -> Option<Object> {
        let pod = &self.pod;
        let mut same = false;
        let written = self.machine.store.modify("Pod", pod.namespace(), pod.name(), |object| {
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
}

/// Takes away the object of a pod of which nothing runs any more.
pub(super) fn ended(store: &Store, pod: &Object) {
    if let Err(error) = store.ended(pod.namespace(), pod.name(), uid(pod)) {
        tracing::warn!(pod = pod.name(), %error, "a pod that has ended could not be removed");
    }
}

/// Says of a pod that it runs, without running anything.
pub(super) fn stand_in(store: &Store, pod: &Object, ip: Ipv4Addr) {
    let containers = inject::containers(pod).map(|container| {
        let text = |field: &str| container[field].as_str().unwrap_or_default();
        Container { ready: true, ..Container::new(text("name"), text("image")) }
    });
    let containers: Vec<Container> = containers.collect();
    let written = store.modify("Pod", pod.namespace(), pod.name(), |object| {
        object["spec"]["nodeName"] = json!(NODE);
        object["status"] = status::status(pod, ip, &containers);
    });
    if let Err(error) = written {
        tracing::warn!(pod = pod.name(), %error, "a pod's status could not be written");
    }
}

/// How the proxy is next; never in a pod without one.
async fn next(state: &mut Option<watch::Receiver<State>>) -> State {
    if let Some(state) = state
        && state.changed().await.is_ok()
    {
        return *state.borrow_and_update();
    }
    std::future::pending().await
}

/// Keeps the control plane running until this pod ends.
async fn stand_for(
    control: &Arc<ControlPlane>,
    (pod, log): (&Object, LogRing),
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> io::Result<()> {
    let name = pod.name().to_owned();
    control.pod_started(&name, log).await.map_err(|problem| io::Error::other(problem.why))?;
    let (control, stop) = (control.clone(), stop.clone());
    tasks.spawn(async move {
        stop.cancelled().await;
        control.pod_ended(&name).await;
    });
    Ok(())
}

fn declared_ports(container: &Value) -> impl Iterator<Item = String> + '_ {
    let ports = container["ports"].as_array().into_iter().flatten();
    ports.filter_map(|port| Some(port["containerPort"].as_u64()?.to_string()))
}
