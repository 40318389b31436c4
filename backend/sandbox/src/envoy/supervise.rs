//! Keeping one Envoy running: its log, its end, its next life.

use super::Spawner;
use crate::apps::outgoing::{exchange, request};
use crate::folder::write_private;
use crate::lack::Lacks;
use apiserver::LogRing;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::Address;

/// The wait before a proxy that died is started again, doubled each time that it dies young.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A proxy that lived so long is no crash loop.
const GROWN_UP: Duration = Duration::from_secs(30);
/// How long a proxy may take to end after SIGTERM.
const LAST_WORDS: Duration = Duration::from_millis(700);
/// How often a starting proxy is asked whether it is ready.
const ASK_READY: Duration = Duration::from_millis(25);
/// How often a proxy is asked whether it still is, and after how many failures it is not: as the readiness probe of
/// Istio's sidecar has it (`periodSeconds`, `failureThreshold` of its injection template).
const ASK_AGAIN: Duration = Duration::from_secs(15);
const FAILURES: u32 = 4;
/// Where the admin page tells how many requests are under way.
const ACTIVE: &str = "/stats?filter=%5Ehttp%5C..*downstream_rq_active%24";
/// Longer lines of its log are cut.
const LONGEST_LINE: usize = 4096;

/// What one proxy is run with.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// `<pod>.<namespace>`, for logs.
    pub(crate) name: String,
    /// The program.
    pub(crate) envoy: PathBuf,
    /// Its configuration, with the admin page's address in it.
    pub(crate) bootstrap: Value,
    /// What its process is told besides.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where to keep the configuration.
    pub(crate) dir: PathBuf,
    /// Where its admin page is.
    pub(crate) admin: Address,
    /// Hears why it cannot be started.
    pub(crate) lacks: Lacks,
}

/// How a proxy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// It has its listeners and takes requests.
    pub(crate) ready: bool,
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// What its last run returned; as a shell says it when a signal ended that.
    pub(crate) exit_code: i32,
}

/// One proxy, kept running until [`Proxy::stop`] or drop.
pub(crate) struct Proxy {
    /// How it is, the latest.
    pub(crate) state: watch::Receiver<State>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
    admin: Address,
}

impl Proxy {
    /// Writes the configuration and starts keeping the proxy running.
    pub(crate) fn start(run: Run, spawner: Spawner, log: LogRing) -> io::Result<Self> {
        let config = run.dir.join(format!("{}.json", run.name));
        write_private(&config, &run.bootstrap.to_string())?;
        let args = [
            "--config-path".to_owned(),
            config.to_string_lossy().into_owned(),
            "--concurrency".into(),
            "1".into(),
            "--log-level".into(),
            "warning".into(),
            "--component-log-level".into(),
            "misc:error".into(),
            "--disable-hot-restart".into(),
            "--drain-time-s".into(),
            "1".into(),
            // What a listener no longer allows (mTLS became STRICT) ends on open connections at once, not
            // some time later.
            "--drain-strategy".into(),
            "immediate".into(),
            "--file-flush-interval-msec".into(),
            "500".into(),
        ];
        let (told, state) = watch::channel(State::default());
        let (stop, admin) = (CancellationToken::new(), run.admin.clone());
        let keep = Keep { run, args: args.into(), spawner, log, told, stop: stop.clone() };
        Ok(Self { state, stop, task: AbortOnDropHandle::new(tokio::spawn(keep.running())), admin })
    }

    /// Tells whoever is connected to go elsewhere, and takes no new connections soon, as Istio's agent asks
    /// of Envoy.
    pub(crate) async fn drain(&self, inbound_only: bool) {
        let only = if inbound_only { "&inboundonly" } else { "" };
        ask(&self.admin, Method::POST, &format!("/drain_listeners?graceful&skip_exit{only}")).await;
    }

    /// Waits until no request is under way.
    pub(crate) async fn quiet(&self) {
        while ask(&self.admin, Method::GET, ACTIVE)
            .await
            .is_some_and(|stats| is_busy(&String::from_utf8_lossy(&stats)))
        {
            tokio::time::sleep(ASK_READY).await;
        }
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "a proxy's keeper ended early");
        }
    }
}

struct Keep {
    run: Run,
    args: Vec<String>,
    spawner: Spawner,
    log: LogRing,
    told: watch::Sender<State>,
    stop: CancellationToken,
}

impl Keep {
    async fn running(self) {
        let mut wait = FIRST_WAIT;
        loop {
            let born = Instant::now();
            match self.spawner.spawn(&self.run.envoy, &self.args, &self.run.environment).await {
                Ok(child) => {
                    if self.one_life(child).await {
                        return;
                    }
                }
                Err(error) => {
                    self.run.lacks.tell(&error);
                    self.log.push(&format!("Envoy cannot be started: {error}"));
                }
            }
            wait = if born.elapsed() > GROWN_UP { FIRST_WAIT } else { wait };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            self.log.restart();
            self.told.send_modify(|state| state.restarts += 1);
        }
    }

