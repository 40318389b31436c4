//! Retries: how often a request that failed is sent again, after what, and to whom.

use crate::translate::envoy::seconds;
use crate::translate::target::Target;
use istio::views::Retries;
use serde_json::{Value, json};

const DEFAULT_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// The rule's retries, else the mesh's, else Istio's two; `None` when none are wanted. A hash wants requests
/// to stay with their endpoint, so that there no other one is looked for unless the rule asks for it.
pub(crate) fn policy(target: &Target<'_>, wanted: Option<&Retries>, hashed: bool) -> Option<Value> {
    let previous_hosts = || {
        json!([{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }])
    };
    let mut policy =
        json!({"num_retries": 2, "retry_on": DEFAULT_ON, "host_selection_retry_max_attempts": 5});
    let wanted = wanted.or(target.registry.mesh_config.default_http_retry_policy.as_ref());
    if wanted.and_then(|wanted| wanted.retry_ignore_previous_hosts).unwrap_or(!hashed) {
        policy["retry_host_predicate"] = previous_hosts();
    }
    let Some(wanted) = wanted else { return Some(policy) };
    if wanted.attempts <= 0 {
        return None;
    }
    policy["num_retries"] = json!(wanted.attempts);
    if let Some(on) = wanted.retry_on.as_deref().filter(|on| !on.is_empty()) {
        let words = on.split(',').map(str::trim).filter(|word| !word.is_empty());
        let (codes, mut words): (Vec<&str>, Vec<&str>) = words.partition(|word| word.parse::<u16>().is_ok());
        if !codes.is_empty() {
            policy["retriable_status_codes"] =
                codes.iter().filter_map(|code| code.parse::<u16>().ok()).collect();
            if !words.contains(&"retriable-status-codes") {
                words.push("retriable-status-codes");
            }
        }
        policy["retry_on"] = json!(words.join(","));
    }
    if let Some(timeout) = wanted.per_try_timeout.as_deref().and_then(seconds) {
        policy["per_try_timeout"] = json!(timeout);
    }
    if wanted.retry_remote_localities == Some(true) {
        policy["retry_priority"] = json!({
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 2,
            },
        });
    }
    if let Some(backoff) = wanted.backoff.as_deref().and_then(seconds) {
        policy["retry_back_off"] = json!({"base_interval": backoff});
    }
    Some(policy)
}
