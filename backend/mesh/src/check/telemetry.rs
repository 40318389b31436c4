//! Checks of Telemetry.

use super::{Check, Found, Severity, World};
use crate::kinds;
use istio::views::{ProviderRef, Telemetry};

pub(super) const CHECKS: &[Check] = &[Check {
    name: "TelemetryProviderUnknown",
    codes: &["IST0157"],
    severity: Severity::Warning,
    what: "A Telemetry names a provider that the mesh does not have",
    why: "Nothing is reported by that part of it.",
    next: "Add the provider to extensionProviders of the mesh, or name one that is there.",
    reads: &[],
    look: provider_unknown,
}];

/// Providers that every mesh has.
const BUILT_IN: [&str; 4] = ["prometheus", "stackdriver", "envoy", "zipkin"];

fn provider_unknown(world: &World<'_>, found: &mut Found) {
    let Ok(config) = &world.config else { return found.unknown(world.config.as_ref().err()) };
    let unknown = |of: &[ProviderRef]| {
        let known =
            |name: &str| BUILT_IN.contains(&name) || config.providers.iter().any(|one| one.name == name);
        of.iter()
            .position(|one| !one.name.is_empty() && !known(&one.name))
            .map(|index| (index, of[index].name.clone()))
    };
    for (at, _, view) in world.read::<Telemetry>(&kinds::TELEMETRY) {
        let tracing = view.tracing.iter().map(|one| &one.providers).enumerate();
        let logs = view.access_logging.iter().map(|one| &one.providers).enumerate();
        let metrics = view.metrics.iter().map(|one| &one.providers).enumerate();
        let all = tracing
            .map(|(index, of)| ("tracing", index, of))
            .chain(logs.map(|(index, of)| ("accessLogging", index, of)))
            .chain(metrics.map(|(index, of)| ("metrics", index, of)));
        for (field, index, of) in all {
            if let Some((place, name)) = unknown(of) {
                let path = format!("spec.{field}[{index}].providers[{place}].name");
                found.add(at, path, format!("The mesh has no provider {name}"));
            }
        }
    }
}
