//! One look at a mesh, for the command line: connect, wait for what is needed, leave.

use crate::{Cluster, Target};
use mesh::scene::{KindState, Step, StepState};
use mesh::{Period, Problem, Read, Remote, Scene};
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
    /// What checks have to ask others for (or the reason why it is not known), among the scene's answers.
    pub questions: bool,
    /// Traffic of the past (or the reason why it is not known), among the scene's answers.
    pub past: Option<Period>,
    /// Measuring window in seconds.
    pub window_secs: u64,
}

impl Default for Needs {
    fn default() -> Self {
        let window_secs = crate::FIRST_WINDOW;
        Self { traffic: false, proxies: false, mesh_config: false, questions: false, past: None, window_secs }
    }
}

/// So long a single question is waited for.
const FOR_AN_ANSWER: Duration = Duration::from_secs(15);
/// And so long all those of the graph together.
const FOR_TRAFFIC: Duration = Duration::from_secs(30);

/// So long what broke while it was read is waited for: it is read again by itself.
const FOR_WHAT_BROKE: Duration = Duration::from_secs(10);

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
    if verdict.is_ok() && broken(&scene) {
        let mended = cluster.scene.wait_for(|scene| !broken(scene) || hopeless(scene).is_some());
        // What stays broken is said by the scene.
        if let Ok(Ok(mended)) = tokio::time::timeout(FOR_WHAT_BROKE, mended).await {
            scene = Arc::clone(&mended);
        }
    }
    let mut reads: Vec<Read> = Vec::new();
    if needs.mesh_config {
        reads.push(Read::MeshConfig(scene.mesh.root_namespace().to_owned()));
    }
    if needs.questions {
        reads.extend(mesh::check::questions(&scene.mesh));
    }
    reads.extend(needs.past.map(Read::Traffic));
    if !reads.is_empty() && verdict.is_ok() {
        cluster.want(reads.iter().map(|read| (read.clone(), 0)).collect());
        let answered =
            |scene: &Arc<Scene>| !reads.iter().any(|read| matches!(scene.answers.get(read), Remote::Waiting));
        let patience = if needs.past.is_some() { FOR_TRAFFIC } else { FOR_AN_ANSWER };
        // Without an answer the scene says that there is none yet.
        tokio::time::timeout(patience, cluster.scene.wait_for(answered)).await.map(drop).ok();
        scene = Arc::clone(&cluster.scene.borrow());
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

/// Whether some kind could not be read at the first try.
fn broken(scene: &Scene) -> bool {
    scene.kinds.values().any(|state| matches!(state, KindState::Stale(_)))
}

/// The failure that keeps the mesh from being shown, if there is one.
fn hopeless(scene: &Scene) -> Option<Problem> {
    [Step::Context, Step::Api, Step::Kinds].iter().find_map(|step| match scene.steps.get(step) {
        Some(StepState::Failed(problem)) => Some(problem.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Mock, Reply, Then, http_json};
    use serde_json::json;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A list that broke at the first try is read again: what the command prints has it.
    #[tokio::test]
    async fn one_list_that_breaks_ends_no_command() {
        crate::install_crypto();
        let broke = AtomicBool::new(false);
        let mock = Mock::start(move |asked| {
            let path = asked.line.trim_start_matches("GET ").split('?').next().unwrap_or_default().to_owned();
            let watched = asked.line.contains("watch=");
            let kind = |plural: &str, kind: &str| {
                json!({ "resource": plural, "responseKind": { "kind": kind }, "scope": "Namespaced",
                    "verbs": ["list", "watch"] })
            };
            let answer = match path.as_str() {
                "/version" => json!({ "minor": "33", "gitVersion": "v1.33.4" }),
                "/api" => json!({ "kind": "APIGroupDiscoveryList", "items": [{ "metadata": {}, "versions": [{
                    "version": "v1", "resources": [kind("pods", "Pod"), kind("services", "Service")] }] }] }),
                "/apis" => json!({ "kind": "APIGroupDiscoveryList", "items": [] }),
                "/api/v1/pods" if !watched && !broke.swap(true, Ordering::SeqCst) => {
                    return Reply(http_json(200, &json!({ "kind": "PodList" }))[..40].to_vec(), Then::Reset);
                }
                _ if watched => {
                    let head = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n";
                    return Reply(head.to_vec(), Then::Hang);
                }
                "/api/v1/pods" => {
                    json!({ "kind": "PodList", "apiVersion": "v1", "metadata": { "resourceVersion": "7" },
                    "items": [{ "metadata": { "name": "p", "namespace": "shop" } }] })
                }
                "/api/v1/services" => json!({ "kind": "ServiceList", "apiVersion": "v1",
                    "metadata": { "resourceVersion": "7" }, "items": [] }),
                _ => return Reply(http_json(404, &json!({ "kind": "Status", "code": 404 })), Then::Close),
            };
            Reply(http_json(200, &answer), Then::Close)
        })
        .await;
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = json!({ "current-context": "here", "users": [], "clusters": [{ "name": "c", "cluster": { "server": mock.url } }],
            "contexts": [{ "name": "here", "context": { "cluster": "c", "user": "" } }] });
        std::fs::write(&file, config.to_string()).unwrap();
        let target = Target { kubeconfig: Some(file.path().to_owned()), ..Target::default() };
        let scene = once(target, Needs::default()).await.unwrap();
        assert_eq!(scene.kinds.get(&mesh::kinds::POD), Some(&KindState::Live(1)), "{:?}", scene.kinds);
    }
}
