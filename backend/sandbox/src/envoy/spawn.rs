//! Starting proxies so that none of them outlives the sandbox, however that ends.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::sync::mpsc;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts processes that end with this one.
///
/// On Linux the kernel does it: it kills the child when the *thread* that started it ends. So one thread
/// starts all of them, and lives as long as the sandbox. Elsewhere each child is started by a shell that
/// waits, on a pipe that only this process holds, for our end.
#[derive(Clone, Debug)]
pub(crate) struct Spawner(mpsc::Sender<Order>);

struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread. It ends when the last clone of this value is gone; by then the children must have
    /// been ended.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel::<Order>();
        let runtime = Handle::current();
        std::thread::Builder::new().name("envoy-spawner".into()).spawn(move || {
            // Children report their end to this runtime.
            let _runtime = runtime.enter();
            while let Ok(Order { mut command, reply }) = inbox.recv() {
                // Nobody waiting any more: the child is dropped, which kills it.
                reply.send(command.spawn()).ok();
            }
        })?;
        Ok(Self(orders))
    }

    /// Starts `program` with piped output. It is killed when the [`Child`] is dropped, and when this process
    /// ends.
    pub(crate) async fn spawn(
        &self,
        program: &std::path::Path,
        args: &[String],
        environment: &BTreeMap<String, String>,
    ) -> io::Result<Child> {
        let mut command = bound_to_us(program, args);
        command.envs(environment);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts proxies has ended");
        self.0.send(Order { command, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "pre_exec: the only way to bind a child's life to ours in the kernel")]
fn bound_to_us(program: &std::path::Path, args: &[String]) -> Command {
    use nix::sys::{prctl, signal::Signal};
    let us = nix::unistd::getpid();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).process_group(0);
    // SAFETY: the closure runs in the child between fork and exec, where only async-signal-safe calls are
    // allowed. It makes two system calls (prctl, getppid) and allocates nothing: the error is made from a
    // plain number.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // We may have died before the line above: then there is a new parent, and nobody would kill the
            // child.
            if nix::unistd::getppid() != us {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    command
}

/// A shell runs the program and a watcher beside it. The watcher reads our pipe; at its end, which is ours,
/// it kills the program.
#[cfg(any(test, not(target_os = "linux")))]
fn watched_by_a_shell(program: &std::path::Path, args: &[String]) -> Command {
    const SCRIPT: &str = r#"
        exec 3<&0
        "$0" "$@" 3<&- </dev/null & program=$!
        { read -r _ <&3; kill -9 "$program"; } 2>/dev/null >&2 & watcher=$!
        trap 'kill -TERM "$program"' TERM
        wait "$program"; status=$?
        kill -9 "$watcher" 2>/dev/null
        exit "$status"
    "#;
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(SCRIPT).arg(program).args(args).stdin(Stdio::piped()).process_group(0);
    command
}

#[cfg(not(target_os = "linux"))]
fn bound_to_us(program: &std::path::Path, args: &[String]) -> Command {
    watched_by_a_shell(program, args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn a_child_ends_with_the_thread_that_started_it() {
        let spawner = Spawner::start().unwrap();
        let mut child =
            spawner.spawn(Path::new("/bin/sleep"), &["600".into()], &BTreeMap::new()).await.unwrap();
        drop(spawner);
        let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
        assert!(!ended.unwrap().unwrap().success(), "killed");
    }

    #[tokio::test]
    async fn a_child_knows_what_it_is_told() {
        let told = BTreeMap::from([("POD_NAMESPACE".to_owned(), "demo".to_owned())]);
        let args = ["-c".to_owned(), "echo $POD_NAMESPACE".to_owned()];
        let spawner = Spawner::start().unwrap();
        let mut child = spawner.spawn(Path::new("/bin/sh"), &args, &told).await.unwrap();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "demo\n");
    }

    #[tokio::test]
    async fn a_watched_child_ends_when_our_pipe_closes() {
        let mut command =
            watched_by_a_shell(Path::new("/bin/sh"), &["-c".into(), "echo $$ >&2; exec sleep 600".into()]);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let mut first = [0; 1];
        stderr.read_exact(&mut first).await.unwrap();
        drop(child.stdin.take());
        let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
        assert!(!ended.unwrap().unwrap().success(), "killed");
        // All that hold its stderr are gone: the program and the watcher.
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), stderr.read_to_end(&mut rest)).await.unwrap().unwrap();
    }
}
