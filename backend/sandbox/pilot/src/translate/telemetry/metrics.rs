//! What Telemetry resources change about Istio's metrics, and how the proxy's record of a request carries it.
//!
//! The metrics are counted where the records arrive. A record's log has a name, `outbound|{…}`, in which the
//! metrics stand that are not counted or have other tags, and custom tags with the values that the proxy
//! itself evaluates.

use super::cel;
use super::holding::{fits, holding, names, or};
use super::providers::{self, PROMETHEUS, Provider};
use super::side::Side;
use crate::translate::envoy;
use crate::translate::target::Target;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Istio's metrics: their name in a Telemetry, and on the page without `istio_`.
pub(crate) const METRICS: [(&str, &str); 10] = [
    ("REQUEST_COUNT", "requests_total"),
    ("REQUEST_DURATION", "request_duration_milliseconds"),
    ("REQUEST_SIZE", "request_bytes"),
    ("RESPONSE_SIZE", "response_bytes"),
    ("TCP_OPENED_CONNECTIONS", "tcp_connections_opened_total"),
    ("TCP_CLOSED_CONNECTIONS", "tcp_connections_closed_total"),
    ("TCP_SENT_BYTES", "tcp_sent_bytes_total"),
    ("TCP_RECEIVED_BYTES", "tcp_received_bytes_total"),
    ("GRPC_REQUEST_MESSAGES", "request_messages_total"),
    ("GRPC_RESPONSE_MESSAGES", "response_messages_total"),
];

/// Which metrics a match means; none for one that there is not.
pub(crate) fn meant(wanted: Option<&istio::views::MetricMatch>) -> Vec<&'static str> {
    let custom = wanted.and_then(|wanted| wanted.custom_metric.as_deref()).filter(|name| !name.is_empty());
    let metric = wanted.and_then(|wanted| wanted.metric.as_deref()).unwrap_or("ALL_METRICS");
    let chosen = METRICS.iter().filter(|(name, shown)| match custom {
        Some(custom) => custom.strip_prefix("istio_").unwrap_or(custom) == *shown,
        None => metric == "ALL_METRICS" || metric == *name,
    });
    chosen.map(|(_, shown)| *shown).collect()
}

#[derive(Default)]
struct Change<'a> {
    off: bool,
    /// Removed when there is no value.
    tags: BTreeMap<&'a str, Option<&'a str>>,
}

/// The changes that hold for one side of a proxy.
#[derive(Default)]
pub(crate) struct Overrides {
    /// Put after the log's name; empty when nothing is changed.
    pub(crate) suffix: String,
    /// Custom tags of the log.
    pub(crate) tags: Vec<Value>,
    /// How often connections that last are reported.
    pub(crate) interval: Option<String>,
}

/// The changes to the metrics of one side of a proxy.
pub(crate) fn overrides(target: &Target<'_>, side: Side) -> Overrides {
    let telemetries = holding(target);
    let rules = || telemetries.iter().flat_map(|telemetry| &telemetry.metrics);
    let is_ours = |name: &&str| matches!(providers::find(target.registry, name), Ok(Provider::Prometheus));
    let default = or(&target.registry.mesh_config.default_providers.metrics, PROMETHEUS);
    let in_scope = rules().map(|rule| names(&rule.providers)).rfind(|names| !names.is_empty());
    let counted = in_scope.unwrap_or_else(|| default.clone()).iter().any(is_ours);
    let mut about = default;
    let mut changes: BTreeMap<&str, Change<'_>> = BTreeMap::new();
    let mut interval = None;
    for rule in rules() {
        if !rule.providers.is_empty() {
            about = names(&rule.providers);
        }
        if !about.iter().any(is_ours) {
            continue;
        }
        interval = rule.reporting_interval.as_deref().and_then(envoy::seconds).or(interval);
        for change in &rule.overrides {
            if !fits(change.r#match.as_ref().and_then(|wanted| wanted.mode.as_deref()), side) {
                continue;
            }
            for metric in meant(change.r#match.as_ref()) {
                let known = changes.entry(metric).or_default();
                known.off = change.disabled.unwrap_or(known.off);
                for (tag, how) in &change.tag_overrides {
                    let removed = how.operation.as_deref() == Some("REMOVE");
                    known.tags.insert(tag, if removed { None } else { how.value.as_deref() });
                }
            }
        }
    }
    if !counted {
        changes =
            METRICS.iter().map(|(_, shown)| (*shown, Change { off: true, ..Change::default() })).collect();
    }
    Overrides { interval, ..carried(&changes) }
}

/// Writes the changes so that they travel with the records.
fn carried(changes: &BTreeMap<&str, Change<'_>>) -> Overrides {
    let mut values: Vec<String> = Vec::new();
    let mut rows = serde_json::Map::new();
    for (metric, change) in changes {
        if change.off {
            rows.insert((*metric).to_owned(), json!({"off": true}));
            continue;
        }
        let tags = change.tags.iter().filter_map(|(tag, value)| {
            let Some(value) = value else { return Some(((*tag).to_owned(), json!(""))) };
            let value = cel::for_envoy(value).ok()?;
            let at = values.iter().position(|known| *known == value).unwrap_or_else(|| {
                values.push(value);
                values.len() - 1
            });
            Some(((*tag).to_owned(), json!(format!("metric-tag-{at}"))))
        });
        let tags: serde_json::Map<String, Value> = tags.collect();
        if !tags.is_empty() {
            rows.insert((*metric).to_owned(), json!({"tags": tags}));
        }
    }
    let suffix = if rows.is_empty() { String::new() } else { format!("|{}", Value::Object(rows)) };
    let tag = |(at, value): (usize, &String)| {
        json!({"tag": format!("metric-tag-{at}"),
        "value": format!("%CEL({value})%")})
    };
    Overrides { suffix, tags: values.iter().enumerate().map(tag).collect(), interval: None }
}
