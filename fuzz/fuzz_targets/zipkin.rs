//! Traces and names of Zipkin's API.

use crate::{Seeds, Target};

const NAME: &str = "zipkin";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::zipkin(input) > 0),
    seeds: || Seeds::Json(Seeds::json(NAME)),
};
