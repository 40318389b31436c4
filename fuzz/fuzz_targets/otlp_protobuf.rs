//! Traces in OTLP as protobuf.

use crate::{Seeds, Target};

const NAME: &str = "otlp_protobuf";
pub(super) const TARGET: Target = Target {
    name: NAME,
    reader: || Box::new(|input| cluster::fuzz::otlp_protobuf(input) > 0),
    seeds: || Seeds::Bytes(Seeds::bytes(NAME)),
};
