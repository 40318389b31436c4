//! What a proxy tells on pages of its own: how well its endpoints are, until when its certificates hold, what it
//! has counted.

use super::entry::{endpoint, list_of, parts_of, text};
use super::{Entry, Part};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// Pages of the admin port, and what each tells of. Statistics that never counted anything are left out.
pub const PAGES: [(&str, Part); 3] = [
    ("/clusters?format=json", Part::Endpoints),
    ("/certs", Part::Certificates),
    ("/stats?usedonly", Part::Stats),
];

/// Endpoints: only here is how well each is. `None` where it is no JSON.
pub(super) fn endpoints(body: &str) -> Option<Vec<Entry>> {
    let clusters: Value = serde_json::from_str(body).ok()?;
    let of = |cluster: &Value| {
        let hosts = list_of(cluster, "host_statuses").iter();
        hosts.map(|host| endpoint(text(cluster, "name"), host)).collect::<Vec<_>>()
    };
    Some(list_of(&clusters, "cluster_statuses").iter().flat_map(of).collect())
}

/// Certificates, each once, however many clusters and listeners use it. `None` where it is no JSON.
pub(super) fn certificates(body: &str, now: Timestamp) -> Option<Vec<Entry>> {
    let told: Value = serde_json::from_str(body).ok()?;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for used in list_of(&told, "certificates") {
        for (list, is) in [("cert_chain", "its own"), ("ca_cert", "an authority")] {
            for one in list_of(used, list) {
                if seen.insert((
                    list,
                    text(one, "serial_number").to_owned(),
                    one["subject_alt_names"].to_string(),
                )) {
                    found.push(certificate(one, is, now));
                }
            }
        }
    }
    Some(found)
}

fn certificate(one: &Value, is: &str, now: Timestamp) -> Entry {
    let names = list_of(one, "subject_alt_names")
        .iter()
        .filter_map(|name| name.as_object()?.values().next()?.as_str());
    let names: Vec<&str> = names.collect();
    // "<inline>" names no file.
    let path = Some(text(one, "path")).filter(|path| !path.starts_with('<')).unwrap_or("not said");
    let whose = if names.is_empty() { path.to_owned() } else { names.join(", ") };
    let until = text(one, "expiration_time");
    let ended = until.parse::<Timestamp>().is_ok_and(|until| until < now);
    let early = text(one, "valid_from").parse::<Timestamp>().is_ok_and(|from| from > now);
    let trouble = match (ended, early) {
        (true, _) => Some(format!("no longer valid since {until}")),
        (_, true) => Some(format!("not valid before {}", text(one, "valid_from"))),
        _ => None,
    };
    Entry {
        part: Part::Certificates,
        cells: [&whose, is, &minutes(until), text(one, "serial_number")].map(str::to_owned),
        trouble,
        raw: one.to_string().into(),
        ..Entry::default()
    }
}

/// "2026-12-01 08:32": a certificate's hours are worth more than its seconds.
fn minutes(time: &str) -> String {
    let read = time.parse::<Timestamp>();
    read.map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

/// What names of statistics of a cluster begin with, behind the cluster's own, which may have dots.
const COUNTED: [&str; 21] = [
    "assignment_",
    "bind_errors",
    "circuit_breakers.",
    "client_ssl_socket_factory.",
    "default.",
    "external.",
    "health_check.",
    "http1.",
    "http2.",
    "http3.",
    "init_fetch_timeout",
    "internal.",
    "lb_",
    "max_host_weight",
    "membership_",
    "original_dst_",
    "outlier_detection.",
    "ssl.",
    "update_",
    "upstream_",
    "version",
];

/// Whose a statistic of a cluster is, and what it counts.
fn parted(name: &str) -> Option<(&str, &str)> {
    // As istiod has proxies name it.
    if let Some(parted) = name.split_once(";.") {
        return Some(parted);
    }
    const HOST: &str = ".svc.cluster.local";
    let host = name.find(HOST).map(|at| at + HOST.len());
    let counted = |at: &usize| COUNTED.iter().any(|word| name[at + 1..].starts_with(word));
    let at = host.or_else(|| name.match_indices('.').map(|(at, _)| at).find(counted))?;
    name[at..].starts_with('.').then_some(())?;
    Some((&name[..at], &name[at + 1..]))
}

/// "reviews.shop 9080 v1" of a cluster's name.
fn of_cluster(name: &str) -> String {
    let (parts, _) = parts_of(name);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Statistics, a line each: "name: value".
pub(super) fn stats(body: &str) -> Vec<Entry> {
    let of = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let (kind, rest) = name.split_once('.').unwrap_or(("", name));
        let (of, what) = Some(rest).filter(|_| kind == "cluster").and_then(parted).unwrap_or(("", name));
        Some(Entry {
            part: Part::Stats,
            cells: [what.to_owned(), value.to_owned(), of_cluster(of), kind.to_owned()],
            raw: Value::String(line.to_owned()).to_string().into(),
            ..Entry::default()
        })
    };
    let mut found: Vec<Entry> = body.lines().filter_map(of).collect();
    // Texts, which are versions of what was sent, come last.
    found.sort_by_key(|entry| entry.cells[1].starts_with('"'));
    found
}
