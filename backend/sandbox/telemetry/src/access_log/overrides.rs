//! What Telemetry resources change: metrics that are not counted, and tags that are added, replaced or
//! removed.
//!
//! The log's name carries it,
//! `outbound|{"requests_total": {"tags": {"host": "metric-tag-0", "source_app": ""}}, "request_bytes": {"off": true}}`; the values are custom tags of each entry, which the proxy evaluated.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Deserialize;

use crate::counters::{Key, LABELS, METRICS};

/// The changes by metric, without `istio_`.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Overrides(HashMap<String, Change>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Change {
    off: bool,
    /// By label, the custom tag that holds its value; an empty one removes the label.
    tags: BTreeMap<String, String>,
}

impl Overrides {
    /// Reads the name of a log; one without changes has none.
    pub(crate) fn read(log_name: &str) -> Self {
        let Some((_, text)) = log_name.split_once('|') else { return Self::default() };
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "changes to metrics cannot be read and have no effect");
            Self::default()
        })
    }

    /// The label sets under which the metrics are counted, each with the metrics that have it.
    pub(crate) fn apply(&self, key: Key, values: &HashMap<String, String>) -> Vec<(Key, Vec<&'static str>)> {
        if self.0.is_empty() {
            return vec![(key, METRICS.to_vec())];
        }
        let mut keys: Vec<(Key, Vec<&'static str>)> = Vec::new();
        for metric in METRICS {
            let changed = match self.0.get(metric.strip_prefix("istio_").unwrap_or(metric)) {
                Some(change) if change.off => continue,
                Some(change) => change.apply(key.clone(), values),
                None => key.clone(),
            };
            match keys.iter_mut().find(|(known, _)| *known == changed) {
                Some((_, metrics)) => metrics.push(metric),
                None => keys.push((changed, vec![metric])),
            }
        }
        keys
    }
}

impl Change {
    fn apply(&self, mut key: Key, values: &HashMap<String, String>) -> Key {
        let mut extra = Vec::new();
        for (label, tag) in &self.tags {
            let value: Arc<str> = match values.get(tag).map(String::as_str) {
                _ if tag.is_empty() => "".into(),
                None | Some("" | "-") => "unknown".into(),
                Some(value) => value.into(),
            };
            match LABELS.iter().position(|known| known == label) {
                Some(at) => key.values[at] = value,
                None if !value.is_empty() => extra.push((Arc::from(label.as_str()), value)),
                None => {}
            }
        }
        key.extra = extra.into();
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{REQUEST_BYTES, REQUESTS, Target, Values};

    #[test]
    fn metrics_go_and_tags_change() {
        let text = r#"outbound|{"requests_total":{"tags":{"host":"t0","reporter":"t1","source_app":"","gone":""}},"request_bytes":{"off":true}}"#;
        let overrides = Overrides::read(text);
        let values: Values = std::array::from_fn(|_| "x".into());
        let target = Target { pod: "p".into(), namespace: "n".into(), instance: "i".into() };
        let key = Key { target, values, extra: Arc::default() };
        let told = HashMap::from([("t0".to_owned(), "web".to_owned()), ("t1".to_owned(), "-".to_owned())]);
        let found = overrides.apply(key.clone(), &told);
        assert_eq!(found.len(), 2, "{found:?}");
        let (changed, metrics) = &found[0];
        assert_eq!(metrics, &[REQUESTS]);
        assert_eq!((&*changed.values[0], &*changed.values[6]), ("unknown", ""));
        assert_eq!(&*changed.extra, [("host".into(), "web".into())]);
        assert_eq!(found[1].0, key);
        assert!(!found[1].1.contains(&REQUESTS) && !found[1].1.contains(&REQUEST_BYTES));
        assert_eq!(Overrides::read("inbound").apply(key.clone(), &told), [(key.clone(), METRICS.to_vec())]);
        assert_eq!(Overrides::read("inbound|{broken").apply(key.clone(), &told), [(key, METRICS.to_vec())]);
    }
}
