//! Traffic policies: connection pools, retry budgets, ejection of outliers.

use super::balance;
use super::destinations::Policy;
use crate::registry::mesh_config::MeshConfig;
use crate::translate::envoy::{number, protocol_options, put, seconds, time};
use istio::Protocol;
use serde_json::{Value, json};

/// What of a traffic policy has an effect.
pub(crate) const KNOWN: [&str; 6] =
    ["loadBalancer", "connectionPool", "outlierDetection", "tls", "portLevelSettings", "retryBudget"];
/// What of `connectionPool.tcp`, `.http`, `outlierDetection` and `loadBalancer` has an effect.
pub(crate) const KNOWN_TCP: [&str; 5] =
    ["maxConnections", "connectTimeout", "tcpKeepalive", "idleTimeout", "maxConnectionDuration"];
pub(crate) const KNOWN_HTTP: [&str; 9] = [
    "http1MaxPendingRequests",
    "http2MaxRequests",
    "maxRequestsPerConnection",
    "maxRetries",
    "idleTimeout",
    "maxConcurrentStreams",
    "h2UpgradePolicy",
    "useClientProtocol",
    "http2KeepAlive",
];
pub(crate) const KNOWN_OUTLIER: [&str; 9] = [
    "consecutive5xxErrors",
    "consecutiveGatewayErrors",
    "interval",
    "baseEjectionTime",
    "maxEjectionPercent",
    "minHealthPercent",
    "splitExternalLocalOriginErrors",
    "consecutiveLocalOriginFailures",
    "outlierDetectionHttpErrorCodes",
];
pub(crate) const KNOWN_BALANCER: [&str; 5] =
    ["simple", "consistentHash", "warmup", "warmupDurationSecs", "localityLbSetting"];

impl Policy<'_> {
    /// Writes limits, ejection and load balancing into a cluster.
    pub(crate) fn apply(&self, mesh: &MeshConfig, cluster: &mut Value, protocol: Protocol) {
        self.pool(mesh, cluster, protocol);
        if let Some(outliers) = self.outlier_detection {
            eject(cluster, outliers);
        }
        if let Some(balancer) = self.load_balancer {
            balance::balance(cluster, balancer);
        }
    }

    /// Whether HTTP/2 is spoken to the service.
    pub(crate) fn speaks_http2(&self, mesh: &MeshConfig, protocol: Protocol) -> bool {
        let wish = self
            .connection_pool
            .and_then(|pool| pool["http"]["h2UpgradePolicy"].as_str())
            .unwrap_or("DEFAULT");
        let wish =
            if wish == "DEFAULT" { mesh.h2_upgrade_policy.as_deref().unwrap_or_default() } else { wish };
        protocol.is_http2() || (protocol.is_http() && wish == "UPGRADE")
    }

    fn pool(&self, mesh: &MeshConfig, cluster: &mut Value, protocol: Protocol) {
        let none = Value::Null;
        let pool = self.connection_pool.unwrap_or(&none);
        let (tcp, http) = (&pool["tcp"], &pool["http"]);
        let limits = &mut cluster["circuit_breakers"]["thresholds"][0];
        put(limits, "max_connections", number(tcp, "maxConnections"));
        put(limits, "max_pending_requests", number(http, "http1MaxPendingRequests"));
        put(limits, "max_requests", number(http, "http2MaxRequests"));
        put(limits, "max_retries", number(http, "maxRetries"));
        if let Some(budget) = self.retry_budget {
            let mut wanted = json!({});
            put(
                &mut wanted,
                "budget_percent",
                budget["percent"].as_f64().map(|percent| json!({"value": percent})),
            );
            put(
                &mut wanted,
                "min_retry_concurrency",
                budget["minRetryConcurrency"].as_u64().map(Value::from),
            );
            limits["retry_budget"] = wanted;
        }
        put(cluster, "connect_timeout", time(tcp, "connectTimeout"));
        if let Some(keepalive) = tcp.get("tcpKeepalive") {
            cluster["upstream_connection_options"] = json!({"tcp_keepalive": keep_alive(keepalive)});
        }
        let mut common = json!({});
        put(&mut common, "max_requests_per_connection", number(http, "maxRequestsPerConnection"));
        put(&mut common, "idle_timeout", time(http, "idleTimeout").or_else(|| time(tcp, "idleTimeout")));
        put(&mut common, "max_connection_duration", time(tcp, "maxConnectionDuration"));
        let mut http2 = json!({"max_concurrent_streams": 1_073_741_824});
        put(&mut http2, "max_concurrent_streams", number(http, "maxConcurrentStreams"));
        if let Some(keepalive) = http.get("http2KeepAlive") {
            let mut wanted = json!({});
            put(&mut wanted, "interval", time(keepalive, "interval"));
            put(&mut wanted, "timeout", time(keepalive, "timeout"));
            http2["connection_keepalive"] = wanted;
        }
        let errors = self.outlier_detection.and_then(error_matcher);
        let says_something = errors.is_some() || common.as_object().is_some_and(|common| !common.is_empty());
        let mut options = if http["useClientProtocol"] == true {
            json!({"use_downstream_protocol_config": {"http_protocol_options": {},
                "http2_protocol_options": http2}})
        } else if self.speaks_http2(mesh, protocol) {
            json!({"explicit_http_config": {"http2_protocol_options": http2}})
        } else if says_something {
            json!({"explicit_http_config": {"http_protocol_options": {}}})
        } else {
            return; // Envoy's own: HTTP/1.1
        };
        options["common_http_protocol_options"] = common;
        if let Some(errors) = errors {
            options["outlier_detection"] = json!({"error_matcher": errors});
        }
        cluster["typed_extension_protocol_options"] = protocol_options(options);
    }
}

