//! Starting everything in order, saying each step, and ending it again.

use crate::Scenario;
use crate::access::Pods;
use crate::apps::outgoing::Names;
use crate::control_plane::ControlPlane;
use crate::directory::Directory;
use crate::doors::Door;
use crate::envoy::{Spawner, find_envoy};
use crate::folder::{Folder, write_private};
use crate::lack::{Lack, Lacks};
use crate::load::{INGRESS, Load, look};
use crate::readiness::{LONGEST_START, all_ready};
use crate::synthetic::{self, Size};
use crate::workloads::kubelet::{ISTIOD, Kubelet, Logs, Machine};
use crate::workloads::{self, node};
use crate::{kubeconfig_out, kubernetes};
use apiserver::{ApiServer, Store};
use futures::future::try_join_all;
use istio::{Object, Problem};
use parking_lot::Mutex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use telemetry::Telemetry;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::Address;

/// The name of the sandbox's context in its kubeconfig.
const CONTEXT: &str = "sandbox";
/// Spans that are kept; a page makes about nine.
const KEPT_SPANS: usize = 30_000;
/// How often the page is asked for until it comes.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// How to start a sandbox.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it consists of.
    pub scenario: Scenario,
    /// Requests each second; 0 for none.
    pub rps: f64,
    /// Makes names and the load's times the same in every run.
    pub seed: u64,
    /// Which Envoy to run; found by [`find_envoy`] when not said.
    pub envoy: Option<PathBuf>,
    /// How large the scenario `synthetic` is; the others have their own size.
    pub size: Size,
    /// Where to write the kubeconfig; a file that goes away with the sandbox when not said.
    pub kubeconfig_out: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scenario: Scenario::default(),
            rps: 10.0,
            seed: 1,
            size: Size::default(),
            envoy: None,
            kubeconfig_out: None,
        }
    }
}

impl Options {
    /// The rate that a scenario has when nobody says one.
    pub fn rps_of(scenario: Scenario, size: &Size) -> f64 {
        if scenario == Scenario::Synthetic { size.rps() } else { 10.0 }
    }
}

/// Where a running sandbox is found. Its JSON is a contract: `binnacle sandbox` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// The kubeconfig's path.
    pub kubeconfig: PathBuf,
    /// The context in it.
    pub context: String,
    /// The Kubernetes API.
    pub apiserver: String,
    /// The Prometheus HTTP API. Who has this URL may ask, nobody else; so with the next two.
    pub prometheus: String,
    /// Jaeger's query API.
    pub tracing: String,
    /// istiod's debug pages.
    pub istiod: String,
    /// The way in for requests; empty without an Envoy.
    pub ingress: String,
    /// How many Envoys run.
    pub proxies: usize,
    /// Their version; empty where there is no Envoy on this machine, and the scenario runs none but its
    /// gateway's.
    pub envoy: String,
}

/// A running mesh. Dropping it ends it too, but waits for nothing; prefer [`Sandbox::stop`].
pub struct Sandbox {
    ready: Ready,
    load: Load,
    made_up: Option<AbortOnDropHandle<()>>,
    workloads: AbortOnDropHandle<()>,
    stop: CancellationToken,
    api: ApiServer,
    control: Arc<ControlPlane>,
    telemetry: Telemetry,
    directory: Arc<Directory>,
    doors: Vec<Door>,
    _dir: Folder,
}

