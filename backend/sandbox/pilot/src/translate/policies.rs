//! Traffic policies: connection pools, ejection of outliers, load balancing.

use super::clusters::protocol_options;
use super::destinations::Policy;
use super::support::seconds;
use crate::registry::Protocol;
use serde_json::{Map, Value, json};

/// What of `connectionPool.tcp`, `.http`, `outlierDetection` and `loadBalancer` has an effect.
pub(crate) const KNOWN_TCP: [&str; 3] = ["maxConnections", "connectTimeout", "tcpKeepalive"];
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
pub(crate) const KNOWN_OUTLIER: [&str; 8] = [
    "consecutive5xxErrors",
    "consecutiveGatewayErrors",
    "interval",
    "baseEjectionTime",
    "maxEjectionPercent",
    "minHealthPercent",
    "splitExternalLocalOriginErrors",
    "consecutiveLocalOriginFailures",
];
pub(crate) const KNOWN_BALANCER: [&str; 4] = ["simple", "consistentHash", "warmup", "warmupDurationSecs"];

fn time(from: &Value, key: &str) -> Option<Value> {
    from[key].as_str().and_then(seconds).map(Value::from)
}

fn number(from: &Value, key: &str) -> Option<Value> {
    from[key].as_i64().map(Value::from)
}

fn put(into: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        into[key] = value;
    }
}

impl Policy<'_> {
    /// Writes limits, ejection and load balancing into a cluster.
    pub(crate) fn apply(&self, cluster: &mut Value, protocol: Protocol) {
        let none = Value::Null;
        pool(cluster, self.connection_pool.unwrap_or(&none), protocol);
        if let Some(outliers) = self.outlier_detection {
            eject(cluster, outliers);
        }
        if let Some(balancer) = self.load_balancer {
            balance(cluster, balancer);
        }
    }

    /// What requests are hashed by, when the rule asks for it.
    pub(crate) fn hash_policy(&self) -> Option<Value> {
        let hash = self.load_balancer?.get("consistentHash")?;
        if let Some(name) = hash["httpHeaderName"].as_str() {
            return Some(json!([{"header": {"header_name": name}}]));
        }
        if let Some(cookie) = hash.get("httpCookie") {
            let mut wanted = json!({"name": cookie["name"]});
            put(&mut wanted, "path", cookie["path"].as_str().map(Value::from));
            put(&mut wanted, "ttl", time(cookie, "ttl"));
            return Some(json!([{"cookie": wanted}]));
        }
        if hash["useSourceIp"] == true {
            return Some(json!([{"connection_properties": {"source_ip": true}}]));
        }
        let name = hash["httpQueryParameterName"].as_str()?;
        Some(json!([{"query_parameter": {"name": name}}]))
    }
}

fn pool(cluster: &mut Value, pool: &Value, protocol: Protocol) {
    let (tcp, http) = (&pool["tcp"], &pool["http"]);
    let limits = &mut cluster["circuit_breakers"]["thresholds"][0];
    put(limits, "max_connections", number(tcp, "maxConnections"));
    put(limits, "max_pending_requests", number(http, "http1MaxPendingRequests"));
    put(limits, "max_requests", number(http, "http2MaxRequests"));
    put(limits, "max_retries", number(http, "maxRetries"));
    put(cluster, "connect_timeout", time(tcp, "connectTimeout"));
    if let Some(keepalive) = tcp.get("tcpKeepalive") {
        let whole =
            |key| keepalive[key].as_str().and_then(seconds).and_then(|text| text.trim_end_matches('s').parse::<f64>().ok());
        let mut wanted = json!({});
        put(&mut wanted, "keepalive_probes", number(keepalive, "probes"));
        #[allow(clippy::cast_possible_truncation, reason = "whole seconds")]
        for (key, name) in [("time", "keepalive_time"), ("interval", "keepalive_interval")] {
            put(&mut wanted, name, whole(key).map(|seconds| json!(seconds as i64)));
        }
        cluster["upstream_connection_options"] = json!({"tcp_keepalive": wanted});
    }
    let mut common = json!({});
    put(&mut common, "max_requests_per_connection", number(http, "maxRequestsPerConnection").filter(|limit| *limit != 0));
    put(&mut common, "idle_timeout", time(http, "idleTimeout"));
    let mut http2 = json!({"max_concurrent_streams": 1_073_741_824});
    put(&mut http2, "max_concurrent_streams", number(http, "maxConcurrentStreams"));
    if let Some(keepalive) = http.get("http2KeepAlive") {
        let mut wanted = json!({});
        put(&mut wanted, "interval", time(keepalive, "interval"));
        put(&mut wanted, "timeout", time(keepalive, "timeout"));
        http2["connection_keepalive"] = wanted;
    }
    let upgraded = http["h2UpgradePolicy"] == "UPGRADE" && protocol == Protocol::Http;
    let mut options = if http["useClientProtocol"] == true {
        json!({"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": http2}})
    } else if protocol == Protocol::Http2 || upgraded {
        json!({"explicit_http_config": {"http2_protocol_options": http2}})
    } else if common.as_object().is_some_and(|common| !common.is_empty()) {
        json!({"explicit_http_config": {"http_protocol_options": {}}})
    } else {
        return; // Envoy's own: HTTP/1.1
    };
    options["common_http_protocol_options"] = common;
    cluster["typed_extension_protocol_options"] = protocol_options(options);
}

