//! What istiod says of its proxies.

use crate::{Seeds, Target};

const NAME: &str = "syncz";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::syncz(input) > 0),
    seeds: || Seeds::Json(Seeds::json(NAME)),
};
