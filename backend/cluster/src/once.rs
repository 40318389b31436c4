//! One look at a mesh, for the command line: connect, wait for what is needed, leave.

use crate::{Cluster, Target};
use mesh::scene::{Step, StepState};
use mesh::{Problem, Remote, Scene};
use std::sync::Arc;
use std::time::Duration;

/// What a command needs of the scene besides the mesh.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Traffic (or the reason why there is none).
    pub traffic: bool,
    /// Proxies (or the reason why they are not known).
    pub proxies: bool,
    /// Measuring window in seconds.
    pub window_secs: u64,
}

impl Default for Needs {
    fn default() -> Self {
        Self { traffic: false, proxies: false, window_secs: crate::FIRST_WINDOW }
    }
}

/// A login may take a minute by itself.
const PATIENCE: Duration = Duration::from_secs(105);

/// Connects, waits until the mesh and what is needed are there (or known not to be had), and disconnects.
///
/// # Errors
/// When the cluster cannot be connected to or its kinds cannot be read. Missing traffic or proxies are no
/// error: the scene says why.
pub async fn once(target: Target, needs: Needs) -> Result<Arc<Scene>, Problem> {
    let target = Target { window_secs: Some(needs.window_secs), ..target };
    let mut cluster = Cluster::connect(target, Arc::new(|| {}));
    let mut verdict = Ok(());
    let waited = cluster.scene.wait_for(|scene| {
        if let Some(problem) = hopeless(scene) {
            verdict = Err(problem);
            return true;
        }
        let known = |waiting: bool, needed: bool| !needed || !waiting;
        scene.ready()
            && known(matches!(scene.traffic, Remote::Waiting) || measuring(scene), needs.traffic)
            && known(matches!(scene.proxies, Remote::Waiting), needs.proxies)
    });
    let scene = match tokio::time::timeout(PATIENCE, waited).await {
        Ok(Ok(scene)) => Arc::clone(&scene),
        Ok(Err(_closed)) => return Err(late("The connection ended")),
        Err(_elapsed) => return Err(late("The cluster answers too slowly")),
    };
    cluster.finish().await;
    verdict.map(|()| scene)
}

/// Whether the first figures are still coming: rates come before times.
fn measuring(scene: &Scene) -> bool {
    matches!(scene.steps.get(&Step::Prometheus), Some(StepState::Running(_)))
}

fn late(why: &str) -> Problem {
    Problem::new("The mesh could not be read", why, "Try again")
}

/// The failure that keeps the mesh from being shown, if there is one.
fn hopeless(scene: &Scene) -> Option<Problem> {
    [Step::Context, Step::Api, Step::Kinds].iter().find_map(|step| match scene.steps.get(step) {
        Some(StepState::Failed(problem)) => Some(problem.clone()),
        _ => None,
    })
}
