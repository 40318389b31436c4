//! Filter chains of connections that callers open.

use super::json::{field, list, number, text};
use super::{resources, want};
use crate::evidence::{Streams, Xds};
use serde_json::Value;
use std::collections::BTreeSet;

const BYTES: &str = "TcpProxy";

/// Whether a proxy has such chains, and all of them fit.
pub(super) fn held(dump: &Value, wanted: &Streams, fits: impl Fn(&Value) -> bool) -> bool {
    let listeners = resources(dump, Xds::Lds)
        .filter_map(|listener| field(field(listener, "active_state")?, "listener"))
        .filter(|listener| text(listener, "traffic_direction") != "INBOUND" && here(listener, wanted));
    let chains = listeners.flat_map(|listener| list(listener, "filter_chains"));
    let mut actions = chains.filter(|chain| takes(chain, wanted)).filter_map(action).peekable();
    let mut meant = actions.by_ref().filter(|action| leads(action, wanted)).peekable();
    meant.peek().is_some() && meant.all(fits)
}

fn here(listener: &Value, wanted: &Streams) -> bool {
    let socket = field(listener, "address").and_then(|address| field(address, "socket_address"));
    let Some(socket) = socket else { return false };
    let port = field(socket, "port_value").and_then(number);
    wanted.port.is_none_or(|wanted| port == Some(wanted.into()))
        && wanted.address.as_ref().is_none_or(|wanted| text(socket, "address") == wanted)
}

/// Whether a chain asks for the same connections.
fn takes(chain: &Value, wanted: &Streams) -> bool {
    let nothing = Value::Null;
    let asked = field(chain, "filter_chain_match").unwrap_or(&nothing);
    let names = || list(asked, "server_names").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let ranges = list(asked, "prefix_ranges").iter().map(|range| {
        let length = field(range, "prefix_len").and_then(number).unwrap_or_default();
        format!("{}/{length}", text(range, "address_prefix"))
    });
    let whole = |subnet: &String| match subnet.contains('/') {
        true => subnet.clone(),
        false => format!("{subnet}/{}", if subnet.contains(':') { 128 } else { 32 }),
    };
    let subnets: BTreeSet<String> = wanted.subnets.iter().map(whole).collect();
    // Where none is asked for, those of the service may stand there.
    wanted.names.as_ref().is_none_or(|wanted| *wanted == names())
        && (subnets.is_empty() || subnets == ranges.collect::<BTreeSet<_>>())
}

/// What passes the bytes on.
fn action(chain: &Value) -> Option<&Value> {
    let configs = list(chain, "filters").iter().filter_map(|filter| field(filter, "typed_config"));
    configs.into_iter().find(|config| text(config, "@type").ends_with(BYTES))
}

fn leads(action: &Value, wanted: &Streams) -> bool {
    let shared = field(action, "weighted_clusters").map_or(&[][..], |shared| list(shared, "clusters"));
    let names = shared.iter().map(|cluster| text(cluster, "name")).chain([text(action, "cluster")]);
    names.filter_map(want::named).any(|to| wanted.to.contains(&to.host))
}
