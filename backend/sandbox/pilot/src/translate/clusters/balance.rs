//! Load balancing: how an endpoint is chosen, what requests are hashed by, how a new endpoint is eased in.

use super::destinations::Policy;
use crate::translate::envoy::{number, put, time};
use serde_json::{Map, Value, json};

impl Policy<'_> {
    /// What requests are hashed by, when the rule asks for it.
    pub(crate) fn hash_policy(&self) -> Option<Value> {
        let hash = self.load_balancer?.get("consistentHash")?;
        if let Some(name) = hash["httpHeaderName"].as_str() {
            return Some(json!({"header": {"header_name": name}}));
        }
        if let Some(cookie) = hash.get("httpCookie") {
            let mut wanted = json!({"name": cookie["name"]});
            put(&mut wanted, "path", cookie["path"].as_str().map(Value::from));
            put(&mut wanted, "ttl", time(cookie, "ttl"));
            let attributes = cookie["attributes"].as_array().into_iter().flatten();
            let attributes: Vec<Value> = attributes
                .map(|attribute| {
                    json!({"name": attribute["name"],
                    "value": attribute["value"].as_str().unwrap_or_default()})
                })
                .collect();
            put(&mut wanted, "attributes", (!attributes.is_empty()).then(|| attributes.into()));
            return Some(json!({"cookie": wanted}));
        }
        if self.hashes_by_source() {
            return Some(json!({"connection_properties": {"source_ip": true}}));
        }
        let name = hash["httpQueryParameterName"].as_str()?;
        Some(json!({"query_parameter": {"name": name}}))
    }

    /// Whether nobody is chosen at all: PASSTHROUGH.
    pub(crate) fn goes_where_meant(&self) -> bool {
        self.load_balancer.is_some_and(|balancer| balancer["simple"] == "PASSTHROUGH")
    }

    /// Whether the caller's address decides, as it can for bytes too.
    pub(crate) fn hashes_by_source(&self) -> bool {
        self.load_balancer.is_some_and(|balancer| balancer["consistentHash"]["useSourceIp"] == true)
    }
}

pub(crate) fn balance(cluster: &mut Value, wanted: &Value) {
    if let Some(hash) = wanted.get("consistentHash") {
        if let Some(maglev) = hash.get("maglev") {
            cluster["lb_policy"] = json!("MAGLEV");
            let mut config = Map::new();
            config.extend(number(maglev, "tableSize").map(|size| ("table_size".to_owned(), size)));
            cluster["maglev_lb_config"] = config.into();
        } else {
            let size =
                number(&hash["ringHash"], "minimumRingSize").or_else(|| number(hash, "minimumRingSize"));
            cluster["lb_policy"] = json!("RING_HASH");
            cluster["ring_hash_lb_config"] =
                json!({"minimum_ring_size": size.unwrap_or_else(|| json!(1024))});
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
