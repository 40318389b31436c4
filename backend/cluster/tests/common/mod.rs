//! A cluster of its own for each test: a real Kubernetes API on 127.0.0.1, with a play-acted istiod, Envoys,
//! Prometheus and Jaeger behind port-forwards.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod cast;

use apiserver::{ApiServer, Deny, LogRing, Logs, Options, PodAccess, PodName, Store, Stream, Unreachable};
use cast::Cast;
use cluster::{Cluster, Command, Of, Target};
use mesh::scene::{KindState, Step, StepState};
use mesh::{Change, ChangeId, Fact, Scene};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Long enough for a slow machine; nothing waits so long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Ports inside pods, and the log of istiod.
struct Pods {
    ports: HashMap<(String, u16), SocketAddr>,
    istiod_log: LogRing,
}

#[async_trait::async_trait]
impl PodAccess for Pods {
    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Result<Stream, Unreachable> {
        let name = || PodName { namespace: namespace.to_owned(), name: pod.to_owned() };
        let refused = |error| Unreachable::Refused(name(), port, error);
        let app = pod.split("-6f8d7c9b4").next().unwrap_or(pod);
        let address =
            self.ports.get(&(app.to_owned(), port)).or_else(|| self.ports.get(&("*".to_owned(), port)));
        let address = address.ok_or_else(|| Unreachable::Closed(name(), port))?;
        let mut stream = TcpStream::connect(address).await.map_err(refused)?;
        if port == cast::ENVOY {
            cast::announce(&mut stream, pod).await.map_err(refused)?;
        }
        Ok(Stream::Left(stream))
    }

    fn logs(&self, _namespace: &str, pod: &str, _container: &str) -> Option<Logs> {
        pod.starts_with("istiod").then(|| self.istiod_log.logs())
    }
}

/// The cluster.
pub(crate) struct World {
    pub(crate) api: ApiServer,
    pub(crate) cast: Arc<Cast>,
    pub(crate) log: LogRing,
    pub(crate) folder: TempDir,
    next: AtomicU64,
}

impl World {
    /// Bookinfo with istiod, Prometheus and Jaeger.
    pub(crate) async fn bookinfo() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, changed before anything is started.
    pub(crate) async fn with(change: impl FnOnce(&mut Vec<Value>)) -> Self {
        Self::start("v1.33.4", change).await
    }

    /// The same on this version of Kubernetes.
    pub(crate) async fn start(version: &str, change: impl FnOnce(&mut Vec<Value>)) -> Self {
        let mut objects: Vec<Value> = mesh::demo::bookinfo_objects()
            .into_iter()
            .map(|(_, object)| object)
            .map(|object| (*object.0).clone())
            .collect();
        for (name, port) in [("prometheus", 9090), ("tracing", 16686)] {
            objects.extend(addon(name, port));
        }
        change(&mut objects);
        let store = Store::new();
        for mut object in objects {
            for given in ["uid", "resourceVersion", "generation", "creationTimestamp"] {
                object["metadata"].as_object_mut().expect("metadata").shift_remove(given);
            }
            store.apply(object).expect("an object of the demo");
        }
        let cast = Cast::start(store.clone()).await;
        let log = LogRing::new(100);
        let ports = [
            (("istiod", cast::ISTIOD), cast.istiod_at),
            (("prometheus", 9090), cast.prometheus_at),
            (("tracing", 16686), cast.jaeger_at),
            (("*", cast::ENVOY), cast.envoy_at),
        ];
        let ports =
            ports.into_iter().map(|((app, port), address)| ((app.to_owned(), port), address)).collect();
        let pods = Arc::new(Pods { ports, istiod_log: log.clone() });
        let options = Options { kubernetes_version: version.to_owned(), ..Options::new(pods) };
        let api = ApiServer::start(store, options).await.expect("an API server");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config"), api.kubeconfig("test")).expect("a kubeconfig");
        Self { api, cast, log, folder, next: AtomicU64::new(0) }
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            kubeconfig: Some(self.folder.path().join("config")),
            journal: Some(self.folder.path().join("journal")),
            ..Target::default()
        }
    }

    pub(crate) fn deny(&self, verb: &str, resource: &str) {
        self.api.faults().deny(Deny::new(verb, resource));
    }

    pub(crate) fn connect(&self) -> Connection {
        self.connect_to(self.target())
    }

    pub(crate) fn connect_to(&self, target: Target) -> Connection {
        let woken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&woken);
        let wake = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        Connection { cluster: Cluster::connect(target, wake), woken, id }
    }

    /// Weights of reviews' last rule, as the cluster has them.
    pub(crate) fn weights(&self) -> Vec<u64> {
        let reviews = self.api.store().get("VirtualService", "bookinfo", "reviews").expect("reviews");
        let routes =
            reviews.pointer("/spec/http/1/route").and_then(Value::as_array).cloned().unwrap_or_default();
        routes.iter().map(|row| row["weight"].as_u64().unwrap_or_default()).collect()
    }
}

/// A pod and its Service in istio-system.
fn addon(name: &str, port: u16) -> [Value; 2] {
    let meta = |name: String| json!({ "namespace": "istio-system", "name": name, "labels": { "app": name } });
    let mut pod_meta = meta(format!("{name}-6f8d7c9b4-aaaaa"));
    pod_meta["labels"]["app"] = name.into();
    [
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta(name.to_owned()),
            "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": port, "targetPort": port }] } }),
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": pod_meta, "spec": { "containers": [{ "name": name, "image": name }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } }),
    ]
}

