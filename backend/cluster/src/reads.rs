//! Reads for as long as somebody looks: one task per question. It answers, reads again at its pace, and ends
//! a short while after nobody wants it any more; then its answer is let go too.

use crate::fetch::fetch;
use crate::hub::Hub;
use crate::session::Sessions;
use mesh::{Observation, Problem, Read};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio_util::task::AbortOnDropHandle;

/// How long an answer is kept that nobody looks at: somebody who comes back meanwhile need not wait.
const KEPT: Duration = Duration::from_secs(10);
/// Pause after a failure of what is read again and again; the rest waits until it is wanted once more.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Questions that are looked at, each with how often it was to be read again.
pub(crate) type Wanted = BTreeMap<Read, u32>;
/// Answers what is wanted, for as long as the connection lasts.
pub(crate) async fn answer_all(hub: Arc<Hub>, sessions: Sessions) {
    let mut wanted = hub.wanted.subscribe();
    let mut running = JoinSet::new();
    let mut known: HashMap<Id, Read> = HashMap::new();
    loop {
        for read in wanted.borrow_and_update().keys() {
            if !known.values().any(|known| known == read) {
                let task = running.spawn(answer(Arc::clone(&hub), sessions.clone(), read.clone()));
                known.insert(task.id(), read.clone());
            }
        }
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            Some(ended) = running.join_next_with_id() => {
                // One that broke off is begun again.
                known.remove(&ended.map_or_else(|error| error.id(), |(id, _)| id));
            }
        }
    }
}

/// Answers one question until nobody looks any more.
async fn answer(hub: Arc<Hub>, sessions: Sessions, read: Read) -> Read {
    tokio::select! {
        () = unwanted(&read, hub.wanted.subscribe()) => {}
        () = keep_answered(&hub, sessions, &read) => {}
    }
    hub.take(Observation::Forgotten(read.clone()));
    read
}

/// Returns when a question has been wanted by nobody for a while.
async fn unwanted(read: &Read, mut wanted: watch::Receiver<Wanted>) {
    while wanted.wait_for(|wanted| !wanted.contains_key(read)).await.is_ok() {
        let back = wanted.wait_for(|wanted| wanted.contains_key(read));
        if tokio::time::timeout(KEPT, back).await.is_err() {
            return;
        }
    }
}

async fn keep_answered(hub: &Hub, mut sessions: Sessions, read: &Read) {
    let mut wanted = hub.wanted.subscribe();
    let mut retry = hub.retry.subscribe();
    loop {
        let times = wanted.borrow_and_update().get(read).copied();
        let session = match sessions.wait_for(Option::is_some).await.map(|session| session.clone()) {
            Ok(Some(session)) => session,
            Ok(None) | Err(_) => return,
        };
        let answer = {
            let read = read.clone();
            // In a task of its own: an answer that breaks its reader is a failure like any other.
            AbortOnDropHandle::new(tokio::spawn(async move { fetch(&session, &read).await })).await
        };
        let answer = answer.unwrap_or_else(|error| Err(broken(&error)));
        let failed = answer.is_err();
        hub.take(Observation::Answered(read.clone(), answer));
        let pause = read.refresh().map(|usual| if failed { usual.min(AFTER_FAILURE) } else { usual });
        tokio::select! {
            () = due(pause, hub) => {}
            () = once_more(read, times, &mut wanted) => {}
            _ = retry.changed(), if failed => {}
            _ = sessions.changed(), if failed => {}
        }
    }
}

/// Waits for the time to read again; held back while the user has paused.
async fn due(pause: Option<Duration>, hub: &Hub) {
    let Some(pause) = pause else { return std::future::pending().await };
    tokio::time::sleep(pause).await;
    if hub.paused.subscribe().wait_for(|paused| !paused).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits until somebody wants it read again.
async fn once_more(read: &Read, before: Option<u32>, wanted: &mut watch::Receiver<Wanted>) {
    let more = |wanted: &Wanted| wanted.get(read).is_some_and(|times| before.is_some_and(|old| *times > old));
    if wanted.wait_for(more).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn broken(error: &tokio::task::JoinError) -> Problem {
    tracing::error!(%error, "a read broke off");
    Problem::new("The answer could not be read", "Reading it broke off", "Try again; the log file has more")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::{Answer, Remote};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn an_answer_goes_a_while_after_nobody_wants_it() {
        let hub = Hub::new(Arc::new(|| {}), 60);
        let sessions = watch::Sender::new(None);
        hub.wanted.send_replace([(Read::Services, 0)].into());
        hub.take(Observation::Answered(Read::Services, Ok(Answer::Services(Arc::default()))));
        let ended = tokio::spawn(answer(Arc::clone(&hub), sessions.subscribe(), Read::Services));
        tokio::time::sleep(KEPT * 3).await;
        hub.wanted.send_replace(Wanted::new());
        tokio::time::sleep(KEPT / 2).await;
        hub.wanted.send_replace([(Read::Services, 0)].into());
        tokio::time::sleep(KEPT * 3).await;
        assert!(!ended.is_finished(), "somebody came back in time");
        hub.wanted.send_replace(Wanted::new());
        let left = Instant::now();
        assert_eq!(ended.await.unwrap(), Read::Services);
        assert_eq!(left.elapsed().as_secs(), KEPT.as_secs());
        let scene = hub.with(|board| board.scene(&hub.cluster));
        assert_eq!(scene.answers.get(&Read::Services), &Remote::Waiting);
    }

    #[tokio::test(start_paused = true)]
    async fn once_more_is_once_more() {
        let wanted = watch::Sender::new(Wanted::from([(Read::Services, 1)]));
        let mut seen = wanted.subscribe();
        let more = tokio::spawn(async move { once_more(&Read::Services, Some(1), &mut seen).await });
        wanted.send_replace(Wanted::new());
        tokio::time::sleep(KEPT).await;
        assert!(!more.is_finished(), "nobody wants it");
        wanted.send_replace([(Read::Services, 2)].into());
        more.await.unwrap();
    }
}
