//! Files of traces in any form, packed or not.

use crate::{Seeds, Target};

const NAME: &str = "trace_file";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::trace_file(input) > 0),
    seeds: || Seeds::Bytes(Seeds::bytes(NAME)),
};
