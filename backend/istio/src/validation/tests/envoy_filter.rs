//! EnvoyFilters.

use super::expect;
use serde_json::{Value, json};

#[test]
fn envoy_filters() {
    let kind = "EnvoyFilter";
    let one = |patch: Value| json!({"configPatches": [patch]});
    let filter = |operation: &str, value: Value| {
        one(json!({"applyTo": "HTTP_FILTER", "match": {"context": "SIDECAR_INBOUND",
            "listener": {"filterChain": {"filter": {"name": "m"}}}}, "patch": {"operation": operation, "value": value}}))
    };
    expect(kind, filter("INSERT_BEFORE", json!({"name": "limit"})), "");
    expect(kind, filter("REMOVE", Value::Null), "");
    expect(kind, filter("ADD", Value::Null), "configPatches[0]: Envoy filter: missing patch value");
    for (patch, words) in [
        (json!({}), "Envoy filter: missing applyTo"),
        (json!({"applyTo": "CLUSTER"}), "Envoy filter: missing patch"),
        (json!({"applyTo": "CLUSTER", "patch": {}}), "Envoy filter: missing patch operation"),
        (
            json!({"applyTo": "CLUSTER", "match": {"listener": {}}, "patch": {"operation": "REMOVE"}}),
            "cannot have non cluster match",
        ),
        (
            json!({"applyTo": "HTTP_ROUTE", "match": {"cluster": {}}, "patch": {"operation": "REMOVE"}}),
            "cannot have non route configuration match",
        ),
        (
            json!({"applyTo": "LISTENER", "match": {"cluster": {}}, "patch": {"operation": "REMOVE"}}),
            "cannot have non listener match",
        ),
        (
            json!({"applyTo": "CLUSTER", "match": {"proxy": {"proxyVersion": "("}}, "patch": {"operation": "REMOVE"}}),
            "Envoy filter: invalid regex for proxy version",
        ),
    ] {
        expect(kind, one(patch), words);
    }
    let named = |filter: Value| {
        one(json!({"applyTo": "NETWORK_FILTER", "match": {"listener": {"filterChain": {"filter": filter}}},
            "patch": {"operation": "REMOVE"}}))
    };
    expect(kind, named(json!({})), "filter match has no name to match on");
    let subfilter = json!({"name": "m", "subFilter": {"name": "x"}});
    expect(kind, named(subfilter), "subfilter match can only be used with applyTo HTTP_FILTER");
}
