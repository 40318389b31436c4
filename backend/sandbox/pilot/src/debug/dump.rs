//! What one proxy was sent, in the form of Envoy's own config dump.

use super::asked::{Asked, Refusal};
use crate::ads::shared::Shared;
use crate::ads::state::Session;
use crate::read::read;
use crate::registry::{Known, Workload};
use crate::translate::envoy_filter::{self, state::State};
use crate::translate::target::Target;
use crate::translate::translate;
use crate::world::World;
use crate::xds::ResourceType;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `?proxyID=` is any part of a connection's name, as istiod takes it. `include_eds=true` adds the endpoints;
/// `types=cds,lds` shows nothing but the resources of these types.
pub(super) fn config_dump(shared: &Shared, asked: &Asked) -> Result<Value, Refusal> {
    let session = session(shared, asked)?;
    let session = session.lock();
    let Some(types) = asked.types.as_deref().filter(|types| !types.is_empty()) else {
        return Ok(dump(&session, asked.include_eds.as_deref() == Some("true")));
    };
    let mut configs = Vec::new();
    for name in types.split(',') {
        let kind = ResourceType::ALL.into_iter().find(|kind| kind.short() == name || kind.type_url() == name);
        let kind = kind.ok_or_else(|| {
            let known: Vec<&str> = ResourceType::ALL.iter().map(|kind| kind.short()).collect();
            Refusal::bad(format!("unknown type {name}: there are {}", known.join(", ")))
        })?;
        let sent = session.watches.get(&kind).into_iter().flat_map(|watch| watch.resources.values());
        configs.extend(sent.map(|sent| redacted(kind, &sent.json)));
    }
    Ok(json!({"configs": configs}))
}

/// The endpoints that each proxy was sent, or one proxy.
pub(super) fn edsz(shared: &Shared, asked: &Asked) -> Result<Value, Refusal> {
    let of = |session: &Session| -> Vec<Value> {
        let watch = session.watches.get(&ResourceType::Endpoint);
        watch.into_iter().flat_map(|watch| watch.resources.values()).map(|sent| sent.json.clone()).collect()
    };
    if asked.proxy_id.is_some() {
        return Ok(json!(of(&session(shared, asked)?.lock())));
    }
    Ok(shared.sessions().iter().flat_map(|session| of(&session.lock())).collect())
}

fn session(shared: &Shared, asked: &Asked) -> Result<Arc<Mutex<Session>>, Refusal> {
    let Some(wanted) = asked.proxy_id.as_deref().filter(|wanted| !wanted.is_empty()) else {
        return Err(Refusal::bad("You must provide a proxyID in the query string"));
    };
    let found = shared.sessions().into_iter().find(|session| session.lock().id().contains(wanted));
    found.ok_or_else(|| {
        Refusal::missing(
            "Proxy not connected to this Pilot instance. It may be connected to another instance.",
        )
    })
}

/// How resources of a kind stand in a dump: its type, its list, and the field of each row.
const PARTS: [(ResourceType, &str, &str, &str); 5] = [
    (ResourceType::Cluster, "ClustersConfigDump", "dynamic_active_clusters", "cluster"),
    (ResourceType::Endpoint, "EndpointsConfigDump", "dynamic_endpoint_configs", "endpoint_config"),
    (ResourceType::Listener, "ListenersConfigDump", "dynamic_listeners", "listener"),
    (ResourceType::Route, "RoutesConfigDump", "dynamic_route_configs", "route_config"),
    (ResourceType::Secret, "SecretsConfigDump", "dynamic_active_secrets", "secret"),
];

fn dump(session: &Session, include_eds: bool) -> Value {
    let shown = PARTS.into_iter().filter(|(kind, ..)| include_eds || *kind != ResourceType::Endpoint);
    let configs = shown.map(|(kind, dump, list, one)| {
        let mut config = part(dump);
        let Some(watch) = session.watches.get(&kind) else { return config };
        if matches!(kind, ResourceType::Cluster | ResourceType::Listener) {
            config["version_info"] = json!(watch.version);
        }
        let rows = watch.resources.iter().map(|(name, sent)| {
            let state = json!({
                "version_info": watch.version,
                one: redacted(kind, &sent.json),
                "last_updated": watch.sent_at.map(|at| at.to_string()),
            });
            row(kind, name, state)
        });
        config[list] = rows.collect();
        config
    });
    json!({"configs": configs.collect::<Vec<_>>()})
}

fn part(dump: &str) -> Value {
    json!({"@type": format!("type.googleapis.com/envoy.admin.v3.{dump}")})
}

fn row(kind: ResourceType, name: &str, state: Value) -> Value {
    if kind == ResourceType::Listener { json!({"name": name, "active_state": state}) } else { state }
}

/// The config dump that each proxy of a world will show, by its name (`reviews-v1-abc.bookinfo`): what a
/// change of the world comes to can be told with no proxy running.
pub fn config_dumps(world: &World) -> BTreeMap<String, Value> {
    let registry = read(world, &mut Known::default());
    let proxied = registry.workloads.iter().filter(|workload| workload.proxy.is_some());
    let dump = |workload: &Arc<Workload>| {
        let target = Target::new(&registry, workload);
        let mut made = translate(&target);
        envoy_filter::apply(&target, &mut made, &mut State::default());
        let configs = PARTS.into_iter().map(|(kind, dump, list, one)| {
            let mut config = part(dump);
            let rows = made.of(kind).iter().map(|resource| {
                row(
                    kind,
                    resource["name"].as_str().unwrap_or_default(),
                    json!({one: redacted(kind, resource)}),
                )
            });
            config[list] = rows.collect();
            config
        });
        (workload.id(), json!({"configs": configs.collect::<Vec<_>>()}))
    };
    proxied.map(dump).collect()
}

/// Private keys are shown to nobody.
fn redacted(kind: ResourceType, json: &Value) -> Value {
    let mut json = json.clone();
    if kind == ResourceType::Secret
        && let Some(key) = json.pointer_mut("/tls_certificate/private_key")
    {
        *key = json!({"inline_string": "[redacted]"});
    }
    json
}
