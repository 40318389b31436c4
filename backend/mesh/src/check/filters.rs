//! Checks of EnvoyFilters.

use super::{Check, Found, Look, Severity, World};
use crate::{Ref, kinds};
use istio::views::envoy_filter::{ConfigPatch, EnvoyFilter};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "RelativePatch",
        codes: &["IST0151", "IST0155"],
        severity: Severity::Info,
        what: "A patch is placed before or after a filter, and its EnvoyFilter says no priority",
        why: "Where it stands depends on which EnvoyFilter is older: it may come out otherwise after a rebuild.",
        next: "Say a priority, or use INSERT_FIRST.",
        of: &[&kinds::ENVOY_FILTER],
        reads: &[],
        look: Look::Each(|world, at, found| {
            patches(world, at, found, |filter, patch| {
                let relative =
                    matches!(operation(patch), "INSERT_BEFORE" | "INSERT_AFTER" | "REPLACE" | "MERGE");
                let beside = matches!(operation(patch), "INSERT_BEFORE" | "INSERT_AFTER");
                let version = patch.r#match.proxy.as_ref().is_some_and(|proxy| proxy.proxy_version.is_some());
                let what = || format!("{} without a priority", operation(patch));
                (filter.priority == 0 && (beside || (relative && version))).then(what)
            });
        }),
    },
    Check {
        name: "ReplaceNotPossible",
        codes: &["IST0152"],
        severity: Severity::Error,
        what: "REPLACE is used where only filters can be replaced",
        why: "The patch is left out.",
        next: "Use MERGE, or REPLACE with HTTP_FILTER or NETWORK_FILTER.",
        of: &[&kinds::ENVOY_FILTER],
        reads: &[],
        look: Look::Each(|world, at, found| {
            patches(world, at, found, |_, patch| {
                let may = matches!(patch.apply_to.as_str(), "HTTP_FILTER" | "NETWORK_FILTER");
                (operation(patch) == "REPLACE" && !may).then(|| format!("REPLACE of {}", patch.apply_to))
            });
        }),
    },
    Check {
        name: "AddNotPossible",
        codes: &["IST0153"],
        severity: Severity::Error,
        what: "ADD is used where nothing can be added",
        why: "The patch is left out.",
        next: "Use INSERT_FIRST, INSERT_BEFORE or INSERT_AFTER for routes, MERGE for a route configuration.",
        of: &[&kinds::ENVOY_FILTER],
        reads: &[],
        look: Look::Each(|world, at, found| {
            patches(world, at, found, |_, patch| {
                let may_not = matches!(patch.apply_to.as_str(), "ROUTE_CONFIGURATION" | "HTTP_ROUTE");
                (operation(patch) == "ADD" && may_not).then(|| format!("ADD to {}", patch.apply_to))
            });
        }),
    },
    Check {
        name: "RemoveNotPossible",
        codes: &["IST0154"],
        severity: Severity::Error,
        what: "REMOVE is used where nothing can be removed",
        why: "The patch is left out.",
        next: "Take routes away in the VirtualService that makes them.",
        of: &[&kinds::ENVOY_FILTER],
        reads: &[],
        look: Look::Each(|world, at, found| {
            patches(world, at, found, |_, patch| {
                let may_not = matches!(patch.apply_to.as_str(), "ROUTE_CONFIGURATION" | "HTTP_ROUTE");
                (operation(patch) == "REMOVE" && may_not).then(|| format!("REMOVE of {}", patch.apply_to))
            });
        }),
    },
];

fn operation(patch: &ConfigPatch) -> &str {
    &patch.patch.operation
}

fn patches(
    world: &World<'_>,
    at: &Ref,
    found: &mut Found,
    words: impl Fn(&EnvoyFilter, &ConfigPatch) -> Option<String>,
) {
    let Some(view) = world.view::<EnvoyFilter>(at) else { return };
    for (index, patch) in view.config_patches.iter().enumerate() {
        if let Some(what) = words(&view, patch) {
            found.add(at, format!("spec.configPatches[{index}].patch.operation"), what);
        }
    }
}
