//! Load balancing: how an endpoint is chosen, what requests are hashed by, how a new endpoint is eased in.

use super::destinations::Policy;
use crate::translate::envoy::{number, time};
use serde_json::{Map, Value, json};

impl Policy<'_> {
    /// What requests are hashed by, when the rule asks for it.
    pub(crate) fn hash_policy(&self) -> Option<Value> {
        istio::hashing::hash_policy(self.load_balancer?)
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
