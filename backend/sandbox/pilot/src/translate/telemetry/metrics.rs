//! What Telemetry resources change about Istio's metrics, and how the proxy's record of a request carries it.
//!
//! The metrics are counted where the records arrive. A record's log has a name, `outbound|{…}`, in which the
//! metrics stand that are not counted or have other tags, and custom tags with the values that the proxy
//! itself evaluates.

use super::cel;
use super::holding::{holding, or};
use super::providers::{self, PROMETHEUS, Provider};
use super::side::Side;
use crate::translate::envoy;
use crate::translate::target::Target;
use istio::telemetry::{METRICS, MetricChange, MetricChanges};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

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
    let said = said(target, side);
    let interval = said.interval.and_then(envoy::seconds);
    if said.counted {
        return Overrides { interval, ..carried(&said.each) };
    }
    let off =
        |(_, shown): (&str, &'static str)| (shown, MetricChange { off: true, ..MetricChange::default() });
    Overrides { interval, ..carried(&METRICS.into_iter().map(off).collect()) }
}

/// What is said of the metrics that are counted here.
fn said<'a>(target: &Target<'a>, side: Side) -> MetricChanges<'a> {
    let ours = |name: &str| matches!(providers::find(target.registry, name), Ok(Provider::Prometheus));
    let default = or(&target.registry.mesh_config.default_providers.metrics, PROMETHEUS);
    istio::telemetry::metrics(&holding(target), side.of_call(), &default, ours)
}

/// The filter that counts in Istio's own proxies, as istiod would configure it: a stock Envoy skips it, and its
/// configuration shows what is counted where the records arrive. `None` where all is as by default.
pub(crate) fn filter(target: &Target<'_>, side: Side) -> Option<Value> {
    let said = said(target, side);
    if !said.counted || (said.each.is_empty() && said.interval.is_none()) {
        return None;
    }
    let one = |(name, change): (&&str, &MetricChange<'_>)| {
        let (kept, removed): (Vec<_>, Vec<_>) = change.tags.iter().partition(|(_, value)| value.is_some());
        let mut row = Map::from_iter([("name".to_owned(), json!(name))]);
        if !kept.is_empty() {
            let pair = |(tag, value): (&&str, &Option<&str>)| ((*tag).to_owned(), json!(value));
            row.insert("dimensions".into(), Value::Object(kept.into_iter().map(pair).collect()));
        }
        if !removed.is_empty() {
            row.insert("tags_to_remove".into(), removed.into_iter().map(|(tag, _)| json!(tag)).collect());
        }
        if change.off {
            row.insert("drop".into(), true.into());
        }
        Value::Object(row)
    };
    let mut config = json!({"metrics": said.each.iter().map(one).collect::<Vec<_>>()});
    if let Some(interval) = said.interval.and_then(envoy::seconds) {
        config["tcp_reporting_duration"] = interval.into();
    }
    Some(json!({
        "name": "istio.stats",
        "is_optional": true,
        "typed_config": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": config},
    }))
}

/// Writes the changes so that they travel with the records.
fn carried(changes: &BTreeMap<&'static str, MetricChange<'_>>) -> Overrides {
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
