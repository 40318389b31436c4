//! Envoy's access log service: each reported request and connection becomes an increment of Istio's metrics.

mod call;
mod flags;
mod identity;
mod tcp;
#[cfg(test)]
mod tests;

use std::sync::Arc;

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

use self::{identity::Proxy, tcp::Connections};
use crate::{
    counters::{Counters, Key},
    workload::Directory,
};

/// Receives the access logs of all proxies.
pub(crate) struct AccessLogs {
    counters: Arc<Counters>,
    directory: Arc<dyn Directory>,
    connections: Mutex<Connections>,
    /// Ends the streams, which Envoy holds open for ever.
    stop: CancellationToken,
}

impl AccessLogs {
    pub(crate) fn new(counters: Arc<Counters>, directory: Arc<dyn Directory>, stop: CancellationToken) -> Self {
        Self { counters, directory, connections: Mutex::default(), stop }
    }

    fn take(&self, identifier: &Identifier, entries: &LogEntries, now: i64) {
        let Some(proxy) = Proxy::of(identifier, &*self.directory) else {
            tracing::debug!(log = identifier.log_name, "an access log without a node or direction is not counted");
            return;
        };
        match entries {
            LogEntries::HttpLogs(list) => list.log_entry.iter().for_each(|entry| self.http(&proxy, entry, now)),
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
        self.counters.request(Key { target: proxy.target.clone(), values }, now, &call::measure(entry, common));
    }

    fn tcp(&self, proxy: &Proxy, entry: &TcpAccessLogEntry, now: i64) {
        let Some(common) = &entry.common_properties else { return };
        let values = call::tcp_labels(proxy, common, &*self.directory);
        let key = Key { target: proxy.target.clone(), values };
        let reported = self.connections.lock().report(key, entry, common, now);
        if let Some((key, change)) = reported {
            self.counters.connection(key, now, &change);
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
                () = self.stop.cancelled() => break,
                message = stream.message() => message?,
            };
            let Some(message) = message else { break };
            // Only the first message of a stream says who sends it.
            if message.identifier.is_some() {
                identifier = message.identifier;
            }
            if let (Some(identifier), Some(entries)) = (&identifier, &message.log_entries) {
                self.take(identifier, entries, Timestamp::now().as_millisecond());
            }
        }
        Ok(Response::new(StreamAccessLogsResponse {}))
    }
}
