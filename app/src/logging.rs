//! Where log lines go: stderr (`RUST_LOG` chooses, our own warnings by default), and for the window a daily
//! file as well. No secret goes there, whatever `RUST_LOG` says.

use crate::args::Command;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, registry};

/// Log lines with this target tell how long after its start the program reached a point; benches read them.
pub(crate) const TIMING: &str = "binnacle::timing";

/// What the libraries below us complain of, we tell ourselves, in the user's words; the file has it too. Of the
/// window's own we would not know.
const DEFAULT: &str = "off,apiserver=warn,binnacle=warn,cluster=warn,istio=warn,mesh=warn,panels=warn,pilot=warn,\
sandbox=warn,telemetry=warn,wire=warn,eframe=error,egui_glow=error,egui_winit=error,glutin=error,winit=error";
const DEFAULT_OF_FILE: &str = "warn";
/// Commands that are asked something say in their answer what could not be known.
const DEFAULT_OF_ANSWERS: &str = "off";

/// Our own crates: what they say was written with secrets in mind.
const OWN: [&str; 10] =
    ["apiserver", "binnacle", "cluster", "istio", "mesh", "panels", "pilot", "sandbox", "telemetry", "wire"];
/// The most that others may say. Below it they quote what they carry: frames, headers, what was typed.
const OTHERS: LevelFilter = LevelFilter::INFO;

/// Starts logging. The guard must live as long as the program: it flushes the file.
pub(crate) fn init(command: Option<&Command>) -> Option<WorkerGuard> {
    let to_file = matches!(command, None | Some(Command::Open(_)));
    let default = match command {
        Some(Command::Check(_) | Command::Why(_)) => DEFAULT_OF_ANSWERS,
        _ => DEFAULT,
    };
    let chosen = |default| EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let harmless = |default| chosen(default).and(filter_fn(is_harmless));
    let stderr = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_filter(harmless(default));
    let mut layers = vec![stderr.boxed()];
    let (writer, guard) = to_file.then(log_file).flatten().unzip();
    if let Some(writer) = writer {
        let file = fmt::layer().with_writer(writer).with_ansi(false);
        layers.push(file.with_filter(harmless(DEFAULT_OF_FILE)).boxed());
    }
    registry().with(layers).init();
    guard
}

/// Whether a line may be logged at all.
fn is_harmless(line: &Metadata<'_>) -> bool {
    let of = line.target().split("::").next().unwrap_or_default();
    *line.level() <= OTHERS || OWN.contains(&of)
}

/// Which variant of an enum something is, without what is in it: that may be a cluster's, or typed.
pub(crate) fn variant(something: &impl std::fmt::Debug) -> String {
    let whole = format!("{something:?}");
    whole.split(|sign: char| !sign.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// A log file a day, the last five kept, in the user's state folder. Without such a folder there is no file.
fn log_file() -> Option<(tracing_appender::non_blocking::NonBlocking, WorkerGuard)> {
    let dirs = crate::settings::dirs()?;
    let folder = dirs.state_dir().unwrap_or_else(|| dirs.cache_dir()).to_owned();
    // The appender would complain on stderr of a folder that is not there yet, and its files can be read by all.
    crate::kept::make_folder(&folder).ok()?;
    #[cfg(unix)]
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).ok()?;
    let appender = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("binnacle")
        .filename_suffix("log")
        .max_log_files(5)
        .build(folder)
        .ok()?;
    Some(tracing_appender::non_blocking(appender))
}

#[cfg(test)]
mod tests {
    /// All of ours that warn are heard, and nobody else's words.
    #[test]
    fn our_own_warnings_go_to_stderr() {
        for own in super::OWN {
            assert!(super::DEFAULT.contains(&format!(",{own}=warn")), "{own}");
        }
    }

    #[test]
    fn a_variant_without_what_is_in_it() {
        assert_eq!(super::variant(&Some("secret")), "Some");
        assert_eq!(super::variant(&panels::Intent::Retry), "Retry");
    }
}
