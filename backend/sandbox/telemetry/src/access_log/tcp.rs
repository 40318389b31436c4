//! TCP connections, reported when they end, or also while they last when Envoy is asked to.

use indexmap::IndexMap;
use wire::envoy::data::accesslog::v3::{AccessLogCommon, AccessLogType, TcpAccessLogEntry};

use crate::counters::{Connection, Key};

/// So many open connections are remembered; beyond that the one that was silent longest is forgotten.
const REMEMBERED: usize = 10_000;

/// What has been counted of the connections that are still open.
#[derive(Default)]
pub(crate) struct Connections {
    open: IndexMap<(String, String), Counted>,
}

struct Counted {
    key: Key,
    sent: u64,
    received: u64,
    seen: i64,
}

impl Connections {
    /// What a report adds to the metrics, and to which series: a connection stays with the series that it
    /// opened under, unless its other end was not known then.
    pub(crate) fn report(
        &mut self,
        key: Key,
        entry: &TcpAccessLogEntry,
        common: &AccessLogCommon,
        now: i64,
    ) -> Option<(Key, Connection)> {
        let (sent, received) =
            entry.connection_properties.as_ref().map_or((0, 0), |all| (all.sent_bytes, all.received_bytes));
        match common.access_log_type() {
            AccessLogType::NotSet | AccessLogType::TcpConnectionEnd | AccessLogType::DownstreamEnd => {}
            // The other end is not picked yet: wait for the next report.
            AccessLogType::TcpConnectionStart | AccessLogType::DownstreamStart => return None,
            AccessLogType::TcpPeriodic
            | AccessLogType::TcpUpstreamConnected
            | AccessLogType::DownstreamPeriodic => {
                return Some(self.lasting(key, common, sent, received, now));
            }
            _ => return None,
        }
        let (key, change) = match self.open.swap_remove(&id(&key, common)) {
            Some(counted) => (counted.key.clone(), counted.since(sent, received)),
            None => (key, Connection { opened: 1, closed: 0, sent, received }),
        };
        Some((key, Connection { closed: 1, ..change }))
    }

    fn lasting(
        &mut self,
        key: Key,
        common: &AccessLogCommon,
        sent: u64,
        received: u64,
        now: i64,
    ) -> (Key, Connection) {
        let id = id(&key, common);
        if let Some(counted) = self.open.get_mut(&id) {
            let change = counted.since(sent, received);
            (counted.sent, counted.received, counted.seen) =
                (sent.max(counted.sent), received.max(counted.received), now);
            return (counted.key.clone(), change);
        }
        if self.open.len() >= REMEMBERED
            && let Some(oldest) =
                self.open.iter().min_by_key(|(_, counted)| counted.seen).map(|(id, _)| id.clone())
        {
            self.open.swap_remove(&oldest);
        }
        self.open.insert(id, Counted { key: key.clone(), sent, received, seen: now });
        (key, Connection { opened: 1, closed: 0, sent, received })
    }
}

fn id(key: &Key, common: &AccessLogCommon) -> (String, String) {
    (format!("{}.{}/{}", key.target.pod, key.target.namespace, key.values[0]), common.stream_id.clone())
}

impl Counted {
    /// What came since the last report; reports hold totals.
    fn since(&self, sent: u64, received: u64) -> Connection {
        Connection {
            opened: 0,
            closed: 0,
            sent: sent.saturating_sub(self.sent),
            received: received.saturating_sub(self.received),
        }
    }
}
