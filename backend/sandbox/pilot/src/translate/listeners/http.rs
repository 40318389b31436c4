//! The HTTP connection manager, with its filters in istiod's order.

use crate::translate::envoy::merge;
use crate::translate::target::Target;
use crate::translate::telemetry::metrics;
use crate::translate::telemetry::observe::{self, PEER_HEADER, PEER_NAMESPACE};
use crate::translate::telemetry::side::Side;
use crate::translate::telemetry::spans;
use serde_json::{Value, json};

fn filter(name: &str, message: &str) -> Value {
    json!({"name": name, "typed_config": {"@type": format!("type.googleapis.com/{message}")}})
}

/// Takes the caller's name out of its header, for the access log.
fn peer_filter() -> Value {
    json!({
        "name": "envoy.filters.http.header_to_metadata",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
            "request_rules": [{
                "header": PEER_HEADER,
                "on_header_present": {"metadata_namespace": PEER_NAMESPACE, "key": "id", "type": "STRING"},
                "remove": true,
            }],
        },
    })
}

fn filters(target: &Target<'_>, side: Side, guards: Vec<Value>) -> Vec<Value> {
    let mut filters = Vec::new();
    if side == Side::Inbound {
        filters.push(peer_filter());
    }
    filters.extend(guards);
    filters.push(json!({
        "name": "envoy.filters.http.grpc_stats",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
            "emit_filter_state": true,
            "stats_for_all_methods": false,
        },
    }));
    filters.push(filter("envoy.filters.http.fault", "envoy.extensions.filters.http.fault.v3.HTTPFault"));
    filters.push(filter("envoy.filters.http.cors", "envoy.extensions.filters.http.cors.v3.Cors"));
    filters.extend(metrics::filter(target, side));
    filters.push(filter("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router"));
    filters
}

/// How paths are read: `/a/../b` is `/b` unless the mesh says otherwise.
fn paths(target: &Target<'_>) -> Value {
    let normalization =
        target.registry.mesh_config.path_normalization.normalization.as_deref().unwrap_or_default();
    let decode = normalization == "DECODE_AND_MERGE_SLASHES";
    json!({
        "normalize_path": normalization != "NONE",
        "merge_slashes": decode || normalization == "MERGE_SLASHES",
        "path_with_escaped_slashes_action": if decode { "UNESCAPE_AND_FORWARD" } else { "KEEP_UNCHANGED" },
    })
}

/// A connection manager; `routes` is its `rds` or `route_config`, `guards` decide first who may pass.
pub(crate) fn manager(
    target: &Target<'_>,
    side: Side,
    stat_prefix: &str,
    routes: (&str, Value),
    guards: Vec<Value>,
) -> Value {
    let defaults = &target.registry.mesh_config.default_config;
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": stat_prefix,
        routes.0: routes.1,
        "http_filters": filters(target, side, guards),
        "access_log": observe::http_logs(target, side),
        "use_remote_address": target.is_gateway(),
        "xff_num_trusted_hops": if target.is_gateway() { defaults.gateway_topology.num_trusted_proxies } else { 0 },
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "request_id_extension": {"typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
            "use_request_id_for_trace_sampling": spans::by_request_id(target, side),
        }},
    });
    merge(&mut config, paths(target));
    if let Some(tracing) = spans::tracing(target, side) {
        config["tracing"] = tracing;
    }
    let details = |forward: &str| {
        json!({"forward_client_cert_details": forward,
        "set_current_client_cert_details": {"subject": true, "dns": true, "uri": true}})
    };
    let more = match (side, target.is_gateway()) {
        (Side::Inbound, _) => details("APPEND_FORWARD"),
        (Side::Outbound, true) => details("SANITIZE_SET"),
        (Side::Outbound, false) => json!({}),
    };
    merge(&mut config, more);
    json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": config})
}

/// A proxy between bytes.
pub(crate) fn bytes(target: &Target<'_>, side: Side, cluster: &str) -> Value {
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": cluster,
        "cluster": cluster,
    });
    merge(&mut config, observe::tcp_logs(target, side));
    json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": config})
}

/// Routes by name, over the stream that everything comes over.
pub(crate) fn rds(name: &str) -> Value {
    json!({
        "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
        "route_config_name": name,
    })
}
