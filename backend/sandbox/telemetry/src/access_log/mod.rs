//! Envoy's access log service: each reported request and connection becomes an increment of Istio's metrics.

mod call;
mod callers;
mod flags;
mod identity;
mod overrides;
mod tcp;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use wire::envoy::{
    data::accesslog::v3::{AccessLogType, HttpAccessLogEntry, TcpAccessLogEntry},
    service::accesslog::v3::{
        StreamAccessLogsMessage, StreamAccessLogsResponse,
        access_log_service_server::AccessLogService,
        stream_access_logs_message::{Identifier, LogEntries},
    },
};

use self::{callers::Callers, identity::Proxy, tcp::Connections};
use crate::{
    counters::{Counters, Key},
    workload::Directory,
};

/// So long a callee's report of connections waits, until the caller's proxy has told whose they are.
const CALLERS_FIRST: Duration = Duration::from_millis(300);

/// Receives the access logs of all proxies.
pub(crate) struct AccessLogs(Arc<Counting>);

struct Counting {
    counters: Arc<Counters>,
    directory: Arc<dyn Directory>,
    connections: Mutex<Connections>,
    callers: Mutex<Callers>,
    /// Ends the streams, which Envoy holds open for ever.
    stop: CancellationToken,
}

impl AccessLogs {
    pub(crate) fn new(
        counters: Arc<Counters>,
        directory: Arc<dyn Directory>,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Counting {
            counters,
            directory,
            connections: Mutex::default(),
            callers: Mutex::default(),
            stop,
        }))
    }
}

impl Counting {
    fn take(&self, identifier: &Identifier, entries: &LogEntries, now: i64) {
        let Some(proxy) = Proxy::of(identifier, &*self.directory) else {
            tracing::debug!(
                log = identifier.log_name,
                "an access log without a node or direction is not counted"
            );
            return;
        };
        match entries {
            LogEntries::HttpLogs(list) => {
                list.log_entry.iter().for_each(|entry| self.http(&proxy, entry, now));
            }
            LogEntries::TcpLogs(list) => list.log_entry.iter().for_each(|entry| self.tcp(&proxy, entry, now)),
        }
    }

    fn http(&self, proxy: &Proxy, entry: &HttpAccessLogEntry, now: i64) {
        let Some(common) = &entry.common_properties else { return };
        // A long request may be reported while it runs; it counts once, when it ends.
        if !matches!(common.access_log_type(), AccessLogType::NotSet | AccessLogType::DownstreamEnd) {
            return;
        }
        let values = call::http_labels(proxy, entry, common, &*self.directory);
        let key = Key { target: proxy.target.clone(), values, extra: Arc::default() };
        let measured = call::measure(entry, common);
        for (key, metrics) in proxy.overrides.apply(key, &common.custom_tags) {
            self.counters.request(key, now, &measured, &metrics);
        }
    }

    fn tcp(&self, proxy: &Proxy, entry: &TcpAccessLogEntry, now: i64) {
        let Some(common) = &entry.common_properties else { return };
        let caller = self.callers.lock().of(proxy, common);
        let values = call::tcp_labels(proxy, common, caller, &*self.directory);
        let key = Key { target: proxy.target.clone(), values, extra: Arc::default() };
        let reported = self.connections.lock().report(key, entry, common, now);
        let Some((key, change)) = reported else { return };
        for (key, metrics) in proxy.overrides.apply(key, &common.custom_tags) {
            self.counters.connection(key, now, &change, &metrics);
        }
    }
}

#[tonic::async_trait]
impl AccessLogService for AccessLogs {
    async fn stream_access_logs(
        &self,
        request: Request<Streaming<StreamAccessLogsMessage>>,
    ) -> Result<Response<StreamAccessLogsResponse>, Status> {
        let mut stream = request.into_inner();
        let mut identifier: Option<Identifier> = None;
        loop {
            let message = tokio::select! {
                () = self.0.stop.cancelled() => break,
                message = stream.message() => message?,
            };
            let Some(message) = message else { break };
            // Only the first message of a stream says who sends it.
            if message.identifier.is_some() {
                identifier = message.identifier;
            }
            let (Some(identifier), Some(entries)) = (&identifier, message.log_entries) else { continue };
            if matches!(entries, LogEntries::TcpLogs(_)) && identifier.log_name.starts_with("inbound") {
                let (counting, identifier) = (Arc::clone(&self.0), identifier.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(CALLERS_FIRST).await;
                    counting.take(&identifier, &entries, Timestamp::now().as_millisecond());
                });
            } else {
                self.0.take(identifier, &entries, Timestamp::now().as_millisecond());
            }
        }
        Ok(Response::new(StreamAccessLogsResponse {}))
    }
}
