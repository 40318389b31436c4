//! What Telemetries come to for a workload: which of them hold, and what they say together of its traces, its
//! access logs and its metrics.

use crate::attach::Attach;
use crate::precedence::Config;
use crate::select::Labels;
use crate::views::{AccessLogging, MetricMatch, ProviderRef, Telemetry};
use serde_json::Value;
use std::collections::BTreeMap;

/// The provider of text access logs that every mesh has.
pub const ENVOY: &str = "envoy";
/// The provider of metrics that every mesh has.
pub const PROMETHEUS: &str = "prometheus";

/// Istio's metrics: their name in a Telemetry, and in proxies (a page of metrics has `istio_` before it).
pub const METRICS: [(&str, &str); 10] = [
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

/// Which side of a call a proxy stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The caller's; a gateway's too.
    Client,
    /// The callee's.
    Server,
}

impl Side {
    /// Whether a mode, which is both sides when it is left out, means this one.
    pub fn is_meant(self, mode: Option<&str>) -> bool {
        match mode {
            Some("CLIENT") => self == Self::Client,
            Some("SERVER") => self == Self::Server,
            _ => true,
        }
    }
}

/// Whether a Telemetry is for a whole namespace, or for the mesh.
pub fn is_wide(config: &impl Config<Spec = Telemetry>) -> bool {
    let attached = config.spec().attached(config.namespace());
    attached.targets().next().is_none() && !attached.selects().is_narrow()
}

/// Those that hold for a workload, of all, which come oldest first: one of the mesh, one of its namespace and
/// one that is for it. What a later one says counts before what an earlier one does.
pub fn holding<'a, C: Config<Spec = Telemetry>>(
    all: &'a [C],
    root: &str,
    namespace: &str,
    labels: &Labels,
) -> Vec<&'a C> {
    let wide =
        |namespace: &str| all.iter().find(|config| config.namespace() == namespace && is_wide(*config));
    let own = if namespace == root { None } else { wide(namespace) };
    let narrow = all.iter().find(|config| {
        config.namespace() == namespace
            && !is_wide(*config)
            && config.spec().attached(namespace).holds(root, namespace, labels)
    });
    wide(root).into_iter().chain(own).chain(narrow).collect()
}

/// How one side of a proxy traces; what nobody says is the mesh's to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traced<'a> {
    /// To whom spans are reported.
    pub provider: Option<&'a str>,
    /// Requests of which a span is reported, in percent.
    pub sampling: Option<f64>,
    /// Whether none is.
    pub off: bool,
    /// Tags of spans, by their names.
    pub tags: BTreeMap<&'a str, &'a Value>,
    /// Whether the request's id decides who is traced.
    pub by_request_id: Option<bool>,
    /// Whether spans have Istio's own tags.
    pub istio_tags: Option<bool>,
    /// Whether calls do not tell the called which trace they belong to.
    pub alone: Option<bool>,
}

/// How one side of a proxy traces, by the Telemetries that hold for it.
pub fn tracing<'a>(held: &[&'a Telemetry], side: Side) -> Traced<'a> {
    let mut traced = Traced::default();
    for rule in held.iter().flat_map(|telemetry| &telemetry.tracing) {
        if !side.is_meant(rule.r#match.as_ref().and_then(|wanted| wanted.mode.as_deref())) {
            continue;
        }
        if let Some(first) = rule.providers.first() {
            traced.provider = Some(&first.name);
        }
        if let Some(tags) = &rule.custom_tags {
            traced.tags = tags.iter().map(|(name, tag)| (name.as_str(), tag)).collect();
        }
        traced.off = rule.disable_span_reporting.unwrap_or(traced.off);
        traced.sampling = rule.random_sampling_percentage.or(traced.sampling);
        traced.by_request_id = rule.use_request_id_for_trace_sampling.or(traced.by_request_id);
        traced.istio_tags = rule.enable_istio_tags.or(traced.istio_tags);
        traced.alone = rule.disable_context_propagation.or(traced.alone);
    }
    traced
}

/// A tag of a Telemetry, as Envoy takes it; `None` for one that says nothing.
pub fn custom_tag(name: &str, tag: &Value) -> Option<Value> {
    let with_default = |of: &Value| serde_json::json!({"name": of["name"], "default_value": of["defaultValue"].as_str().unwrap_or_default()});
    let (key, value) = if tag["literal"].is_object() {
        ("literal", serde_json::json!({"value": tag["literal"]["value"].as_str().unwrap_or_default()}))
    } else if tag["environment"].is_object() {
        ("environment", with_default(&tag["environment"]))
    } else if tag["header"].is_object() {
        ("request_header", with_default(&tag["header"]))
    } else {
        ("value", tag["formatter"]["value"].as_str()?.into())
    };
    Some(serde_json::json!({"tag": name, key: value}))
}

