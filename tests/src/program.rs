//! The real binary, started with a home folder of its own.

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The `binnacle` that was built with these tests (`$BINNACLE_BIN`, else beside the test's own folder).
///
/// # Errors
/// When it has not been built.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("BINNACLE_BIN") {
        return Ok(path.into());
    }
    let me = std::env::current_exe()?;
    let folder = me.ancestors().find(|folder| folder.join("binnacle").is_file());
    let folder = folder.context(
        "binnacle is not built: run the tests by `cargo xtask test`, or build it with --features inspection",
    )?;
    Ok(folder.join("binnacle"))
}

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    /// Lines of stdout that came while its end was awaited.
    early: VecDeque<String>,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
    /// Its home folder.
    pub home: TempDir,
}

impl Program {
    /// Starts `binnacle` with these arguments and variables, and a new empty home folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(args: &[&str], env: &[(&str, &str)]) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let mut command = Command::new(binary()?);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in [
            "KUBECONFIG",
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "XDG_RUNTIME_DIR",
            "WAYLAND_DISPLAY",
            "DISPLAY",
        ] {
            command.env_remove(name);
        }
        if let Some(envoy) = envoy() {
            command.env("BINNACLE_ENVOY", envoy);
        }
        command
            .env("HOME", home.path())
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .envs(env.iter().copied());
        let mut child = command.spawn()?;
        let stdout = lines(child.stdout.take().context("no stdout")?);
        let stderr = lines(child.stderr.take().context("no stderr")?);
        Ok(Self { child, early: VecDeque::new(), stdout, stderr, home })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line on stdout.
    ///
    /// # Errors
    /// When none comes in time; the error shows what was on stderr.
    pub fn line(&mut self, within: Duration) -> Result<String> {
        if let Some(line) = self.early.pop_front() {
            return Ok(line);
        }
        self.stdout.recv_timeout(within).map_err(|_| {
            anyhow::anyhow!("no line on stdout within {within:?}; stderr:\n{}", self.stderr_so_far())
        })
    }

    /// Everything on stderr that was not read before.
    pub fn stderr_so_far(&self) -> String {
        self.stderr.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// Everything on stderr that was not read before, of a program that has ended.
    pub fn stderr_to_end(&self) -> String {
        self.stderr.iter().collect::<Vec<_>>().join("\n")
    }

    /// The next line on stderr that contains `words`.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn stderr_line(&self, words: &str, within: Duration) -> Result<String> {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.stderr.recv_timeout(left) {
                Ok(line) if line.contains(words) => return Ok(line),
                Ok(_) => {}
                Err(_) => bail!("no line with {words:?} on stderr within {within:?}"),
            }
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(mut self, within: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait(within)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + within;
        // stdout closes when the program ends: that is the event to wait for.
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left.min(Duration::from_millis(50))) {
                Err(mpsc::RecvTimeoutError::Timeout) if left.is_zero() => {
                    bail!("it still runs after {within:?}")
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(line) => self.early.push_back(line),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Envoy, where set-up has put it: the program's own home folder is empty.
pub fn envoy() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("BINNACLE_ENVOY") {
        return Some(path.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let path = cache.join("binnacle/tools/envoy-1.40.0/envoy");
    path.is_file().then_some(path)
}

fn lines(stream: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}
