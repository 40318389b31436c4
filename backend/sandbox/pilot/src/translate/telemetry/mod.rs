//! What proxies report, as Telemetry resources and the mesh's defaults ask for it: metrics, logs, spans.

pub(crate) mod cel;
pub(crate) mod holding;
pub(crate) mod metrics;
pub(crate) mod observe;
pub(crate) mod providers;
pub(crate) mod side;
pub(crate) mod spans;
