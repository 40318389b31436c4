//! The four ports, and the clock that samples the counters.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinSet, time::MissedTickBehavior};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use wire::{
    envoy::service::accesslog::v3::access_log_service_server::AccessLogServiceServer,
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
    /// No port could be bound on the loopback address.
    #[error("no port on 127.0.0.1 could be bound for {what}")]
    Bind {
        /// What the port was for.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// The running telemetry of one sandbox. Dropping it ends it too, without waiting for open connections.
pub struct Telemetry {
    als: SocketAddr,
    otlp: SocketAddr,
    prometheus: SocketAddr,
    jaeger: SocketAddr,
    traces: Arc<Traces>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

async fn bind(what: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { what, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Runs a server and says so when it breaks down.
async fn watched<E: std::fmt::Display>(what: &'static str, server: impl Future<Output = Result<(), E>>) {
    if let Err(error) = server.await {
        tracing::error!(%error, "{what} ended");
    }
}

impl Telemetry {
    /// Binds the four ports and begins to sample.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (als_listener, als) = bind("the access log service").await?;
        let (otlp_listener, otlp) = bind("the trace collector").await?;
        let (prometheus_listener, prometheus) = bind("Prometheus").await?;
        let (jaeger_listener, jaeger) = bind("Jaeger").await?;
        let counters = Arc::new(Counters::default());
        let samples = Arc::new(Samples::default());
        let traces = Arc::new(Traces::new(options.span_capacity));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();

        let logs = AccessLogs::new(Arc::clone(&counters), Arc::clone(&options.directory), stop.clone());
        let logs = AccessLogServiceServer::new(logs).max_decoding_message_size(LONGEST_MESSAGE);
        tasks.spawn(watched(
            "the access log service",
            tonic::transport::Server::builder().add_service(logs).serve_with_incoming_shutdown(
                TcpListenerStream::new(als_listener),
                stop.clone().cancelled_owned(),
            ),
        ));
        let collector = TraceServiceServer::new(Collector::new(Arc::clone(&traces)))
            .max_decoding_message_size(LONGEST_MESSAGE);
        tasks.spawn(watched(
            "the trace collector",
            tonic::transport::Server::builder().add_service(collector).serve_with_incoming_shutdown(
                TcpListenerStream::new(otlp_listener),
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
            axum::serve(prometheus_listener, prometheus::router(sources))
                .with_graceful_shutdown(stop.clone().cancelled_owned())
                .into_future(),
        ));
        tasks.spawn(watched(
            "Jaeger",
            axum::serve(jaeger_listener, traces::router(Arc::clone(&traces)))
                .with_graceful_shutdown(stop.clone().cancelled_owned())
                .into_future(),
        ));
        let scraper =
            Scraper::new(counters, samples, options.directory, options.retention, options.istio_version);
        tasks.spawn(sample(scraper, options.scrape_interval, stop.clone()));
        Ok(Self { als, otlp, prometheus, jaeger, traces, stop, tasks })
    }

    /// Where Envoy sends access logs: gRPC, `StreamAccessLogs`.
    pub fn als_addr(&self) -> SocketAddr {
        self.als
    }

    /// Where Envoy sends spans: gRPC, OpenTelemetry's `TraceService`.
    pub fn otlp_addr(&self) -> SocketAddr {
        self.otlp
    }

    /// The Prometheus HTTP API, and `/metrics`.
    pub fn prometheus_addr(&self) -> SocketAddr {
        self.prometheus
    }

    /// Jaeger's query API.
    pub fn jaeger_addr(&self) -> SocketAddr {
        self.jaeger
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
