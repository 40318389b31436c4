//! How calls are answered: response codes, and Envoy's flags in words.

use crate::health::End;
use serde::Serialize;

/// One kind of answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answered {
    /// "503".
    pub code: String,
    /// "FI", "-".
    pub flags: String,
    /// Requests per second.
    pub rps: f64,
    /// How these calls ended.
    pub end: End,
    /// The flags in words.
    pub meaning: &'static str,
}

/// Envoy's response flags in words.
pub fn meaning(flags: &str) -> &'static str {
    match flags.split(',').next().unwrap_or_default() {
        "" | "-" => "",
        "DC" => "the caller hung up",
        "DI" => "delayed by fault injection",
        "FI" => "aborted by fault injection",
        "LR" => "connection reset locally",
        "NC" => "no such cluster",
        "NR" => "no route matched",
        "RL" => "rate limited",
        "RLSE" => "rate limit service failed",
        "UAEX" => "refused by external authorization",
        "UC" => "connection ended by the callee",
        "UF" => "connection to the callee failed",
        "UH" => "no healthy endpoint",
        "UMSDR" => "stream took too long",
        "UO" => "circuit breaker open",
        "UPE" => "protocol error of the callee",
        "UR" => "reset by the callee",
        "URX" => "retries used up",
        "UT" => "timed out",
        _ => "see Envoy's response flags",
    }
}
