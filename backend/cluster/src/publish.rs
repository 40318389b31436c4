//! From what was gathered to what the window draws: bursts settle, the mesh is built off the async threads, the scene is
//! sent, then the window is woken.

use crate::hub::Hub;
use mesh::{Mesh, Scene};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A burst of changes makes one scene.
const SETTLE: Duration = Duration::from_millis(50);

/// Publishes scenes for as long as the connection lasts.
pub(crate) async fn publish(hub: Arc<Hub>) {
    let mut mesh = Arc::new(Mesh::default());
    let mut built = 0;
    let mut pause = SETTLE;
    loop {
        hub.dirty.notified().await;
        tokio::time::sleep(pause).await;
        if *hub.paused.borrow() {
            publish_answers(&hub);
            continue;
        }
        let snapshot = hub.snapshot();
        if snapshot.revision != built {
            let begun = Instant::now();
            let (gathered, previous) = (Arc::clone(&hub), Arc::clone(&mesh));
            let build = move || {
                let (objects, revision) = gathered.all();
                (Mesh::read(objects, Some(&previous)), revision)
            };
            match tokio::task::spawn_blocking(build).await {
                Ok((read, revision)) => (mesh, built) = (Arc::new(read), revision),
                Err(error) => tracing::error!(%error, "the mesh could not be built"),
            }
            // A big mesh is built less often: it never takes more than half of a core.
            pause = SETTLE.max(begun.elapsed());
        }
        let scene = Scene { mesh: Arc::clone(&mesh), ..snapshot.scene };
        hub.scene.send_replace(Arc::new(scene));
        (hub.wake)();
    }
}

/// While the user has paused, only what they look at by hand comes through.
fn publish_answers(hub: &Hub) {
    let answers = hub.answers();
    let new = hub.scene.send_if_modified(|scene| {
        let new = !scene.answers.same(&answers);
        if new {
            *scene = Arc::new(Scene { answers, ..Scene::clone(scene) });
        }
        new
    });
    if new {
        (hub.wake)();
    }
}