fn eject(cluster: &mut Value, wanted: &Value) {
    // Ejection by success rate is Envoy's own idea; Istio has no field for it.
    let mut outliers = json!({"enforcing_success_rate": 0});
    let counts = [
        ("consecutive5xxErrors", "consecutive_5xx", "enforcing_consecutive_5xx"),
        ("consecutiveGatewayErrors", "consecutive_gateway_failure", "enforcing_consecutive_gateway_failure"),
        ("consecutiveLocalOriginFailures", "consecutive_local_origin_failure", "enforcing_consecutive_local_origin_failure"),
    ];
    for (key, name, enforcing) in counts {
        if let Some(count) = wanted[key].as_i64() {
            if count > 0 {
                outliers[name] = json!(count);
            }
            outliers[enforcing] = json!(if count > 0 { 100 } else { 0 });
        }
    }
    put(&mut outliers, "interval", time(wanted, "interval"));
    put(&mut outliers, "base_ejection_time", time(wanted, "baseEjectionTime"));
    put(&mut outliers, "max_ejection_percent", number(wanted, "maxEjectionPercent").filter(|percent| *percent != 0));
    put(&mut outliers, "split_external_local_origin_errors", wanted["splitExternalLocalOriginErrors"].as_bool().map(Value::from));
    cluster["outlier_detection"] = outliers;
    // Istio sends nothing to ejected endpoints unless asked to.
    let panic = number(wanted, "minHealthPercent").unwrap_or_else(|| json!(0));
    cluster["common_lb_config"]["healthy_panic_threshold"] = json!({"value": panic});
}

fn balance(cluster: &mut Value, wanted: &Value) {
    if let Some(hash) = wanted.get("consistentHash") {
        if let Some(maglev) = hash.get("maglev") {
            cluster["lb_policy"] = json!("MAGLEV");
            let mut config = Map::new();
            config.extend(number(maglev, "tableSize").map(|size| ("table_size".to_owned(), size)));
            cluster["maglev_lb_config"] = config.into();
        } else {
            let size = number(&hash["ringHash"], "minimumRingSize").or_else(|| number(hash, "minimumRingSize"));
            cluster["lb_policy"] = json!("RING_HASH");
            cluster["ring_hash_lb_config"] = json!({"minimum_ring_size": size.unwrap_or_else(|| json!(1024))});
        }
        return;
    }
    let (policy, config) = match wanted["simple"].as_str() {
        Some("ROUND_ROBIN") => ("ROUND_ROBIN", "round_robin_lb_config"),
        Some("RANDOM") => ("RANDOM", ""),
        _ => ("LEAST_REQUEST", "least_request_lb_config"),
    };
    cluster["lb_policy"] = json!(policy);
    let warmup = &wanted["warmup"];
    let window = time(warmup, "duration").or_else(|| time(wanted, "warmupDurationSecs"));
    if let Some(window) = window.filter(|_| !config.is_empty()) {
        let aggression = warmup["aggression"].as_f64().unwrap_or(1.0);
        let minimum = warmup["minimumPercent"].as_f64().unwrap_or(10.0);
        cluster[config] = json!({"slow_start_config": {
            "slow_start_window": window,
            "aggression": {"default_value": aggression, "runtime_key": ""},
            "min_weight_percent": {"value": minimum},
        }});
    }
}
