//! A control plane that runs.

use crate::ads::shared::{ObjectStatuses, Shared, Statuses};
use crate::error::Error;
use crate::follow::Follower;
use crate::options::Options;
use crate::world::World;
use crate::{ads, debug};
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::{Address, Listener};

/// A running control plane. Dropping it ends it at once; proxies keep their last configuration and come back.
pub struct Pilot {
    xds: Address,
    debug: Address,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Pilot {
    /// Starts to serve.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start(world: watch::Receiver<Arc<World>>, options: Options) -> Result<Self, Error> {
        let (xds_listener, xds) = listen(&options.xds).await?;
        let (debug_listener, debug) = listen(&options.debug).await?;
        let stop = CancellationToken::new();
        let mut follower = Follower::new(world, options.clone());
        let first = follower.read(Instant::now());
        let (snapshots, _) = watch::channel(Arc::new(first));
        let shared = Arc::new(Shared::new(snapshots, options, stop.clone()));
        let serving =
            wire::ads::serve(xds_listener, ads::answer(&shared), Box::pin(stop.clone().cancelled_owned()));
        let tasks = vec![
            tokio::spawn(follower.follow(shared.clone())),
            tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "the control plane no longer takes proxies");
                }
            }),
            tokio::spawn(debug::serve(debug_listener, shared.clone())),
        ];
        Ok(Self { xds, debug, shared, stop, tasks })
    }

    /// Where proxies are served.
    pub fn xds_addr(&self) -> Address {
        self.xds.clone()
    }

    /// Where istiod's debug pages are: what istiod serves at 15014 and 8080.
    pub fn debug_addr(&self) -> Address {
        self.debug.clone()
    }

    /// The configuration to start a Pod's Envoy with; `None` for a pod that has no address or no proxy.
    pub fn bootstrap(&self, pod: &Value) -> Option<Value> {
        Options { xds: self.xds.clone(), ..self.shared.options.clone() }.bootstrap(pod)
    }

    /// Which proxies are connected, and how far they are.
    pub fn connected(&self) -> watch::Receiver<Statuses> {
        self.shared.statuses()
    }

    /// The status that each object of the Gateway API is to have; whoever can write to the API writes it
    /// there.
    pub fn object_statuses(&self) -> watch::Receiver<ObjectStatuses> {
        self.shared.objects()
    }

    /// Ends all streams and waits until nothing runs any more.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a part of the control plane failed");
            }
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.stop.cancel();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn listen(at: &Address) -> Result<(Listener, Address), Error> {
    let failed = |error| Error::Listen(at.clone(), error);
    let listener = at.listen().await.map_err(failed)?;
    let address = listener.address().map_err(failed)?;
    Ok((listener, address))
}
