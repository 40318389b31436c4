//! A small mesh for tests: pods written by hand, applications that echo, and a real Envoy per pod.

use pilot::{Options, Pilot, Statuses, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// Long enough for a busy machine, short enough to notice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// `$BINNACLE_ENVOY`, the tool folder, or `PATH`; a machine without Envoy fails these tests.
pub(crate) fn envoy() -> PathBuf {
    let named = std::env::var_os("BINNACLE_ENVOY").map(PathBuf::from);
    let cached = std::env::var_os("HOME")
        .map(|home| PathBuf::from(home).join(".cache/binnacle/tools/envoy-1.40.0/envoy"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("envoy"));
    let mut candidates = named.into_iter().chain(cached).chain(on_path);
    candidates
        .find(|file| file.is_file())
        .expect("Envoy is missing: run `cargo xtask test`, or set BINNACLE_ENVOY")
}

/// Ports that nobody listens at, from below the range from which the system itself hands out ports.
fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % 9 * 1000;
    let mut next =
        || 18_000 + u16::try_from((first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000).expect("a port");
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(&mut next).filter(free).take(count).collect()
}

/// A pod with a sidecar, at an address of its own.
pub(crate) struct TestPod {
    pub(crate) object: Arc<Value>,
    pub(crate) ports: BTreeMap<String, u16>,
    pub(crate) ip: String,
    pub(crate) envoy: Option<Child>,
    folder: tempfile::TempDir,
}

pub(crate) struct Bench {
    pub(crate) world: watch::Sender<Arc<World>>,
    pub(crate) pilot: Option<Pilot>,
    pub(crate) options: Options,
    pub(crate) pods: BTreeMap<String, TestPod>,
    heard: crate::echo::Heard,
    pub(crate) objects: BTreeMap<String, Arc<Value>>,
    apps: Vec<tokio::task::JoinHandle<()>>,
}

/// What a caller sees.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

pub(crate) fn key(object: &Value) -> String {
    format!("{}/{}/{}", object["kind"], object["metadata"]["namespace"], object["metadata"]["name"])
}

/// Name and namespace of a pod: `a` is of `demo`, `a.other` is not.
fn split(id: &str) -> (&str, &str) {
    id.split_once('.').unwrap_or((id, "demo"))
}

impl Bench {
    /// A control plane over an empty world.
    pub(crate) async fn start() -> Self {
        let sink = SocketAddr::from((Ipv4Addr::LOCALHOST, free_ports(1)[0]));
        Self::start_with(Options::new(sink, sink).expect("options")).await
    }

    pub(crate) async fn start_with(mut options: Options) -> Self {
        let (world, follow) = watch::channel(Arc::new(World::default()));
        let pilot = Pilot::start(follow, options.clone()).await.expect("the control plane");
        // A control plane that comes back is found where it was.
        options.xds = pilot.xds_addr();
        let (pods, heard) = (BTreeMap::new(), crate::echo::Heard::default());
        Self { world, pilot: Some(pilot), options, pods, heard, objects: BTreeMap::new(), apps: Vec::new() }
    }

    pub(crate) fn pilot(&self) -> &Pilot {
        self.pilot.as_ref().expect("the control plane runs")
    }

    /// Adds or replaces objects, all at once.
    pub(crate) fn apply(&mut self, yaml: &str) {
        for object in serde_saphyr::from_multiple::<Value>(yaml).expect("YAML") {
            self.objects.insert(key(&object), Arc::new(object));
        }
        self.publish();
    }

    pub(crate) fn delete(&mut self, kind: &str, namespace: &str, name: &str) {
        self.objects.remove(&format!("\"{kind}\"/\"{namespace}\"/\"{name}\"")).expect("it was there");
        self.publish();
    }

    pub(crate) fn publish(&self) {
        let objects =
            self.objects.values().chain(self.pods.values().map(|pod| &pod.object)).cloned().collect();
        let revision = self.world.borrow().revision + 1;
        self.world.send_replace(Arc::new(World { revision, objects }));
    }

    /// Starts an application that echoes, and its Envoy. `labels` are `app=…,version=…`.
    pub(crate) async fn pod(&mut self, name: &str, labels: &str, app_port: u16, gateway: bool) {
        let app = (!gateway).then(|| crate::echo::heard_by(name, self.heard.clone()));
        self.pod_with(name, labels, &[app_port], app);
    }

    /// Starts `app` at each of these ports, and its Envoy; a gateway has no application. A pod `a.other` is
    /// of the namespace `other`.
    pub(crate) fn pod_with(&mut self, id: &str, labels: &str, app_ports: &[u16], app: Option<axum::Router>) {
        let (name, namespace) = split(id);
        let ip = format!("10.244.0.{}", self.pods.len() + 5);
        let mut free = free_ports(5 + 2 * app_ports.len()).into_iter();
        let mut take = || free.next().expect("enough of them");
        let mut ports: BTreeMap<String, u16> =
            ["15000", "15020", "15021", "15090"].into_iter().map(|port| (port.to_owned(), take())).collect();
        if app.is_some() {
            ports.insert("15001".into(), take());
        }
        for port in app_ports {
            ports.insert(port.to_string(), take());
            if let Some(app) = &app {
                let real = take();
                ports.insert(format!("app/{port}"), real);
                self.apps.push(tokio::spawn(crate::echo::serve(app.clone(), real)));
            }
        }
        let labels: BTreeMap<&str, &str> =
            labels.split(',').filter_map(|pair| pair.split_once('=')).collect();
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels,
                "annotations": {pilot::PORTS_ANNOTATION: serde_json::to_string(&ports).expect("JSON")}},
            "spec": {"serviceAccountName": labels.get("app"), "containers": []},
            "status": {"podIP": ip, "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        let folder = tempfile::tempdir().expect("a folder");
        self.pods.insert(id.to_owned(), TestPod { object: Arc::new(object), ports, ip, envoy: None, folder });
        self.publish();
        self.run_envoy(id);
    }

    pub(crate) fn run_envoy(&mut self, name: &str) {
        let bootstrap = self.pilot().bootstrap(&self.pods[name].object).expect("a bootstrap");
        let pod = self.pods.get_mut(name).expect("the pod");
        let file = pod.folder.path().join("bootstrap.json");
        std::fs::write(&file, bootstrap.to_string()).expect("the bootstrap is written");
        let log = std::fs::File::create(pod.folder.path().join("log")).expect("a log");
        let output = std::fs::File::create(pod.folder.path().join("output")).expect("an output");
        // A test that is killed takes its Envoys with it.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(envoy())
            .args(["--disable-hot-restart", "--concurrency", "1", "-l", "warn"])
            .args(["--drain-strategy", "immediate", "--drain-time-s", "1", "-c"])
            .arg(&file)
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .expect("Envoy starts");
        pod.envoy = Some(child);
    }

    /// What Envoy wrote to its standard error and output.
    pub(crate) fn logs(&self, name: &str) -> String {
        let read =
            |file| std::fs::read_to_string(self.pods[name].folder.path().join(file)).unwrap_or_default();
        read("log") + &read("output")
    }

    /// Waits until every proxy has confirmed the world as it is now.
    pub(crate) async fn settle(&self) -> Statuses {
        let revision = self.world.borrow().revision;
        let named = |id: &String| split(id).0.to_owned() + "." + split(id).1;
        let pods: Vec<String> = self.pods.keys().map(named).collect();
        let settled = |statuses: &Statuses| {
            pods.iter().all(|pod| {
                statuses.get(pod).is_some_and(|status| status.synced && status.revision >= revision)
            })
        };
        let mut connected = self.pilot().connected();
        let waited = tokio::time::timeout(PATIENCE, connected.wait_for(settled)).await;
        match waited {
            Ok(statuses) => {
                let statuses = statuses.expect("the control plane runs").clone();
                let lost: Vec<_> = statuses
                    .values()
                    .flat_map(|status| status.refused.values())
                    .filter(|why| why.contains("cannot be encoded"))
                    .collect();
                assert!(lost.is_empty(), "never sent: {lost:#?}");
                for name in self.pods.keys() {
                    self.warm(name).await;
                }
                statuses
            }
            Err(_) => {
                let mut logs = Vec::new();
                for name in self.pods.keys() {
                    let waiting = self.admin(name, "/listeners").await
                        + &self
                            .admin(
                                name,
                                "/config_dump?resource=dynamic_listeners&mask=name,error_state,warming_state.version_info",
                            )
                            .await;
                    logs.push(format!("--- {name}\n{waiting}\n{}", self.logs(name)));
                }
                let known = self.pilot().connected().borrow().clone();
                let synced = serde_json::to_string_pretty(&self.debug("/debug/syncz").await).expect("JSON");
                let watched = self.debug("/debug/adsz").await;
                let watched: Vec<_> = watched["clients"]
                    .as_array()
                    .expect("clients")
                    .iter()
                    .map(|client| &client["watches"])
                    .collect();
                panic!("not settled at {revision}: {known:#?}\n{synced}\n{watched:#?}\n{}", logs.join("\n"));
            }
        }
    }

    /// A request from a pod's application to a service address, by way of its own sidecar.
    pub(crate) async fn call(&self, from: &str, to: &str, request: &str) -> Answer {
        self.try_call(from, to, request).await.expect("the sidecar answers")
    }

    /// As [`Self::call`], where the connection may be refused.
    pub(crate) async fn try_call(&self, from: &str, to: &str, request: &str) -> std::io::Result<Answer> {
        self.call_as(&self.pods[from].ip, from, to, request).await
    }

    /// The same, from another address than the pod's.
    pub(crate) async fn call_as(
        &self,
        source: &str,
        from: &str,
        to: &str,
        request: &str,
    ) -> std::io::Result<Answer> {
        let (address, port) = to.split_once(':').expect("address:port");
        let line = format!("PROXY TCP4 {source} {address} 40000 {port}\r\n");
        exchange(self.pods[from].ports["15001"], &line, request).await
    }

    /// A plain-text request straight to a pod's port, as somebody without a sidecar would send it.
    pub(crate) async fn plain(&self, to: &str, port: u16, request: &str) -> std::io::Result<Answer> {
        exchange(self.pods[to].ports[&port.to_string()], "", request).await
    }

    /// Ends the control plane as if it had crashed.
    pub(crate) async fn kill_pilot(&mut self) {
        let address = self.options.xds.clone();
        drop(self.pilot.take());
        // Gone when nobody takes connections any more.
        while address.connect().await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Starts it again, where it was and with the same authority.
    pub(crate) async fn start_pilot(&mut self) {
        let pilot = Pilot::start(self.world.subscribe(), self.options.clone()).await;
        self.pilot = Some(pilot.expect("the control plane comes back"));
    }

    /// The serial number of a proxy's certificate.
    pub(crate) async fn certificate(&self, pod: &str) -> String {
        let page: Value = serde_json::from_str(&self.admin(pod, "/certs").await).unwrap_or_default();
        page["certificates"][0]["cert_chain"][0]["serial_number"].as_str().unwrap_or_default().to_owned()
    }

    /// The first line of a proxy's access log that contains a text, as soon as it is written.
    pub(crate) async fn log_line(&self, pod: &str, text: &str) -> String {
        let written = async {
            loop {
                if let Some(line) = self.logs(pod).lines().find(|line| line.contains(text)) {
                    return line.to_owned();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, written).await.unwrap_or_else(|_| self.logs(pod))
    }

    /// An echo that is no part of the mesh; the port is this machine's.
    pub(crate) fn outsider(&mut self, name: &str) -> u16 {
        let port = free_ports(1)[0];
        self.apps
            .push(tokio::spawn(crate::echo::serve(crate::echo::heard_by(name, self.heard.clone()), port)));
        port
    }

    /// What an application was asked since the last time somebody looked: one text a request.
    pub(crate) fn heard(&self, name: &str) -> Vec<String> {
        let mut heard = self.heard.lock();
        let mine = heard.extract_if(.., |(who, _)| who == name);
        mine.map(|(_, text)| text).collect()
    }

    /// Waits until what a proxy has confirmed is in use: changed clusters and listeners wait for all their
    /// parts.
    async fn warm(&self, pod: &str) {
        let waiting = ["cluster_manager.warming_clusters", "listener_manager.total_listeners_warming"];
        let waits = async || {
            let page = self.admin(pod, "/stats?filter=warming").await;
            page.lines()
                .any(|line| waiting.iter().any(|name| line.starts_with(name)) && !line.ends_with(": 0"))
        };
        while waits().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A counter or gauge of a proxy, 0 when it is not known.
    pub(crate) async fn stat(&self, pod: &str, name: &str) -> u64 {
        let page = self.admin(pod, "/stats").await;
        page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok()).unwrap_or(0)
    }

    /// A page of Envoy's own admin interface.
    pub(crate) async fn admin(&self, pod: &str, path: &str) -> String {
        let answer = exchange(self.pods[pod].ports["15000"], "", &get(path, "envoy", &[])).await;
        answer.map(|answer| answer.body).unwrap_or_default()
    }

    pub(crate) async fn debug(&self, path: &str) -> Value {
        let answer =
            exchange(self.pilot().debug_addr().tcp().expect("a port").port(), "", &get(path, "istiod", &[]))
                .await
                .expect("the page");
        serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body))
    }
}

/// `GET /path` and header lines, `name: value`.
pub(crate) fn get(path: &str, host: &str, headers: &[&str]) -> String {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{lines}connection: close\r\n\r\n")
}

/// Whether an answer with a length has come to its end.
fn whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Some(chunk) =
            usize::from_str_radix(size, 16).ok().filter(|size| *size > 0).and_then(|size| rest.get(..size))
        else {
            break;
        };
        whole.push_str(chunk);
        body = rest.get(chunk.len() + 2..).unwrap_or_default();
    }
    whole
}

pub(crate) async fn exchange(port: u16, before: &str, request: &str) -> std::io::Result<Answer> {
    let started = std::time::Instant::now();
    let talk = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("{before}{request}").as_bytes()).await?;
        let mut answer = Vec::new();
        // Until it is whole: Envoy may keep a connection open for a while after its own answers.
        while !whole(&answer) && stream.read_buf(&mut answer).await? > 0 {}
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status =
            status.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "no answer"))?;
        let body =
            if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
        Ok(Answer { status, head: head.to_owned(), body, took: started.elapsed() })
    };
    tokio::time::timeout(PATIENCE, talk).await.expect("an answer in time")
}

impl Drop for Bench {
    fn drop(&mut self) {
        for app in &self.apps {
            app.abort();
        }
    }
}
