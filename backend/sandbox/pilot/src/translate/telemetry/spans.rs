//! Spans: to whom a proxy reports them, how many, and with which tags.

use super::holding::{holding, matches, or};
use super::providers::{self, Provider};
use super::side::Side;
use crate::bootstrap::OTLP_CLUSTER;
use crate::identity::{CLUSTER_ID, TRUST_DOMAIN};
use crate::translate::target::Target;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The connection manager's `tracing`; `None` when a Telemetry turned it off.
pub(crate) fn tracing(target: &Target<'_>, side: Side) -> Option<Value> {
    let tracing = wanted(target, side)?;
    let workload = target.workload;
    let literal = |(name, value): (&str, &str)| json!({"tag": name, "literal": {"value": value}});
    let istio = [
        ("istio.canonical_revision", workload.canonical_revision()),
        ("istio.canonical_service", workload.canonical_service()),
        ("istio.mesh_id", TRUST_DOMAIN),
        ("istio.namespace", &workload.namespace),
        ("istio.cluster_id", CLUSTER_ID),
    ];
    let istio = istio.into_iter().filter(|_| tracing.istio_tags).map(literal);
    let custom = tracing.custom_tags.iter().filter_map(|(name, tag)| custom_tag(name, tag));
    Some(json!({
        "client_sampling": {"value": 100.0},
        "random_sampling": {"value": tracing.sampling},
        "overall_sampling": {"value": 100.0},
        "spawn_upstream_span": side == Side::Outbound && target.is_gateway(),
        "custom_tags": istio.chain(custom).collect::<Vec<_>>(),
        "no_context_propagation": !tracing.propagates,
        "provider": provider(target, &tracing),
    }))
}

/// Whether the request id decides who is traced, so that all proxies of a call agree.
pub(crate) fn by_request_id(target: &Target<'_>, side: Side) -> bool {
    wanted(target, side).is_none_or(|tracing| tracing.request_id_sampling)
}

/// A tag of a Telemetry, as Envoy takes it.
pub(crate) fn custom_tag(name: &str, tag: &Value) -> Option<Value> {
    let with_default = |of: &Value| {
        json!({"name": of["name"],
        "default_value": of["defaultValue"].as_str().unwrap_or_default()})
    };
    let (key, value) = if tag["literal"].is_object() {
        ("literal", json!({"value": tag["literal"]["value"].as_str().unwrap_or_default()}))
    } else if tag["environment"].is_object() {
        ("environment", with_default(&tag["environment"]))
    } else if tag["header"].is_object() {
        ("request_header", with_default(&tag["header"]))
    } else {
        ("value", json!(tag["formatter"]["value"].as_str()?))
    };
    Some(json!({"tag": name, key: value}))
}

fn provider(target: &Target<'_>, tracing: &Tracing<'_>) -> Value {
    let workload = target.workload;
    let app = workload.labels.get("app").map_or(workload.owner.as_str(), String::as_str);
    let to = match &tracing.provider {
        Provider::Zipkin(service) => {
            return json!({
                "name": "envoy.tracers.zipkin",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
                    "collector_cluster": service.cluster,
                    "collector_endpoint": "/api/v2/spans",
                    "collector_endpoint_version": "HTTP_JSON",
                    "collector_hostname": format!("{}:{}", service.host, service.port),
                    "trace_id_128bit": true,
                    "shared_span_context": false,
                },
            });
        }
        Provider::OpenTelemetry(service) => service.grpc(),
        _ => json!({"cluster_name": OTLP_CLUSTER}),
    };
    json!({
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
            "grpc_service": {"envoy_grpc": to, "timeout": "10s"},
            "service_name": format!("{app}.{}", workload.namespace),
        },
    })
}

/// How one side of a proxy traces.
struct Tracing<'a> {
    provider: Provider,
    /// In percent.
    sampling: f64,
    custom_tags: BTreeMap<&'a str, &'a Value>,
    request_id_sampling: bool,
    istio_tags: bool,
    propagates: bool,
}

/// `None`: no spans are reported.
fn wanted<'a>(target: &Target<'a>, side: Side) -> Option<Tracing<'a>> {
    let config = &target.registry.mesh_config;
    let mut provider = or(&config.default_providers.tracing, providers::JAEGER)[0];
    let mut disabled = false;
    let mut tracing = Tracing {
        provider: Provider::Ours,
        sampling: config.sampling_percent(),
        custom_tags: BTreeMap::new(),
        request_id_sampling: true,
        istio_tags: true,
        propagates: true,
    };
    let all = holding(target).into_iter().flat_map(|telemetry| &telemetry.tracing);
    for rule in all.filter(|rule| matches(rule.r#match.as_ref(), side)) {
        if let Some(first) = rule.providers.first() {
            provider = &first.name;
        }
        if let Some(tags) = &rule.custom_tags {
            tracing.custom_tags = tags.iter().map(|(name, tag)| (name.as_str(), tag)).collect();
        }
        disabled = rule.disable_span_reporting.unwrap_or(disabled);
        tracing.sampling = rule.random_sampling_percentage.unwrap_or(tracing.sampling);
        tracing.request_id_sampling =
            rule.use_request_id_for_trace_sampling.unwrap_or(tracing.request_id_sampling);
        tracing.istio_tags = rule.enable_istio_tags.unwrap_or(tracing.istio_tags);
        tracing.propagates = !rule.disable_context_propagation.unwrap_or(!tracing.propagates);
    }
    tracing.provider = providers::find(target.registry, provider).ok()?;
    let traces =
        matches!(tracing.provider, Provider::Ours | Provider::OpenTelemetry(_) | Provider::Zipkin(_));
    (traces && !disabled).then_some(tracing)
}
