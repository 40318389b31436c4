//! Checks of Telemetry.

use super::{Asks, Check, Found, Look, Severity, World};
use crate::kinds;
use istio::views::{ProviderRef, Telemetry};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "TelemetryProviderUnknown",
        codes: &["IST0157"],
        severity: Severity::Warning,
        what: "A Telemetry names a provider that the mesh does not have",
        why: "Nothing is reported by that part of it.",
        next: "Add the provider to extensionProviders of the mesh, or name one that is there.",
        of: &[&kinds::TELEMETRY],
        reads: &[],
        look: Look::Asking(&[Asks::MeshConfig], provider_unknown),
    },
    Check {
        name: "LogsToNobody",
        codes: &["IST0157"],
        severity: Severity::Warning,
        what: "A Telemetry asks for access logs, names no provider, and the mesh has none by default",
        why: "Nothing is logged.",
        next: "Name a provider, such as envoy, or set defaultProviders.accessLogging of the mesh.",
        of: &[&kinds::TELEMETRY],
        reads: &[],
        look: Look::Asking(&[Asks::MeshConfig], logs_to_nobody),
    },
];

/// Providers that every mesh has.
const BUILT_IN: [&str; 4] = ["prometheus", "stackdriver", "envoy", "zipkin"];

fn provider_unknown(world: &World<'_>, found: &mut Found) {
    let Ok(config) = &world.config else { return };
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

fn logs_to_nobody(world: &World<'_>, found: &mut Found) {
    if world.config.as_ref().map_or(true, |config| config.logs) {
        return;
    }
    for (at, _, view) in world.read::<Telemetry>(&kinds::TELEMETRY) {
        // Wider ones may name a provider for it.
        let named = |of: &Telemetry| of.access_logging.iter().any(|one| !one.providers.is_empty());
        let wider = world.read::<Telemetry>(&kinds::TELEMETRY).into_iter().any(|(other, _, of)| {
            let above = *other.namespace == *world.mesh.root_namespace() || other.namespace == at.namespace;
            other != at && above && named(&of)
        });
        for (index, log) in view.access_logging.iter().enumerate() {
            if log.providers.is_empty() && log.disabled != Some(true) && !wider {
                let what = "It names no provider, and the mesh has none by default";
                found.add(at, format!("spec.accessLogging[{index}]"), what);
            }
        }
    }
}
