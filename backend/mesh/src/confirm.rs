//! Whether a proxy's configuration holds what a change must have brought: interprets probes on Envoy's
//! `config_dump`, as Envoy's admin page and istiod give it.

mod filters;
mod gateway;
pub(crate) mod json;
mod order;
mod routes;
mod streams;
mod want;

use crate::evidence::{Connections, Owner, Probe, Want, Xds};
use json::{field, list, text};
use serde_json::Value;

/// What a proxy's configuration says of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It holds what is wanted.
    Yes,
    /// It does not.
    No,
    /// It has nothing of what the probe is about, and is not told of it: a service that this proxy does not
    /// see.
    Elsewhere,
}

impl From<bool> for Held {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// What this `config_dump` says of a probe.
pub fn holds(probe: &Probe, config_dump: &Value) -> Held {
    let fits = |owned: &Value| want::holds(&probe.want, json::at(owned, &probe.path));
    match &probe.owner {
        Owner::Routes { of, made, .. } if made.is_empty() => {
            let any = routes::hosts(config_dump).any(|host| !routes::of(host, of).is_empty());
            (any == (probe.want == Want::Present)).into()
        }
        Owner::Routes { of, made, .. } => routes::held(config_dump, of, made, fits).into(),
        Owner::Backends { names, hosts } => routes::named(config_dump, names, hosts, fits),
        Owner::Streams(streams) => streams::held(config_dump, streams, fits).into(),
        Owner::Clusters { host, subset, port } => {
            clusters(config_dump, host, subset, *port, &probe.want, fits)
        }
        Owner::Direct { host, port } => direct(config_dump, host, *port, fits),
        Owner::Host { host } => (told_of(config_dump, host) == (probe.want == Want::Present)).into(),
        Owner::Inbound { port, except } => inbound(config_dump, *port, except, &probe.want).into(),
        Owner::Filters { names, out, port } => {
            filters::held(config_dump, (names, *out, *port), &probe.path, &probe.want)
        }
        Owner::Endpoints { host, port } => {
            let told = endpoints(config_dump, host, *port).map(|told| list(told, "endpoints"));
            let told = told.map(|list| Value::from(list.to_vec()));
            want::holds(&probe.want, told.as_ref()).into()
        }
        Owner::Chain { port, names } => {
            let chain = gateway::chain(config_dump, *port, names);
            want::holds(&probe.want, chain.and_then(|chain| json::at(chain, &probe.path))).into()
        }
        Owner::VirtualHost { name, .. } if name.is_empty() => {
            let mut hosts =
                routes::hosts(config_dump).filter(|host| !list(host, "routes").is_empty()).peekable();
            if hosts.peek().is_none() { Held::Elsewhere } else { hosts.all(fits).into() }
        }
        Owner::VirtualHost { name, inside } => {
            let meant = |host: &&Value| is_named(host, name, inside.as_deref());
            let host = routes::hosts(config_dump).find(meant);
            want::holds(&probe.want, host.and_then(|host| json::at(host, &probe.path))).into()
        }
    }
}

pub use order::Filters;

/// Whether a virtual host has one of these names.
fn is_named(host: &Value, name: &str, other: Option<&str>) -> bool {
    let own = text(host, "name");
    own == name || other == Some(own)
}

pub(crate) use filters::contains as stands_in;
pub(crate) use want::endpoint;

/// Whether a value says all that another does, and maybe more.
pub(crate) fn says(less: &Value, more: &Value) -> bool {
    want::holds(&Want::Is(less.clone()), Some(more))
}

/// Whether an entry of a dump (a cluster, a listener, a table of routes) is of what a probe is about.
pub fn concerns(probe: &Probe, entry: &Value) -> bool {
    match &probe.owner {
        Owner::Routes { of, .. } => routes::of_entry(entry).any(|host| !routes::of(host, of).is_empty()),
        Owner::Clusters { host, .. } | Owner::Host { host } => {
            let name = field(entry, "cluster").and_then(|cluster| want::named(text(cluster, "name")));
            name.is_some_and(|name| name.host == *host)
        }
        Owner::Direct { host, .. } => {
            routes::of_entry(entry).any(|there| routes::to(there).is_some_and(|(name, _)| name == host))
        }
        Owner::Endpoints { host, port } => is_told(entry, host, *port),
        Owner::Chain { port, .. } => gateway::is_at(entry, *port),
        Owner::VirtualHost { name, inside } => {
            let meant = |host: &Value| name.is_empty() || is_named(host, name, inside.as_deref());
            routes::of_entry(entry).any(meant)
        }
        Owner::Backends { names, hosts } => {
            routes::of_entry(entry).any(|host| routes::of_names(host, names, hosts).next().is_some())
        }
        Owner::Filters { .. } | Owner::Streams(_) => field(entry, "active_state").is_some(),
        Owner::Inbound { .. } => field(entry, "active_state")
            .and_then(|state| field(state, "listener"))
            .is_some_and(|listener| text(listener, "traffic_direction") == "INBOUND"),
    }
}

/// What Envoy says of an update of this entry that it did not take.
pub fn complaint(entry: &Value) -> Option<&str> {
    let details = text(field(entry, "error_state")?, "details");
    Some(details).filter(|details| !details.is_empty())
}

/// Where configuration of a type stands: the list in a dump, and the dump that it belongs to.
pub fn place(xds: Xds) -> (&'static str, &'static str) {
    match xds {
        Xds::Cds => ("dynamic_active_clusters", "ClustersConfigDump"),
        Xds::Lds => ("dynamic_listeners", "ListenersConfigDump"),
        Xds::Rds => ("dynamic_route_configs", "RoutesConfigDump"),
        Xds::Eds => ("dynamic_endpoint_configs", "EndpointsConfigDump"),
    }
}

/// The resources of a type.
fn resources(dump: &Value, xds: Xds) -> impl Iterator<Item = &Value> {
    let (name, kind) = place(xds);
    let of_kind = move |part: &&Value| text(part, "@type").rsplit('.').next() == Some(kind);
    list(dump, "configs").iter().filter(of_kind).flat_map(move |part| list(part, name))
}

fn clusters(
    dump: &Value,
    host: &str,
    subset: &str,
    port: Option<u32>,
    want: &Want,
    fits: impl Fn(&Value) -> bool,
) -> Held {
    let mut seen = false;
    let mut meant = Vec::new();
    for cluster in resources(dump, Xds::Cds).filter_map(|cluster| field(cluster, "cluster")) {
        let Some(name) = want::named(text(cluster, "name")).filter(|name| name.host == host) else {
            continue;
        };
        seen = true;
        if name.subset == subset && port.is_none_or(|port| name.port == Some(port)) {
            meant.push(cluster);
        }
    }
    match (seen, want) {
        (false, _) => Held::Elsewhere,
        (true, Want::Absent) if meant.is_empty() => Held::Yes,
        _ => (!meant.is_empty() && meant.iter().all(|cluster| fits(cluster))).into(),
    }
}

/// Whether a proxy has any cluster of a host.
fn told_of(dump: &Value, host: &str) -> bool {
    let clusters = resources(dump, Xds::Cds).filter_map(|cluster| field(cluster, "cluster"));
    let mut names = clusters.filter_map(|cluster| want::named(text(cluster, "name")));
    names.any(|name| name.host == host)
}

/// What a proxy was told of who stands behind a host's port.
fn endpoints<'a>(dump: &'a Value, host: &str, port: u32) -> Option<&'a Value> {
    field(resources(dump, Xds::Eds).find(|entry| is_told(entry, host, port))?, "endpoint_config")
}