impl Sandbox {
    /// Starts a sandbox and waits until every proxy has its configuration and a first request has been
    /// answered. `progress` hears each step, in the user's words.
    pub async fn start(options: Options, progress: impl Fn(&str) + Send + Sync) -> Result<Self, Problem> {
        let clock = Instant::now();
        let step = |what: &str| {
            tracing::info!(at_ms = clock.elapsed().as_millis(), "{what}");
            progress(what);
        };
        let named = options.kubeconfig_out.as_deref();
        let named = named.map(|path| kubeconfig_out::place(path, CONTEXT)).transpose()?;
        step("Looking for Envoy");
        let envoy = match find_envoy(options.envoy.as_deref()) {
            Ok(envoy) => Some(envoy),
            // Only its gateway is a real one.
            Err(problem) if options.scenario == Scenario::Synthetic && options.envoy.is_none() => {
                step(&format!("Going on without Envoy, and so without a way in: {}", problem.why));
                None
            }
            Err(problem) => return Err(problem),
        };
        let dir = Folder::open().map_err(|error| no_folder(&error))?;

        step("Making the cluster's objects");
        let store = Store::new();
        let is_gateway = |object: &Object| object.kind() == "Deployment" && object.name() == INGRESS.0;
        let objects = options.scenario.objects()?.into_iter().chain([Object::from(node::node())]);
        for object in objects.filter(|object| envoy.is_some() || !is_gateway(object)) {
            store
                .apply((*object.0).clone())
                .map_err(|error| failed(&format!("{} {}", object.kind(), object.name()), &error))?;
        }
        if options.scenario == Scenario::Synthetic {
            if options.size.services == 0 {
                return Err(Problem::new(
                    "The sandbox cannot start",
                    "no services are wanted",
                    "Use --services with 1 or more",
                ));
            }
            synthetic::make(&store, options.size)
                .await
                .map_err(|error| failed("the synthetic services", &error))?;
        }

        step("Starting telemetry and the control plane");
        let directory = Arc::new(Directory::follow(&store));
        let telemetry = Telemetry::start(telemetry_options(directory.clone(), dir.path()))
            .await
            .map_err(|error| failed("the telemetry", &error))?;
        let control = Arc::new(ControlPlane::start(&store, &telemetry, dir.path()).await?);

        step("Starting the services and their Envoys");
        let spawner = Spawner::start().map_err(|error| failed("a thread for the proxies", &error))?;
        let (logs, lacks) = (Logs::default(), Lacks::default());
        let machine = Machine {
            store: store.clone(),
            spawner,
            envoy: envoy.clone(),
            dir: dir.path().to_owned(),
            names: directory.clone(),
            control: control.clone(),
            own_images: own_images(&control, &telemetry),
            ways_in: Mutex::default(),
            logs: logs.clone(),
            lacks: lacks.clone(),
        };
        let stop = CancellationToken::new();
        let chance = ChaCha8Rng::seed_from_u64(options.seed);
        let kubelet = Kubelet::new(Arc::new(machine));
        let (root, roots) = watch::channel(None);
        let run = workloads::run(store.clone(), kubelet, chance, roots, stop.clone());
        let workloads = AbortOnDropHandle::new(tokio::spawn(run));

        step("Opening the Kubernetes API");
        let pods = Arc::new(Pods { store: store.clone(), logs: logs.clone() });
        let api = ApiServer::start(store.clone(), apiserver::Options::new(pods))
            .await
            .map_err(|error| failed("the API server", &error))?;
        kubernetes::make(&store, api.address())
            .map_err(|error| failed("the Service of the API server", &error))?;
        let kubeconfig = named.unwrap_or_else(|| dir.path().join("kubeconfig"));
        write_private(&kubeconfig, &api.kubeconfig(CONTEXT))
            .map_err(|error| failed(&kubeconfig.display().to_string(), &error))?;
        root.send_replace(Some(api.ca_pem().to_owned()));

        step("Waiting for the proxies");
        let proxies = tokio::select! {
            proxies = all_ready(&store, &logs) => proxies?,
            lack = lacks.first() => return Err(lack.problem()),
        };
        control.all_synced(&store, proxies, LONGEST_START).await?;
        let entries = options.scenario.entries();
        let mut ingress = None;
        if envoy.is_some() {
            step("Asking for the first page");
            let at = gateway(&directory).await?;
            try_join_all(entries.iter().map(|path| first_page(at, path))).await?;
            ingress = Some(at);
        }
        let load = Load::start(&store, directory.clone(), entries, options.rps, options.seed)
            .map_err(|error| failed("the load generator", &error))?;
        let made_up = (options.scenario == Scenario::Synthetic).then(|| {
            let (als, otlp) = (telemetry.als_addr(), telemetry.otlp_addr());
            let (store, size, rate) = (store.clone(), options.size, load.rate());
            let run = synthetic::traffic::run(store, size, rate, options.seed, als, otlp);
            AbortOnDropHandle::new(tokio::spawn(run))
        });
        let doors = [telemetry.prometheus_addr(), telemetry.jaeger_addr(), control.debug_addr()];
        let doors = try_join_all(doors.map(Door::open)).await;
        let doors = doors.map_err(|error| failed("a port for its pages", &error))?;
        let [prometheus, tracing, istiod] = [0, 1, 2].map(|at| doors[at].url.clone());
        step("Ready");

        let ready = Ready {
            kubeconfig,
            context: CONTEXT.to_owned(),
            apiserver: api.url().to_owned(),
            prometheus,
            tracing,
            istiod,
            ingress: ingress.map(url).unwrap_or_default(),
            proxies,
            envoy: envoy.map(|envoy| envoy.version).unwrap_or_default(),
        };
        Ok(Self {
            ready,
            load,
            made_up,
            workloads,
            stop,
            api,
            control,
            telemetry,
            directory,
            doors,
            _dir: dir,
        })
    }

