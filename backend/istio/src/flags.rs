//! Envoy's response flags: what each says of a call, in words.
//!
//! Source: Envoy's access log documentation, `%RESPONSE_FLAGS%`.

/// One flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// As logs and metrics have it: "UH".
    pub code: &'static str,
    /// "no healthy endpoint".
    pub words: &'static str,
    /// Where to look next.
    pub next: &'static str,
}

const fn flag(code: &'static str, words: &'static str, next: &'static str) -> Flag {
    Flag { code, words, next }
}

/// All of them, those that tell most first: where a call has several, the first is the cause.
pub const FLAGS: &[Flag] = &[
    flag("FI", "abort injected", "A fault of the rule that takes the call did it; the service was not asked"),
    flag("UAEX", "refused by external authorization", "Ask the provider of the CUSTOM policy that was asked"),
    flag("RL", "rate limited", "A limit of an EnvoyFilter was reached; the service was not asked"),
    flag("RLSE", "rate limit service failed", "Look at the rate limit service: it could not be asked"),
    flag("NR", "no route", "No rule takes this host or path, and there is no default"),
    flag("NC", "no such cluster", "The rule's host or subset is not known to this proxy"),
    flag(
        "NFCF",
        "a filter's configuration is missing",
        "An extension was not loaded: look at its WasmPlugin",
    ),
    flag("UO", "circuit breaker open", "More calls than the DestinationRule's connectionPool lets through"),
    flag("URX", "retries used up", "Each try failed: look at how the last one ended"),
    flag("UT", "timed out", "The rule's timeout, or that of a try, is shorter than the answer took"),
    flag("DT", "took too long in all", "A limit of duration ended it"),
    flag("UMSDR", "stream took too long", "A limit of duration ended it"),
    flag("SI", "idle too long", "Nothing was sent for as long as the idle timeout"),
    flag("UH", "no healthy endpoint", "No pod of this host and subset is ready, or all are ejected"),
    flag("DF", "name not resolved", "The name of an external service has no address in DNS"),
    flag("UF", "connection failed", "Nobody listens there, or TLS is not what the other side expects"),
    flag("UC", "connection cut by the other side", "The application closed it: look at its log and restarts"),
    flag("UR", "reset by the other side", "The application ended the stream: look at its log"),
    flag(
        "UPE",
        "protocol error of the other side",
        "The port's protocol may not be what the application speaks",
    ),
    flag("LH", "health check failed", "The proxy's own health check failed"),
    flag("LR", "reset here", "The proxy ended it: look at timeouts"),
    flag("OM", "the proxy is overloaded", "Give the proxy more memory or connections"),
    flag("IH", "bad header for Envoy", "The caller sent an x-envoy header that is not valid"),
    flag("DPE", "protocol error of the caller", "The caller does not speak HTTP as the port expects it"),
    flag("DC", "caller hung up", "The caller did not wait: look at its own timeout"),
    flag("DR", "reset by the caller", "The caller ended the stream"),
    flag("DO", "no answer wanted", "The connection was dropped before an answer"),
    flag("DI", "delay injected", "A fault of the rule that takes the call held it back"),
    flag("RFCF", "answered from a cache", "A cache answered; the service was not asked"),
];

/// One flag by its code; `None` for one that is not known, and for "-".
pub fn flag_of(code: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.code == code)
}

/// The flags of a text as logs, spans and metrics have it ("URX,UF", "-"), in its order.
pub fn flags_of(text: &str) -> impl Iterator<Item = &'static Flag> {
    text.split(',').filter_map(|code| flag_of(code.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_flags() {
        let words = |text: &str| flags_of(text).map(|flag| flag.words).collect::<Vec<_>>();
        assert_eq!(words("URX,UF"), ["retries used up", "connection failed"]);
        assert!(words("-").is_empty() && words("").is_empty() && words("X1").is_empty());
    }

    #[test]
    fn each_stands_once() {
        let codes: std::collections::BTreeSet<&str> = FLAGS.iter().map(|flag| flag.code).collect();
        assert_eq!(codes.len(), FLAGS.len());
    }
}
