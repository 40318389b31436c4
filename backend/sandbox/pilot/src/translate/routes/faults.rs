//! Fault injection: delays and aborts for a share of the requests.

use crate::translate::envoy::seconds;
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

/// A fault that does not say how often it happens does not happen.
fn share(percentage: Option<&Percent>) -> Value {
    percentage.map_or_else(|| json!({"numerator": 0, "denominator": "HUNDRED"}), fraction)
}

/// What the fault filter does on a route; `None` when the fault says nothing.
pub(crate) fn filter(fault: &Fault) -> Option<Value> {
    let mut config = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"});
    if let Some(delay) = &fault.delay
        && let Some(fixed) = delay.fixed_delay.as_deref().and_then(seconds)
    {
        #[allow(clippy::cast_precision_loss, reason = "a percentage")]
        let old = delay.percent.map(|percent| Percent { value: percent as f64 });
        config["delay"] =
            json!({"fixed_delay": fixed, "percentage": share(delay.percentage.as_ref().or(old.as_ref()))});
    }
    if let Some(abort) = &fault.abort {
        let percentage = share(abort.percentage.as_ref());
        if let Some(status) = abort.http_status {
            config["abort"] = json!({"http_status": status, "percentage": percentage});
        } else if let Some(status) = abort.grpc_status.as_deref().and_then(grpc_status) {
            config["abort"] = json!({"grpc_status": status, "percentage": percentage});
        }
    }
    (config.get("delay").is_some() || config.get("abort").is_some()).then_some(config)
}

/// `UNAVAILABLE` or `14`.
pub(crate) fn grpc_status(text: &str) -> Option<usize> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES
        .iter()
        .position(|name| *name == text)
        .or_else(|| text.parse().ok().filter(|status| *status < NAMES.len()))
}
