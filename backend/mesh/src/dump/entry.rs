//! Entries of a dump as rows.

use super::{Entry, Part, made_from, withhold};
use crate::scene::refusal;
use serde_json::Value;

/// What is said of a thing that has no name.
pub(super) const NAMELESS: &str = "without a name";

/// The rows of an entry of a list: one, but a set of routes has many.
pub(super) fn entries(part: Part, list: &str, value: &Value) -> Vec<Entry> {
    let trouble = trouble(list, value);
    let make = |cells, of: Option<&Value>, raw: &Value| {
        let mut raw = raw.clone();
        withhold(&mut raw);
        let raw = raw.to_string().into();
        let of = of.and_then(made_from);
        Entry { part, cells, of, trouble: trouble.clone(), raw, ..Entry::default() }
    };
    match part {
        Part::Listeners => {
            let state = ["active_state", "warming_state", "draining_state"]
                .iter()
                .map(|state| &value[*state]["listener"])
                .chain([&value["listener"], &value["error_state"]["failed_configuration"]])
                .find(|listener| listener.is_object())
                .unwrap_or(&Value::Null);
            let chains = list_of(state, "filter_chains");
            let of = std::iter::once(state).chain(chains).find(|one| made_from(one).is_some());
            let cells = listener(value, state, chains);
            let name = if named(value, state).is_some() { &cells[0] } else { &cells[1] }.as_str().into();
            vec![Entry { name, ..make(cells, of, value) }]
        }
        Part::Routes => routes(value, &make),
        Part::Secrets => {
            // A certificate is no secret, but nobody reads it as base64 either.
            let told = serde_json::json!({
                "name": value["name"], "version_info": value["version_info"], "last_updated": value["last_updated"],
            });
            let name = text(value, "name").into();
            vec![Entry { name, ..make(secret(list, value), None, &told) }]
        }
        _ => {
            let cluster = &value["cluster"];
            let kind = text(cluster, "type").to_owned();
            let kind = if kind.is_empty() { text(&cluster["cluster_type"], "name").to_owned() } else { kind };
            let name = text(cluster, "name");
            let ([host, port, subset], way) = parts_of(name);
            let kind = if way.is_empty() { kind } else { format!("{way}, {kind}") };
            vec![Entry { name: name.into(), ..make([host, port, subset, kind], Some(cluster), value) }]
        }
    }
}

/// Why an entry is not as it was wanted.
fn trouble(list: &str, value: &Value) -> Option<String> {
    let details = text(&value["error_state"], "details");
    if !details.is_empty() {
        let at = text(&value["error_state"], "last_update_attempt");
        let at = if at.is_empty() { String::new() } else { format!(" (at {at})") };
        return Some(format!("refused: {}{at}", refusal(details)));
    }
    if text(value, "client_status") == "NACKED" {
        return Some("refused".to_owned());
    }
    let warming =
        list.contains("warming") || (value["warming_state"].is_object() && value["active_state"].is_null());
    let what = if list.contains("secrets") { "waits for its certificate" } else { "waits for what it needs" };
    let since = text(value, "last_updated");
    warming.then(|| if since.is_empty() { what.to_owned() } else { format!("{what} since {since}") })
}

/// "outbound|9080|v1|reviews.shop.svc…" as host ("reviews.shop"), port and subset, and the way; other names
/// stand alone.
pub(super) fn parts_of(name: &str) -> ([String; 3], String) {
    let whole = || ([name.to_owned(), String::new(), String::new()], String::new());
    match name.split('|').collect::<Vec<_>>().as_slice() {
        [way, port, subset, host] => {
            let host = match istio::hosts::service(host) {
                Some((name, namespace)) => format!("{name}.{namespace}"),
                None if host.is_empty() => "this pod".to_owned(),
                None => (*host).to_owned(),
            };
            ([host, (*port).to_owned(), (*subset).to_owned()], (*way).to_owned())
        }
        _ => whole(),
    }
}

