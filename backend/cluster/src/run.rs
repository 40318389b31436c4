//! The life of one connection: connects (and again on Retry), starts what watches and measures, and takes
//! orders.

use crate::connect::{self, Api, Unconnected};
use crate::hub::Hub;
use crate::push::Order;
use crate::session::Session;
use crate::supervise::{broke_off, keep_running};
use crate::tunnel::Tunnel;
use crate::{
    Command, Of, Target, follow, history, istiod, logging, not_connected, prometheus, publish, push, reads,
    traces,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use mesh::scene::{Step, StepState};
use mesh::{ChangeId, Fact, Observation, Problem};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pauses before a server that was away is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Something that is followed for as long as the connection lasts.
struct Source {
    what: &'static str,
    follow: fn(Arc<Session>) -> BoxFuture<'static, ()>,
    /// What is learnt when it breaks off.
    broken: fn(Problem) -> Vec<Observation>,
}

const SOURCES: [Source; 4] = [
    Source {
        what: "Watching the cluster's objects",
        follow: |session| follow::follow_all(session).boxed(),
        broken: |problem| vec![Observation::Failed(Step::Kinds, problem)],
    },
    Source {
        what: "Asking istiod",
        follow: |session| istiod::follow(session).boxed(),
        broken: |problem| {
            vec![Observation::Failed(Step::Istiod, problem.clone()), Observation::Proxies(Err(problem))]
        },
    },
    Source {
        what: "Measuring traffic",
        follow: |session| prometheus::follow(session).boxed(),
        broken: |problem| {
            vec![Observation::Failed(Step::Prometheus, problem.clone()), Observation::Traffic(Err(problem))]
        },
    },
    Source {
        what: "Asking the tracing backend",
        follow: |session| traces::follow(session).boxed(),
        broken: |problem| {
            vec![Observation::Failed(Step::Traces, problem.clone()), Observation::Traces(Err(problem))]
        },
    },
];

/// A connection's own tasks.
pub(crate) struct Run {
    pub(crate) target: Target,
    pub(crate) hub: Arc<Hub>,
    pub(crate) sessions: watch::Sender<Option<Arc<Session>>>,
    pub(crate) news: mpsc::Sender<(ChangeId, Fact)>,
    /// Writes that must not be cut off.
    pub(crate) writes: TaskTracker,
    /// Changes that are being written.
    pub(crate) writing: Arc<Mutex<BTreeSet<ChangeId>>>,
    pub(crate) end: CancellationToken,
}

impl Run {
    /// Runs as [`Self::until_ended`]; when that breaks off, says so, since nothing else is left that could.
    pub(crate) async fn until_ended_or_broken(self, orders: mpsc::Receiver<Command>) {
        let hub = Arc::clone(&self.hub);
        if let Err(error) = tokio::spawn(self.until_ended(orders)).await {
            tracing::error!(%error, "the connection broke off");
            hub.take(Observation::Failed(Step::Api, broke_off("The connection")));
            publish::publish_now(&hub);
        }
    }

    /// Runs until the connection is dropped. Writes that are under way go on by themselves.
    pub(crate) async fn until_ended(self, orders: mpsc::Receiver<Command>) {
        let end = self.end.clone();
        let publisher = publish::publish(Arc::clone(&self.hub));
        let answers = reads::answer_all(Arc::clone(&self.hub), self.sessions.subscribe());
        tokio::select! {
            () = end.cancelled() => {}
            () = publisher => {}
            () = answers => {}
            () = self.keep_connected() => {}
            () = self.take(orders) => {}
        }
    }

    async fn keep_connected(&self) {
        let mut retry = self.hub.retry.subscribe();
        let mut tasks = JoinSet::new();
        loop {
            tasks.abort_all();
            let mut connected = connect::connect(&self.target, &self.hub, false).await;
            let mut pause = FIRST_PAUSE;
            // Later steps retry by themselves; a connection that failed, or a login that ended, is made anew.
            loop {
                let away = matches!(connected, Err(Unconnected::Away));
                if let Ok(api) = std::mem::replace(&mut connected, Err(Unconnected::Settings)) {
                    let session = self.session_of(api);
                    match self.another(&session).await {
                        Some(problem) => self.hub.take(Observation::Failed(Step::Api, problem)),
                        None => self.start(session, &mut tasks),
                    }
                }
                tokio::select! {
                    changed = retry.changed() => {
                        let failed = |step| matches!(self.hub.step(step), Some(StepState::Failed(_)));
                        if changed.is_err() {
                            return;
                        }
                        if failed(Step::Context) || failed(Step::Api) {
                            break;
                        }
                        if away {
                            connected = Err(Unconnected::Away);
                        }
                    }
                    // A server that is away may come back by itself.
                    () = tokio::time::sleep(pause), if away => {
                        connected = connect::connect(&self.target, &self.hub, true).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        }
    }

    fn session_of(&self, api: Api) -> Arc<Session> {
        let tunnel = Tunnel::to(Some(api.client.clone()), &self.target);
        Arc::new(Session::new(api, self.target.clone(), Arc::clone(&self.hub), tunnel))
    }

    /// Why a connection is not one to the cluster that this one was to, if it is not: what is known, and what
    /// was changed, is of that one.
    async fn another(&self, session: &Session) -> Option<Problem> {
        let before = self.session()?;
        let (before, now) = (before.cluster().await, session.cluster().await);
        let another = before.uid.as_ref().zip(now.uid.as_ref()).is_some_and(|(before, now)| before != now);
        another.then(|| {
            Problem::new(
                "Another cluster answers",
                "The context leads to another cluster than the one that is shown, or it was made anew",
                "Connect to it anew: all that is shown and was changed here is of the one before",
            )
        })
    }

    fn start(&self, session: Arc<Session>, tasks: &mut JoinSet<()>) {
        // What is allowed in one cluster says nothing of another that may answer in its place.
        if self.session().is_some_and(|before| !before.api.cluster.is(&session.api.cluster)) {
            self.hub.workloads.send_replace(false);
        }
        self.sessions.send_replace(Some(Arc::clone(&session)));
        tasks.spawn(history::tell(Arc::clone(&session), self.news.clone(), Arc::clone(&self.hub.wake)));
        for source in SOURCES {
            let session = Arc::clone(&session);
            tasks.spawn(async move {
                let start = || (source.follow)(Arc::clone(&session));
                keep_running(&session.hub, source.what, source.broken, start).await;
            });
        }
    }

    async fn take(&self, mut orders: mpsc::Receiver<Command>) {
        while let Some(order) = orders.recv().await {
            match order {
                Command::Window(secs) => {
                    self.hub.window.send_replace(secs.max(1));
                }
                Command::Pause(paused) => {
                    self.hub.paused.send_replace(paused);
                    self.hub.dirty.notify_one(); // what was held back comes now
                }
                Command::LogLevel(wish) => {
                    if let Some(session) = self.session() {
                        tokio::spawn(async move { logging::set(&session, wish).await });
                    }
                }
                Command::Workloads(allowed) => drop(self.hub.workloads.send_replace(allowed)),
                Command::Retry => self.hub.retry.send_modify(|count| *count += 1),
                Command::Check(id, change) => match self.session() {
                    Some(session) => {
                        let news = self.tell(id);
                        let end = self.end.clone();
                        tokio::spawn(async move {
                            tokio::select! {
                                () = push::check(&session, &change, &news) => {}
                                () = end.cancelled() => {}
                            }
                        });
                    }
                    None => self.tell(id).send(Fact::Refused(not_connected())).await,
                },
                Command::Push(id, change, of) => {
                    self.write(id, Order { change, of, resumed: false }).await;
                }
                Command::Finish(id, change) => {
                    self.write(id, Order { change, of: Of::default(), resumed: true }).await;
                }
                Command::Tried(id, change, of, problem) => {
                    if let Some(session) = self.session() {
                        push::tried(&session, id, &change, &of, &problem).await;
                    }
                }
                Command::Leave(id) => {
                    let journal = match self.session() {
                        Some(session) => session.journal().await,
                        None => None,
                    };
                    push::News { journal, ..self.tell(id) }.send(Fact::Left).await;
                }
            }
        }
        // All senders are gone, yet the connection may still be looked at.
        self.end.cancelled().await;
    }

    async fn write(&self, id: ChangeId, order: Order) {
        let Some(session) = self.session() else {
            self.tell(id).send(Fact::Refused(not_connected())).await;
            return;
        };
        // Pressed twice, it is written once.
        let Some(once) = Once::new(&self.writing, id) else { return };
        // Counted from here on: whoever waits for the writes waits for this one.
        let until_written = (self.writes.token(), once);
        let (sessions, news, end) = (self.sessions.subscribe(), self.tell(id), self.end.clone());
        tokio::spawn(async move {
            let push = push::push(session, sessions, order, news, until_written);
            tokio::select! {
                () = push => {}
                () = end.cancelled() => {}
            }
        });
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.sessions.borrow().clone()
    }

    fn tell(&self, id: ChangeId) -> push::News {
        push::News { id, facts: self.news.clone(), wake: Arc::clone(&self.hub.wake), journal: None }
    }
}

/// A change that is being written; it is not begun again before this is dropped.
struct Once {
    writing: Arc<Mutex<BTreeSet<ChangeId>>>,
    id: ChangeId,
}

impl Once {
    fn new(writing: &Arc<Mutex<BTreeSet<ChangeId>>>, id: ChangeId) -> Option<Self> {
        let begun = writing.lock().insert(id);
        begun.then(|| Self { writing: Arc::clone(writing), id })
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        self.writing.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::of_cluster;

    /// What is known, and what was changed, is of the cluster that was connected to.
    #[tokio::test]
    async fn another_cluster_under_the_same_name_is_not_mixed_in() {
        let ((old, _a), (same, _b), (other, _c)) =
            tokio::join!(of_cluster("a"), of_cluster("a"), of_cluster("b"));
        let run = Run {
            target: Target::default(),
            hub: Arc::clone(&old.hub),
            sessions: watch::Sender::new(None),
            news: mpsc::channel(1).0,
            writes: TaskTracker::new(),
            writing: Arc::default(),
            end: CancellationToken::new(),
        };
        assert_eq!(run.another(&other).await, None, "the first one");
        run.sessions.send_replace(Some(old));
        assert_eq!(run.another(&same).await, None);
        assert_eq!(run.another(&other).await.unwrap().what, "Another cluster answers");
    }
}
