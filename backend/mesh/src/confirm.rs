//! Whether a proxy's configuration holds a change: reads Envoy's `config_dump`, as Envoy's admin page and istiod give it.

use crate::change::{Evidence, InboundTls, RouteExpectation};
use crate::edit::FaultSpec;
use serde_json::Value;

/// Whether this `config_dump` of an affected proxy holds what a change must have brought.
pub fn holds(evidence: &Evidence, config_dump: &Value) -> bool {
    match evidence {
        Evidence::Route(expected) => route_holds(expected, config_dump),
        Evidence::InboundTls(expected) => inbound_holds(*expected, config_dump),
        Evidence::Clusters(expected) => {
            let there = clusters(config_dump);
            expected.iter().all(|(name, wanted)| there.contains(&name.as_str()) == *wanted)
        }
    }
}

/// A field by its proto name, or by its JSON name: both forms are in use.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).or_else(|| {
        let mut parts = name.split('_');
        let mut camel = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let mut letters = part.chars();
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            camel.push_str(letters.as_str());
        }
        value.get(&camel)
    })
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    field(value, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    field(value, name).and_then(Value::as_str).unwrap_or_default()
}

/// A number, which JSON of a proto writes as a string where it has 64 bits.
fn number(value: &Value, name: &str) -> Option<u64> {
    let value = field(value, name)?;
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .or_else(|| value.as_f64().map(|number| number as u64))
}

/// The parts of a dump of one type ("RoutesConfigDump").
fn parts<'a>(dump: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let of_kind = move |part: &&Value| text(part, "@type").rsplit('.').next() == Some(kind);
    list(dump, "configs").iter().filter(of_kind)
}

/// Virtual hosts of a dump: of dynamic route configurations, and of those written into a listener's filter.
fn virtual_hosts(dump: &Value) -> impl Iterator<Item = &Value> {
    let configs = parts(dump, "RoutesConfigDump").flat_map(|part| {
        list(part, "dynamic_route_configs").iter().chain(list(part, "static_route_configs"))
    });
    configs
        .filter_map(|config| field(config, "route_config"))
        .flat_map(|config| list(config, "virtual_hosts"))
}

fn route_holds(expected: &RouteExpectation, dump: &Value) -> bool {
    let mut seen = false;
    for host in virtual_hosts(dump) {
        let ours: Vec<&Value> =
            list(host, "routes").iter().filter(|route| made_by(route, &expected.config)).collect();
        if ours.is_empty() {
            continue;
        }
        seen = true;
        let fits = |route: &&&Value| weights_hold(expected, route) && fault_holds(expected.fault, route);
        let held = match own_routes(expected, &ours) {
            Some(routes) => routes.iter().all(|route| fits(&route)),
            // Rules that do not apply to this proxy left no routes: the edited one must be among the others.
            None => ours.iter().any(|route| fits(&route)),
        };
        if expected.gone || !held {
            return false;
        }
    }
    seen != expected.gone
}

/// Whether a route was made from this VirtualService, whatever version of the API its name carries.
fn made_by(route: &Value, config: &str) -> bool {
    let istio = field(route, "metadata")
        .and_then(|meta| field(meta, "filter_metadata"))
        .and_then(|meta| meta.get("istio"));
    let unversioned = |path: &str| path.find("/namespaces/").map(|at| path[at..].to_owned());
    let named = istio.map(|meta| text(meta, "config")).and_then(unversioned);
    named.is_some() && named == unversioned(config)
}

/// The routes of the edited rule, when each rule's routes can be counted off.
fn own_routes<'a>(expected: &RouteExpectation, ours: &'a [&'a Value]) -> Option<&'a [&'a Value]> {
    let counts = &expected.routes_per_rule;
    if counts.is_empty() || counts.iter().sum::<usize>() != ours.len() {
        return None;
    }
    let from: usize = counts.iter().take(expected.rule).sum();
    ours.get(from..from + counts.get(expected.rule)?)
}

fn weights_hold(expected: &RouteExpectation, route: &Value) -> bool {
    let mut wanted: Vec<(String, u64)> = Vec::new();
    for (name, weight) in expected.weights.iter().filter(|(_, weight)| *weight > 0) {
        match wanted.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known += u64::from(*weight),
            None => wanted.push((name.clone(), u64::from(*weight))),
        }
    }
    if wanted.is_empty() {
        return true;
    }
    let Some(action) = field(route, "route") else { return false };
    let mut found: Vec<(String, u64)> = match (field(action, "cluster"), field(action, "weighted_clusters")) {
        (Some(cluster), _) => vec![(label(cluster.as_str().unwrap_or_default(), &expected.host), 100)],
        (None, Some(weighted)) => list(weighted, "clusters")
            .iter()
            .map(|cluster| {
                (label(text(cluster, "name"), &expected.host), number(cluster, "weight").unwrap_or(0))
            })
            .filter(|(_, weight)| *weight > 0)
            .collect(),
        (None, None) => return false,
    };
    if let ([(name, _)], [(other, _)]) = (wanted.as_slice(), found.as_slice()) {
        return name == other; // the only one gets all, whatever its weight says
    }
    wanted.sort();
    found.sort();
    wanted == found
}

