//! Tasks that do not end unseen: one that breaks off is said where its work shows, and started again.

use crate::hub::Hub;
use crate::poll::rest;
use mesh::{Observation, Problem};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// Pause before a task is started again.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs what `start` makes until it ends; when it breaks off (a panic), tells what `broken` makes of that,
/// and starts it again. `what` is being done: "Following the pods".
pub(crate) async fn keep_running<F: Future<Output = ()> + Send + 'static>(
    hub: &Hub,
    what: &str,
    broken: impl Fn(Problem) -> Vec<Observation>,
    start: impl Fn() -> F,
) {
    let mut retry = hub.retry.subscribe();
    loop {
        // A task of its own, and one that ends with this one.
        let Err(error) = AbortOnDropHandle::new(tokio::spawn(start())).await else { return };
        tracing::error!(%error, "{what} broke off");
        broken(broke_off(what)).into_iter().for_each(|observation| hub.take(observation));
        rest(PAUSE, &mut retry).await;
    }
}

/// A mistake of ours, in the user's words.
pub(crate) fn broke_off(what: &str) -> Problem {
    Problem::new(
        format!("{what} broke off"),
        "Binnacle made a mistake there; its log file has more",
        "It is started again in a moment; please report it if it stays",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::scene::{Step, StepState};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_breaks_off_is_said_and_started_again() {
        let hub = Hub::new(Arc::new(|| {}), 60);
        let times = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let start = || {
            let (hub, times) = (Arc::clone(&hub), Arc::clone(&times));
            async move {
                hub.take(Observation::Running(Step::Istiod));
                assert!(times.fetch_add(1, Ordering::SeqCst) > 0, "a mistake of ours");
            }
        };
        let said = |problem| vec![Observation::Failed(Step::Istiod, problem)];
        let running = keep_running(&hub, "Asking istiod", said, start);
        let watching = async {
            loop {
                hub.dirty.notified().await;
                if let Some(StepState::Failed(problem)) = hub.step(Step::Istiod) {
                    break problem;
                }
            }
        };
        let ((), problem) = tokio::join!(running, watching);
        assert_eq!(problem.what, "Asking istiod broke off");
        assert_eq!(times.load(Ordering::SeqCst), 2);
        assert_eq!(begun.elapsed(), PAUSE);
        assert!(matches!(hub.step(Step::Istiod), Some(StepState::Running(_))), "it runs again");
    }
}
