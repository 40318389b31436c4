//! The load generator: somebody who looks at the scenario's pages, so and so many times a second.
//!
//! Open loop: requests start when their time has come, whether or not earlier ones were answered, as with
//! real users. The times, and which page it is each time, are random but the same for one seed.
//!
//! The rate stands in a ConfigMap, where it can be changed at any time:
//! `kubectl -n istio-system patch configmap load-generator -p '{"data":{"rps":"50"}}'`.

use crate::apps::outgoing::{CallError, Names, exchange, request};
use crate::workloads::snapshot::News;
use crate::workloads::tell;
use apiserver::{ApiError, Store, WatchEvent};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use istio::Object;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Requests that may be under way at once; when they are, further ones are left out.
const MOST_AT_ONCE: usize = 256;
/// A user gives up after this time.
const PATIENCE: Duration = Duration::from_secs(15);
/// Higher rates are taken as this one.
const FASTEST: f64 = 10_000.0;

/// The gateway's service, which requests go to.
pub(crate) const INGRESS: (&str, &str, u16) = ("istio-ingressgateway", "istio-system", 80);

/// Namespace and name of the ConfigMap with the rate.
const SETTINGS: (&str, &str) = ("istio-system", "load-generator");

/// What has become of the requests so far.
#[derive(Debug, Default)]
struct Counts {
    asked: AtomicU64,
    /// With another answer than 200, or none.
    failed: AtomicU64,
    /// Not asked, because too many were under way.
    left_out: AtomicU64,
}

/// A running load generator; ends when dropped.
pub(crate) struct Load {
    store: Store,
    rate: watch::Receiver<f64>,
    counts: Arc<Counts>,
    _task: AbortOnDropHandle<()>,
    _follow: AbortOnDropHandle<()>,
}

impl Load {
    /// Starts asking the ingress gateway for one of these paths, `rps` times a second; 0 pauses.
    pub(crate) fn start(
        store: &Store,
        names: Arc<dyn Names>,
        paths: &'static [&'static str],
        rps: f64,
        seed: u64,
    ) -> Result<Self, ApiError> {
        let (namespace, name) = SETTINGS;
        store.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name},
            "data": {"rps": rps.to_string()}}))?;
        let (rate, told) = watch::channel(rps);
        let kept = told.clone();
        let counts = Arc::<Counts>::default();
        let task = tokio::spawn(run(names, paths, told, ChaCha8Rng::seed_from_u64(seed), counts.clone()));
        let follow = tokio::spawn(follow(store.clone(), rate));
        Ok(Self {
            store: store.clone(),
            rate: kept,
            counts,
            _task: AbortOnDropHandle::new(task),
            _follow: AbortOnDropHandle::new(follow),
        })
    }

    /// Requests each second, as they are wanted at each moment.
    pub(crate) fn rate(&self) -> watch::Receiver<f64> {
        self.rate.clone()
    }

    /// Another rate, from now on.
    pub(crate) fn set_rate(&self, rps: f64) {
        let (namespace, name) = SETTINGS;
        let written = self
            .store
            .modify("ConfigMap", namespace, name, |map| map["data"]["rps"] = json!(rps.to_string()));
        if let Err(error) = written {
            tracing::warn!(%error, "the rate of the load generator could not be changed");
        }
    }
}