fn keep_alive(wanted: &Value) -> Value {
    let whole = |key| {
        wanted[key].as_str().and_then(seconds).and_then(|text| text.trim_end_matches('s').parse::<f64>().ok())
    };
    let mut keepalive = json!({});
    put(&mut keepalive, "keepalive_probes", number(wanted, "probes"));
    #[allow(clippy::cast_possible_truncation, reason = "whole seconds")]
    for (key, name) in [("time", "keepalive_time"), ("interval", "keepalive_interval")] {
        put(&mut keepalive, name, whole(key).map(|seconds| json!(seconds as i64)));
    }
    keepalive
}

/// Which answers count as errors, when it is not 5xx.
fn error_matcher(outliers: &Value) -> Option<Value> {
    let codes = outliers["outlierDetectionHttpErrorCodes"].as_array()?.iter().filter_map(Value::as_u64);
    let rule = |code: u64| {
        json!({"http_response_headers_match": {"headers": [{"name": ":status",
        "string_match": {"exact": code.to_string()}}]}})
    };
    let rules: Vec<Value> = codes.map(rule).collect();
    match rules.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        _ => Some(json!({"or_match": {"rules": rules}})),
    }
}

fn eject(cluster: &mut Value, wanted: &Value) {
    // Ejection by success rate is Envoy's own idea; Istio has no field for it.
    let mut outliers = json!({"enforcing_success_rate": 0});
    let counts = [
        ("consecutive5xxErrors", "consecutive_5xx", "enforcing_consecutive_5xx"),
        ("consecutiveGatewayErrors", "consecutive_gateway_failure", "enforcing_consecutive_gateway_failure"),
    ];
    for (key, name, enforcing) in counts {
        if let Some(count) = wanted[key].as_i64() {
            outliers[name] = json!(count);
            outliers[enforcing] = json!(if count > 0 { 100 } else { 0 });
        }
    }
    put(&mut outliers, "interval", time(wanted, "interval"));
    put(&mut outliers, "base_ejection_time", time(wanted, "baseEjectionTime"));
    put(&mut outliers, "max_ejection_percent", number(wanted, "maxEjectionPercent"));
    if wanted["splitExternalLocalOriginErrors"] == true {
        outliers["split_external_local_origin_errors"] = json!(true);
        outliers["enforcing_local_origin_success_rate"] = json!(0);
        if let Some(count) = number(wanted, "consecutiveLocalOriginFailures") {
            outliers["consecutive_local_origin_failure"] = count;
            outliers["enforcing_consecutive_local_origin_failure"] = json!(100);
        }
    }
    cluster["outlier_detection"] = outliers;
    // Istio sends nothing to ejected endpoints unless asked to.
    let panic = number(wanted, "minHealthPercent").unwrap_or_else(|| json!(0));
    cluster["common_lb_config"]["healthy_panic_threshold"] = json!({"value": panic});
}
