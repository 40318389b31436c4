//! Whether what stands somewhere is what is wanted there, by its meaning.

use super::json::{field, list, number, text};
use crate::evidence::{Upstream, Want};
use istio::Duration;
use istio::cluster_name::Outbound;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn holds(want: &Want, found: Option<&Value>) -> bool {
    let found = found.filter(|found| !found.is_null());
    match want {
        Want::Absent => found.is_none(),
        Want::Present => found.is_some(),
        Want::Not(other) => !holds(other, found),
        Want::Is(value) => found.map_or_else(|| is_nothing(value), |found| same(value, found)),
        Want::Ends(end) => found.and_then(Value::as_str).is_some_and(|found| found.ends_with(end)),
        Want::IsFirst(value) => found.is_none_or(|found| same(value, found)),
        Want::Many(count) => found.is_some_and(|found| {
            found.as_array().map(Vec::len).or_else(|| Some(found.as_object()?.len())) == Some(*count)
        }),
        Want::Row(wanted) => {
            found.and_then(Value::as_array).is_some_and(|rows| rows.iter().any(|row| same(wanted, row)))
        }
        Want::Percent(wanted) => found.and_then(percent).is_some_and(|found| (found - wanted).abs() < 0.001),
        Want::Words(wanted) => {
            let found = found.and_then(Value::as_str).unwrap_or_default();
            words(found.split(',')) == words(wanted.iter().map(String::as_str))
        }
        Want::Endpoints(wanted) => *wanted == found.map(endpoints).unwrap_or_default(),
        Want::Weights(wanted) => found.is_some_and(|action| weights(wanted, action)),
        Want::Takes(_) | Want::Guards(_) => false, // of a whole listener, not of a value
    }
}

/// What protos leave out.
fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Bool(false)) || matches!(value, Value::String(text) if text.is_empty())
}

/// Equal by meaning; of an object, in the fields that are wanted.
fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(_)) => wanted.iter().all(|(name, value)| {
            field(found, name).map_or_else(|| is_nothing(value), |found| same(value, found))
        }),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| same(wanted, found))
        }
        (Value::String(one), Value::String(other)) => {
            one == other || Duration::read(one).is_some_and(|read| Duration::read(other) == Some(read))
        }
        (Value::Number(one), _) => {
            let other =
                found.as_f64().or_else(|| found.as_str()?.parse().ok()).or_else(|| status(found.as_str()?));
            one.as_f64().zip(other).is_some_and(|(one, other)| (one - other).abs() < 1e-6)
        }
        _ => wanted == found,
    }
}

/// Names of Envoy's `StatusCode`, which is how proxies show them.
fn status(name: &str) -> Option<f64> {
    let all = [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (402, "PaymentRequired"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (405, "MethodNotAllowed"),
        (406, "NotAcceptable"),
        (408, "RequestTimeout"),
        (409, "Conflict"),
        (410, "Gone"),
        (412, "PreconditionFailed"),
        (413, "PayloadTooLarge"),
        (421, "MisdirectedRequest"),
        (422, "UnprocessableEntity"),
        (423, "Locked"),
        (424, "FailedDependency"),
        (426, "UpgradeRequired"),
        (428, "PreconditionRequired"),
        (429, "TooManyRequests"),
        (431, "RequestHeaderFieldsTooLarge"),
        (500, "InternalServerError"),
        (501, "NotImplemented"),
        (502, "BadGateway"),
        (503, "ServiceUnavailable"),
        (504, "GatewayTimeout"),
        (505, "HTTPVersionNotSupported"),
        (507, "InsufficientStorage"),
        (508, "LoopDetected"),
        (511, "NetworkAuthenticationRequired"),
    ];
    all.iter().find(|(_, known)| *known == name).map(|(code, _)| f64::from(*code))
}

/// A `FractionalPercent` (or a `Percent`, or a bare number) in percent.
fn percent(found: &Value) -> Option<f64> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    if let Some(value) = number(found).or_else(|| number(field(found, "value")?)) {
        return Some(value);
    }
    let of = match text(found, "denominator") {
        "MILLION" => 10_000.0,
        "TEN_THOUSAND" => 100.0,
        _ => 1.0,
    };
    Some(field(found, "numerator").and_then(number).unwrap_or(0.0) / of)
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    all.map(str::trim).filter(|word| !word.is_empty()).collect()
}

/// Endpoints of localities, as [`Want::Endpoints`] says them.
fn endpoints(found: &Value) -> BTreeSet<String> {
    let groups = found.as_array().map(Vec::as_slice).unwrap_or_default();
    let of_group = |group: &Value| -> Vec<String> {
        let place =
            |key: &str| field(group, "locality").map_or("", |locality| text(locality, key)).to_owned();
        let locality = ["region", "zone", "sub_zone"].map(place);
        let of = |one: &Value| {
            let socket = field(field(field(one, "endpoint")?, "address")?, "socket_address")?;
            let port = field(socket, "port_value").and_then(number).unwrap_or_default();
            let weight = field(one, "load_balancing_weight").and_then(number).unwrap_or(1);
            Some(endpoint(text(socket, "address"), port, weight, &locality))
        };
        list(group, "lb_endpoints").iter().filter_map(of).collect()
    };
    groups.iter().flat_map(of_group).collect()
}

/// One endpoint, as [`Want::Endpoints`] says it.
pub(crate) fn endpoint(address: &str, port: u64, weight: u64, locality: &[String; 3]) -> String {
    let place = locality.join("/");
    format!("{address}:{port}, weight {weight}, of {}", place.trim_end_matches('/'))
}

/// Whether a route's action goes to these destinations, and to no others.
fn weights(wanted: &[(Upstream, u32)], action: &Value) -> bool {
    let mut due: BTreeMap<&Upstream, u64> = BTreeMap::new();
    for (to, weight) in wanted.iter().filter(|(_, weight)| *weight > 0) {
        *due.entry(to).or_default() += u64::from(*weight);
    }
    let mut found: BTreeMap<Upstream, u64> = BTreeMap::new();
    match (field(action, "cluster"), field(action, "weighted_clusters")) {
        (Some(cluster), _) => {
            found.extend(cluster.as_str().and_then(named).map(|to| (to, 100)));
        }
        (None, Some(weighted)) => {
            for cluster in list(weighted, "clusters") {
                let weight = field(cluster, "weight").and_then(number).unwrap_or(0);
                match named(text(cluster, "name")) {
                    Some(to) if weight > 0 => {
                        let share = found.entry(to).or_default();
                        *share = share.saturating_add(weight);
                    }
                    Some(_) => {}
                    None => return false,
                }
            }
        }
        (None, None) => return false,
    }
    // Ports count only where the rule names one.
    let goes = |to: &Upstream, there: &Upstream| {
        to.host == there.host && to.subset == there.subset && (to.port.is_none() || to.port == there.port)
    };
    let alone = due.len() == 1 && found.len() == 1; // the only one gets all, whatever its weight says
    due.len() == found.len()
        && due.iter().all(|(to, weight)| {
            found.iter().any(|(there, share)| goes(to, there) && (alone || share == weight))
        })
}

/// The destination that a cluster of Envoy is: `outbound|9080|v1|reviews…`.
pub(super) fn named(cluster: &str) -> Option<Upstream> {
    let Outbound { port, subset, host } = Outbound::read(cluster)?;
    Some(Upstream { host: host.to_owned(), subset: subset.to_owned(), port: Some(port.into()) })
}
