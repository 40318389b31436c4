//! Where log lines go: stderr (`RUST_LOG` chooses, our own warnings by default), and for the window a daily
//! file as well.

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Log lines with this target tell how long after its start the program reached a point; benches read them.
pub(crate) const TIMING: &str = "binnacle::timing";

/// What the libraries below us complain of, we tell ourselves, in the user's words.
const DEFAULT: &str = "warn,kube=off,kube_client=off,kube_runtime=off,hyper_util=off,tonic=off,winit=error";

/// Starts logging. The guard must live as long as the program: it flushes the file.
pub(crate) fn init(to_file: bool) -> Option<WorkerGuard> {
    let filter = || EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let stderr = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let (file, guard) = match to_file.then(log_file).flatten() {
        Some((writer, guard)) => (Some(fmt::layer().with_writer(writer).with_ansi(false)), Some(guard)),
        None => (None, None),
    };
    tracing_subscriber::registry().with(filter()).with(stderr).with(file).init();
    guard
}

/// A log file a day, the last five kept, in the user's state folder. Without such a folder there is no file.
fn log_file() -> Option<(tracing_appender::non_blocking::NonBlocking, WorkerGuard)> {
    let dirs = crate::settings::dirs()?;
    let folder = dirs.state_dir().unwrap_or_else(|| dirs.cache_dir()).to_owned();
    // The appender would complain on stderr of a folder that is not there yet.
    std::fs::create_dir_all(&folder).ok()?;
    let appender = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("binnacle")
        .filename_suffix("log")
        .max_log_files(5)
        .build(folder)
        .ok()?;
    Some(tracing_appender::non_blocking(appender))
}