    /// From start to end. True when it ended because it was told to.
    async fn one_life(&self, mut child: Child) -> bool {
        // Envoy's own words and its access log. Both copies end when the pipes do, which is when the process
        // does.
        let mut words = JoinSet::new();
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            words.spawn(copy(out, self.log.clone()));
            words.spawn(copy(err, self.log.clone()));
        }
        let tell = |ready| self.told.send_modify(|state| state.ready = ready);
        let ended = tokio::select! {
            ended = child.wait() => ended,
            () = keep_ready(|| ask_ready(&self.run.admin), tell) => return false,
            () = self.stop.cancelled() => {
                self.end(child).await;
                return true;
            }
        };
        let exit_code = ended.as_ref().map_or(1, exit_code);
        self.told.send_modify(|state| (state.ready, state.exit_code) = (false, exit_code));
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::info!(proxy = self.run.name, how, "Envoy ended; it is started again");
        self.log.push(&format!("Envoy ended ({how}); it is started again"));
        false
    }

    async fn end(&self, mut child: Child) {
        use nix::sys::signal::{Signal, kill};
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended by itself just now.
            kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        if tokio::time::timeout(LAST_WORDS, child.wait()).await.is_err()
            && let Err(error) = child.kill().await
        {
            tracing::warn!(proxy = self.run.name, %error, "Envoy could not be killed");
        }
    }
}

/// Tells whether a proxy is ready, whenever that changes, without end.
async fn keep_ready<F: Future<Output = bool>>(ask: impl Fn() -> F, tell: impl Fn(bool)) {
    loop {
        while !ask().await {
            tokio::time::sleep(ASK_READY).await;
        }
        tell(true);
        let mut failures = 0;
        while failures < FAILURES {
            tokio::time::sleep(ASK_AGAIN).await;
            failures = if ask().await { 0 } else { failures + 1 };
        }
        tell(false);
    }
}

fn exit_code(status: &std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1)
}

/// Copies a process's words into the log, line by line.
async fn copy(words: impl tokio::io::AsyncRead + Unpin, log: LogRing) {
    let mut lines = BufReader::new(words).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let cut = line.char_indices().map(|(at, _)| at).nth(LONGEST_LINE).unwrap_or(line.len());
        log.push(&line[..cut]);
    }
}

/// Whether the proxy has its configuration and listens.
async fn ask_ready(admin: &Address) -> bool {
    ask(admin, Method::GET, "/ready").await.is_some()
}

/// What the proxy's admin page answers, if all is well with it.
async fn ask(admin: &Address, method: Method, path: &str) -> Option<Bytes> {
    let ask = async {
        let stream = admin.connect().await.ok()?;
        let answer =
            exchange(stream, request(method, "localhost", path, HeaderMap::new()).ok()?).await.ok()?;
        (answer.status == StatusCode::OK).then_some(answer.body)
    };
    tokio::time::timeout(Duration::from_secs(1), ask).await.ok().flatten()
}

/// Whether these statistics tell of a request under way, besides the one that asked for them.
fn is_busy(stats: &str) -> bool {
    let mut counts = stats
        .lines()
        .filter(|line| !line.starts_with("http.admin."))
        .filter_map(|line| line.rsplit_once(": "));
    counts.any(|(_, count)| count.trim().parse::<u64>().is_ok_and(|count| count > 0))
}

#[cfg(test)]
mod tests {
    use super::{is_busy, keep_ready};
    use std::cell::RefCell;
    use tokio::time::{Duration, Instant, timeout};

    /// A frozen proxy is taken out after a minute, and is back as soon as it answers again.
    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_answers_no_more_is_not_ready() {
        let (begun, told) = (Instant::now(), RefCell::new(Vec::new()));
        let frozen = |secs| (100..200).contains(&secs) || (20..50).contains(&secs);
        let ask = || async { !frozen(begun.elapsed().as_secs()) };
        let running = keep_ready(ask, |ready| told.borrow_mut().push((begun.elapsed().as_secs(), ready)));
        assert!(timeout(Duration::from_secs(300), running).await.is_err(), "without end");
        assert_eq!(*told.borrow(), [(0, true), (150, false), (200, true)]);
    }

    #[test]
    fn the_request_that_asks_does_not_count() {
        assert!(!is_busy(
            "http.admin.downstream_rq_active: 1\nhttp.inbound_0.0.0.0_9080;.downstream_rq_active: 0\n"
        ));
        assert!(is_busy(
            "http.admin.downstream_rq_active: 1\nhttp.inbound_0.0.0.0_9080;.downstream_rq_active: 2\n"
        ));
    }
}
