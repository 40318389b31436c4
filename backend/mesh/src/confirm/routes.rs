//! Which routes of a proxy a VirtualService made, and which rule made each.

use super::json::{field, list, text};
use super::resources;
use crate::evidence::{MadeRoute, RouteMatch, Xds};
use istio::Ref;
use serde_json::Value;

/// Virtual hosts of a dump.
pub(super) fn hosts(dump: &Value) -> impl Iterator<Item = &Value> {
    resources(dump, Xds::Rds).flat_map(of_entry)
}

/// Virtual hosts of one table of routes.
pub(super) fn of_entry(entry: &Value) -> impl Iterator<Item = &Value> {
    field(entry, "route_config").into_iter().flat_map(|config| list(config, "virtual_hosts"))
}

/// The host and the port that a virtual host of a sidecar is for.
pub(super) fn to(host: &Value) -> Option<(&str, u32)> {
    let (name, port) = text(host, "name").rsplit_once(':')?;
    Some((name, port.parse().ok()?))
}

/// The routes of a virtual host that a VirtualService made, in order. On a gateway others may stand between
/// them.
pub(super) fn of<'a>(host: &'a Value, at: &Ref) -> Vec<&'a Value> {
    let from = format!("/namespaces/{}/virtual-service/{}", at.namespace, at.name);
    list(host, "routes").iter().filter(|route| made_by(route, &from)).collect()
}

/// Whether a route was made from a resource, whatever version of the API its name carries.
fn made_by(route: &Value, from: &str) -> bool {
    let istio = field(route, "metadata")
        .and_then(|meta| field(meta, "filter_metadata"))
        .and_then(|meta| meta.get("istio"));
    istio.is_some_and(|meta| text(meta, "config").ends_with(from))
}

/// Whether a proxy has exactly the routes that are made from a VirtualService, and those that are meant fit.
pub(super) fn held(dump: &Value, at: &Ref, made: &[MadeRoute], fits: impl Fn(&Value) -> bool) -> bool {
    let mut seen = false;
    for host in hosts(dump) {
        let found = of(host, at);
        if found.is_empty() {
            continue;
        }
        let port = to(host).map(|(_, port)| port);
        let Some(meant) = meant(&found, &expected(made, port)) else { return false };
        seen |= !meant.is_empty();
        if !meant.into_iter().all(&fits) {
            return false;
        }
    }
    seen
}

/// What is made at one port: what asks for another is not, and nothing comes after a route that takes
/// everything.
fn expected(made: &[MadeRoute], at: Option<u32>) -> Vec<&MadeRoute> {
    let mut open = true;
    let here = |route: &&MadeRoute| match route {
        MadeRoute::Delegated => open,
        MadeRoute::One { port, takes, .. } => {
            let made = open && (port.is_none() || at.is_none() || *port == at);
            open &= !(made && takes.takes_all());
            made
        }
    };
    made.iter().filter(here).collect()
}

/// The routes that are meant; `None` when the routes are not those that are expected. Those between the first
/// and the last delegate are not known one by one.
fn meant<'a>(found: &[&'a Value], expected: &[&MadeRoute]) -> Option<Vec<&'a Value>> {
    let delegated = |route: &&&MadeRoute| matches!(route, MadeRoute::Delegated);
    let ahead = expected.iter().take_while(|route| !delegated(route)).count();
    let whole = ahead == expected.len();
    let behind = if whole { 0 } else { expected.iter().rev().take_while(|route| !delegated(route)).count() };
    if found.len() < ahead + behind || (whole && found.len() > ahead) {
        return None;
    }
    let first = found.iter().zip(expected).take(ahead);
    let last = found.iter().rev().zip(expected.iter().rev()).take(behind);
    let mut those = Vec::new();
    for (route, made) in first.chain(last) {
        let MadeRoute::One { meant, takes, .. } = made else { return None };
        if RouteMatch::of_envoy(route) != *takes {
            return None;
        }
        those.extend(meant.then_some(*route));
    }
    Some(those)
}
