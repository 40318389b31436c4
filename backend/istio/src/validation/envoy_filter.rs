//! EnvoyFilters, as far as nobody has to know Envoy's messages for it.

use super::at::At;
use super::found::{Found, rules};

rules! {
    /// What is wrong with a patch.
    Patch {
        Error NoApplyTo "Envoy filter: missing applyTo";
        Error NoPatch "Envoy filter: missing patch";
        Error NoOperationOfPatch "Envoy filter: missing patch operation";
        Error NoPatchValue "Envoy filter: missing patch value for non-remove operation";
        Error NotAClusterMatch "Envoy filter: applyTo for cluster class objects cannot have non cluster match";
        Error NotARouteMatch
            "Envoy filter: applyTo for http route class objects cannot have non route configuration match";
        Error NotAListenerMatch "Envoy filter: applyTo for listener class objects cannot have non listener match";
        Error BadProxyVersion(error: String) "Envoy filter: invalid regex for proxy version, [{error}]";
        Error NamelessFilterMatch "Envoy filter: filter match has no name to match on";
        Error SubfilterOfOthers "Envoy filter: subfilter match can only be used with applyTo HTTP_FILTER";
        Error NamelessSubfilterMatch "Envoy filter: subfilter match has no name to match on";
    }
}

pub(super) fn envoy_filter(spec: At<'_>, found: &mut Found) {
    for (index, one) in spec.items("configPatches").enumerate() {
        found.told(&format!("configPatches[{index}]: "), |found| patch(one, found));
    }
}

fn patch(patch: At<'_>, found: &mut Found) {
    let (apply_to, operation) = (patch.text("applyTo"), patch.text("patch/operation"));
    if matches!(apply_to, "" | "INVALID") {
        return found.add(patch, Patch::NoApplyTo);
    }
    if !patch.has("patch") {
        return found.add(patch, Patch::NoPatch);
    }
    if matches!(operation, "" | "INVALID") {
        return found.add(patch.at("patch"), Patch::NoOperationOfPatch);
    }
    let valueless = operation != "REMOVE" && !patch.has("patch/value");
    found.when(valueless, patch.at("patch"), Patch::NoPatchValue);
    matches(patch, apply_to, found);
}

fn matches(patch: At<'_>, apply_to: &str, found: &mut Found) {
    let wanted = patch.at("match");
    let (listener, routes, cluster) =
        (wanted.has("listener"), wanted.has("routeConfiguration"), wanted.has("cluster"));
    match apply_to {
        "CLUSTER" => found.when(listener || routes, wanted, Patch::NotAClusterMatch),
        "ROUTE_CONFIGURATION" | "VIRTUAL_HOST" | "HTTP_ROUTE" => {
            found.when(listener || cluster, wanted, Patch::NotARouteMatch);
        }
        _ => found.when(routes || cluster, wanted, Patch::NotAListenerMatch),
    }
    if let Err(error) = regex::Regex::new(wanted.text("proxy/proxyVersion")) {
        found.add(wanted.at("proxy/proxyVersion"), Patch::BadProxyVersion { error: error.to_string() });
    }
    let Some(filter) = wanted.get("listener/filterChain/filter") else { return };
    found.when(!filter.says("name"), filter, Patch::NamelessFilterMatch);
    if filter.has("subFilter") {
        let at = filter.at("subFilter");
        found.when(apply_to != "HTTP_FILTER", at, Patch::SubfilterOfOthers);
        found.when(!at.says("name"), at, Patch::NamelessSubfilterMatch);
    }
}
