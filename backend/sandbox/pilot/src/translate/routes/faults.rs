//! Fault injection: delays and aborts for a share of the requests.

use crate::translate::envoy::seconds;
use istio::grpc;
use istio::views::{Fault, Percent};
use serde_json::{Value, json};

/// Four decimals of a percent, as Istio keeps them.
pub(crate) fn fraction(percent: &Percent) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "a percentage times 10,000")]
    let numerator = (percent.value * 10_000.0).round() as i64;
    json!({"numerator": numerator, "denominator": "MILLION"})
}

/// All requests.
pub(crate) fn all() -> Value {
    json!({"numerator": 100, "denominator": "HUNDRED"})
}

/// What never happens is written as istiod writes a fault that does not say how often it does.
fn share(value: f64) -> Value {
    match value {
        0.0 => json!({"numerator": 0, "denominator": "HUNDRED"}),
        value => fraction(&Percent { value }),
    }
}

/// `UNAVAILABLE` or `14`.
fn grpc_status(text: &str) -> Option<u32> {
    grpc::status(text).or_else(|| text.parse().ok().filter(|status| *status <= 16))
}

/// What the fault filter does on a route; `None` when the fault says nothing.
pub(crate) fn filter(fault: &Fault) -> Option<Value> {
    let mut config = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"});
    if let Some(delay) = &fault.delay
        && let Some(fixed) = delay.fixed_delay.as_deref().and_then(seconds)
    {
        config["delay"] = json!({"fixed_delay": fixed, "percentage": share(delay.share())});
    }
    if let Some(abort) = &fault.abort {
        let percentage = share(abort.share());
        if let Some(status) = abort.http_status {
            config["abort"] = json!({"http_status": status, "percentage": percentage});
        } else if let Some(status) = abort.grpc_status.as_deref().and_then(grpc_status) {
            config["abort"] = json!({"grpc_status": status, "percentage": percentage});
        }
    }
    (config.get("delay").is_some() || config.get("abort").is_some()).then_some(config)
}