/// Logs by their providers' names, each with its filter.
pub type Logs<'a> = BTreeMap<&'a str, Option<&'a str>>;

/// The access logs of one side of a proxy; `default` are the mesh's own.
pub fn logs<'a>(held: &[&'a Telemetry], side: Side, default: &[&'a str]) -> Logs<'a> {
    let rules_of = |telemetry: &&'a Telemetry| {
        let meant = move |rule: &&AccessLogging| {
            side.is_meant(rule.r#match.as_ref().and_then(|wanted| wanted.mode.as_deref()))
        };
        let telemetry: &'a Telemetry = telemetry;
        telemetry.access_logging.iter().filter(meant).collect::<Vec<&'a AccessLogging>>()
    };
    // The last level that names providers decides which there are.
    let mut in_scope = default.to_vec();
    for telemetry in held {
        let named: Vec<&str> =
            rules_of(telemetry).into_iter().flat_map(|rule| names(&rule.providers)).collect();
        in_scope = if named.is_empty() { in_scope } else { named };
    }
    let mut written: Logs<'a> =
        default.iter().filter(|name| in_scope.contains(name)).map(|name| (*name, None)).collect();
    // Rules without providers are about those of the rule before.
    let mut about = if default.is_empty() { vec![ENVOY] } else { default.to_vec() };
    for rule in held.iter().flat_map(rules_of) {
        if !rule.providers.is_empty() {
            about = names(&rule.providers);
        }
        for name in about.iter().filter(|name| in_scope.contains(name)) {
            if rule.disabled == Some(true) {
                written.remove(name);
            } else {
                written.insert(name, rule.filter.as_ref().map(|filter| filter.expression.as_str()));
            }
        }
    }
    written
}

/// What becomes of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricChange<'a> {
    /// It is not counted.
    pub off: bool,
    /// Tags with other values; removed when there is none.
    pub tags: BTreeMap<&'a str, Option<&'a str>>,
}

/// What becomes of the metrics of one side of a proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricChanges<'a> {
    /// Whether they are counted at all by a provider that is asked about.
    pub counted: bool,
    /// Those that change, by their names in proxies.
    pub each: BTreeMap<&'static str, MetricChange<'a>>,
    /// How often connections that last are reported.
    pub interval: Option<&'a str>,
}

/// What becomes of the metrics of one side of a proxy at the providers that are asked about; `default` are the
/// mesh's own.
pub fn metrics<'a>(
    held: &[&'a Telemetry],
    side: Side,
    default: &[&'a str],
    asked: impl Fn(&str) -> bool,
) -> MetricChanges<'a> {
    let rules = || held.iter().flat_map(|telemetry| &telemetry.metrics);
    let in_scope = rules().map(|rule| names(&rule.providers)).rfind(|names| !names.is_empty());
    let counted = in_scope.unwrap_or_else(|| default.to_vec()).iter().any(|name| asked(name));
    let mut found = MetricChanges { counted, ..MetricChanges::default() };
    let mut about = default.to_vec();
    for rule in rules() {
        if !rule.providers.is_empty() {
            about = names(&rule.providers);
        }
        if !about.iter().any(|name| asked(name)) {
            continue;
        }
        found.interval = rule.reporting_interval.as_deref().or(found.interval);
        for change in &rule.overrides {
            if !side.is_meant(change.r#match.as_ref().and_then(|wanted| wanted.mode.as_deref())) {
                continue;
            }
            for metric in meant(change.r#match.as_ref()) {
                let known = found.each.entry(metric).or_default();
                known.off = change.disabled.unwrap_or(known.off);
                for (tag, how) in &change.tag_overrides {
                    let removed = how.operation.as_deref() == Some("REMOVE");
                    known.tags.insert(tag, if removed { None } else { how.value.as_deref() });
                }
            }
        }
    }
    found
}

/// Which metrics a match means, by their names in proxies; none for one that there is not.
pub fn meant(wanted: Option<&MetricMatch>) -> Vec<&'static str> {
    let custom = wanted.and_then(|wanted| wanted.custom_metric.as_deref()).filter(|name| !name.is_empty());
    let metric = wanted.and_then(|wanted| wanted.metric.as_deref()).unwrap_or("ALL_METRICS");
    let chosen = METRICS.iter().filter(|(name, shown)| match custom {
        Some(custom) => custom.strip_prefix("istio_").unwrap_or(custom) == *shown,
        None => metric == "ALL_METRICS" || metric == *name,
    });
    chosen.map(|(_, shown)| *shown).collect()
}

