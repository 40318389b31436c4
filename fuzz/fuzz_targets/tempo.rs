//! What Tempo says that it has and finds.

use crate::{Seeds, Target};

const NAME: &str = "tempo";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::tempo(input) > 0),
    seeds: || Seeds::Json(Seeds::json(NAME)),
};
