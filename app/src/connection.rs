//! What the window is connected to: a cluster, or a sandbox of its own and then that sandbox's cluster.

use cluster::{Cluster, Command, Target, Wake};
use jiff::Timestamp;
use mesh::scene::{Step, StepState};
use mesh::{ChangeId, Fact, Problem, Read, Scene};
use sandbox::Sandbox;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

/// One connection, from the first click to the last byte.
pub(crate) struct Connection {
    /// The context's name, or "sandbox".
    pub(crate) name: String,
    cluster: Option<Cluster>,
    starting: Option<Starting>,
    sandbox: Option<Sandbox>,
    scene: Arc<Scene>,
}

/// A sandbox that is coming up.
struct Starting {
    progress: watch::Receiver<String>,
    done: oneshot::Receiver<Result<Sandbox, Problem>>,
    since: Timestamp,
}

impl Connection {
    /// Starts connecting to a cluster.
    pub(crate) fn to_cluster(target: Target, runtime: &Handle, wake: Wake) -> Self {
        let name = target.context.clone().unwrap_or_else(|| "current context".to_owned());
        let _on_runtime = runtime.enter();
        Self {
            name,
            cluster: Some(Cluster::connect(target, wake)),
            starting: None,
            sandbox: None,
            scene: Arc::default(),
        }
    }

    /// Starts a sandbox; when it is ready, [`Self::receive`] goes on to connect to it.
    pub(crate) fn to_sandbox(options: sandbox::Options, runtime: &Handle, wake: Wake) -> Self {
        let (tell, progress) = watch::channel("Starting".to_owned());
        let (send, done) = oneshot::channel();
        runtime.spawn(async move {
            let woken = wake.clone();
            let result = Sandbox::start(options, move |step: &str| {
                tell.send_replace(step.to_owned());
                woken();
            })
            .await;
            // The window may have turned away in the meantime; then the sandbox has to end.
            if let Err(Ok(unwanted)) = send.send(result) {
                unwanted.stop().await;
            }
            wake();
        });
        let starting = Starting { progress, done, since: Timestamp::now() };
        let mut connection = Self {
            name: "sandbox".to_owned(),
            cluster: None,
            starting: Some(starting),
            sandbox: None,
            scene: Arc::default(),
        };
        connection.show_start(None);
        connection
    }

    /// Takes in what has arrived since the last frame.
    pub(crate) fn receive(&mut self, target: &Target, paused: bool, runtime: &Handle, wake: &Wake) {
        if let Some(starting) = &mut self.starting {
            match starting.done.try_recv() {
                Ok(Ok(sandbox)) => {
                    let target = Target {
                        kubeconfig: Some(sandbox.ready().kubeconfig.clone()),
                        context: Some(sandbox.ready().context.clone()),
                        ..target.clone()
                    };
                    let _on_runtime = runtime.enter();
                    self.cluster = Some(Cluster::connect(target, wake.clone()));
                    self.sandbox = Some(sandbox);
                    self.starting = None;
                }
                Ok(Err(problem)) => {
                    self.starting = None;
                    self.show_start(Some(problem));
                }
                Err(oneshot::error::TryRecvError::Empty) => self.show_start(None),
                Err(oneshot::error::TryRecvError::Closed) => {
                    self.starting = None;
                    self.show_start(Some(Problem::new(
                        "The sandbox did not start",
                        "its task ended without an answer",
                        "Try again; the log file has more",
                    )));
                }
            }
        }
        if let Some(cluster) = &mut self.cluster
            && cluster.scene.has_changed().unwrap_or(false)
        {
            let scene = cluster.scene.borrow_and_update().clone();
            if paused {
                // Only what the user looks at by hand comes through.
                let answers = scene.answers.clone();
                self.scene = Arc::new(Scene { answers, ..Scene::clone(&self.scene) });
                return;
            }
            self.scene = scene;
            if self.sandbox.is_some() && !self.scene.steps.contains_key(&Step::Sandbox) {
                // The cluster does not know that this window started it.
                let mut scene = Scene::clone(&self.scene);
                scene.sandbox = true;
                scene.steps.insert(Step::Sandbox, StepState::Done("running on this machine".to_owned()));
                self.scene = Arc::new(scene);
            }
        }
    }

    /// Shows the start of the sandbox as the first step of connecting.
    fn show_start(&mut self, failed: Option<Problem>) {
        let state = match (failed, &self.starting) {
            (Some(problem), _) => StepState::Failed(problem),
            (None, Some(starting)) => StepState::Running(starting.since),
            (None, None) => return,
        };
        let doing = self.starting.as_ref().map(|starting| starting.progress.borrow().clone());
        let mut scene = Scene { context: self.name.clone(), sandbox: true, doing, ..Scene::default() };
        scene.steps.insert(Step::Sandbox, state);
        self.scene = Arc::new(scene);
    }

    /// The newest scene.
    pub(crate) fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    /// News about changes since the last frame.
    pub(crate) fn facts(&mut self) -> Vec<(ChangeId, Fact)> {
        let Some(cluster) = &mut self.cluster else { return Vec::new() };
        std::iter::from_fn(|| cluster.facts.try_recv().ok()).collect()
    }

    /// Gives an order to the cluster.
    pub(crate) fn order(&self, command: Command) -> Result<(), Problem> {
        let Some(cluster) = &self.cluster else {
            return Err(Problem::new(
                "Nothing was done",
                "there is no connection yet",
                "Wait until the mesh is shown",
            ));
        };
        cluster.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Problem::new(
                "Nothing was done",
                "too many orders are waiting for the cluster",
                "Try again in a moment",
            ),
            mpsc::error::TrySendError::Closed(_) => {
                Problem::new("Nothing was done", "the connection has ended", "Connect again")
            }
        })
    }

    /// Whether there is a cluster to give orders to: not while a sandbox is coming up.
    pub(crate) fn has_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    /// Says what was looked at in this frame.
    pub(crate) fn want(&self, reads: BTreeMap<Read, u32>) {
        if let Some(cluster) = &self.cluster {
            cluster.want(reads);
        }
    }

    /// Ends the connection: a push that is under way is finished first, then an own sandbox is stopped.
    pub(crate) async fn close(self) {
        if let Some(cluster) = self.cluster {
            cluster.finish().await;
        }
        let sandbox = match (self.sandbox, self.starting) {
            (Some(sandbox), _) => Some(sandbox),
            (None, Some(starting)) => starting.done.await.ok().and_then(Result::ok),
            (None, None) => None,
        };
        if let Some(sandbox) = sandbox {
            sandbox.stop().await;
        }
    }
}
