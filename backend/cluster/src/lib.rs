//! Talking to a cluster: connect, watch, measure, write, confirm. Everything arrives as [`mesh`] types.
//!
//! One [`Cluster`] is one connection. State travels by `watch` (the latest wins), facts about changes by
//! `mpsc` (none is lost). Every publication is followed by a call of the [`Wake`] function: send first, wake
//! second.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that finds nothing should fail"))]

mod access;
mod applied;
mod broken;
mod certificate;
mod confirm;
mod connect;
mod contexts;
mod credentials;
mod element;
mod endpoints;
mod envoy;
mod error;
mod fetch;
mod find;
mod follow;
pub mod fuzz;
mod given_back;
mod history;
mod http;
mod hub;
mod incidents;
mod inside;
mod istiod;
mod journal;
mod kubeconfig;
mod limits;
mod log;
mod logging;
mod login;
mod measure;
mod mesh_config;
#[cfg(test)]
mod mock;
mod once;
mod own_authority;
mod patience;
mod poll;
mod program;
mod prometheus;
mod proxy;
mod publish;
mod push;
mod reads;
mod refusal;
mod run;
mod schema;
mod search_path;
mod session;
mod settings;
mod supervise;
mod syncz;
mod told;
mod traces;
mod trim;
mod tunnel;
mod usable;
mod write;

pub use contexts::{ContextInfo, contexts};
pub use once::{Needs, once};
pub use prometheus::traffic_alone;
pub use traces::{Progress, give_back, open_traces, readable};

use crate::hub::Hub;
use mesh::ledger::Part;
use mesh::logging::SetLevel;
use mesh::{Change, ChangeId, Fact, Problem, Read, Scene};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Wakes the window after something new was published.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Who asks, so that audit logs name us.
const AGENT: &str = concat!("binnacle/", env!("CARGO_PKG_VERSION"));
/// Measuring window of a new connection, in seconds.
const FIRST_WINDOW: u64 = 60;
/// How long [`Cluster::finish`] waits for writes that are under way.
const FINISH: Duration = Duration::from_secs(15);

/// Where to connect to.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Kubeconfig file; `None` merges `$KUBECONFIG` or reads `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The file whose context is meant, where several have one of its name; `None`: the first that has it.
    pub file: Option<PathBuf>,
    /// Context; `None` takes the current one.
    pub context: Option<String>,
    /// Namespaces to watch; empty watches all (and falls back to the context's namespace where that is
    /// forbidden).
    pub namespaces: Vec<String>,
    /// Prometheus, where it is not to be found in the cluster.
    pub prometheus: Option<String>,
    /// Headers of every request to that Prometheus: names and values.
    pub prometheus_headers: Vec<(String, String)>,
    /// A tracing backend (Jaeger, Tempo, Zipkin), where it is not to be found in the cluster.
    pub tracing: Option<String>,
    /// Headers of every request to that backend: names and values.
    pub tracing_headers: Vec<(String, String)>,
    /// istiod's debug port, where it is not to be found in the cluster.
    pub istiod: Option<String>,
    /// Measuring window at first, in seconds; `None`: a minute.
    pub window_secs: Option<u64>,
    /// The scenario, where it is a sandbox of this window's own.
    pub own_sandbox: Option<String>,
    /// Refuse every write.
    pub read_only: bool,
    /// Allow changes of workloads, pods and namespaces, to begin with.
    pub workloads: bool,
    /// The folder of the journal; `None` keeps none.
    pub journal: Option<PathBuf>,
}

/// Where a change that is pushed comes from.
#[derive(Clone, Debug, Default)]
pub struct Of {
    /// The changes that were put together to it.
    pub parts: Vec<Part>,
    /// The change that it undoes.
    pub undoes: Option<ChangeId>,
}

/// Orders to a connection.
#[derive(Clone, Debug)]
pub enum Command {
    /// Dry-run a change on the server.
    Check(ChangeId, Box<Change>),
    /// Write a change and follow it until it is live and measured.
    Push(ChangeId, Box<Change>, Of),
    /// Go on with the push of a change that an earlier run was cut off in.
    Finish(ChangeId, Box<Change>),
    /// Leave it as it is, and say no more of it.
    Leave(ChangeId),
    /// Keep in the journal that a change was refused before anything of it was written, and why.
    Tried(ChangeId, Box<Change>, Of, Problem),
    /// Measure over so many seconds.
    Window(u64),
    /// Whether the user allows changes of workloads, pods and namespaces.
    Workloads(bool),
    /// Have a proxy write more or less into its log; what it says then is the answer of [`Read::Logging`].
    LogLevel(SetLevel),
    /// Stop or go on publishing new scenes (watches stay).
    Pause(bool),
    /// Try again at once what has failed.
    Retry,
}

/// One connection. Dropping it ends all its tasks; a push that is under way is finished first (see
/// [`Cluster::finish`]).
pub struct Cluster {
    /// Everything that is known, the latest.
    pub scene: watch::Receiver<Arc<Scene>>,
    /// News about changes.
    pub facts: mpsc::Receiver<(ChangeId, Fact)>,
    /// Orders.
    pub commands: mpsc::Sender<Command>,
    wanted: watch::Sender<BTreeMap<Read, u32>>,
    writes: TaskTracker,
    _end: DropGuard,
}

impl Cluster {
    /// Starts connecting, on the current tokio runtime; returns at once. The steps appear in the scene.
    pub fn connect(target: Target, wake: Wake) -> Self {
        install_crypto();
        let hub = Hub::new(wake, target.window_secs.unwrap_or(FIRST_WINDOW));
        hub.workloads.send_replace(target.workloads);
        let (commands, orders) = mpsc::channel(64);
        let (news, facts) = mpsc::channel(1024);
        let sessions = watch::Sender::new(None);
        let end = CancellationToken::new();
        let writes = TaskTracker::new();
        let (scene, wanted) = (hub.scene.subscribe(), hub.wanted.clone());
        let writing = Arc::default();
        let run = run::Run { target, hub, sessions, news, writes: writes.clone(), writing, end: end.clone() };
        tokio::spawn(run.until_ended_or_broken(orders));
        Self { scene, facts, commands, wanted, writes, _end: end.drop_guard() }
    }

    /// Waits until all orders are taken, and the writes among them are stored or undone, at most 15 s. Await
    /// it before the runtime ends.
    pub async fn finish(self) {
        let finished = async {
            // The whole channel is free when nothing waits in it any more. One that is closed takes no
            // orders.
            let taken = self.commands.reserve_many(self.commands.max_capacity()).await;
            drop(taken);
            self.writes.close();
            self.writes.wait().await;
        };
        if tokio::time::timeout(FINISH, finished).await.is_err() {
            tracing::warn!("a write did not end in time");
        }
    }

    /// Says what somebody looks at now, each with how often it was to be read again. The answers come in the
    /// scene, and go a short while after they are wanted no more.
    pub fn want(&self, reads: BTreeMap<Read, u32>) {
        self.wanted.send_if_modified(|wanted| {
            let new = *wanted != reads;
            if new {
                *wanted = reads;
            }
            new
        });
    }
}

fn not_connected() -> Problem {
    Problem::new(
        "The cluster cannot be asked",
        "There is no connection to it yet",
        "Wait for it, or retry connecting",
    )
}

/// One TLS implementation for Kubernetes and for plain HTTP; whoever comes first installs it.
fn install_crypto() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("the TLS implementation was there already");
    }
}
