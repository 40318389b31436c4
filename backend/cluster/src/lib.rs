//! Talking to a cluster: connect, watch, measure, write, confirm. Everything arrives as [`mesh`] types.
//!
//! One [`Cluster`] is one connection. State travels by `watch` (the latest wins), facts about changes by `mpsc` (none is
//! lost). Every publication is followed by a call of the [`Wake`] function: send first, wake second.

use mesh::trace::{Trace, TraceQuery};
use mesh::{Change, ChangeId, Fact, Problem, Scene};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Wakes the window after something new was published.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Where to connect to.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Kubeconfig file; `None` merges `$KUBECONFIG` or reads `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// Context; `None` takes the current one.
    pub context: Option<String>,
    /// Namespaces to watch; empty watches all (and falls back to the context's namespace where that is forbidden).
    pub namespaces: Vec<String>,
    /// Prometheus, where it is not to be found in the cluster.
    pub prometheus: Option<String>,
    /// Jaeger's query API, where it is not to be found in the cluster.
    pub tracing: Option<String>,
    /// istiod's debug port, where it is not to be found in the cluster.
    pub istiod: Option<String>,
    /// Refuse every write.
    pub read_only: bool,
}

/// Orders to a connection.
#[derive(Clone, Debug)]
pub enum Command {
    /// Dry-run a change on the server.
    Check(ChangeId, Box<Change>),
    /// Write a change and follow it until it is live and measured.
    Push(ChangeId, Box<Change>),
    /// Measure over so many seconds.
    Window(u64),
    /// Stop or go on publishing new scenes (watches stay).
    Pause(bool),
    /// Try again at once what has failed.
    Retry,
}

/// One connection. Dropping it ends all its tasks; a push that is under way is finished first.
pub struct Cluster {
    /// Everything that is known, the latest.
    pub scene: watch::Receiver<Arc<Scene>>,
    /// News about changes.
    pub facts: mpsc::Receiver<(ChangeId, Fact)>,
    /// Orders.
    pub commands: mpsc::Sender<Command>,
}

#[allow(unused_variables, reason = "to be written by the owner of this crate")]
impl Cluster {
    /// Starts connecting, on the current tokio runtime; returns at once. The steps appear in the scene.
    pub fn connect(target: Target, wake: Wake) -> Self {
        todo!()
    }
    /// Finds traces. Await it on the tokio runtime.
    pub fn search_traces(&self, query: TraceQuery) -> impl Future<Output = Result<Vec<Trace>, Problem>> + Send + 'static {
        async { todo!() }
    }
    /// One trace by its id.
    pub fn trace(&self, id: String) -> impl Future<Output = Result<Trace, Problem>> + Send + 'static {
        async { todo!() }
    }
    /// Services that the tracing backend knows.
    pub fn trace_services(&self) -> impl Future<Output = Result<Vec<String>, Problem>> + Send + 'static {
        async { todo!() }
    }
}
