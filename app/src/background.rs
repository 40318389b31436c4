//! Work that would hold up the window, done by other threads: its result comes with a wake-up, and the end of
//! the program waits for it.

use cluster::Wake;
use mesh::Problem;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// A result that comes later.
pub(crate) struct Later<T>(oneshot::Receiver<T>);

impl<T> Later<T> {
    /// One that is not there yet, and what sends it.
    pub(crate) fn new() -> (oneshot::Sender<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// The result, once it is there; an error when it never comes. Never waits.
    pub(crate) fn look(&mut self) -> Option<Result<T, Problem>> {
        match self.0.try_recv() {
            Ok(value) => Some(Ok(value)),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(Problem::new(
                "Nothing came of it",
                "Binnacle made a mistake there; its log file has more",
                "Try again, and please report it if it stays",
            ))),
        }
    }
}

/// The result that was waited for, once.
pub(crate) fn arrived<T>(awaited: &mut Option<Later<T>>) -> Option<Result<T, Problem>> {
    let result = awaited.as_mut()?.look()?;
    *awaited = None;
    Some(result)
}

/// What is being worked on.
pub(crate) struct Background {
    runtime: Handle,
    wake: Wake,
    running: JoinSet<()>,
}

impl Background {
    /// Nothing yet.
    pub(crate) fn new(runtime: Handle, wake: Wake) -> Self {
        Self { runtime, wake, running: JoinSet::new() }
    }

    /// Does this on another thread: sends first, wakes second.
    pub(crate) fn run<T: Send + 'static>(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Later<T> {
        while self.running.try_join_next().is_some() {}
        let (sender, later) = Later::new();
        let wake = self.wake.clone();
        let send = move || {
            if sender.send(work()).is_ok() {
                wake();
            }
        };
        self.running.spawn_blocking_on(send, &self.runtime);
        later
    }

    /// The result of what another thread does already.
    pub(crate) fn join<T: Send + 'static>(&mut self, under_way: JoinHandle<T>) -> Later<T> {
        let (sender, later) = Later::new();
        let wake = self.wake.clone();
        let send = async move {
            if let Ok(value) = under_way.await {
                drop(sender.send(value));
            }
            wake();
        };
        self.running.spawn_on(send, &self.runtime);
        later
    }

    /// Waits for all of it. Await it before the program ends.
    pub(crate) fn finish(&mut self) -> impl Future<Output = ()> + use<> {
        all(std::mem::take(&mut self.running))
    }
}

/// Waits for all these tasks, however they end.
pub(crate) async fn all(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a task broke off");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn what_breaks_off_is_a_problem_and_not_the_end() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let wake: Wake = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let mut background = Background::new(Handle::current(), wake);
        let mut good = Some(background.run(|| 7));
        let mut bad = Some(background.run(|| -> u8 { panic!("a mistake of ours") }));
        background.finish().await;
        assert_eq!((arrived(&mut good), arrived(&mut good)), (Some(Ok(7)), None));
        assert!(matches!(arrived(&mut bad), Some(Err(_))));
        assert_eq!(woken.load(Ordering::SeqCst), 1);
    }
}
