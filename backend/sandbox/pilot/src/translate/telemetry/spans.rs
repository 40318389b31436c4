//! Spans: to whom a proxy reports them, how many, and with which tags.

use super::holding::{holding, or};
use super::providers::{self, Provider};
use super::side::Side;
use crate::bootstrap::OTLP_CLUSTER;
use crate::identity::{CLUSTER_ID, TRUST_DOMAIN};
use crate::translate::target::Target;
use istio::telemetry::{self, Traced, custom_tag};
use serde_json::{Value, json};

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
    let istio = istio.into_iter().filter(|_| tracing.said.istio_tags.unwrap_or(true)).map(literal);
    let custom = tracing.said.tags.iter().filter_map(|(name, tag)| custom_tag(name, tag));
    Some(json!({
        "client_sampling": {"value": 100.0},
        "random_sampling": {"value": tracing.sampling},
        "overall_sampling": {"value": 100.0},
        "spawn_upstream_span": side == Side::Outbound && target.is_gateway(),
        "custom_tags": istio.chain(custom).collect::<Vec<_>>(),
        "no_context_propagation": tracing.said.alone.unwrap_or(false),
        "provider": provider(target, &tracing),
    }))
}

/// Whether the request id decides who is traced, so that all proxies of a call agree.
pub(crate) fn by_request_id(target: &Target<'_>, side: Side) -> bool {
    telemetry::tracing(&holding(target), side.of_call()).by_request_id.unwrap_or(true)
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
    said: Traced<'a>,
}

/// `None`: no spans are reported.
fn wanted<'a>(target: &Target<'a>, side: Side) -> Option<Tracing<'a>> {
    let config = &target.registry.mesh_config;
    let said = telemetry::tracing(&holding(target), side.of_call());
    let default = or(&config.default_providers.tracing, providers::JAEGER)[0];
    let provider = providers::find(target.registry, said.provider.unwrap_or(default)).ok()?;
    let traces = matches!(provider, Provider::Ours | Provider::OpenTelemetry(_) | Provider::Zipkin(_));
    let sampling = said.sampling.unwrap_or(config.sampling_percent());
    (traces && !said.off).then_some(Tracing { provider, sampling, said })
}
