//! In place of `own_sandbox` where this program is built without the sandbox: none can be started, and the
//! connect screen says so.

use cluster::Wake;
use mesh::Problem;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

fn absent() -> Problem {
    Problem::new(
        "No sandbox can be started",
        "This program was built without it",
        "Connect to a cluster, or build it with the feature sandbox",
    )
}

/// Why no sandbox can be started here.
pub(crate) fn impossible(_envoy: Option<&Path>) -> Option<Problem> {
    Some(absent())
}

/// There is no scenario.
pub(crate) fn known(_scenario: &str) -> Result<(), Problem> {
    Err(absent())
}

/// Never there.
pub(crate) enum Starting {}

/// Never there.
pub(crate) enum Running {}

/// What became of the start of a sandbox: nothing ever does.
#[expect(dead_code, reason = "whoever asks names what a sandbox could have become")]
pub(crate) enum Started {
    NotYet(String),
    Running(Running),
    Failed(Problem),
}

impl Starting {
    /// Says that there is no sandbox.
    pub(crate) fn begin(
        _scenario: &str,
        _envoy: Option<PathBuf>,
        _runtime: &Handle,
        _wake: Wake,
    ) -> Result<Self, Problem> {
        Err(absent())
    }

    pub(crate) fn look(&mut self) -> Started {
        match *self {}
    }

    pub(crate) async fn stop(self) {
        match self {}
    }
}

impl Running {
    pub(crate) fn context(&self) -> (PathBuf, String) {
        match *self {}
    }

    pub(crate) async fn stop(self) {
        match self {}
    }
}
