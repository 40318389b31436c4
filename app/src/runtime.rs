//! The threads: the window on the main thread, I/O on two workers. The window never waits for them; whoever
//! has no window (a command, a dialog's own thread, the end of the program) does it here.

use mesh::Problem;
use panels::kit;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The I/O runtime.
pub(crate) fn start() -> Result<Runtime, Problem> {
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(2).thread_name("binnacle-io").on_thread_start(kit::give_way).enable_all();
    threads.build().map_err(|error| {
        Problem::new(
            "Binnacle could not start",
            format!("no threads for I/O: {error}"),
            "Free some memory and try again",
        )
    })
}

/// Runs this on the present thread, which has nothing else to do; `None` when that cannot be had or nothing
/// came of it.
pub(crate) fn of_this_thread<T, F: Future<Output = Option<T>>>(work: impl FnOnce() -> F) -> Option<T> {
    Builder::new_current_thread().enable_all().build().ok()?.block_on(work())
}

/// What came of this, if that is known soon; else what is still under way. Before there is a window.
pub(crate) fn soon<T>(
    runtime: &Runtime,
    mut work: JoinHandle<T>,
    limit: Duration,
) -> Result<T, JoinHandle<T>> {
    match runtime.block_on(async { tokio::time::timeout(limit, &mut work).await }) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(broke_off)) => std::panic::resume_unwind(broke_off.into_panic()),
        Err(_elapsed) => Err(work),
    }
}

/// At the end of the program, when there is no window any more: waits for what is under way, but not for
/// ever.
pub(crate) fn finish(runtime: &Runtime, work: impl Future<Output = ()>, limit: Duration) {
    if runtime.block_on(async { tokio::time::timeout(limit, work).await }).is_err() {
        tracing::warn!("what was under way did not end within {limit:?}");
    }
}
