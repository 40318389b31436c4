//! SIGINT, SIGTERM and SIGHUP (Ctrl-C on Windows) end the program the way its user would: a push that is under way is
//! finished first.

use mesh::Problem;

/// Resolves at SIGINT, SIGTERM or SIGHUP; from now on they no longer end the process by themselves. Call it on the
/// runtime.
#[cfg(unix)]
pub(crate) fn stop() -> Result<impl Future<Output = ()> + Send + 'static, Problem> {
    use tokio::signal::unix::{SignalKind, signal};
    let catch = |kind| signal(kind).map_err(|error| uncaught(&error));
    let (mut interrupt, mut terminate) = (catch(SignalKind::interrupt())?, catch(SignalKind::terminate())?);
    let mut hang_up = catch(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

/// Resolves at Ctrl-C; from now on it no longer ends the process by itself. Call it on the runtime.
#[cfg(windows)]
pub(crate) fn stop() -> Result<impl Future<Output = ()> + Send + 'static, Problem> {
    let mut pressed = tokio::signal::windows::ctrl_c().map_err(|error| uncaught(&error))?;
    Ok(async move {
        pressed.recv().await;
    })
}

fn uncaught(error: &std::io::Error) -> Problem {
    Problem::new(
        "Binnacle could not start",
        format!("signals cannot be caught: {error}"),
        "Free some memory and try again",
    )
}
