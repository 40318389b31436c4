//! Who opened a connection. A request names its caller in a header; a connection cannot, but both proxies see
//! the same address: the caller's has connected from it, the callee's was called from it.

use std::{net::SocketAddr, sync::Arc};

use indexmap::IndexMap;
use wire::envoy::data::accesslog::v3::AccessLogCommon;

use super::identity::{Proxy, Side, socket};
use crate::workload::Workload;

/// So many addresses are remembered; the system uses one again only after many others.
const REMEMBERED: usize = 10_000;

/// The workloads that connected, by the address from which they did.
#[derive(Default)]
pub(crate) struct Callers(IndexMap<SocketAddr, Arc<Workload>>);

impl Callers {
    /// Remembers the caller of an outbound connection; finds the caller of an inbound one.
    pub(crate) fn of(&mut self, proxy: &Proxy, common: &AccessLogCommon) -> Option<Arc<Workload>> {
        match proxy.side {
            Side::Source => {
                let from = common.upstream_local_address.as_ref().and_then(socket)?;
                // What is told last stands last.
                self.0.shift_remove(&from);
                if self.0.len() >= REMEMBERED {
                    self.0.drain(..REMEMBERED / 10);
                }
                self.0.insert(from, Arc::clone(&proxy.workload));
                None
            }
            Side::Destination => {
                self.0.get(&common.downstream_direct_remote_address.as_ref().and_then(socket)?).cloned()
            }
        }
    }
}
