//! What istiod says about each proxy (`/debug/syncz`), in its older form (one pair of nonces per type) and
//! its current one (sent, acknowledged, time and refusal per type), and the words of a refusal from its log.

use crate::limits;
use jiff::Timestamp;
use mesh::scene::{Proxy, SyncState, refusal};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One proxy with the nonces that tell a new push from an old one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Synced {
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) version: String,
    pub(crate) istiod: String,
    /// Whether this istiod tells refusals here (the current form).
    pub(crate) tells_refusals: bool,
    /// By xDS type ("CDS").
    pub(crate) types: BTreeMap<String, Push>,
}

/// The last push of one type to one proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Push {
    pub(crate) sent: String,
    pub(crate) acked: String,
    pub(crate) sent_at: Option<Timestamp>,
    /// What the proxy said when it refused; empty when it did not (or when this istiod does not tell).
    pub(crate) error: String,
}

/// The older form's fields and the current form's type names.
const TYPES: &[(&str, &str, &str)] = &[
    ("CDS", "cluster", "Cluster"),
    ("LDS", "listener", "Listener"),
    ("RDS", "route", "RouteConfiguration"),
    ("EDS", "endpoint", "ClusterLoadAssignment"),
    ("ECDS", "extensionconfig", "TypedExtensionConfig"),
];

impl Push {
    /// Sent and acknowledged.
    pub(crate) fn settled(&self) -> bool {
        self.error.is_empty() && !self.sent.is_empty() && self.sent == self.acked
    }

    fn state(&self) -> SyncState {
        if !self.error.is_empty() {
            SyncState::Nacked(self.error.clone())
        } else if self.sent.is_empty() {
            SyncState::NotSent
        } else if self.sent == self.acked {
            SyncState::Synced
        } else if self.acked.is_empty() {
            SyncState::NeverAcked
        } else {
            SyncState::Stale
        }
    }
}

impl Synced {
    /// What the window shows of it.
    pub(crate) fn proxy(&self) -> Proxy {
        Proxy {
            name: self.name.clone(),
            cluster: self.cluster.clone(),
            version: self.version.clone(),
            istiod: self.istiod.clone(),
            types: self.types.iter().map(|(name, push)| (name.clone(), push.state())).collect(),
            since: self.since(),
        }
    }
}

impl Synced {
    /// When it was sent what it has not taken, the oldest first; else what it was sent last.
    fn since(&self) -> Option<Timestamp> {
        let sent = || self.types.values().filter(|push| !push.sent.is_empty());
        let open = sent().filter(|push| !push.settled()).filter_map(|push| push.sent_at).min();
        open.or_else(|| sent().filter_map(|push| push.sent_at).max())
    }
}

/// Reads one istiod's answer, entry by entry: the proxies, and how many entries could not be read.
///
/// # Errors
/// When the answer is no JSON list at all.
pub(crate) fn parse(body: &[u8], istiod: &str) -> Result<(Vec<Synced>, usize), &'static str> {
    let Ok(entries) = serde_json::from_slice::<Option<Vec<&RawValue>>>(body) else {
        return Err("it is no list of proxies");
    };
    let entries = entries.unwrap_or_default();
    let small = entries.iter().filter(|entry| entry.get().len() <= limits::ENTRY);
    let read = small.filter_map(|entry| serde_json::from_str::<Value>(entry.get()).ok());
    let proxies: Vec<Synced> = read.filter_map(|entry| entry_of(&entry, istiod)).collect();
    let unread = entries.len() - proxies.len();
    Ok((proxies, unread))
}

fn entry_of(entry: &Value, istiod: &str) -> Option<Synced> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let name = entry["proxy"].as_str().filter(|name| !name.is_empty())?.to_owned();
    let mut types = BTreeMap::new();
    for (short, older, _) in TYPES {
        let (sent, acked) = (text(&format!("{older}_sent")), text(&format!("{older}_acked")));
        // Extension configuration is seldom used: not sent is not worth a mention.
        if *short != "ECDS" || !sent.is_empty() {
            types.insert((*short).to_owned(), Push { sent, acked, ..Push::default() });
        }
    }
    for (url, resource) in entry["resources"].as_object().into_iter().flatten() {
        let last = url.rsplit('.').next().unwrap_or(url);
        let known = TYPES.iter().find(|(_, _, current)| *current == last);
        let short = known.map_or_else(|| last.to_owned(), |(short, _, _)| (*short).to_owned());
        let field = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
        let push = Push {
            sent: field("sent"),
            acked: field("acked"),
            sent_at: resource["sentTime"].as_str().and_then(|time| time.parse().ok()),
            error: refusal(&field("lastError")),
        };
        if known.is_some() || !push.sent.is_empty() {
            types.insert(short, push);
        }
    }
    let version =
        ["istio_version", "proxy_version"].iter().map(|key| text(key)).find(|version| !version.is_empty());
    Some(Synced {
        name,
        cluster: text("cluster_id"),
        version: version.unwrap_or_default(),
        istiod: istiod.to_owned(),
        tells_refusals: entry["resources"].is_object(),
        types,
    })
}

/// One list from all replicas. A proxy that moved from one replica to another may stand in both for a moment:
/// the entry with the newest push wins.
pub(crate) fn merge(all: Vec<Vec<Synced>>) -> Vec<Synced> {
    let mut merged: BTreeMap<(String, String), Synced> = BTreeMap::new();
    for proxy in all.into_iter().flatten() {
        let key = (proxy.cluster.clone(), proxy.name.clone());
        let newest = |proxy: &Synced| proxy.types.values().filter_map(|push| push.sent_at).max();
        match merged.get(&key) {
            Some(known) if newest(known) > newest(&proxy) => {}
            _ => {
                merged.insert(key, proxy);
            }
        }
    }
    merged.into_values().collect()
}

/// The words of a refusal in istiod's log, for istiods whose syncz does not tell them:
/// `… ADS:LDS: ACK ERROR <proxy>-<n> <reason>`. The last one of this proxy and type counts.
pub(crate) fn refusal_in_log(log: &str, proxy: &str, xds: &str) -> Option<String> {
    log.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once(&format!("ADS:{xds}: ACK ERROR "))?;
        let (connection, reason) = rest.trim().split_once(' ')?;
        let named = connection.rsplit_once('-').is_some_and(|(name, _)| name == proxy) || connection == proxy;
        named.then(|| reason.trim().to_owned())
    })
}

/// Total of `pilot_total_xds_rejects` for one type in istiod's metrics; it tells refusals when syncz does
/// not.
pub(crate) fn rejects_in_metrics(metrics: &str, xds: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with("pilot_total_xds_rejects{"));
    let of_type = lines.filter(|line| {
        let kind = TYPES.iter().find(|(short, _, _)| *short == xds).map_or(xds, |(_, _, current)| current);
        line.contains(&format!("type=\"{}\"", xds.to_lowercase())) || line.contains(&format!(".{kind}\""))
    });
    of_type
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .fold(0.0, |sum, count| sum + count)
}

#[cfg(test)]
#[path = "syncz_tests.rs"]
mod tests;
