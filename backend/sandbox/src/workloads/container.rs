//! The container of a demo service: its program, how it crashes and comes back, and what the Pod object says
//! of it.

use super::faults::{self, Faults};
use super::inject::now;
use super::pod::Voice;
use super::probe::{Failure, Probe};
use super::status::{Container, Ended};
use crate::apps::{Demo, Host};
use axum::Router;
use axum::middleware::from_fn_with_state;
use futures::future::join_all;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The wait before a container that crashed is started again, doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a failed pull is an error before it is a back-off.
const PULL_AGAIN: Duration = Duration::from_secs(2);
/// Connections that may wait to be taken.
const BACKLOG: u32 = 1024;

/// How the containers of one pod are, in the Pod's order. Whoever changes one wakes the pod, which writes it
/// down.
#[derive(Clone, Debug)]
pub(crate) struct Board(watch::Sender<Vec<Container>>);

impl Board {
    pub(crate) fn new(containers: Vec<Container>) -> Self {
        Self(watch::Sender::new(containers))
    }
    /// Follows all of them.
    pub(crate) fn follow(&self) -> watch::Receiver<Vec<Container>> {
        self.0.subscribe()
    }
    /// Changes what is said of each of them.
    pub(crate) fn change_all(&self, change: impl FnMut(&mut Container)) {
        self.0.send_modify(|all| all.iter_mut().for_each(change));
    }
    /// Changes what is said of one of them.
    pub(crate) fn change(&self, index: usize, change: impl FnOnce(&mut Container)) {
        self.0.send_if_modified(|all| {
            let Some(one) = all.get_mut(index) else { return false };
            let before = one.clone();
            change(one);
            *one != before
        });
    }
}

/// A demo service to run.
pub(crate) struct Program {
    pub(crate) demo: &'static Demo,
    pub(crate) host: Host,
    /// The real ports that it listens on; the pod keeps them reserved.
    pub(crate) real: Vec<u16>,
    /// Its place on the board.
    pub(crate) index: usize,
    pub(crate) faults: watch::Receiver<Faults>,
    pub(crate) readiness: Option<Probe>,
    pub(crate) liveness: Option<Probe>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was told to.
    Stopped,
    /// By itself.
    Crashed,
    /// Its liveness probe failed.
    Killed,
}