fn names(providers: &[ProviderRef]) -> Vec<&str> {
    providers.iter().map(|provider| provider.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precedence::tests::Made;
    use serde_json::json;

    fn labels(app: &str) -> Labels {
        Labels::from([("app".to_owned(), app.to_owned())])
    }

    #[test]
    fn one_of_each_level_holds_and_of_several_the_oldest() {
        let own = json!({ "selector": { "matchLabels": { "app": "web" } } });
        let gateway = json!({ "targetRefs": [{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g" }] });
        let all: Vec<Made<Telemetry>> = vec![
            Made::new("istio-system/mesh", "1", json!({})),
            Made::new("istio-system/narrow", "1", own.clone()),
            Made::new("shop/old", "1", json!({ "selector": {} })),
            Made::new("shop/young", "2", json!({})),
            Made::new("shop/web", "3", own.clone()),
            Made::new("shop/web-too", "4", own),
            Made::new("shop/edge", "5", gateway),
        ];
        let check = |namespace: &str, labels: &Labels, expect: &[&str]| {
            let held = holding(&all, "istio-system", namespace, labels);
            assert_eq!(held.iter().map(|one| one.name).collect::<Vec<_>>(), expect);
        };
        check("shop", &labels("web"), &["mesh", "old", "web"]);
        check("shop", &labels("api"), &["mesh", "old"]);
        check("toys", &labels("web"), &["mesh"]);
        check("istio-system", &labels("web"), &["mesh", "narrow"]);
        let edge = Labels::from([(crate::attach::GATEWAY_NAME.to_owned(), "g".to_owned())]);
        check("shop", &edge, &["mesh", "old", "edge"]);
    }

    fn read(spec: Value) -> Telemetry {
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn the_closest_word_on_traces_counts() {
        let mesh = read(json!({ "tracing": [{ "randomSamplingPercentage": 1, "providers": [{ "name": "a" }],
            "customTags": { "x": { "literal": { "value": "1" } } } }] }));
        let own = read(json!({ "tracing": [{ "match": { "mode": "CLIENT" }, "disableSpanReporting": true,
            "customTags": { "y": { "header": { "name": "h" } } } }] }));
        let client = tracing(&[&mesh, &own], Side::Client);
        assert_eq!((client.provider, client.sampling, client.off), (Some("a"), Some(1.0), true));
        assert_eq!(client.tags.keys().copied().collect::<Vec<_>>(), ["y"]);
        let server = tracing(&[&mesh, &own], Side::Server);
        assert_eq!((server.off, server.tags.len(), server.tags.contains_key("x")), (false, 1, true));
        assert_eq!(custom_tag("e", &json!({})), None);
        let header = custom_tag("y", &json!({ "header": { "name": "h", "defaultValue": "d" } }));
        assert_eq!(
            header,
            Some(json!({ "tag": "y", "request_header": { "name": "h", "default_value": "d" } }))
        );
    }

    #[test]
    fn logs_are_those_of_the_last_level_that_names_some() {
        let mesh = read(json!({ "accessLogging": [{ "providers": [{ "name": "a" }] }] }));
        let own = read(json!({ "accessLogging": [
            { "match": { "mode": "CLIENT" }, "disabled": true }, { "match": { "mode": "SERVER" }, "filter": { "expression": "f" } }] }));
        assert_eq!(logs(&[], Side::Client, &["d"]), Logs::from([("d", None)]));
        assert_eq!(logs(&[&mesh], Side::Client, &["d"]), Logs::from([("a", None)]));
        assert_eq!(logs(&[&mesh, &own], Side::Client, &["d"]), Logs::new());
        assert_eq!(logs(&[&mesh, &own], Side::Server, &["d"]), Logs::from([("a", Some("f"))]));
        assert_eq!(logs(&[&own], Side::Server, &["d"]), Logs::from([("d", Some("f"))]));
    }

    #[test]
    fn metrics_change_one_by_one() {
        let own = read(json!({ "metrics": [{ "reportingInterval": "2s", "overrides": [
            { "match": { "metric": "REQUEST_SIZE" }, "disabled": true },
            { "match": { "mode": "CLIENT", "metric": "REQUEST_COUNT" }, "tagOverrides": {
                "a": { "operation": "REMOVE" }, "b": { "value": "request.host" } } }] }] }));
        let of = |side| metrics(&[&own], side, &[PROMETHEUS], |name| name == PROMETHEUS);
        let client = of(Side::Client);
        assert!(client.counted && client.each["request_bytes"].off);
        let tags = &client.each["requests_total"].tags;
        assert_eq!(tags, &BTreeMap::from([("a", None), ("b", Some("request.host"))]));
        assert_eq!((of(Side::Server).each.len(), client.interval), (1, Some("2s")));
        let other = read(json!({ "metrics": [{ "providers": [{ "name": "other" }] }] }));
        assert!(!metrics(&[&own, &other], Side::Client, &[PROMETHEUS], |name| name == PROMETHEUS).counted);
    }
}
