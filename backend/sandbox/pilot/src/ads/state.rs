//! What one connection has asked for, was sent, and has confirmed.

use crate::ca::Identity;
use crate::translate::envoy_filter::state::State;
use crate::xds::ResourceType;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use wire::protobuf::Any;

/// How far one proxy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyStatus {
    /// The revision of the world that it runs on: everything made of it was confirmed.
    pub revision: u64,
    /// Everything that it was sent is confirmed.
    pub synced: bool,
    /// What it refused, in its words, by short type name (`lds`).
    pub refused: BTreeMap<&'static str, String>,
    /// What it has not confirmed, or not asked for yet, in words; empty when it is synced.
    pub waiting: Vec<String>,
}

/// One connected proxy.
pub(crate) struct Session {
    pub(crate) number: u64,
    /// `<pod>.<namespace>`, empty until it has said who it is.
    pub(crate) proxy: String,
    pub(crate) node_id: String,
    pub(crate) metadata: Value,
    pub(crate) from: String,
    pub(crate) connected_at: jiff::Timestamp,
    pub(crate) watches: BTreeMap<ResourceType, Watch>,
    /// The endpoints and routes that its clusters and listeners will make it ask for.
    pub(crate) expected: BTreeMap<ResourceType, BTreeSet<String>>,
    /// The certificate it was given.
    pub(crate) identity: Option<Arc<Identity>>,
    /// What came of the EnvoyFilters' patches.
    pub(crate) patches: State,
    /// The revision that the last push was made of.
    pub(crate) pushed: u64,
    /// When the change behind an unconfirmed push was seen.
    pub(crate) since: Option<Instant>,
    /// The revision of which everything is confirmed.
    pub(crate) confirmed: u64,
}

/// One type of resources of a connection.
#[derive(Default)]
pub(crate) struct Watch {
    /// The names that the proxy wants; all when empty and the type allows it.
    pub(crate) names: BTreeSet<String>,
    pub(crate) version: String,
    pub(crate) nonce: String,
    pub(crate) sent_at: Option<jiff::Timestamp>,
    pub(crate) acked: String,
    /// Why the proxy refused the last that it was sent.
    pub(crate) refused: Option<String>,
    /// What could not be sent at all, by name, and why.
    pub(crate) left_out: BTreeMap<String, String>,
    /// What it was sent last, by name.
    pub(crate) resources: BTreeMap<String, Sent>,
}

/// A resource as it was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) json: Value,
    pub(crate) packed: Any,
}

impl Watch {
    /// Whether everything that was sent is confirmed.
    pub(crate) fn synced(&self) -> bool {
        self.nonce == self.acked
    }

    /// The proxy's refusal, or what kept a resource from being sent.
    pub(crate) fn error(&self) -> Option<String> {
        let left_out =
            || self.left_out.iter().next().map(|(name, why)| format!("{name} cannot be encoded: {why}"));
        self.refused.clone().or_else(left_out)
    }
}

impl Session {
    pub(crate) fn new(number: u64, from: String) -> Self {
        Self {
            number,
            proxy: String::new(),
            node_id: String::new(),
            metadata: Value::Null,
            from,
            connected_at: jiff::Timestamp::now(),
            watches: BTreeMap::new(),
            expected: BTreeMap::new(),
            identity: None,
            patches: Default::default(),
            pushed: 0,
            since: None,
            confirmed: 0,
        }
    }

    /// `<pod>.<namespace>-<number>`, as istiod names connections.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.proxy, self.number)
    }

    /// What keeps the proxy from running on what it was sent: types that are not confirmed, and what it has
    /// yet to ask for.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let mut waiting = Vec::new();
        if self.watches.get(&ResourceType::Listener).is_none_or(|watch| watch.nonce.is_empty()) {
            waiting.push("lds not sent".to_owned());
        }
        let unconfirmed = self.watches.iter().filter(|(_, watch)| !watch.synced());
        waiting.extend(unconfirmed.map(|(kind, _)| format!("{} not confirmed", kind.short())));
        for (kind, names) in &self.expected {
            let asked =
                |name: &&String| self.watches.get(kind).is_some_and(|watch| watch.names.contains(*name));
            if let Some(name) = names.iter().find(|name| !asked(name)) {
                waiting.push(format!("{} {name} not asked for", kind.short()));
            }
        }
        waiting
    }

    /// Whether everything of every type is confirmed.
    pub(crate) fn synced(&self) -> bool {
        self.waiting().is_empty()
    }

    pub(crate) fn status(&self) -> ProxyStatus {
        let refused = self.watches.iter().filter_map(|(kind, watch)| Some((kind.short(), watch.error()?)));
        let waiting = self.waiting();
        ProxyStatus {
            revision: self.confirmed,
            synced: waiting.is_empty(),
            refused: refused.collect(),
            waiting,
        }
    }
}
