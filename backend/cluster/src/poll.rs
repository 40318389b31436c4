//! Waiting between two questions of the same kind.

use crate::hub::Hub;
use mesh::scene::{Step, StepState};
use std::time::Duration;
use tokio::sync::watch;

/// Waits so long, or until the user wants a retry.
pub(crate) async fn rest(pause: Duration, retry: &mut watch::Receiver<u64>) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        changed = retry.changed() => {
            if changed.is_err() {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Waits until the first lists are in: only then can Services and pods be found.
pub(crate) async fn kinds_known(hub: &Hub) {
    let mut scenes = hub.scene.subscribe();
    let known = |state: Option<&StepState>| matches!(state, Some(StepState::Done(_) | StepState::Failed(_)));
    if scenes.wait_for(|scene| known(scene.steps.get(&Step::Kinds))).await.is_err() {
        tracing::debug!("the connection ended before the first lists were in");
    }
}
