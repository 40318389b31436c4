//! A sandbox of the window's own: found possible, started, and stopped with the connection to it.

use cluster::Wake;
use mesh::Problem;
use sandbox::Sandbox;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

/// Why no sandbox can be started here, if none can. Looks at the disk.
pub(crate) fn impossible(envoy: Option<&Path>) -> Option<Problem> {
    sandbox::find_envoy(envoy).err()
}

/// Whether there is such a scenario.
pub(crate) fn known(scenario: &str) -> Result<(), Problem> {
    scenario.parse::<sandbox::Scenario>().map(drop)
}

/// A sandbox that is coming up.
pub(crate) struct Starting {
    progress: watch::Receiver<String>,
    done: oneshot::Receiver<Result<Sandbox, Problem>>,
}

/// What became of the start of a sandbox.
#[allow(clippy::large_enum_variant, reason = "there is one, for a moment")]
pub(crate) enum Started {
    /// It is still under way; what it does just now.
    NotYet(String),
    /// It runs.
    Running(Running),
    /// It could not be started.
    Failed(Problem),
}

impl Starting {
    /// Begins to start this scenario; returns at once.
    pub(crate) fn begin(
        scenario: &str,
        envoy: Option<PathBuf>,
        runtime: &Handle,
        wake: Wake,
    ) -> Result<Self, Problem> {
        let options = sandbox::Options { scenario: scenario.parse()?, envoy, ..Default::default() };
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
        Ok(Self { progress, done })
    }

    /// How it stands. Never waits.
    pub(crate) fn look(&mut self) -> Started {
        match self.done.try_recv() {
            Ok(Ok(sandbox)) => Started::Running(Running(sandbox)),
            Ok(Err(problem)) => Started::Failed(problem),
            Err(oneshot::error::TryRecvError::Empty) => Started::NotYet(self.progress.borrow().clone()),
            Err(oneshot::error::TryRecvError::Closed) => Started::Failed(Problem::new(
                "The sandbox did not start",
                "its task ended without an answer",
                "Try again; the log file has more",
            )),
        }
    }

    /// Waits until it has started, and stops it.
    pub(crate) async fn stop(self) {
        if let Ok(Ok(sandbox)) = self.done.await {
            sandbox.stop().await;
        }
    }
}

/// A sandbox that runs.
pub(crate) struct Running(Sandbox);

impl Running {
    /// Its kubeconfig and the context in it.
    pub(crate) fn context(&self) -> (PathBuf, String) {
        (self.0.ready().kubeconfig.clone(), self.0.ready().context.clone())
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}
