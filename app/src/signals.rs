//! SIGINT and SIGTERM end the program the way its user would: a push that is under way is finished first.

use mesh::Problem;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Resolves at SIGINT or SIGTERM; from now on they no longer end the process by themselves. Call it on the runtime.
pub(crate) fn stop() -> Result<impl Future<Output = ()> + Send + 'static, Problem> {
    let (mut interrupt, mut terminate) = (catch(SignalKind::interrupt())?, catch(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn catch(kind: SignalKind) -> Result<Signal, Problem> {
    signal(kind).map_err(|error| {
        Problem::new(
            "Binnacle could not start",
            format!("signals cannot be caught: {error}"),
            "Free some memory and try again",
        )
    })
}
