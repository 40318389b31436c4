//! How calls are answered: response codes, and Envoy's flags in words.

use crate::health::End;
use istio::flags::flag_of;
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

/// Envoy's response flags in words: the first says what was first in the way.
pub fn meaning(flags: &str) -> &'static str {
    match flags.split(',').next().unwrap_or_default() {
        "" | "-" => "",
        first => flag_of(first).map_or("see Envoy's response flags", |flag| flag.words),
    }
}