/// "v1" of "outbound|9080|v1|reviews…", or the host where there is no subset or the service is another one.
fn label(cluster: &str, host: &str) -> String {
    match cluster.split('|').collect::<Vec<_>>()[..] {
        [_, _, subset, of] if of == host && !subset.is_empty() => subset.to_owned(),
        [_, _, _, of] => of.to_owned(),
        _ => cluster.to_owned(),
    }
}

fn fault_holds(expected: Option<FaultSpec>, route: &Value) -> bool {
    let filter = field(route, "typed_per_filter_config").and_then(|filters| {
        let named = filters
            .as_object()?
            .iter()
            .find(|(name, _)| name.as_str() == "envoy.filters.http.fault" || *name == "envoy.fault");
        named.map(|(_, filter)| filter.get("value").unwrap_or(filter))
    });
    let found = filter.map(fault).unwrap_or_default();
    let near = |a: f64, b: f64| (a - b).abs() < 0.001;
    let expected = expected.unwrap_or_default();
    let delay = match (expected.delay, found.delay) {
        (None, None) => true,
        (Some((ms, share)), Some((found_ms, found_share))) => ms == found_ms && near(share, found_share),
        _ => false,
    };
    let abort = match (expected.abort, found.abort) {
        (None, None) => true,
        (Some((status, share)), Some((found_status, found_share))) => {
            status == found_status && near(share, found_share)
        }
        _ => false,
    };
    delay && abort
}

fn fault(filter: &Value) -> FaultSpec {
    let share = |part: &Value| {
        let percentage = field(part, "percentage")?;
        let of = match text(percentage, "denominator") {
            "MILLION" => 10_000.0,
            "TEN_THOUSAND" => 100.0,
            _ => 1.0,
        };
        Some(number(percentage, "numerator").unwrap_or(0) as f64 / of)
    };
    FaultSpec {
        delay: field(filter, "delay").and_then(|delay| {
            Some((crate::edit::millis(text(delay, "fixed_delay"))?, share(delay).unwrap_or(0.0)))
        }),
        abort: field(filter, "abort").and_then(|abort| {
            Some((u16::try_from(number(abort, "http_status")?).ok()?, share(abort).unwrap_or(0.0)))
        }),
    }
}

fn inbound_holds(expected: InboundTls, dump: &Value) -> bool {
    let listeners = parts(dump, "ListenersConfigDump").flat_map(|part| list(part, "dynamic_listeners"));
    let listeners = listeners.filter_map(|listener| field(field(listener, "active_state")?, "listener"));
    let inbound = listeners.filter(|listener| text(listener, "traffic_direction") == "INBOUND");
    let chains = inbound.flat_map(|listener| {
        list(listener, "filter_chains").iter().chain(field(listener, "default_filter_chain"))
    });
    let (mut mutual, mut plain) = (0, 0);
    for chain in chains.filter(|chain| !text(chain, "name").contains("blackhole")) {
        let tls = field(chain, "transport_socket").and_then(|socket| field(socket, "typed_config"));
        let asks = tls.and_then(|tls| field(tls, "require_client_certificate")).and_then(Value::as_bool);
        let matched =
            field(chain, "filter_chain_match").map_or("", |matched| text(matched, "transport_protocol"));
        match asks {
            Some(true) => mutual += 1,
            // TLS of the application's own, passed through.
            None if matched == "tls" => {}
            _ => plain += 1,
        }
    }
    match expected {
        InboundTls::Strict => mutual > 0 && plain == 0,
        InboundTls::Permissive => mutual > 0 && plain > 0,
        InboundTls::Disabled => mutual == 0 && plain > 0,
    }
}

fn clusters(dump: &Value) -> Vec<&str> {
    let all = parts(dump, "ClustersConfigDump")
        .flat_map(|part| list(part, "dynamic_active_clusters").iter().chain(list(part, "static_clusters")));
    all.filter_map(|cluster| field(cluster, "cluster")).map(|cluster| text(cluster, "name")).collect()
}
#[cfg(test)]
mod tests;
