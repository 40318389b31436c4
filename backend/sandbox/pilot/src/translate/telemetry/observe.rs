//! What every proxy reports of requests and connections: logs for people, and the records that become
//! metrics.

use super::cel;
use super::holding::{holding, or};
use super::metrics::{self, Overrides};
use super::providers::{self, Provider, Service};
use super::side::Side;
use crate::bootstrap::ALS_CLUSTER;
use crate::translate::target::Target;
use istio::telemetry;
use serde_json::{Value, json};

/// The header in which a caller's proxy says whose it is, and where the callee's proxy keeps it.
pub(crate) const PEER_HEADER: &str = "x-envoy-peer-metadata-id";
/// Namespace of the dynamic metadata that carries the caller's name into the access log.
pub(crate) const PEER_NAMESPACE: &str = "binnacle.peer";

const ISTIO_TEXT: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
    %RESPONSE_CODE% \
%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \
\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" \
%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \
\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" \
%UPSTREAM_CLUSTER_RAW% \
%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% \
%ROUTE_NAME%\n";

fn text_log(path: &str, format: Option<&Value>) -> Value {
    let istio = || json!({"text_format_source": {"inline_string": ISTIO_TEXT}});
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": format.cloned().unwrap_or_else(istio),
        },
    })
}

/// Records of requests, for somebody else than the sandbox.
fn records(to: &Service, name: &str, headers: &Value) -> Value {
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        "common_config": {
            "log_name": name,
            "grpc_service": {"envoy_grpc": to.grpc()},
            "transport_api_version": "V3",
            "filter_state_objects_to_log": ["envoy.filters.http.grpc_stats"],
        },
    });
    let shown = headers.as_object().into_iter().flatten().filter(|(_, list)| list.is_array());
    shown.for_each(|(key, list)| config[key] = list.clone());
    json!({"name": "envoy.access_loggers.http_grpc", "typed_config": config})
}

/// The logs that Telemetry resources, or else the mesh's defaults, ask for; `only` are filters of their own.
fn wanted_logs(target: &Target<'_>, side: Side, requests: bool, only: &[Value]) -> Vec<Value> {
    let mut found = Vec::new();
    for log in logs(target, side) {
        let mut config = match &log.provider {
            Provider::File { path, format } => text_log(path, format.as_ref()),
            Provider::HttpAls { to, name, headers } if requests => records(to, name, headers),
            _ => continue,
        };
        let asked = log.filter.iter().map(|expression| {
            json!({"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            }}})
        });
        let filters: Vec<Value> = only.iter().cloned().chain(asked).collect();
        match filters.as_slice() {
            [] => {}
            [one] => config["filter"] = one.clone(),
            several => config["filter"] = json!({"and_filter": {"filters": several}}),
        }
        found.push(config);
    }
    found
}

fn stream(side: Side, overrides: &Overrides) -> Value {
    // The log itself knows the certificates of the downstream side only. In one tag: Envoy leaves an empty
    // one out, and "no certificate" must be told too.
    let of_caller = json!([
        {"tag": "upstream_sans", "value": "%UPSTREAM_LOCAL_URI_SAN%|%UPSTREAM_PEER_URI_SAN%"},
        // The log itself knows the cluster only when an endpoint of it was chosen.
        {"tag": "upstream_cluster", "value": "%UPSTREAM_CLUSTER_RAW%"},
    ]);
    let of_caller = of_caller.as_array().into_iter().flatten().filter(|_| side == Side::Outbound);
    let tags: Vec<&Value> = of_caller.chain(&overrides.tags).collect();
    json!({
        "log_name": format!("{}{}", side.log_name(), overrides.suffix),
        "grpc_service": {"envoy_grpc": {"cluster_name": ALS_CLUSTER}},
        "transport_api_version": "V3",
        "buffer_flush_interval": "0.100s",
        "custom_tags": tags,
        "filter_state_objects_to_log": ["envoy.filters.http.grpc_stats"],
    })
}

/// Of requests: the logs for people, and the record that becomes metrics.
pub(crate) fn http_logs(target: &Target<'_>, side: Side) -> Value {
    let mut logs = wanted_logs(target, side, true, &[]);
    logs.push(json!({
        "name": "envoy.access_loggers.http_grpc",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": stream(side, &metrics::overrides(target, side)),
            "additional_request_headers_to_log": [":authority", PEER_HEADER, "content-type", "x-request-id",
                "traceparent"],
            "additional_response_headers_to_log": ["grpc-status"],
            "additional_response_trailers_to_log": ["grpc-status"],
        },
    }));
    json!(logs)
}

/// The access log settings of a proxy between bytes: of connections the logs for people tell once, at the
/// end; the record that becomes metrics comes while they last, too, as Istio's proxies report them.
pub(crate) fn tcp_logs(target: &Target<'_>, side: Side) -> Value {
    let at_the_end = json!({"log_type_filter": {"types": ["TcpConnectionEnd"]}});
    let mut logs = wanted_logs(target, side, false, &[at_the_end]);
    let overrides = metrics::overrides(target, side);
    logs.push(json!({
        "name": "envoy.access_loggers.tcp_grpc",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig",
            "common_config": stream(side, &overrides),
        },
    }));
    json!({
        "access_log": logs,
        "access_log_options": {
            "access_log_flush_interval": overrides.interval.as_deref().unwrap_or("5s"),
            // The callee's proxy does not know yet who calls when it has reached its application.
            "flush_access_log_on_connected": side == Side::Outbound,
        },
    })
}

/// Of connections that no filter chain takes: only for people, as istiod does, because nothing is known about
/// them.
pub(crate) fn refused_logs(target: &Target<'_>, side: Side) -> Value {
    json!(wanted_logs(target, side, false, &[json!({"response_flag_filter": {"flags": ["NR"]}})]))
}

/// One log of one side of a proxy.
struct Log {
    provider: Provider,
    /// CEL, as Envoy takes it.
    filter: Option<String>,
}

/// The logs that are written, by their providers' names.
fn logs(target: &Target<'_>, side: Side) -> Vec<Log> {
    let config = &target.registry.mesh_config;
    // With `accessLogFile: ""` nothing is written until a Telemetry says so.
    let silent =
        config.access_log_file.as_deref() == Some("") && config.default_providers.access_logging.is_empty();
    let default =
        if silent { Vec::new() } else { or(&config.default_providers.access_logging, providers::ENVOY) };
    let read = |filter: &str| cel::for_envoy(filter).ok();
    let written = telemetry::logs(&holding(target), side.of_call(), &default).into_iter();
    let found = written.map(|(name, filter)| {
        let provider = providers::find(target.registry, name).ok()?;
        Some(Log { provider, filter: filter.and_then(read) })
    });
    found.flatten().collect()
}
