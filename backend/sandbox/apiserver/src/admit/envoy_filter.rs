//! EnvoyFilters that this mesh cannot carry out: said at once, by patch.

use serde_json::Value;
use wire::NotEncodable;
use wire::patch::{Unpatchable, canonical, patchable};

/// Why a patch is not carried out.
#[derive(Debug, thiserror::Error)]
enum Limit {
    #[error("{0}")]
    Unpatchable(#[from] Unpatchable),
    #[error("patch.value cannot be read as {message}: {error}")]
    Value { message: &'static str, error: NotEncodable },
    #[error(
        "match.context WAYPOINT is not carried out in the sandbox, which has no waypoints; supported are \
            ANY, \
         SIDECAR_INBOUND, SIDECAR_OUTBOUND, GATEWAY"
    )]
    Waypoint,
    #[error("match.proxy.metadata is not carried out in the sandbox; use workloadSelector")]
    Metadata,
    #[error("match.{of}.portName is not carried out in the sandbox; use portNumber")]
    PortName { of: &'static str },
    #[error(
        "patch.filterClass {0} is not carried out in the sandbox; use INSERT_BEFORE or INSERT_AFTER with a \
            filter"
    )]
    FilterClass(String),
}

/// Everything of an EnvoyFilter that is not carried out, in words.
pub(super) fn limits(object: &Value) -> Vec<String> {
    let spec = &object["spec"];
    let mut found = Vec::new();
    if !spec["targetRefs"].is_null() {
        let words =
            "targetRefs is not carried out in the sandbox, which has no waypoints; use workloadSelector";
        found.push(words.to_owned());
    }
    for (index, patch) in spec["configPatches"].as_array().into_iter().flatten().enumerate() {
        found.extend(of_patch(patch).into_iter().map(|limit| format!("configPatches[{index}]: {limit}")));
    }
    found
}

fn of_patch(patch: &Value) -> Vec<Limit> {
    let text = |path: &str| patch.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (apply_to, operation) = (text("/applyTo"), text("/patch/operation"));
    if [apply_to, operation].iter().any(|said| matches!(*said, "" | "INVALID")) {
        return Vec::new(); // istiod refuses it
    }
    let row = match patchable(apply_to, operation) {
        Ok(row) => row,
        Err(error) => return vec![error.into()],
    };
    let value = patch.pointer("/patch/value").filter(|value| !value.is_null());
    let unread = value.and_then(|value| canonical(row.message, value).err());
    let mut found: Vec<Limit> =
        unread.into_iter().map(|error| Limit::Value { message: row.message, error }).collect();
    if text("/match/context") == "WAYPOINT" {
        found.push(Limit::Waypoint);
    }
    let given = |path: &str| patch.pointer(path).is_some_and(|value| !value.is_null());
    if given("/match/proxy/metadata") {
        found.push(Limit::Metadata);
    }
    let places = [
        ("/match/listener/portName", "listener"),
        ("/match/routeConfiguration/portName", "routeConfiguration"),
    ];
    let named = places.into_iter().filter(|(path, _)| given(path));
    found.extend(named.map(|(_, of)| Limit::PortName { of }));
    let class = text("/patch/filterClass");
    if !matches!(class, "" | "UNSPECIFIED") {
        found.push(Limit::FilterClass(class.to_owned()));
    }
    found
}
