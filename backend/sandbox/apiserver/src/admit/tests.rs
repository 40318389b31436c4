//! What is refused, with the words that say why.

use serde_json::{Value, json};

use super::check;
use crate::store::Store;

/// An empty `expect` means "accepted".
#[track_caller]
fn expect(kind: &str, spec: Value, expect: &str) {
    let row = Store::new().read(|state| state.kinds.named(kind)).unwrap().1;
    match check(&row, &json!({"spec": spec})) {
        Ok(()) => assert_eq!(expect, "", "accepted"),
        Err(words) => assert!(!expect.is_empty() && words.contains(expect), "{words}"),
    }
}

fn http(route: Value) -> Value {
    json!({"hosts": ["reviews"], "http": [route]})
}

fn split(first: i64, second: i64) -> Value {
    http(json!({"route": [
        {"destination": {"host": "reviews", "subset": "v1"}, "weight": first},
        {"destination": {"host": "reviews", "subset": "v2"}, "weight": second},
    ]}))
}

fn with(fields: Value) -> Value {
    let mut route = json!({"route": [{"destination": {"host": "reviews"}}]});
    for (name, value) in fields.as_object().unwrap() {
        route[name] = value.clone();
    }
    http(route)
}

#[test]
fn virtual_services() {
    let kind = "VirtualService";
    expect(kind, split(90, 10), "");
    expect(kind, split(1, 1), "");
    expect(kind, split(-5, 105), "weight -5 < 0");
    expect(kind, split(0, 0), "total destination weight = 0");
    expect(kind, json!({"hosts": ["reviews"]}), "http, tcp or tls must be provided");
    expect(kind, http(json!({})), "HTTP route, redirect or direct_response is required");
    expect(kind, http(json!({"route": [{"weight": 1}]})), "destination is required");
    expect(kind, json!({"hosts": ["*"], "http": [{"route": [{"destination": {"host": "a"}}]}]}), "wildcard host");
    expect(kind, json!({"hosts": ["*"], "gateways": ["g"], "http": [{"route": [{"destination": {"host": "a"}}]}]}), "");
    expect(kind, json!({"hosts": ["a", "a"], "http": [{"route": [{"destination": {"host": "a"}}]}]}), "duplicate hosts");
    expect(kind, with(json!({"fault": {"delay": {"percentage": {"value": 100}, "fixedDelay": "7s"}}})), "");
    expect(
        kind,
        with(json!({"fault": {"abort": {"percentage": {"value": 101}, "httpStatus": 503}}})),
        "percentage 101 is not in range 0..100",
    );
    expect(
        kind,
        with(json!({"fault": {"abort": {"percentage": {"value": -5}, "httpStatus": 503}}})),
        "percentage -5 is not in range 0..100",
    );
    expect(kind, with(json!({"fault": {"abort": {"httpStatus": 99}}})), "HTTP status 99");
    expect(kind, with(json!({"fault": {"abort": {}}})), "missing error type");
    expect(kind, with(json!({"fault": {"delay": {"fixedDelay": "soon"}}})), "invalid duration");
    expect(kind, with(json!({"timeout": "1.5us"})), "greater than 1ms");
    expect(kind, with(json!({"retries": {"attempts": 0, "retryOn": "5xx"}})), "attempts are set to 0");
    expect(kind, with(json!({"retries": {"attempts": 3, "retryOn": "5xx,503"}})), "");
    expect(kind, with(json!({"retries": {"attempts": 3, "retryOn": "whenever"}})), "unsupported retry_on policy whenever");
    expect(kind, with(json!({"match": [{"uri": {"regex": "("}}]})), "RE2");
    expect(kind, with(json!({"redirect": {"uri": "/x"}})), "both route and redirect");
    expect(kind, with(json!({"mirrorPercentage": {"value": 200}})), "percentage 200");
}

