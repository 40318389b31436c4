//! Answers of Prometheus' query API.

use crate::{Seeds, Target};

const NAME: &str = "prometheus";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::prometheus(input) > 0),
    seeds: || Seeds::Json(Seeds::json(NAME)),
};
