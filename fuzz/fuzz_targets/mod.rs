//! All targets.

mod cel;
mod config_dump;
mod jaeger;
mod kubeconfig;
mod objects;
mod prometheus;
mod promql;
mod syncz;

use crate::Target;

/// Whatever reads what other programs or people write.
pub static TARGETS: &[Target] = &[
    kubeconfig::TARGET,
    prometheus::TARGET,
    jaeger::TARGET,
    syncz::TARGET,
    config_dump::TARGET,
    objects::LISTS,
    objects::EVENTS,
    cel::TARGET,
    promql::TARGET,
];