#[test]
fn destination_rules() {
    let kind = "DestinationRule";
    let rule = |fields: Value| {
        let mut spec = json!({"host": "reviews"});
        for (name, value) in fields.as_object().unwrap() {
            spec[name] = value.clone();
        }
        spec
    };
    expect(kind, rule(json!({"subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2"}]})), "");
    expect(kind, json!({"host": ""}), "host is required");
    expect(kind, rule(json!({"subsets": [{"labels": {"version": "v1"}}]})), "subset name is invalid");
    expect(kind, rule(json!({"subsets": [{"name": "v1"}, {"name": "v1"}]})), "duplicate subset names: v1");
    expect(kind, rule(json!({"trafficPolicy": {}})), "at least one field");
    expect(kind, rule(json!({"trafficPolicy": {"outlierDetection": {"maxEjectionPercent": 150}}})), "percentage 150");
    expect(
        kind,
        rule(json!({"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": -1}}}})),
        "max connections must be non-negative",
    );
    expect(kind, rule(json!({"trafficPolicy": {"tls": {"mode": "MUTUAL"}}})), "client certificate required");
    expect(kind, rule(json!({"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}})), "");
}

#[test]
fn the_edge() {
    let server = |port: Value, extra: Value| {
        let mut server = json!({"port": port, "hosts": ["*"]});
        for (name, value) in extra.as_object().unwrap() {
            server[name] = value.clone();
        }
        json!({"selector": {"istio": "ingressgateway"}, "servers": [server]})
    };
    expect("Gateway", server(json!({"number": 80, "name": "http", "protocol": "HTTP"}), json!({})), "");
    expect(
        "Gateway",
        server(json!({"number": 80, "name": "http", "protocol": "SMOKE"}), json!({})),
        "unsupported protocol: SMOKE",
    );
    expect("Gateway", server(json!({"number": 443, "name": "https", "protocol": "HTTPS"}), json!({})), "must have TLS settings");
    expect("Gateway", server(json!({"number": 70_000, "name": "http", "protocol": "HTTP"}), json!({})), "port number 70000");
    expect("Gateway", json!({"servers": []}), "at least one server");
    let entry = |resolution: &str, endpoints: Value| json!({"hosts": ["db.example"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}], "resolution": resolution, "endpoints": endpoints});
    expect("ServiceEntry", entry("STATIC", json!([{"address": "10.0.0.1"}])), "");
    expect("ServiceEntry", entry("STATIC", json!([{"address": "db"}])), "invalid address db");
    expect("ServiceEntry", json!({"hosts": ["a.example"]}), "ports must be set");
    expect("Sidecar", json!({}), "empty configuration");
    expect("Sidecar", json!({"egress": [{"hosts": ["reviews"]}]}), "namespace/dnsName");
}

#[test]
fn policies() {
    expect("PeerAuthentication", json!({"mtls": {"mode": "STRICT"}}), "");
    expect("PeerAuthentication", json!({"portLevelMtls": {"80": {"mode": "STRICT"}}}), "requires a workload selector");
    expect("AuthorizationPolicy", json!({}), "");
    expect("AuthorizationPolicy", json!({"action": "DENY"}), "never be triggered");
    expect("AuthorizationPolicy", json!({"rules": [{"from": []}]}), "`from` cannot be empty");
    expect(
        "AuthorizationPolicy",
        json!({"rules": [{"when": [{"key": "weather", "values": ["x"]}]}]}),
        "unknown attribute: weather",
    );
    expect("AuthorizationPolicy", json!({"rules": [{"to": [{"operation": {"ports": ["http"]}}]}]}), "invalid port http");
    expect("RequestAuthentication", json!({"jwtRules": [{"issuer": ""}]}), "issuer must be non-empty");
}

#[test]
fn envoy_filters() {
    let kind = "EnvoyFilter";
    let one = |patch: Value| json!({"configPatches": [patch]});
    let limit = |kind: &str| {
        json!({"name": "limit", "typed_config": {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "type_url": format!("type.googleapis.com/envoy.extensions.filters.http.{kind}"), "value": {"stat_prefix": "limit"}}})
    };
    let filter = |operation: &str, value: Value| {
        one(json!({"applyTo": "HTTP_FILTER", "match": {"context": "SIDECAR_INBOUND",
            "listener": {"filterChain": {"filter": {"name": "m"}}}}, "patch": {"operation": operation, "value": value}}))
    };
    expect(kind, filter("INSERT_BEFORE", limit("local_ratelimit.v3.LocalRateLimit")), "");
    expect(kind, filter("REMOVE", Value::Null), "");
    expect(kind, filter("ADD", Value::Null), "configPatches[0]: Envoy filter: missing patch value");
    expect(kind, filter("INSERT_BEFORE", limit("ratelimit.v3.RateLimit")), "need a rate limit service");
    expect(
        kind,
        filter("INSERT_BEFORE", limit("smoke.v3.Smoke")),
        "envoy.extensions.filters.http.smoke.v3.Smoke is not a message",
    );
    expect(kind, one(json!({"applyTo": "BOOTSTRAP", "patch": {"operation": "MERGE", "value": {}}})), "supported are LISTENER, ");
    expect(
        kind,
        one(json!({"applyTo": "HTTP_ROUTE", "patch": {"operation": "ADD", "value": {}}})),
        "configPatches[0]: operation ADD is not carried out for applyTo HTTP_ROUTE in the sandbox; supported are MERGE",
    );
    expect(
        kind,
        one(json!({"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": {"connect_timout": "1s"}}})),
        "patch.value cannot be read as envoy.config.cluster.v3.Cluster: connect_timout: ",
    );
    expect(
        kind,
        one(json!({"applyTo": "CLUSTER", "match": {"listener": {}}, "patch": {"operation": "REMOVE"}})),
        "cannot have non cluster match",
    );
    expect(kind, json!({"targetRefs": [{"kind": "Gateway", "name": "g"}]}), "targetRefs is not carried out");
}

#[test]
fn several_reasons_stand_under_each_other() {
    let row = Store::new().read(|state| state.kinds.named("VirtualService")).unwrap().1;
    let words = check(&row, &json!({"spec": split(-1, -2)})).unwrap_err();
    assert!(words.starts_with("2 errors occurred:\n\t* weight -1 < 0\n\t* weight -2 < 0"), "{words}");
}
