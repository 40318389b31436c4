//! A change on its way: judged by a dry run; or written and followed until it is live and measured.

use crate::session::Session;
use crate::{Wake, confirm, write};
use mesh::{Change, ChangeId, Fact, Problem};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Tells facts about one change, and wakes the window.
pub(crate) struct News {
    pub(crate) id: ChangeId,
    pub(crate) facts: mpsc::Sender<(ChangeId, Fact)>,
    pub(crate) wake: Wake,
}

impl News {
    pub(crate) async fn send(&self, fact: Fact) {
        if self.facts.send((self.id, fact)).await.is_err() {
            tracing::debug!(id = %self.id, "nobody listens to this change any more");
        }
        (self.wake)();
    }
}

fn locked() -> Problem {
    Problem::new("Nothing was changed", "This connection is read-only", "Connect without --read-only")
}

/// Judges a change on the server without doing it.
pub(crate) async fn check(session: &Session, change: &Change, news: &News) {
    let fact = match write::check(session, change).await {
        Ok(warnings) => Fact::Checked(warnings),
        Err(failure) => failure.into_fact(),
    };
    news.send(fact).await;
}

/// Writes a change and follows it. The write is finished even when the connection is dropped meanwhile, and holds its token
/// until then; only the following ends.
pub(crate) async fn push(
    session: Arc<Session>,
    change: Box<Change>,
    news: News,
    writing: TaskTrackerToken,
    end: CancellationToken,
) {
    if session.target.read_only {
        news.send(Fact::Refused(locked())).await;
        return;
    }
    let write = {
        let (session, change) = (Arc::clone(&session), change.clone());
        tokio::spawn(async move {
            let _until_written = writing;
            let before = confirm::before(&session, &change).await;
            (write::apply(&session, &change).await, before)
        })
    };
    let (applied, before) = match write.await {
        Ok((Ok(applied), before)) => (applied, before),
        Ok((Err(failure), _)) => {
            news.send(failure.into_fact()).await;
            return;
        }
        Err(error) => {
            let next = "Look at what the cluster has now";
            news.send(Fact::Refused(Problem::new("The push broke off", error.to_string(), next))).await;
            return;
        }
    };
    news.send(Fact::Accepted(applied.clone())).await;
    tokio::select! {
        () = confirm::follow(&session, &change, &applied, before, &news) => {}
        () = end.cancelled() => {}
    }
}
