//! What the window is connected to: a cluster, or a sandbox of its own and then that sandbox's cluster.

use crate::own_sandbox::{Running, Started, Starting};
use cluster::{Cluster, Command, Target, Wake};
use jiff::Timestamp;
use mesh::journal::Cluster as Whose;
use mesh::scene::{Step, StepState};
use mesh::{ChangeId, Fact, Problem, Read, Scene};
use panels::Destination;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// One connection, from the first click to the last byte.
pub(crate) struct Connection {
    /// To what.
    pub(crate) to: Destination,
    way: Way,
    sandbox: Option<Running>,
    scene: Arc<Scene>,
    /// Whether changes of workloads are allowed, as the connection knows it, and in which cluster.
    allowed: Option<(Whose, bool)>,
}

/// How far it has come.
enum Way {
    /// The sandbox is coming up, since; then it is connected to.
    Starting(Starting, Timestamp, Box<Target>),
    /// The cluster is connected to, or tried again.
    Cluster(Cluster),
    /// The sandbox could not be started.
    Failed,
}

/// Why an order was not given to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotGiven {
    /// There is no connection yet.
    NotYet,
    /// Too many wait already.
    Full,
    /// The connection has ended.
    Ended,
}

impl From<NotGiven> for Problem {
    fn from(why: NotGiven) -> Self {
        let (why, next) = match why {
            NotGiven::NotYet => ("there is no connection yet", "Wait until the mesh is shown"),
            NotGiven::Full => ("too many orders are waiting for the cluster", "Try again in a moment"),
            NotGiven::Ended => ("the connection has ended", "Connect again"),
        };
        Self::new("Nothing was done", why, next)
    }
}

impl Connection {
    /// Starts connecting to a cluster.
    pub(crate) fn to_cluster(to: Destination, target: Target, runtime: &Handle, wake: &Wake) -> Self {
        let way = Way::Cluster(connect(target, runtime, wake));
        Self { to, way, sandbox: None, scene: Arc::default(), allowed: None }
    }

    /// Starts a sandbox; when it is ready, [`Self::receive`] goes on to connect to it.
    pub(crate) fn to_sandbox(
        scenario: &str,
        envoy: Option<PathBuf>,
        target: Target,
        runtime: &Handle,
        wake: &Wake,
    ) -> Result<Self, Problem> {
        let starting = Starting::begin(scenario, envoy, runtime, wake.clone())?;
        let way = Way::Starting(starting, Timestamp::now(), Box::new(target));
        let to = Destination::Sandbox(scenario.to_owned());
        Ok(Self { to, way, sandbox: None, scene: Arc::default(), allowed: None })
    }

    /// Takes in what has arrived since the last frame.
    pub(crate) fn receive(&mut self, paused: bool, runtime: &Handle, wake: &Wake) -> Arc<Scene> {
        match &mut self.way {
            Way::Starting(starting, since, target) => match starting.look() {
                Started::NotYet(doing) => {
                    let running = StepState::Running(*since);
                    self.scene = Arc::new(self.of_start(running, Some(doing)));
                }
                Started::Running(sandbox) => {
                    let (kubeconfig, context) = sandbox.context();
                    let scenario = self.to.scenario().map(str::to_owned);
                    let target = Target {
                        kubeconfig: Some(kubeconfig),
                        context: Some(context),
                        own_sandbox: scenario,
                        ..Target::clone(target)
                    };
                    self.way = Way::Cluster(connect(target, runtime, wake));
                    self.sandbox = Some(sandbox);
                }
                Started::Failed(problem) => {
                    self.scene = Arc::new(self.of_start(StepState::Failed(problem), None));
                    self.way = Way::Failed;
                }
            },
            Way::Cluster(cluster) if cluster.scene.has_changed().unwrap_or(false) => {
                let scene = cluster.scene.borrow_and_update().clone();
                self.scene = if paused {
                    // Only what the user looks at by hand comes through.
                    let answers = scene.answers.clone();
                    Arc::new(Scene { answers, ..Scene::clone(&self.scene) })
                } else {
                    scene
                };
            }
            Way::Cluster(_) | Way::Failed => {}
        }
        Arc::clone(&self.scene)
    }

    /// The cluster, once it is known which that is.
    pub(crate) fn cluster(&self) -> Option<&Whose> {
        self.scene.cluster.as_ref()
    }

    /// Says whether changes of workloads are allowed in this cluster, where that is news.
    pub(crate) fn allow_workloads(&mut self, here: Whose, allowed: bool) -> Result<(), NotGiven> {
        let said = Some((here, allowed));
        if self.allowed != said {
            self.order(Command::Workloads(allowed))?;
            self.allowed = said;
        }
        Ok(())
    }

    /// The start of the sandbox is the first step of connecting.
    fn of_start(&self, state: StepState, doing: Option<String>) -> Scene {
        let steps = [(Step::Sandbox, state)].into();
        Scene { context: self.to.to_string(), sandbox: true, doing, steps, ..Scene::default() }
    }

    /// News about changes since the last frame.
    pub(crate) fn facts(&mut self) -> Vec<(ChangeId, Fact)> {
        let Way::Cluster(cluster) = &mut self.way else { return Vec::new() };
        std::iter::from_fn(|| cluster.facts.try_recv().ok()).collect()
    }

    /// Gives an order to the cluster.
    pub(crate) fn order(&self, command: Command) -> Result<(), NotGiven> {
        let Way::Cluster(cluster) = &self.way else { return Err(NotGiven::NotYet) };
        cluster.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotGiven::Full,
            mpsc::error::TrySendError::Closed(_) => NotGiven::Ended,
        })
    }

    /// Says what was looked at in this frame.
    pub(crate) fn want(&self, reads: BTreeMap<Read, u32>) {
        if let Way::Cluster(cluster) = &self.way {
            cluster.want(reads);
        }
    }

    /// Ends the connection: a push that is under way is finished first, then an own sandbox is stopped.
    pub(crate) async fn close(self) {
        match self.way {
            Way::Cluster(cluster) => cluster.finish().await,
            Way::Starting(starting, ..) => starting.stop().await,
            Way::Failed => {}
        }
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
    }
}

fn connect(target: Target, runtime: &Handle, wake: &Wake) -> Cluster {
    let _on_runtime = runtime.enter();
    Cluster::connect(target, wake.clone())
}
