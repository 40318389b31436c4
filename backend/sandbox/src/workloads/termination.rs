//! The end of a pod that somebody deleted: it serves on until the other proxies know, finishes what is under
//! way, ends its processes, and goes. It has the time that its deletion allows; what has not ended by then is
//! killed.

use super::container::Board;
use super::inject::{self, PROXY};
use super::pod::Voice;
use super::snapshot::ending;
use super::status::{Container, Ended};
use crate::envoy::Proxy;
use istio::Object;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a pod that leaves takes requests that were already on their way to it.
const DRAIN: Duration = Duration::from_millis(500);
/// How many seconds a pod has whose object was taken away.
const FORCED: u64 = 2;
/// What a process returns that was killed.
const KILLED: i32 = 137;

/// How many seconds this pod has to end; nothing for one that shall live. `None` is a pod that is gone
/// already.
pub(super) fn grace(pod: Option<&Object>) -> Option<u64> {
    let Some(pod) = pod else { return Some(FORCED) };
    ending(pod).then(|| pod.0["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(FORCED))
}

/// Until when a pod has to have ended.
#[derive(Clone, Debug)]
pub(super) struct Leave(watch::Sender<Option<(u64, Instant)>>);

impl Leave {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// The pod shall end within so many seconds; who says so again can only make it sooner.
    pub(super) fn within(&self, seconds: u64) {
        let until = Instant::now() + Duration::from_secs(seconds);
        self.0.send_if_modified(|known| {
            let sooner = known.is_none_or(|(known, _)| seconds < known);
            if sooner {
                *known = Some((seconds, known.map_or(until, |(_, known)| known.min(until))));
            }
            sooner
        });
    }

    /// Waits until the pod shall end.
    pub(super) async fn begins(&self) {
        // This is a sender itself, so the others cannot be gone.
        self.0.subscribe().wait_for(Option::is_some).await.ok();
    }

    /// Waits until the pod's time is up.
    async fn is_over(&self) {
        let mut known = self.0.subscribe();
        loop {
            let until = *known.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(until.map_or_else(Instant::now, |(_, until)| until)), if until.is_some() => return,
                _ = known.changed() => {}
            }
        }
    }
}

/// What there is to end.
pub(super) struct Ending<'a> {
    pub(super) pod: &'a Object,
    pub(super) leave: &'a Leave,
    pub(super) board: &'a Board,
    pub(super) voice: &'a Voice,
    /// Tells the tasks to finish.
    pub(super) finish: &'a CancellationToken,
}

impl Ending<'_> {
    /// Ends the containers, and says on the board how they did.
    pub(super) async fn gracefully(self, proxy: Option<Proxy>, mut tasks: JoinSet<()>) {
        self.say_killing();
        if let Some(proxy) = &proxy {
            proxy.drain(!inject::is_gateway(self.pod)).await;
        }
        let done = async {
            tokio::time::sleep(DRAIN).await;
            self.finish.cancel();
            while tasks.join_next().await.is_some() {}
            if let Some(proxy) = &proxy {
                proxy.quiet().await;
            }
        };
        let killed = tokio::select! {
            () = done => false,
            () = self.leave.is_over() => true,
        };
        self.finish.cancel();
        tasks.shutdown().await;
        if let Some(proxy) = proxy {
            proxy.stop().await;
        }
        self.board.change_all(|container| end(container, killed));
    }

    pub(super) fn say_killing(&self) {
        // The proxy goes last.
        let (last, first): (Vec<_>, Vec<_>) = inject::containers(self.pod)
            .filter_map(|container| container["name"].as_str())
            .partition(|name| *name == PROXY);
        for name in first.into_iter().chain(last) {
            self.voice.tell("Killing", format!("Stopping container {name}"));
        }
    }
}

fn end(container: &mut Container, killed: bool) {
    container.ready = false;
    if container.waiting.is_none() {
        let exit_code = if killed { KILLED } else { 0 };
        container.ended =
            Some(Ended { exit_code, started: container.started.clone(), finished: inject::now() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_has_the_time_that_its_deletion_says() {
        let pod = |metadata| Object::from(json!({"kind": "Pod", "metadata": metadata}));
        assert_eq!(grace(Some(&pod(json!({"name": "a"})))), None);
        let leaving = pod(
            json!({"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}),
        );
        assert_eq!((grace(Some(&leaving)), grace(None)), (Some(30), Some(FORCED)));
    }

    #[tokio::test]
    async fn who_asks_again_can_only_make_it_sooner() {
        let leave = Leave::new();
        leave.within(600);
        leave.within(3600);
        leave.begins().await;
        let waiting = tokio::spawn({
            let leave = leave.clone();
            async move { leave.is_over().await }
        });
        leave.within(0);
        tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap();
    }
}