impl Program {
    /// Runs it until told to stop; when it crashes it is started again.
    pub(crate) async fn run(self, board: Board, voice: Voice, stop: CancellationToken) {
        let name = board
            .follow()
            .borrow()
            .get(self.index)
            .map(|container| container.name.clone())
            .unwrap_or_default();
        let mut wait = FIRST_WAIT;
        loop {
            let started = now();
            let exit_code = match self.one_life(&board, &voice, &name, &started, &stop).await {
                End::Stopped => return,
                End::Crashed => 1,
                End::Killed => 137,
            };
            let words =
                format!("back-off {wait:?} restarting failed container={name} pod={}", voice.pod_name());
            board.change(self.index, |container| {
                container.ready = false;
                container.waiting = Some(("CrashLoopBackOff", words));
                container.last = Some(Ended { exit_code, started, finished: now() });
            });
            voice.warn(
                "BackOff",
                format!("Back-off restarting failed container {name} in pod {}", voice.pod_name()),
            );
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                () = self.turns(|faults| !faults.crash), if self.faults.borrow().crash => wait = FIRST_WAIT,
                () = stop.cancelled() => return,
            }
            self.host.log.restart();
            board.change(self.index, |container| container.restarts += 1);
            voice.tell("Created", format!("Created container: {name}"));
            voice.tell("Started", format!("Started container {name}"));
        }
    }

    /// Waits until the pod's faults are such.
    async fn turns(&self, is: impl Fn(&Faults) -> bool) {
        let mut faults = self.faults.clone();
        if faults.wait_for(|faults| is(faults)).await.is_err() {
            // The pod is on its way out, and will be told to stop.
            std::future::pending::<()>().await;
        }
    }

    /// Serves until told to stop, or until it crashes or is killed; then it breaks all its connections, as a
    /// process does that ends.
    async fn one_life(
        &self,
        board: &Board,
        voice: &Voice,
        name: &str,
        started: &str,
        stop: &CancellationToken,
    ) -> End {
        let crash = async {
            self.turns(|faults| faults.crash).await;
            self.host.log.push("crashed on purpose, by annotation sandbox.binnacle.dev/crash");
        };
        if self.faults.borrow().crash {
            crash.await;
            return End::Crashed;
        }
        let listeners = match self.real.iter().map(|port| listen(*port)).collect::<io::Result<Vec<_>>>() {
            Ok(listeners) => listeners,
            Err(error) => {
                voice.cannot(
                    &format!("Error: one of the ports {:?} cannot be taken", self.demo.ports),
                    &error,
                );
                stop.cancelled().await;
                return End::Stopped;
            }
        };
        board.change(self.index, |container| {
            container.waiting = None;
            started.clone_into(&mut container.started);
        });
        let router = (self.demo.make)(self.host.clone())
            .layer(from_fn_with_state(self.faults.clone(), faults::inject));
        let serving = join_all(listeners.into_iter().map(|listener| serve(listener, router.clone(), stop)));
        tokio::select! {
            _ = serving => End::Stopped,
            () = self.is_ready(board, voice) => End::Stopped,
            () = crash => End::Crashed,
            () = self.lives_no_more(voice) => {
                voice.tell("Killing", format!("Container {name} failed liveness probe, will be restarted"));
                End::Killed
            }
        }
    }

    /// Where on this machine the program listens for a port inside the pod.
    fn real_port(&self, port: u16) -> Option<u16> {
        self.demo.ports.iter().zip(&self.real).find(|(inside, _)| **inside == port).map(|(_, real)| *real)
    }

    /// Keeps the board true about whether the program is ready, without end.
    async fn is_ready(&self, board: &Board, voice: &Voice) {
        // Without a probe, what runs is ready.
        let mut probed = self.readiness.is_none();
        let mut fresh = true;
        loop {
            let not_ready = self.faults.borrow().not_ready;
            board.change(self.index, |container| container.ready = probed && !not_ready);
            if not_ready {
                voice.warn(
                    "Unhealthy",
                    "Readiness probe failed: annotation sandbox.binnacle.dev/not-ready is true".to_owned(),
                );
            }
            let other = async {
                let Some(probe) = &self.readiness else { return std::future::pending().await };
                if fresh {
                    probe.hold_back().await;
                }
                let failed =
                    |why: &Failure| voice.warn("Unhealthy", format!("Readiness probe failed: {why}"));
                probe.turns(probed, self.real_port(probe.port), failed).await;
            };
            tokio::select! {
                () = self.turns(|faults| faults.not_ready != not_ready) => {}
                () = other => (probed, fresh) = (!probed, false),
            }
        }
    }

    /// Waits until the liveness probe has failed as often as it may; for ever without one.
    async fn lives_no_more(&self, voice: &Voice) {
        let Some(probe) = &self.liveness else { return std::future::pending().await };
        probe.hold_back().await;
        let failed = |why: &Failure| voice.warn("Unhealthy", format!("Liveness probe failed: {why}"));
        probe.turns(true, self.real_port(probe.port), failed).await;
    }
}

/// Takes a port that is kept reserved.
fn listen(real: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, real)))?;
    socket.listen(BACKLOG)
}

/// Answers until told to stop, then finishes what is under way.
async fn serve(listener: TcpListener, router: Router, stop: &CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "a connection was not taken");
                    tokio::task::yield_now().await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
            () = stop.cancelled() => break,
        };
        let (service, stop) = (TowerToHyperService::new(router.clone()), stop.clone());
        connections.spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::trace!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// What becomes of a container whose image the sandbox does not have: an error first, then a back-off.
pub(crate) async fn never_pulled(image: String, index: usize, board: Board, voice: Voice) {
    voice.tell("Pulling", format!("Pulling image \"{image}\""));
    voice.warn("Failed", format!("Failed to pull image \"{image}\": {}", no_image(&image)));
    voice.warn("Failed", "Error: ErrImagePull".to_owned());
    tokio::time::sleep(PULL_AGAIN).await;
    board.change(index, |container| {
        container.waiting = Some(("ImagePullBackOff", format!("Back-off pulling image \"{image}\"")));
    });
    voice.tell("BackOff", format!("Back-off pulling image \"{image}\""));
    voice.warn("Failed", "Error: ImagePullBackOff".to_owned());
}

/// Why an image cannot be run.
pub(crate) fn no_image(image: &str) -> String {
    format!("the sandbox has no image \"{image}\": it runs the demo services only")
}
