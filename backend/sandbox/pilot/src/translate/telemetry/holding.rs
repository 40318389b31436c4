//! Which Telemetry resources hold for a proxy, as istiod merges them: from the whole mesh over the namespace to
//! the workload.

use crate::identity::ROOT_NAMESPACE;
use crate::translate::target::Target;
use istio::telemetry;
use istio::views::Telemetry;
use serde_json::Value;

/// Those that hold for this proxy: of the mesh, of the namespace, and the first that selects the workload.
pub(crate) fn holding<'a>(target: &Target<'a>) -> Vec<&'a Telemetry> {
    let (all, workload) = (&target.registry.telemetries, target.workload);
    let held = telemetry::holding(all, ROOT_NAMESPACE, &workload.namespace, &workload.labels);
    held.into_iter().map(|config| &config.spec).collect()
}

pub(crate) fn targets(spec: &Telemetry) -> impl Iterator<Item = &Value> {
    spec.target_refs.iter().chain(&spec.target_ref)
}

pub(crate) fn or<'a>(own: &'a [String], default: &'a str) -> Vec<&'a str> {
    if own.is_empty() { vec![default] } else { own.iter().map(String::as_str).collect() }
}
