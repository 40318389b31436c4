//! What one proxy was sent, in the form of Envoy's own config dump.

use super::Asked;
use crate::ads::{Session, Shared};
use crate::translate::Kind;
use serde_json::{Value, json};

/// `?proxyID=` is any part of a connection's name, as istiod takes it.
pub(super) fn config_dump(shared: &Shared, asked: &Asked) -> Result<Value, String> {
    let Some(wanted) = asked.proxy_id.as_deref().filter(|wanted| !wanted.is_empty()) else {
        return Err("You must provide a proxyID in the query string".into());
    };
    let sessions = shared.sessions();
    let found = sessions.iter().find(|session| session.lock().id().contains(wanted));
    found
        .map(|session| dump(&session.lock()))
        .ok_or_else(|| "Proxy not connected to this Pilot instance. It may be connected to another instance.".into())
}

fn dump(session: &Session) -> Value {
    let kinds = [
        (Kind::Cluster, "ClustersConfigDump", "dynamic_active_clusters", "cluster"),
        (Kind::Endpoint, "EndpointsConfigDump", "dynamic_endpoint_configs", "endpoint_config"),
        (Kind::Listener, "ListenersConfigDump", "dynamic_listeners", "listener"),
        (Kind::Route, "RoutesConfigDump", "dynamic_route_configs", "route_config"),
        (Kind::Secret, "SecretsConfigDump", "dynamic_active_secrets", "secret"),
    ];
    let configs = kinds.map(|(kind, dump, list, one)| {
        let mut config = json!({"@type": format!("type.googleapis.com/envoy.admin.v3.{dump}")});
        let Some(watch) = session.watches.get(&kind) else { return config };
        if matches!(kind, Kind::Cluster | Kind::Listener) {
            config["version_info"] = json!(watch.version);
        }
        let rows = watch.resources.iter().map(|(name, sent)| {
            let state = json!({
                "version_info": watch.version,
                one: redacted(kind, &sent.json),
                "last_updated": watch.sent_at.map(|at| at.to_string()),
            });
            match kind {
                Kind::Listener => json!({"name": name, "active_state": state}),
                _ => state,
            }
        });
        config[list] = rows.collect();
        config
    });
    json!({"configs": configs})
}

/// Private keys are shown to nobody.
fn redacted(kind: Kind, json: &Value) -> Value {
    let mut json = json.clone();
    if kind == Kind::Secret
        && let Some(key) = json.pointer_mut("/tls_certificate/private_key")
    {
        *key = json!({"inline_string": "[redacted]"});
    }
    json
}
