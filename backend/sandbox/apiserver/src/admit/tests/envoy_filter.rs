//! EnvoyFilters.

use serde_json::{Value, json};

use super::said;

/// An empty `words` means that the object is taken.
#[track_caller]
fn expect(kind: &str, spec: Value, words: &str) {
    match said(kind, &spec) {
        Ok(warned) => assert_eq!((words, warned.as_slice()), ("", [].as_slice()), "{kind}: taken: {spec}"),
        Err(refused) => {
            assert!(!words.is_empty() && refused.contains(words), "{kind}: {refused}: {spec}");
        }
    }
}

#[test]
fn envoy_filters() {
    let kind = "EnvoyFilter";
    let one = |patch: Value| json!({"configPatches": [patch]});
    let limit = |kind: &str| {
        json!({"name": "limit", "typed_config": {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "type_url": format!("type.googleapis.com/envoy.extensions.filters.http.{kind}"),
                "value": {"stat_prefix": "limit"}}})
    };
    let filter = |operation: &str, value: Value| {
        one(json!({"applyTo": "HTTP_FILTER", "match": {"context": "SIDECAR_INBOUND",
            "listener": {"filterChain": {"filter": {"name": "m"}}}},
                "patch": {"operation": operation, "value": value}}))
    };
    expect(kind, filter("INSERT_BEFORE", limit("local_ratelimit.v3.LocalRateLimit")), "");
    expect(kind, filter("REMOVE", Value::Null), "");
    expect(kind, filter("ADD", Value::Null), "configPatches[0]: Envoy filter: missing patch value");
    expect(kind, filter("INSERT_BEFORE", limit("ratelimit.v3.RateLimit")), "");
    expect(
        kind,
        filter("INSERT_BEFORE", limit("smoke.v3.Smoke")),
        "envoy.extensions.filters.http.smoke.v3.Smoke is not a message",
    );
    expect(
        kind,
        one(json!({"applyTo": "BOOTSTRAP", "patch": {"operation": "MERGE", "value": {}}})),
        "supported are LISTENER, ",
    );
    expect(
        kind,
        one(json!({"applyTo": "HTTP_ROUTE", "patch": {"operation": "ADD", "value": {}}})),
        "configPatches[0]: operation ADD is not carried out for applyTo HTTP_ROUTE in the sandbox; supported \
            are MERGE",
    );
    expect(
        kind,
        one(
            json!({"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": {"connect_timout": "1s"}}}),
        ),
        "patch.value cannot be read as envoy.config.cluster.v3.Cluster: connect_timout: ",
    );
    expect(
        kind,
        one(json!({"applyTo": "CLUSTER", "match": {"listener": {}}, "patch": {"operation": "REMOVE"}})),
        "cannot have non cluster match",
    );
    expect(kind, json!({"targetRefs": [{"kind": "Gateway", "name": "g"}]}), "targetRefs is not carried out");
}
