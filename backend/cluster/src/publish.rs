//! From what was learnt to what the window draws: bursts settle, the model is read off the async threads, the
//! scene is sent, then the window is woken.

use crate::hub::Hub;
use jiff::Timestamp;
use mesh::{Observation, Problem, Scene};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A burst of changes makes one scene.
const SETTLE: Duration = Duration::from_millis(50);

/// Publishes scenes for as long as the connection lasts.
pub(crate) async fn publish(hub: Arc<Hub>) {
    let mut pause = SETTLE;
    loop {
        hub.dirty.notified().await;
        tokio::time::sleep(pause).await;
        if *hub.paused.borrow() {
            publish_answers(&hub);
            continue;
        }
        if let Some(unread) = hub.with(|board| board.unread(&hub.cluster)) {
            let begun = Instant::now();
            match tokio::task::spawn_blocking(move || unread.read()).await {
                Ok(model) => hub.with(|board| board.show(&hub.cluster, model)),
                Err(error) => {
                    tracing::error!(%error, "the model could not be read");
                    hub.with(|board| board.take(Timestamp::now(), &hub.cluster, unreadable()));
                }
            }
            // A big model is read less often: it never takes more than half of a core.
            pause = SETTLE.max(begun.elapsed());
        }
        publish_now(&hub);
    }
}

/// Not through [`Hub::take`], which would have it read again at once.
fn unreadable() -> Observation {
    Observation::Unreadable(Problem::new(
        "The mesh could not be read",
        "Binnacle made a mistake there; its log file has more. What is shown is older than what the cluster says",
        "It is read again when something changes; please report it",
    ))
}

/// Publishes what is known: send first, wake second.
pub(crate) fn publish_now(hub: &Hub) {
    hub.scene.send_replace(Arc::new(hub.with(|board| board.scene(&hub.cluster))));
    (hub.wake)();
}

/// While the user has paused, only what they look at by hand comes through.
fn publish_answers(hub: &Hub) {
    let answers = hub.with(|board| board.scene(&hub.cluster)).answers;
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
