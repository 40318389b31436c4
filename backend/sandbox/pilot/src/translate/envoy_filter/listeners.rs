//! Patches of listeners: whole ones, their filter chains and filters, and the HTTP filters and inbound routes
//! inside.

use super::lists::{Change, Edit, name};
use super::routes;
use istio::views::envoy_filter::{FilterChainMatch, ListenerMatch};
use serde_json::Value;

const MANAGER: &str = "envoy.filters.network.http_connection_manager";

fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// The port that a listener is for inside the pod: `0.0.0.0_9080`, `virtualInbound-9080`.
fn port(listener: &Value) -> Option<u32> {
    let name = name(listener);
    match name {
        "virtualOutbound" => Some(15_001),
        _ => name.rsplit(['_', '-']).next()?.parse().ok(),
    }
}

fn is(wanted: &ListenerMatch, listener: &Value) -> bool {
    let named = |wanted: &str| {
        name(listener) == wanted
            || (wanted == "virtualInbound" && name(listener).starts_with("virtualInbound-"))
    };
    said(wanted.name.as_ref()).is_none_or(named)
        && wanted.port_number.is_none_or(|wanted| wanted == 0 || Some(wanted) == port(listener))
}

fn is_chain(wanted: &FilterChainMatch, listener: &str, chain: &Value) -> bool {
    let of = &chain["filter_chain_match"];
    // istiod's `virtualInbound` tells ports apart by chains, where here each port has a listener.
    let at = || match listener.strip_prefix("virtualInbound-") {
        Some(port) => port.parse::<u32>().ok().map(Value::from),
        None => of.get("destination_port").cloned(),
    };
    let has = |key: &str, wanted: &str| of[key].as_array().into_iter().flatten().any(|known| known == wanted);
    said(wanted.name.as_ref()).is_none_or(|wanted| chain["name"] == wanted)
        && said(wanted.sni.as_ref()).is_none_or(|wanted| has("server_names", wanted))
        && said(wanted.transport_protocol.as_ref()).is_none_or(|wanted| of["transport_protocol"] == wanted)
        && said(wanted.application_protocols.as_ref())
            .is_none_or(|wanted| wanted.split(',').all(|one| has("application_protocols", one.trim())))
        && wanted
            .destination_port
            .is_none_or(|wanted| wanted == 0 || at().is_some_and(|at: Value| at == wanted))
}

pub(super) fn edit(change: &Change<'_>, listener: &Value) -> Edit {
    let apply_to = change.patch.apply_to.as_str();
    let wanted = change.patch.r#match.listener.as_ref();
    if matches!(apply_to, "ROUTE_CONFIGURATION" | "VIRTUAL_HOST" | "HTTP_ROUTE") {
        let mut changed = listener.clone();
        let hit = each_filter(&mut changed, None, &mut |filter| inline_routes(change, filter));
        return Edit::of(hit, changed);
    }
    if !wanted.is_none_or(|wanted| is(wanted, listener)) {
        return Edit::Keep;
    }
    let chain = wanted.and_then(|wanted| wanted.filter_chain.as_ref());
    let mut changed = listener.clone();
    let hit = match apply_to {
        "LISTENER" => {
            return if change.patch.patch.operation == "ADD" { Edit::Keep } else { change.whole(listener) };
        }
        "LISTENER_FILTER" => {
            let named = wanted.and_then(|wanted| said(wanted.listener_filter.as_ref()));
            by_name(change, &mut changed, "listener_filters", named)
        }
        "FILTER_CHAIN" => {
            let meant = |item: &Value| chain.is_none_or(|wanted| is_chain(wanted, name(listener), item));
            change.list(&mut changed, "filter_chains", chain.map(|_| &meant as &dyn Fn(&Value) -> bool))
        }
        "NETWORK_FILTER" => {
            let named = chain.and_then(|chain| said(chain.filter.as_ref()?.name.as_ref()));
            each_chain(&mut changed, chain, &mut |chain| by_name(change, chain, "filters", named))
        }
        "HTTP_FILTER" => {
            let filter = chain.and_then(|chain| chain.filter.as_ref());
            let manager = filter.and_then(|filter| said(filter.name.as_ref())).unwrap_or(MANAGER);
            let named = filter.and_then(|filter| said(filter.sub_filter.as_ref()?.name.as_ref()));
            manager == MANAGER
                && each_filter(&mut changed, chain, &mut |filter| {
                    by_name(change, &mut filter["typed_config"], "http_filters", named)
                })
        }
        _ => false,
    };
    Edit::of(hit, changed)
}

fn by_name(change: &Change<'_>, holder: &mut Value, key: &str, named: Option<&str>) -> bool {
    let meant = |item: &Value| named.is_some_and(|named| name(item) == named);
    change.list(holder, key, named.map(|_| &meant as &dyn Fn(&Value) -> bool))
}

/// Calls for every filter chain that is meant; true when one of them was changed.
fn each_chain(
    listener: &mut Value,
    wanted: Option<&FilterChainMatch>,
    edit: &mut dyn FnMut(&mut Value) -> bool,
) -> bool {
    let mut hit = false;
    let named = name(listener).to_owned();
    for chain in listener["filter_chains"].as_array_mut().into_iter().flatten() {
        if wanted.is_none_or(|wanted| is_chain(wanted, &named, chain)) {
            hit |= edit(chain);
        }
    }
    hit
}

/// Calls for every HTTP connection manager of the chains that are meant.
fn each_filter(
    listener: &mut Value,
    wanted: Option<&FilterChainMatch>,
    edit: &mut dyn FnMut(&mut Value) -> bool,
) -> bool {
    each_chain(listener, wanted, &mut |chain| {
        let mut hit = false;
        for filter in
            chain["filters"].as_array_mut().into_iter().flatten().filter(|filter| name(filter) == MANAGER)
        {
            hit |= edit(filter);
        }
        hit
    })
}

fn inline_routes(change: &Change<'_>, filter: &mut Value) -> bool {
    let Some(routes) = filter.pointer_mut("/typed_config/route_config") else { return false };
    match routes::edit(change, routes) {
        Edit::Change(new) => {
            *routes = new;
            true
        }
        _ => false,
    }
}