fn named<'a>(value: &'a Value, state: &'a Value) -> Option<&'a str> {
    [text(value, "name"), text(state, "name")].into_iter().find(|name| !name.is_empty())
}

fn listener(value: &Value, state: &Value, chains: &[Value]) -> [String; 4] {
    let at = &state["address"]["socket_address"];
    let address = match (text(at, "address"), at["port_value"].as_u64()) {
        (ip, Some(port)) if !ip.is_empty() => format!("{ip}:{port}"),
        _ => text(&state["address"]["pipe"], "path").to_owned(),
    };
    let filters =
        || chains.iter().flat_map(|chain| list_of(chain, "filters")).map(|filter| &filter["typed_config"]);
    let kind = |filter: &Value| match text(filter, "@type").rsplit('.').next() {
        Some("HttpConnectionManager") => Some("HTTP"),
        Some("TcpProxy") => Some("TCP"),
        _ => None,
    };
    let mut takes: Vec<&str> = filters().filter_map(kind).collect();
    takes.sort_unstable();
    takes.dedup();
    let lead = |filter: &Value| {
        let route = [text(&filter["rds"], "route_config_name"), text(&filter["route_config"], "name")];
        let route = route.into_iter().find(|name| !name.is_empty()).map(|name| format!("routes {name}"));
        route.or_else(|| leads_to(filter))
    };
    let mut leads: Vec<String> = Vec::new();
    for lead in filters().filter_map(lead) {
        if !leads.contains(&lead) {
            leads.push(lead);
        }
    }
    let leads = match leads.len() {
        0..=2 => leads.join(", "),
        more => format!("{}, and {} more", leads[0], more - 1),
    };
    [named(value, state).unwrap_or(NAMELESS).to_owned(), address, takes.join(", "), leads]
}

/// A cluster, in the words of the mesh.
fn said(cluster: &str) -> String {
    match parts_of(cluster) {
        ([host, port, subset], way) if !way.is_empty() => {
            let subset = if subset.is_empty() { subset } else { format!(" {subset}") };
            format!("{host}:{port}{subset}")
        }
        ([name, ..], _) => name,
    }
}

