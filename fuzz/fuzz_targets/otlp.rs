//! Traces in OTLP as JSON: of Tempo, of Jaeger's v3, of files.

use crate::{Seeds, Target};

const NAME: &str = "otlp";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::otlp(input) > 0),
    seeds: || Seeds::Json(Seeds::json(NAME)),
};
