//! EnvoyFilters that istiod refuses, and those that this mesh cannot carry out: said at once, by patch.

use serde_json::Value;
use wire::patch::{canonical, patchable};

use super::{
    Problems,
    values::{has, items, text},
};

pub(super) fn envoy_filter(spec: &Value, problems: &mut Problems) {
    problems.unless(!has(spec, "/targetRefs"), || {
        "targetRefs is not carried out in the sandbox, which has no waypoints; use workloadSelector".into()
    });
    for (index, one) in items(spec, "/configPatches").enumerate() {
        let mut found = Problems::default();
        patch(one, &mut found);
        for words in found.refused {
            problems.add(format!("configPatches[{index}]: {words}"));
        }
    }
}

fn patch(patch: &Value, problems: &mut Problems) {
    let (apply_to, operation) = (text(patch, "/applyTo"), text(patch, "/patch/operation"));
    if matches!(apply_to, "" | "INVALID") {
        return problems.add("Envoy filter: missing applyTo");
    }
    if !has(patch, "/patch") {
        return problems.add("Envoy filter: missing patch");
    }
    if matches!(operation, "" | "INVALID") {
        return problems.add("Envoy filter: missing patch operation");
    }
    let row = match patchable(apply_to) {
        Ok(row) => row,
        Err(words) => return problems.add(words),
    };
    if let Err(words) = row.allows(operation) {
        return problems.add(words);
    }
    match patch.pointer("/patch/value").filter(|value| !value.is_null()) {
        None if operation != "REMOVE" => {
            problems.add("Envoy filter: missing patch value for non-remove operation");
        }
        None => {}
        Some(value) => {
            if let Err(error) = canonical(row.message, value) {
                problems.add(format!("patch.value cannot be read as {}: {error}", row.message));
            }
        }
    }
    matches(patch, apply_to, problems);
}

fn matches(patch: &Value, apply_to: &str, problems: &mut Problems) {
    let given = |field: &str| has(patch, &format!("/match/{field}"));
    let (listener, routes, cluster) = (given("listener"), given("routeConfiguration"), given("cluster"));
    match apply_to {
        "CLUSTER" => problems.unless(!listener && !routes, || {
            "Envoy filter: applyTo for cluster class objects cannot have non cluster match".into()
        }),
        "ROUTE_CONFIGURATION" | "VIRTUAL_HOST" | "HTTP_ROUTE" => {
            problems.unless(!listener && !cluster, || {
                "Envoy filter: applyTo for http route class objects cannot have non route configuration match"
                    .into()
            })
        }
        _ => problems.unless(!routes && !cluster, || {
            "Envoy filter: applyTo for listener class objects cannot have non listener match".into()
        }),
    }
    problems.unless(text(patch, "/match/context") != "WAYPOINT", || {
        "match.context WAYPOINT is not carried out in the sandbox, which has no waypoints; supported are ANY, \
         SIDECAR_INBOUND, SIDECAR_OUTBOUND, GATEWAY"
            .into()
    });
    problems.unless(!given("proxy/metadata"), || {
        "match.proxy.metadata is not carried out in the sandbox; use workloadSelector".into()
    });
    let version = text(patch, "/match/proxy/proxyVersion");
    if let Err(error) = regex::Regex::new(version) {
        problems.add(format!("Envoy filter: invalid regex for proxy version, [{error}]"));
    }
    for path in ["listener/portName", "routeConfiguration/portName"] {
        let field = path.replace('/', ".");
        problems.unless(!given(path), || {
            format!("match.{field} is not carried out in the sandbox; use portNumber")
        });
    }
    let class = text(patch, "/patch/filterClass");
    problems.unless(matches!(class, "" | "UNSPECIFIED"), || {
        format!("patch.filterClass {class} is not carried out in the sandbox; use INSERT_BEFORE or INSERT_AFTER with a filter")
    });
    if let Some(filter) = patch.pointer("/match/listener/filterChain/filter") {
        problems.unless(!text(filter, "/name").is_empty(), || {
            "Envoy filter: filter match has no name to match on".into()
        });
        problems.unless(!has(filter, "/subFilter") || apply_to == "HTTP_FILTER", || {
            "Envoy filter: subfilter match can only be used with applyTo HTTP_FILTER".into()
        });
        problems.unless(!has(filter, "/subFilter") || !text(filter, "/subFilter/name").is_empty(), || {
            "Envoy filter: subfilter match has no name to match on".into()
        });
    }
}
