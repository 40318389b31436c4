//! What every proxy reports: access logs (text and gRPC) and spans.

use super::Target;
use serde_json::{Value, json};

/// Which side of a call a proxy stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The caller's; gateways too.
    Outbound,
    /// The callee's.
    Inbound,
}

impl Side {
    /// The access log's name.
    pub(crate) fn log_name(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }

    /// Envoy's word.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::Outbound => "OUTBOUND",
            Self::Inbound => "INBOUND",
        }
    }
}

/// The header in which a caller's proxy says whose it is, and where the callee's proxy keeps it.
pub(crate) const PEER_HEADER: &str = "x-envoy-peer-metadata-id";
/// Namespace of the dynamic metadata that carries the caller's name into the access log.
pub(crate) const PEER_NAMESPACE: &str = "binnacle.peer";

const ISTIO_TEXT: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% \
%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" \
%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \
\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% \
%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

fn text_log() -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "/dev/stdout",
            "log_format": {"text_format_source": {"inline_string": ISTIO_TEXT}},
        },
    })
}

fn stream(side: Side) -> Value {
    let tag = |name: &str, value: &str| json!({"tag": name, "value": value});
    // The log itself knows the certificates of the downstream side only.
    let tags = match side {
        Side::Outbound => {
            // In one tag: Envoy leaves an empty one out, and "no certificate" must be told too.
            json!([tag("upstream_sans", "%UPSTREAM_LOCAL_URI_SAN%|%UPSTREAM_PEER_URI_SAN%")])
        }
        Side::Inbound => json!([]),
    };
    json!({
        "log_name": side.log_name(),
        "grpc_service": {"envoy_grpc": {"cluster_name": crate::bootstrap::ALS_CLUSTER}},
        "transport_api_version": "V3",
        "buffer_flush_interval": "0.100s",
        "custom_tags": tags,
        "filter_state_objects_to_log": ["envoy.filters.http.grpc_stats"],
    })
}

/// Of requests: the text log, and the record that becomes metrics.
pub(crate) fn http_logs(_target: &Target<'_>, side: Side) -> Value {
    json!([text_log(), {
        "name": "envoy.access_loggers.http_grpc",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": stream(side),
            "additional_request_headers_to_log": [":authority", PEER_HEADER, "content-type", "x-request-id", "traceparent"],
            "additional_response_headers_to_log": ["grpc-status"],
            "additional_response_trailers_to_log": ["grpc-status"],
        },
    }])
}

/// Of connections: the text log, and the record that becomes metrics.
pub(crate) fn tcp_logs(_target: &Target<'_>, side: Side) -> Value {
    json!([text_log(), {
        "name": "envoy.access_loggers.tcp_grpc",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig",
            "common_config": stream(side),
        },
    }])
}

/// Of connections that no filter chain takes: only text, as istiod does, because nothing is known about them.
pub(crate) fn refused_logs(_target: &Target<'_>, _side: Side) -> Value {
    let mut log = text_log();
    log["filter"] = json!({"response_flag_filter": {"flags": ["NR"]}});
    json!([log])
}

/// Spans to the collector, with Istio's tags.
pub(crate) fn tracing(target: &Target<'_>, side: Side) -> Value {
    let workload = target.workload;
    let app = workload.labels.get("app").map_or(workload.owner.as_str(), String::as_str);
    let tag = |name: &str, value: &str| json!({"tag": name, "literal": {"value": value}});
    let percent = json!({"value": target.registry.mesh_config.sampling_percent()});
    json!({
        "client_sampling": {"value": 100.0},
        "random_sampling": percent,
        "overall_sampling": {"value": 100.0},
        "spawn_upstream_span": side == Side::Outbound && target.is_gateway(),
        "custom_tags": [
            tag("istio.canonical_revision", workload.canonical_revision()),
            tag("istio.canonical_service", workload.canonical_service()),
            tag("istio.mesh_id", crate::registry::TRUST_DOMAIN),
            tag("istio.namespace", &workload.namespace),
            tag("istio.cluster_id", crate::CLUSTER_ID),
        ],
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "grpc_service": {"envoy_grpc": {"cluster_name": crate::bootstrap::OTLP_CLUSTER}, "timeout": "1s"},
                "service_name": format!("{app}.{}", workload.namespace),
            },
        },
    })
}
