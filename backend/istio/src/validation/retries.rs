//! Retries.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::duration;

rules! {
    /// What is wrong with retries.
    Retry {
        Error NegativeAttempts "attempts cannot be negative";
        Error SettingsOfNoRetries "http retry policy configured when attempts are set to 0 (disabled)";
        Error BadRetryOn(on: String) "\"{on}\" is not a valid retryOn policy";
    }
}

/// What of a failure is tried again.
const CONDITIONS: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Whether HTTP names a status.
fn is_status(text: &str) -> bool {
    let Ok(status) = text.parse::<u16>() else { return false };
    matches!(
        status,
        100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=418 | 421..=426 | 428 | 429 | 431 | 451 | 500..=508
            | 510 | 511
    )
}

pub(super) fn retries(route: At<'_>, found: &mut Found) {
    let Some(retries) = route.get("retries") else { return };
    let attempts = retries.whole("attempts");
    found.when(attempts < 0, retries.at("attempts"), Retry::NegativeAttempts);
    let more = ["perTryTimeout", "retryOn", "retryRemoteLocalities"].iter().any(|field| retries.has(field));
    found.when(attempts == 0 && more, retries, Retry::SettingsOfNoRetries);
    duration(&retries, "perTryTimeout", found);
    duration(&retries, "backoff", found);
    for on in retries.text("retryOn").split(',').filter(|on| !on.is_empty()) {
        if !CONDITIONS.contains(&on) && !is_status(on) {
            found.add(retries.at("retryOn"), Retry::BadRetryOn { on: on.to_owned() });
        }
    }
}
