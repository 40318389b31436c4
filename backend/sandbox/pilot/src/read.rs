//! Reading a world: what there is, what it means together, and what of it has no effect here.

use crate::registry::{Known, Registry};
use crate::resolve::{delegates, gateway_api};
use crate::without_effect;
use crate::world::World;

/// Everything that translation reads.
pub(crate) fn read(world: &World, known: &mut Known) -> Registry {
    let mut registry = Registry::read(world, known);
    delegates::merge(&mut registry);
    without_effect::find(&mut registry, world);
    gateway_api::resolve(&mut registry);
    registry.untranslated.sort();
    registry.untranslated.dedup();
    registry
}
