//! The four servers, and the clock that samples the counters.

use std::{future::Future, io, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wire::{
    Address, Listener, envoy::service::accesslog::v3::access_log_service_server::AccessLogServiceServer,
    otlp::collector::trace::v1::trace_service_server::TraceServiceServer,
};

use crate::{
    access_log::AccessLogs,
    counters::Counters,
    prometheus::{self, Sources},
    samples::Samples,
    scrape::Scraper,
    traces::{self, Collector, SpanCount, Traces},
    workload::Options,
};

/// A message of logs or spans may be so long.
const LONGEST_MESSAGE: usize = 64 << 20;
/// Open connections get so long to end before they are cut.
const GRACE: Duration = Duration::from_secs(1);

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A server could not listen.
    #[error("{what} cannot listen: {source}")]
    Bind {
        /// Which server.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// The running telemetry of one sandbox. Dropping it ends it too, without waiting for open connections.
pub struct Telemetry {
    als: Address,
    otlp: Address,
    prometheus: Address,
    jaeger: Address,
    traces: Arc<Traces>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Listens at the socket `name` in this folder, or at any port where there is none.
async fn listen(
    what: &'static str,
    sockets: Option<&Path>,
    name: &str,
) -> Result<(Listener, Address), StartError> {
    let failed = |source| StartError::Bind { what, source };
    let wanted = sockets.map_or(Address::local(0), |folder| Address::Unix(folder.join(name)));
    let listener = wanted.listen().await.map_err(failed)?;
    let address = listener.address().map_err(failed)?;
    Ok((listener, address))
}

/// Runs a server and says so when it breaks down.
async fn watched<E: std::fmt::Display>(what: &'static str, server: impl Future<Output = Result<(), E>>) {
    if let Err(error) = server.await {
        tracing::error!(%error, "{what} ended");
    }
}

impl Telemetry {
    /// Opens the four servers and begins to sample.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let sockets = options.sockets.as_deref();
        let (als_listener, als) = listen("the access log service", sockets, "als").await?;
        let (otlp_listener, otlp) = listen("the trace collector", sockets, "otlp").await?;
        let (prometheus_listener, prometheus) = listen("Prometheus", sockets, "prometheus").await?;
        let (jaeger_listener, jaeger) = listen("Jaeger", sockets, "jaeger").await?;
        let counters = Arc::new(Counters::default());
        let samples = Arc::new(Samples::default());
        let traces = Arc::new(Traces::new(options.span_capacity));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();

        let logs = AccessLogs::new(Arc::clone(&counters), Arc::clone(&options.directory), stop.clone());
        let logs = AccessLogServiceServer::new(logs).max_decoding_message_size(LONGEST_MESSAGE);
        tasks.spawn(watched(
            "the access log service",
            als_listener.serve_grpc(
                tonic::transport::Server::builder().add_service(logs),
                stop.clone().cancelled_owned(),
            ),
        ));
        let collector = TraceServiceServer::new(Collector::new(Arc::clone(&traces)))
            .max_decoding_message_size(LONGEST_MESSAGE);
        tasks.spawn(watched(
            "the trace collector",
            otlp_listener.serve_grpc(
                tonic::transport::Server::builder().add_service(collector),
                stop.clone().cancelled_owned(),
            ),
        ));
        let sources = Arc::new(Sources {
            counters: Arc::clone(&counters),
            samples: Arc::clone(&samples),
            traces: Arc::clone(&traces),
            istio_version: options.istio_version.clone(),
            scrape_interval: options.scrape_interval,
        });
        tasks.spawn(watched(
            "Prometheus",
            prometheus_listener.serve_http(prometheus::router(sources), stop.clone().cancelled_owned()),
        ));
        tasks.spawn(watched(
            "Jaeger",
            jaeger_listener.serve_http(traces::router(Arc::clone(&traces)), stop.clone().cancelled_owned()),
        ));
        let scraper =
            Scraper::new(counters, samples, options.directory, options.retention, options.istio_version);
        tasks.spawn(sample(scraper, options.scrape_interval, stop.clone()));
        Ok(Self { als, otlp, prometheus, jaeger, traces, stop, tasks })
    }

    /// Where Envoy sends access logs: gRPC, `StreamAccessLogs`.
    pub fn als_addr(&self) -> Address {
        self.als.clone()
    }

    /// Where Envoy sends spans: gRPC, OpenTelemetry's `TraceService`.
    pub fn otlp_addr(&self) -> Address {
        self.otlp.clone()
    }

    /// The Prometheus HTTP API, and `/metrics`.
    pub fn prometheus_addr(&self) -> Address {
        self.prometheus.clone()
    }

    /// Jaeger's query API; below `/tempo` that of Tempo, over the same store.
    pub fn jaeger_addr(&self) -> Address {
        self.jaeger.clone()
    }

    /// How many spans are kept, and how many were dropped.
    pub fn spans(&self) -> SpanCount {
        self.traces.count()
    }

    /// Ends all servers; open connections get a moment to finish.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let ended =
            tokio::time::timeout(GRACE, async { while self.tasks.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::debug!("connections that stayed open were cut");
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // The tasks themselves end with the set that holds them.
        self.stop.cancel();
    }
}

async fn sample(mut scraper: Scraper, interval: Duration, stop: CancellationToken) {
    let mut clock = tokio::time::interval(interval.max(Duration::from_millis(1)));
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = clock.tick() => scraper.scrape(Timestamp::now().as_millisecond()),
        }
    }
}
