//! One look at a mesh, for the command line: connect, wait for what is needed, leave.

use crate::{Cluster, Target};
use mesh::scene::{Step, StepState};
use mesh::{Problem, Read, Remote, Scene};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a command needs of the scene besides the mesh.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Traffic (or the reason why there is none).
    pub traffic: bool,
    /// Proxies (or the reason why they are not known).
    pub proxies: bool,
    /// The mesh's own configuration (or the reason why it is not known), among the scene's answers.
    pub mesh_config: bool,
    /// Measuring window in seconds.
    pub window_secs: u64,
}

impl Default for Needs {
    fn default() -> Self {
        Self { traffic: false, proxies: false, mesh_config: false, window_secs: crate::FIRST_WINDOW }
    }
}

/// So long a single question is waited for.
const FOR_AN_ANSWER: Duration = Duration::from_secs(15);

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
    let mut scene = match tokio::time::timeout(PATIENCE, waited).await {
        Ok(Ok(scene)) => Arc::clone(&scene),
        Ok(Err(_closed)) => return Err(late("The connection ended")),
        Err(_elapsed) => return Err(late("The cluster answers too slowly")),
    };
    if needs.mesh_config && verdict.is_ok() {
        let read = Read::MeshConfig(scene.mesh.root_namespace().to_owned());
        cluster.want(BTreeMap::from([(read.clone(), 0)]));
        let asked = cluster.scene.wait_for(|scene| !matches!(scene.answers.get(&read), Remote::Waiting));
        // Without an answer the scene says that there is none yet.
        if let Ok(Ok(answered)) = tokio::time::timeout(FOR_AN_ANSWER, asked).await {
            scene = Arc::clone(&answered);
        }
    }
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
