//! Traces and services of Jaeger's query API.

use crate::{Seeds, Target};

const NAME: &str = "jaeger";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::jaeger(input) > 0),
    seeds: || Seeds::Json(Seeds::json(NAME)),
};