    /// Where everything is.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Requests each second from now on; 0 pauses.
    pub fn set_rate(&self, rps: f64) {
        self.load.set_rate(rps);
    }

    /// Ends everything and waits for it: load, pods with their proxies, then the servers.
    pub async fn stop(self) {
        drop((self.load, self.made_up, self.doors));
        self.stop.cancel();
        if let Err(error) = self.workloads.await {
            tracing::warn!(%error, "the workloads ended badly");
        }
        tokio::join!(self.api.stop(), self.control.stop(), self.telemetry.stop());
        drop(self.directory);
    }
}

/// Telemetry that fits beside a window: some minutes of traces at the usual load, in some tens of megabytes.
fn telemetry_options(directory: Arc<Directory>, dir: &Path) -> telemetry::Options {
    telemetry::Options {
        sockets: Some(dir.to_owned()),
        span_capacity: KEPT_SPANS,
        ..telemetry::Options::new(directory, pilot::ISTIO_VERSION)
    }
}

/// The parts of the sandbox that have pods of their own, so that they are found as in a cluster.
fn own_images(
    control: &ControlPlane,
    telemetry: &Telemetry,
) -> std::collections::BTreeMap<&'static str, Vec<(&'static str, Address)>> {
    let (xds, debug) = (control.xds_addr(), control.debug_addr());
    [
        (ISTIOD, vec![("15010", xds), ("15014", debug.clone()), ("8080", debug)]),
        ("binnacle/prometheus", vec![("9090", telemetry.prometheus_addr())]),
        ("binnacle/jaeger", vec![("16686", telemetry.jaeger_addr()), ("4317", telemetry.otlp_addr())]),
    ]
    .into()
}

/// The gateway's real address, as soon as it has one.
async fn gateway(directory: &Directory) -> Result<SocketAddr, Problem> {
    let (host, namespace, port) = INGRESS;
    let ask = async {
        loop {
            if let Some(at) = directory.endpoint(host, namespace, port) {
                return at;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    };
    let asked = tokio::time::timeout(LONGEST_START, ask).await;
    asked.map_err(|_| {
        Problem::new("The sandbox did not start", "the gateway has no address", "Look at its log")
    })
}

/// Asks the gateway for the page until it comes.
async fn first_page(at: SocketAddr, path: &str) -> Result<(), Problem> {
    let mut last = String::new();
    let ask = async {
        loop {
            match look(at, path).await {
                Ok(http::StatusCode::OK) => return,
                Ok(status) => last = format!("the gateway answered {status}"),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    };
    let asked = tokio::time::timeout(LONGEST_START, ask).await;
    asked.map_err(|_| {
        Problem::new("The sandbox did not start", format!("{path} does not come: {last}"), "Look at its log")
    })
}

fn url(at: SocketAddr) -> String {
    format!("http://{at}")
}

/// Why there is no place for its files.
fn no_folder(error: &io::Error) -> Problem {
    let place = std::env::temp_dir();
    let why = match error.kind() {
        io::ErrorKind::InvalidFilename => "its path is too long for the sockets in it".to_owned(),
        _ => error.to_string(),
    };
    let why = format!("no folder can be made in {}: {why}", place.display());
    let next = "Set TMPDIR to a folder that you may write to and whose path is short";
    Lack::of(error).map_or_else(|| Problem::new("The sandbox did not start", why, next), Lack::problem)
}

fn failed(what: &str, error: &(dyn Error + 'static)) -> Problem {
    if let Some(lack) = Lack::behind(error) {
        return lack.problem();
    }
    Problem::new("The sandbox did not start", format!("{what}: {error}"), "Look at its log")
}
