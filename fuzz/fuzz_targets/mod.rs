//! All targets.

mod cel;
mod config_dump;
mod jaeger;
mod kubeconfig;
mod objects;
mod otlp;
mod otlp_protobuf;
mod prometheus;
mod promql;
mod syncz;
mod tempo;
mod trace_file;
mod traceql;
mod zipkin;

use crate::Target;

/// Whatever reads what other programs or people write.
pub static TARGETS: &[Target] = &[
    kubeconfig::TARGET,
    prometheus::TARGET,
    jaeger::TARGET,
    otlp::TARGET,
    otlp_protobuf::TARGET,
    zipkin::TARGET,
    tempo::TARGET,
    traceql::TARGET,
    trace_file::TARGET,
    syncz::TARGET,
    config_dump::TARGET,
    objects::LISTS,
    objects::EVENTS,
    cel::TARGET,
    promql::TARGET,
];