/// Whether an entry of a dump tells who stands behind a host's port.
fn is_told(entry: &Value, host: &str, port: u32) -> bool {
    let name = field(entry, "endpoint_config").and_then(|told| want::named(text(told, "cluster_name")));
    name.is_some_and(|name| name.host == host && name.subset.is_empty() && name.port == Some(port))
}

/// Whether the routes that a host has without any VirtualService fit, at this port or at all.
fn direct(dump: &Value, host: &str, port: Option<u32>, fits: impl Fn(&Value) -> bool) -> Held {
    let meant = |to: (&str, u32)| to.0 == host && port.is_none_or(|port| to.1 == port);
    let hosts: Vec<&Value> =
        routes::hosts(dump).filter(|there| routes::to(there).is_some_and(meant)).collect();
    if hosts.is_empty() {
        return Held::Elsewhere;
    }
    let fits = |host: &Value| {
        let mut routes = list(host, "routes").iter();
        routes.find(|route| text(route, "name") == "default").is_some_and(&fits)
    };
    hosts.into_iter().all(fits).into()
}

/// What the chains of the workload's ports take. Each is told by the port that it is for, or by its name
/// ("0.0.0.0_9080"); a chain without one takes the ports that no service leads to.
fn inbound(dump: &Value, port: Option<u32>, except: &[u32], want: &Want) -> bool {
    let listeners = resources(dump, Xds::Lds)
        .filter_map(|listener| field(field(listener, "active_state")?, "listener"))
        .filter(|listener| text(listener, "traffic_direction") == "INBOUND");
    let chains = listeners.flat_map(|listener| {
        list(listener, "filter_chains").iter().chain(field(listener, "default_filter_chain"))
    });
    let (mut mutual, mut plain) = (0, 0);
    for chain in chains.filter(|chain| !text(chain, "name").contains("blackhole")) {
        let of = port_of(chain);
        if port.is_some_and(|port| of != Some(port)) || of.is_some_and(|of| except.contains(&of)) {
            continue;
        }
        let tls = field(chain, "transport_socket").and_then(|socket| field(socket, "typed_config"));
        let asks = tls.and_then(|tls| field(tls, "require_client_certificate")).and_then(Value::as_bool);
        let matched = field(chain, "filter_chain_match");
        match asks {
            Some(true) => mutual += 1,
            // TLS of the application's own, passed through.
            None if matched.is_some_and(|matched| text(matched, "transport_protocol") == "tls") => {}
            _ => plain += 1,
        }
    }
    let found = match (mutual > 0, plain > 0) {
        (true, false) => Connections::Mutual,
        (true, true) => Connections::Both,
        (false, true) => Connections::Plain,
        (false, false) => return false,
    };
    *want == Want::Takes(found)
}

fn port_of(chain: &Value) -> Option<u32> {
    let stated = field(chain, "filter_chain_match")
        .and_then(|matched| json::number(field(matched, "destination_port")?));
    let named = || text(chain, "name").rsplit_once('_')?.1.parse().ok();
    stated.and_then(|port| u32::try_from(port).ok()).or_else(named)
}

#[cfg(test)]
mod tests;
