//! The threads: the window on the main thread, I/O on two workers. The window never waits for them.

use mesh::Problem;
use tokio::runtime::{Builder, Runtime};

/// The I/O runtime.
pub(crate) fn start() -> Result<Runtime, Problem> {
    Builder::new_multi_thread().worker_threads(2).thread_name("binnacle-io").enable_all().build().map_err(
        |error| {
            Problem::new(
                "Binnacle could not start",
                format!("no threads for I/O: {error}"),
                "Free some memory and try again",
            )
        },
    )
}