/// Takes each rate that is written down; one that cannot be read is told and changes nothing.
async fn follow(store: Store, rate: watch::Sender<f64>) {
    let mut news = store.watch();
    loop {
        let (WatchEvent::Added(object) | WatchEvent::Modified(object)) = news.next().await else { continue };
        let map = Object(object);
        if map.kind() != "ConfigMap" || (map.namespace(), map.name()) != SETTINGS {
            continue;
        }
        let said = map.0["data"]["rps"].as_str().unwrap_or_default();
        match said.parse::<f64>() {
            Ok(rps) if rps.is_finite() && rps >= 0.0 => {
                rate.send_if_modified(|known| std::mem::replace(known, rps).to_bits() != rps.to_bits());
            }
            _ => {
                let message = format!(
                    "data.rps \"{said}\" is ignored: expected a number of requests per second, 0 or more"
                );
                let news = News {
                    about: map.clone(),
                    kind: "Warning",
                    reason: "RateIgnored",
                    message,
                    source: "load-generator",
                };
                tell(&store, &news);
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let [asked, failed, left_out] = [&self.counts.asked, &self.counts.failed, &self.counts.left_out]
            .map(|count| count.load(Ordering::Relaxed));
        tracing::info!(
            "load generator: {asked} requests, {failed} without a good answer, {left_out} left out"
        );
    }
}

async fn run(
    names: Arc<dyn Names>,
    paths: &'static [&'static str],
    mut rate: watch::Receiver<f64>,
    mut chance: ChaCha8Rng,
    counts: Arc<Counts>,
) {
    if paths.is_empty() {
        return;
    }
    let mut under_way = JoinSet::new();
    let mut due = Instant::now();
    loop {
        let rps = *rate.borrow_and_update();
        if rps.is_nan() || rps <= 0.0 {
            if rate.changed().await.is_err() {
                return;
            }
            due = Instant::now();
            continue;
        }
        // Users come independently of each other: the times between them are exponential.
        due += Duration::from_secs_f64(-(1.0 - chance.random::<f64>()).ln() / rps.min(FASTEST));
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            changed = rate.changed() => {
                if changed.is_err() {
                    return;
                }
                due = Instant::now();
                continue;
            }
        }
        let path = paths[chance.random_range(0..paths.len())];
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST_AT_ONCE {
            counts.left_out.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let (host, namespace, port) = INGRESS;
        if let Some(at) = names.endpoint(host, namespace, port) {
            counts.asked.fetch_add(1, Ordering::Relaxed);
            let counts = counts.clone();
            under_way.spawn(async move {
                let good = look(at, path).await.is_ok_and(|status| status == StatusCode::OK);
                counts.failed.fetch_add(u64::from(!good), Ordering::Relaxed);
            });
        }
    }
}

/// Asks the gateway at this address for a path once.
pub(crate) async fn look(at: SocketAddr, path: &str) -> Result<StatusCode, CallError> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static("binnacle-load"));
    let ask = async {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        exchange(stream, request(Method::GET, &at.to_string(), path, headers)?).await
    };
    let answer = tokio::time::timeout(PATIENCE, ask).await.map_err(|_| CallError::Timeout(PATIENCE))??;
    Ok(answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    struct Gateway(SocketAddr);
    impl Names for Gateway {
        fn pod(&self, _: &str, _: &str, _: u16) -> Option<(Ipv4Addr, SocketAddr)> {
            None
        }
        fn cluster_ip(&self, _: &str, _: &str) -> Option<Ipv4Addr> {
            None
        }
        fn endpoint(&self, host: &str, _: &str, port: u16) -> Option<SocketAddr> {
            (host == "istio-ingressgateway" && port == 80).then_some(self.0)
        }
    }

    /// A gateway that tells which path was asked for.
    async fn gateway() -> (SocketAddr, mpsc::Receiver<String>) {
        let (asked, requests) = mpsc::channel(1000);
        let any = |uri: http::Uri| async move {
            asked.try_send(uri.path().to_owned()).map_err(|_| "nobody counts")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(get(any))).await });
        (at, requests)
    }

    #[tokio::test]
    async fn the_rate_can_be_changed_and_zero_pauses() {
        let (at, mut requests) = gateway().await;
        let store = Store::new();
        let load =
            Load::start(&store, Arc::new(Gateway(at)), &["/productpage", "/customer"], 0.0, 1).unwrap();
        tokio::time::timeout(Duration::from_millis(100), requests.recv()).await.expect_err("paused");
        load.set_rate(500.0);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..50 {
            let path = tokio::time::timeout(Duration::from_secs(10), requests.recv()).await.unwrap().unwrap();
            *seen.entry(path).or_insert(0) += 1;
        }
        // One of 50 fair throws out of two paths is missing less than once in 10^14 runs.
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["/customer", "/productpage"], "{seen:?}");

        // A mistake is told, and the rate stays.
        let write = |rps: &str| {
            store.modify("ConfigMap", SETTINGS.0, SETTINGS.1, |map| map["data"]["rps"] = json!(rps)).unwrap()
        };
        write("fast");
        let told = async {
            while store.list("Event").is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
        assert_eq!(store.list("Event")[0]["reason"], "RateIgnored");
        tokio::time::timeout(Duration::from_secs(10), requests.recv()).await.unwrap().unwrap();
        write("0");
        let quiet = async {
            // What was under way may still come.
            while tokio::time::timeout(Duration::from_millis(200), requests.recv()).await.is_ok() {}
        };
        tokio::time::timeout(Duration::from_secs(10), quiet).await.unwrap();
    }
}