/// A connection under test.
pub(crate) struct Connection {
    pub(crate) cluster: Cluster,
    pub(crate) woken: Arc<AtomicU64>,
    id: u64,
}

impl Connection {
    /// Waits for a scene in which this holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl FnMut(&Arc<Scene>) -> bool) -> Arc<Scene> {
        let waited = tokio::time::timeout(PATIENCE, self.cluster.scene.wait_for(holds)).await;
        let found = waited.ok().map(|scene| Arc::clone(&scene.expect("the connection lives")));
        found.unwrap_or_else(|| {
            let scene = self.cluster.scene.borrow();
            panic!("waited in vain for {what}: {:#?} {:#?}", scene.steps, scene.kinds)
        })
    }

    pub(crate) async fn ready(&mut self) -> Arc<Scene> {
        self.until("the first lists", |scene| scene.ready() && scene.mesh.service_count() > 0).await
    }

    pub(crate) async fn failed(&mut self, step: Step) -> mesh::Problem {
        let scene = self
            .until("a failed step", |scene| matches!(scene.steps.get(&step), Some(StepState::Failed(_))))
            .await;
        match &scene.steps[&step] {
            StepState::Failed(problem) => problem.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn done(&mut self, step: Step) -> String {
        let scene =
            self.until("a step", |scene| matches!(scene.steps.get(&step), Some(StepState::Done(_)))).await;
        match &scene.steps[&step] {
            StepState::Done(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn send(&self, command: Command) {
        self.cluster.commands.send(command).await.expect("the connection lives");
    }

    pub(crate) fn change_id(&self) -> ChangeId {
        ChangeId(self.id * 100 + 1)
    }

    pub(crate) async fn push(&self, change: &Change) {
        self.send(Command::Push(self.change_id(), Box::new(change.clone()), Of::default())).await;
    }

    pub(crate) async fn check(&mut self, change: &Change) -> Fact {
        self.send(Command::Check(self.change_id(), Box::new(change.clone()))).await;
        self.fact().await
    }

    /// The next fact about the whole change.
    pub(crate) async fn fact(&mut self) -> Fact {
        loop {
            let fact = self.any_fact().await;
            if !matches!(fact, Fact::Judged(..) | Fact::Wrote(..) | Fact::PutBack(_)) {
                return fact;
            }
        }
    }

    /// The next fact, also about a step.
    pub(crate) async fn any_fact(&mut self) -> Fact {
        let (id, fact) = self.next().await;
        assert_eq!(id, self.change_id());
        fact
    }

    /// The next fact about any change.
    pub(crate) async fn next(&mut self) -> (ChangeId, Fact) {
        let fact = tokio::time::timeout(PATIENCE, self.cluster.facts.recv()).await.expect("a fact in time");
        fact.expect("the connection lives")
    }

    /// Facts in short, until one of these words begins one.
    pub(crate) async fn facts_until(&mut self, ends: &[&str]) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let fact = brief(&self.fact().await);
            let last = ends.iter().any(|end| fact.starts_with(end));
            told.push(fact);
            if last {
                return told;
            }
        }
    }
}

pub(crate) fn brief(fact: &Fact) -> String {
    match fact {
        Fact::Checked(warnings) => format!("checked {warnings:?}"),
        Fact::Accepted(objects) => format!("accepted {}", objects.len()),
        Fact::Seen => "seen".into(),
        Fact::Acked { acked, of, .. } => format!("acked {acked}/{of}"),
        Fact::Rolled { ready, of, .. } => format!("rolled {ready}/{of}"),
        Fact::Live => "live".into(),
        Fact::Counted(part, progress) => format!("counted {part} {}", progress.measured.calls),
        Fact::Measured(measured) => format!("measured {}", measured.calls),
        Fact::Replaced(_) => "replaced".into(),
        Fact::Refused(problem) => format!("refused {problem}"),
        Fact::Unknowable(problem) => format!("unknowable {problem}"),
        Fact::Conflict { theirs, problem } => format!("conflict {} {problem}", theirs.now.is_some()),
        Fact::Judged(step, _) => format!("judged {step}"),
        Fact::Wrote(step, _) => format!("wrote {step}"),
        Fact::PutBack(step) => format!("put back {step}"),
        Fact::Unsure(problem) => format!("unsure {problem}"),
        Fact::CutOff(standings) => format!("cut off {}", standings.len()),
        Fact::Remembered(past) => format!("remembered {}", past.change.title),
        Fact::Left => "left".into(),
    }
}

/// reviews for all other calls: these shares for v1, v2, v3.
pub(crate) fn split(scene: &Scene, shares: [u32; 3]) -> Change {
    let service = scene.mesh.services().find(|service| &*service.name == "reviews").expect("reviews");
    let rules = mesh::edit::rules(&scene.mesh, service);
    let rule = rules.iter().find(|rule| rule.takes_all).expect("the rule for all other calls");
    let wanted =
        mesh::split::Split::new(["v1", "v2", "v3"].into_iter().zip(shares)).expect("shares that make 100");
    mesh::edit::split(&scene.mesh, &rule.at, &wanted).expect("a change")
}

pub(crate) fn kind_state(scene: &Scene, kind: &'static mesh::Kind) -> KindState {
    scene.kinds[kind].clone()
}
