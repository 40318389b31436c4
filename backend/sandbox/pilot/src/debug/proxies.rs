//! Pages about connected proxies.

use super::asked::Asked;
use crate::ads::shared::Shared;
use crate::ads::state::{Session, Watch};
use crate::identity::{CLUSTER_ID, ISTIO_VERSION};
use crate::xds::ResourceType;
use serde_json::{Map, Value, json};

/// The fields of older istiods, for the types that they had.
const OLDER: [(ResourceType, &str); 4] = [
    (ResourceType::Cluster, "cluster"),
    (ResourceType::Listener, "listener"),
    (ResourceType::Route, "route"),
    (ResourceType::Endpoint, "endpoint"),
];

fn in_namespace(session: &Session, asked: &Asked) -> bool {
    let namespace = session.proxy.split_once('.').map_or("", |(_, namespace)| namespace);
    asked.namespace.as_deref().is_none_or(|wanted| wanted == namespace)
}

fn resource(watch: &Watch) -> Value {
    let mut row = json!({"sent": watch.nonce, "acked": watch.acked});
    if let Some(at) = watch.sent_at {
        row["sentTime"] = json!(at.to_string());
    }
    if let Some(error) = watch.error() {
        row["lastError"] = json!(error);
    }
    row
}

/// What every proxy was sent and has confirmed: current istiod's `resources`, and the fields of older ones.
pub(super) fn syncz(shared: &Shared, asked: &Asked) -> Value {
    let sessions = shared.sessions();
    let rows = sessions.iter().filter_map(|session| {
        let session = session.lock();
        if !in_namespace(&session, asked) {
            return None;
        }
        let kind = session.node_id.split('~').next().unwrap_or_default();
        let mut row = json!({
            "cluster_id": CLUSTER_ID,
            "proxy": session.proxy,
            "proxy_type": kind,
            "istio_version": session.metadata["ISTIO_VERSION"].as_str().unwrap_or(ISTIO_VERSION),
        });
        for (kind, name) in OLDER {
            if let Some(watch) = session.watches.get(&kind) {
                row[format!("{name}_sent")] = json!(watch.nonce);
                row[format!("{name}_acked")] = json!(watch.acked);
            }
        }
        let resources =
            session.watches.iter().map(|(kind, watch)| (kind.type_url().to_owned(), resource(watch)));
        row["resources"] = resources.collect::<Map<_, _>>().into();
        Some(row)
    });
    rows.collect()
}

/// Connected proxies and what they watch.
pub(super) fn adsz(shared: &Shared) -> Value {
    let sessions = shared.sessions();
    let clients: Vec<Value> = sessions
        .iter()
        .map(|session| {
            let session = session.lock();
            let watches =
                session.watches.iter().map(|(kind, watch)| (kind.type_url().to_owned(), json!(watch.names)));
            json!({
                "connectionId": session.id(),
                "connectedAt": session.connected_at.to_string(),
                "address": session.from,
                "labels": session.metadata["LABELS"],
                "metadata": session.metadata,
                "watches": watches.collect::<Map<_, _>>(),
            })
        })
        .collect();
    json!({"totalClients": clients.len(), "clients": clients})
}

/// Connected proxies, in short.
pub(super) fn connections(shared: &Shared) -> Value {
    let sessions = shared.sessions();
    let clients: Vec<Value> = sessions
        .iter()
        .map(|session| {
            let session = session.lock();
            json!({"connectionId": session.id(), "connectedAt": session.connected_at.to_string(),
                "address": session.from})
        })
        .collect();
    json!({"totalClients": clients.len(), "clients": clients})
}
