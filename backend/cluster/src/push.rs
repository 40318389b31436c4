//! A change on its way: judged by a dry run; or written and followed until it is live and measured.

use crate::journal::Journal;
use crate::session::{Newest, Session, Sessions};
use crate::{Of, Wake, confirm, program, write};
use jiff::Timestamp;
use mesh::journal::Record;
use mesh::ledger::Judged;
use mesh::program::{Failure, Push};
use mesh::{Change, ChangeId, Fact, Object, Problem};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Tells facts about one change, and wakes the window; the journal has them first.
#[derive(Clone)]
pub(crate) struct News {
    pub(crate) id: ChangeId,
    pub(crate) facts: mpsc::Sender<(ChangeId, Fact)>,
    pub(crate) wake: Wake,
    /// `None` for what nobody has to know later: dry runs.
    pub(crate) journal: Option<Arc<Journal>>,
}

impl News {
    pub(crate) async fn send(&self, fact: Fact) {
        if let Some(journal) = &self.journal
            && let Some(record) = Record::told(self.id, Timestamp::now(), &fact)
            && let Err(problem) = journal.note(record, false).await
        {
            // It is on its way already; the objects themselves tell a later run how far it came.
            tracing::warn!("{problem}");
        }
        if self.facts.send((self.id, fact)).await.is_err() {
            tracing::debug!(id = %self.id, "nobody listens to this change any more");
        }
        (self.wake)();
    }

    /// Puts a record on disk, for sure.
    pub(crate) async fn note(&self, record: Record) -> Result<(), Problem> {
        match &self.journal {
            Some(journal) => journal.note(record, true).await,
            None => Ok(()),
        }
    }
}

pub(crate) fn locked() -> Problem {
    Problem::new("Nothing was changed", "This connection is read-only", "Connect without --read-only")
}

/// Why nothing of workloads is sent.
pub(crate) fn not_allowed() -> Problem {
    Problem::new(
        "Nothing was changed",
        "Workload changes are not allowed in this connection",
        "Switch on “Allow workload changes” in the editor Workload",
    )
}

fn not_ours(change: &Change) -> Problem {
    let names: Vec<String> = change.steps.iter().map(|step| step.at.to_string()).collect();
    Problem::new(
        "Nothing was changed",
        format!("Not all of this is what may be written: {}", names.join(", ")),
        "Change them with kubectl",
    )
}

/// Judges every step of a change on the server without doing it.
pub(crate) async fn check(session: &Session, change: &Change, news: &News) {
    if change.is_of_workloads() && !*session.hub.workloads.borrow() {
        news.send(Fact::Refused(not_allowed())).await;
        return;
    }
    let mut warnings: Vec<String> = Vec::new();
    let mut failed: Option<Failure> = None;
    for (number, step) in change.steps.iter().enumerate() {
        let judged = match write::dry_run(session, step).await {
            Ok(told) => {
                warnings
                    .extend(told.iter().filter(|one| !warnings.contains(one)).cloned().collect::<Vec<_>>());
                Judged::Passed(told)
            }
            Err(failure) => {
                let problem = failure.problem().clone();
                failed.get_or_insert(failure);
                Judged::Refused(problem)
            }
        };
        news.send(Fact::Judged(number, judged)).await;
    }
    let fact = failed.map_or_else(|| Fact::Checked(warnings), Failure::into_fact);
    news.send(fact).await;
}

/// Keeps a change that was refused before anything of it was written.
pub(crate) async fn tried(session: &Session, id: ChangeId, change: &Change, of: &Of, problem: &Problem) {
    let record = Record::tried(id, Timestamp::now(), change, &of.parts, of.undoes, problem);
    let (Some(record), Some(journal)) = (record, session.journal().await) else { return };
    if let Err(problem) = journal.note(record, false).await {
        tracing::warn!("{problem}");
    }
}

/// What is to be written.
pub(crate) struct Order {
    pub(crate) change: Box<Change>,
    pub(crate) of: Of,
    /// Whether an earlier run has begun it.
    pub(crate) resumed: bool,
}

/// Writes a change and follows it. The write is finished even when the connection is dropped meanwhile, and
/// `until_written` is held until then; only the following ends. It goes on by a new connection where there is
/// one.
pub(crate) async fn push(
    session: Arc<Session>,
    sessions: Sessions,
    order: Order,
    mut news: News,
    until_written: impl Send + 'static,
) {
    if session.target.read_only {
        news.send(Fact::Refused(locked())).await;
        return;
    }
    let Order { change, of, resumed } = order;
    if change.is_of_workloads() && !*session.hub.workloads.borrow() {
        news.send(Fact::Refused(not_allowed())).await;
        return;
    }
    let Some(record) = Record::sent(news.id, Timestamp::now(), &change, &of.parts, of.undoes) else {
        news.send(Fact::Refused(not_ours(&change))).await;
        return;
    };
    let write = {
        let change = change.clone();
        tokio::spawn(async move {
            let _held = until_written;
            let mut newest = Newest::new(Arc::clone(&session), sessions);
            news.journal = session.journal().await;
            let before = confirm::before(&session, &change).await;
            let mut push = if resumed { Push::resumed(*change) } else { Push::new(*change) };
            let stored = program::run(&mut newest, &mut push, record, &news).await;
            (stored, before, news, newest)
        })
    };
    // Its own words go to the log: what is not told of the write, a later run finds in the journal.
    let Ok((Some(stored), before, news, newest)) = write.await else { return };
    let applied: Vec<Object> = stored.into_iter().filter_map(|stored| stored.after).collect();
    follow(newest, &change, &applied, &before, &news).await;
}

/// Follows what is stored, by the newest connection.
async fn follow(
    mut newest: Newest,
    change: &Change,
    applied: &[Object],
    before: &confirm::Before,
    news: &News,
) {
    loop {
        let session = newest.get().await;
        tokio::select! {
            () = confirm::follow(&session, change, applied, before, news) => return,
            () = newest.changed() => {}
        }
    }
}
