//! The container of a demo service: its program, how it crashes and comes back, and what the Pod object says of it.

use super::illness::{Illness, suffer};
use super::inject::now;
use super::pod::Voice;
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

/// How the containers of one pod are, in the Pod's order. Whoever changes one wakes the pod, which writes it down.
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
    pub(crate) ill: watch::Receiver<Illness>,
}

impl Program {
    /// Runs it until told to stop; when it crashes it is started again.
    pub(crate) async fn run(self, board: Board, voice: Voice, stop: CancellationToken) {
        let name = board.follow().borrow().get(self.index).map(|container| container.name.clone()).unwrap_or_default();
        let mut wait = FIRST_WAIT;
        loop {
            let started = now();
            tokio::select! {
                () = self.one_life(&board, &voice, &started, &stop) => return,
                () = self.turns(|ill| ill.crash) => {}
            }
            self.host.log.push("crashed on purpose, by annotation sandbox.binnacle.dev/crash");
            let words = format!("back-off {wait:?} restarting failed container={name} pod={}", voice.pod_name());
            board.change(self.index, |container| {
                container.ready = false;
                container.waiting = Some(("CrashLoopBackOff", words));
                container.last = Some(Ended { exit_code: 1, started, finished: now() });
            });
            voice.warn("BackOff", format!("Back-off restarting failed container {name} in pod {}", voice.pod_name()));
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                () = self.turns(|ill| !ill.crash) => wait = FIRST_WAIT,
                () = stop.cancelled() => return,
            }
            board.change(self.index, |container| container.restarts += 1);
            voice.tell("Created", format!("Created container: {name}"));
            voice.tell("Started", format!("Started container {name}"));
        }
    }

    /// Waits until the pod's illness is such.
    async fn turns(&self, is: impl Fn(&Illness) -> bool) {
        let mut ill = self.ill.clone();
        if ill.wait_for(|ill| is(ill)).await.is_err() {
            // The pod is on its way out, and will be told to stop.
            std::future::pending::<()>().await;
        }
    }

    /// Serves until told to stop. Dropped, it breaks all its connections, as a process that ends does.
    async fn one_life(&self, board: &Board, voice: &Voice, started: &str, stop: &CancellationToken) {
        if self.ill.borrow().crash {
            // It is started, and ends.
            return std::future::pending().await;
        }
        let listeners = match self.real.iter().map(|port| listen(*port)).collect::<io::Result<Vec<_>>>() {
            Ok(listeners) => listeners,
            Err(error) => {
                voice.warn("Failed", format!("Error: one of the ports {:?} cannot be taken: {error}", self.demo.ports));
                return stop.cancelled().await;
            }
        };
        board.change(self.index, |container| {
            container.waiting = None;
            started.clone_into(&mut container.started);
        });
        let router = (self.demo.make)(self.host.clone()).layer(from_fn_with_state(self.ill.clone(), suffer));
        let serving = join_all(listeners.into_iter().map(|listener| serve(listener, router.clone(), stop)));
        let readiness = async {
            loop {
                let not_ready = self.ill.borrow().not_ready;
                board.change(self.index, |container| container.ready = !not_ready);
                if not_ready {
                    voice.warn(
                        "Unhealthy",
                        "Readiness probe failed: annotation sandbox.binnacle.dev/not-ready is true".to_owned(),
                    );
                }
                self.turns(|ill| ill.not_ready != not_ready).await;
            }
        };
        tokio::select! {
            _ = serving => {}
            () = readiness => {}
        }
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
    board
        .change(index, |container| container.waiting = Some(("ImagePullBackOff", format!("Back-off pulling image \"{image}\""))));
    voice.tell("BackOff", format!("Back-off pulling image \"{image}\""));
    voice.warn("Failed", "Error: ImagePullBackOff".to_owned());
}

/// Why an image cannot be run.
pub(crate) fn no_image(image: &str) -> String {
    format!("the sandbox has no image \"{image}\": it runs the demo services only")
}