/// Where an action leads.
fn leads_to(action: &Value) -> Option<String> {
    let cluster = text(action, "cluster");
    if !cluster.is_empty() {
        return Some(said(cluster));
    }
    let weighted = list_of(&action["weighted_clusters"], "clusters");
    let one =
        |one: &Value| format!("{} {}", said(text(one, "name")), one["weight"].as_u64().unwrap_or_default());
    (!weighted.is_empty()).then(|| weighted.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// A row for each route of each host.
fn routes(value: &Value, make: &impl Fn([String; 4], Option<&Value>, &Value) -> Entry) -> Vec<Entry> {
    let config = if value["route_config"].is_object() {
        &value["route_config"]
    } else {
        &value["error_state"]["failed_configuration"]
    };
    let name = match text(config, "name") {
        "" => NAMELESS,
        name => name,
    };
    let mut rows = Vec::new();
    for host in list_of(config, "virtual_hosts") {
        let domains: Vec<&str> = list_of(host, "domains").iter().filter_map(Value::as_str).collect();
        let all: Box<str> = domains.join(" ").into();
        let host_name = text(host, "name");
        let known = |at: &str| -> Box<str> { format!("{name}\n{host_name}\n{at}").into() };
        let domains = match domains.as_slice() {
            [first, rest @ ..] if rest.len() > 1 => format!("{first}, and {} more", rest.len()),
            few => few.join(", "),
        };
        for route in list_of(host, "routes") {
            let cells = [domains.clone(), matches(&route["match"]), goes(route), name.to_owned()];
            let (name, domains) = (known(&cells[1]), all.clone());
            rows.push(Entry { name, domains, ..make(cells, Some(route), route) });
        }
        if list_of(host, "routes").is_empty() {
            let cells = [domains, String::new(), "nothing".to_owned(), name.to_owned()];
            rows.push(Entry { name: known(""), domains: all, ..make(cells, None, host) });
        }
    }
    if rows.is_empty() {
        let cells = [String::new(), String::new(), "no host".to_owned(), name.to_owned()];
        rows.push(Entry { name: name.into(), ..make(cells, None, value) });
    }
    rows
}

fn matches(wanted: &Value) -> String {
    let path = ["prefix", "path", "path_separated_prefix"].iter().find_map(|kind| {
        let value = wanted[*kind].as_str()?;
        Some(if *kind == "path" { value.to_owned() } else { format!("{}*", value.trim_end_matches('*')) })
    });
    let path = path.or_else(|| Some(format!("~{}", wanted["safe_regex"]["regex"].as_str()?)));
    let headers = list_of(wanted, "headers").iter().map(|header| {
        let exact = header["string_match"]["exact"].as_str().or_else(|| header["exact_match"].as_str());
        exact.map_or_else(
            || format!("{} …", text(header, "name")),
            |value| format!("{}={value}", text(header, "name")),
        )
    });
    path.into_iter().chain(headers).collect::<Vec<_>>().join(", ")
}

fn goes(route: &Value) -> String {
    if let Some(to) = leads_to(&route["route"]) {
        return to;
    }
    if let Some(status) = route["direct_response"]["status"].as_u64() {
        return format!("answers {status}");
    }
    if route["redirect"].is_object() { "redirects".to_owned() } else { "not known".to_owned() }
}

fn secret(list: &str, value: &Value) -> [String; 4] {
    let secret = &value["secret"];
    let holds = ["tls_certificate", "validation_context", "session_ticket_keys", "generic_secret"]
        .into_iter()
        .find(|kind| secret[*kind].is_object());
    let holds = match holds {
        Some("tls_certificate") => "certificate and key",
        Some("validation_context") => "authorities",
        Some(_) => "a secret",
        None => "nothing yet",
    };
    let state = if list.contains("warming") { "awaited" } else { "there" };
    [text(value, "name"), state, holds, text(value, "last_updated")].map(str::to_owned)
}

/// An endpoint of a cluster.
pub(super) fn endpoint(cluster: &str, host: &Value) -> Entry {
    let at = &host["address"]["socket_address"];
    let address = match (text(at, "address"), at["port_value"].as_u64()) {
        (ip, Some(port)) if !ip.is_empty() => format!("{ip}:{port}"),
        _ => text(&host["address"]["pipe"], "path").to_owned(),
    };
    let is = |name: &str| host["health_status"][name] == true;
    let told = text(&host["health_status"], "eds_health_status");
    let ill = [
        (is("failed_outlier_check"), "ejected: too many failures in a row"),
        (is("failed_active_health_check"), "fails health checks"),
        (is("pending_dynamic_removal"), "is being removed"),
        (told == "UNHEALTHY", "told to be unhealthy"),
        (told == "DRAINING", "drains"),
        (told == "DEGRADED", "told to be degraded"),
    ];
    let ill = ill.into_iter().find_map(|(is, words)| is.then(|| words.to_owned()));
    let count = |name: &str| {
        let found = list_of(host, "stats").iter().find(|stat| text(stat, "name") == name);
        found.and_then(|stat| stat["value"].as_u64().or_else(|| stat["value"].as_str()?.parse().ok()))
    };
    let mut health = ill.clone().unwrap_or_else(|| "healthy".to_owned());
    if let Some(total) = count("rq_total").filter(|total| *total > 0) {
        health += &format!(", {total} calls");
        if let Some(failed) = count("rq_error").filter(|failed| *failed > 0) {
            health += &format!(", {failed} failed");
        }
    }
    let ([name, port, subset], _) = parts_of(cluster);
    let port = [port, subset].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Entry {
        part: Part::Endpoints,
        name: format!("{cluster} {address}").into(),
        cells: [address, name, port, health],
        trouble: ill,
        raw: host.to_string().into(),
        ..Entry::default()
    }
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

pub(super) fn list_of<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}
