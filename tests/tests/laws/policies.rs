//! What other people and tools wrote for whole workloads, namespaces and the mesh.

use istio::{Object, kinds};
use mesh::Ref;
use serde_json::{Value, json};

/// Policies that none of us wrote: for a workload, a namespace and the mesh, with odd parts.
pub(crate) fn policies() -> Vec<(Ref, Object)> {
    let reviews = json!({ "matchLabels": { "app": "reviews" } });
    let viewer = json!({ "selector": reviews, "rules": [
        { "from": [{ "source": { "principals": ["cluster.local/ns/bookinfo/sa/bookinfo-productpage"] } }],
            "to": [{ "operation": { "methods": ["GET"], "paths": [] } }], "when": null },
        { "to": [{ "operation": { "ports": ["9080"], "hosts": ["a,b"] } }, {}] },
        { "to": [{ "operation": { "methods": ["HEAD"] } }] },
        { "to": [{ "operation": { "methods": ["PUT"] } }] },
        {},
    ] });
    let denied = json!({ "action": "DENY", "rules": [{ "when": [
        { "key": "request.headers[x-bad]", "values": ["yes"] }] }] });
    let asked = json!({ "selector": reviews, "action": "CUSTOM", "provider": { "name": "sample-ext-authz-http" },
        "rules": [{ "to": [{ "operation": { "paths": ["/private*"] } }] }] });
    let tokens = json!({ "selector": reviews, "jwtRules": [
        { "issuer": "https://m.example", "jwks": "{\"keys\":[]}", "audiences": ["x"], "spaceDelimitedClaims": ["s"],
            "fromHeaders": [{ "name": "x-token", "prefix": "Token " }] },
        { "issuer": "https://b.example", "jwks": "{\"keys\":[]}", "fromParams": ["t"], "timeout": null },
        { "issuer": "https://n.example", "jwks": "{\"keys\":[]}" },
    ] });
    let reports = json!({ "selector": reviews,
        "tracing": [{ "randomSamplingPercentage": 30, "customTags": { "a": { "literal": { "value": "b" } } } },
            { "match": { "mode": "CLIENT" }, "disableSpanReporting": false }],
        "metrics": [{ "overrides": [{ "match": { "metric": "REQUEST_COUNT" },
            "tagOverrides": { "x": { "value": "request.host" } } }, { "disabled": null }, {}] }, {}],
        "accessLogging": [{ "match": { "mode": "SERVER" } }, {}, { "filter": { "expression": "response.code > 1" } }] });
    let young = json!({ "selector": reviews, "tracing": [{ "randomSamplingPercentage": 60 }] });
    let wide = json!({ "tracing": [{ "randomSamplingPercentage": 2 }], "metrics": null });
    let patch = |name: &str| {
        json!({ "applyTo": "HTTP_FILTER", "match": { "context": "SIDECAR_INBOUND",
            "listener": { "filterChain": { "filter": { "name": "envoy.filters.network.http_connection_manager" } } } },
            "patch": { "operation": "INSERT_BEFORE", "value": { "name": name, "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": { "inline_string": "function envoy_on_request(handle) end" } } } } })
    };
    let filter = json!({ "workloadSelector": { "labels": { "app": "reviews" } }, "priority": 5,
        "configPatches": [patch("one"), patch("two"), patch("three")] });
    let plugin = json!({ "selector": reviews, "url": "oci://registry.example/a:1", "phase": "STATS",
        "match": [{ "mode": "SERVER" }, {}], "vmConfig": { "env": [{ "name": "A", "value": "b" }] } });
    let more: [(&'static istio::Kind, &str, &str, Value); 5] = [
        (&kinds::TELEMETRY, "bookinfo", "reviews", reports),
        (&kinds::TELEMETRY, "bookinfo", "younger", young),
        (&kinds::TELEMETRY, "istio-system", "wide", wide),
        (&kinds::ENVOY_FILTER, "bookinfo", "reviews", filter),
        (&kinds::WASM_PLUGIN, "bookinfo", "reviews", plugin),
    ];
    let all: [(&'static istio::Kind, &str, &str, Value); 5] = [
        (&kinds::REQUEST_AUTHENTICATION, "bookinfo", "reviews", tokens),
        (&kinds::AUTHORIZATION_POLICY, "bookinfo", "reviews", viewer),
        (&kinds::AUTHORIZATION_POLICY, "bookinfo", "namespace", denied),
        (&kinds::AUTHORIZATION_POLICY, "bookinfo", "asked", asked),
        (
            &kinds::AUTHORIZATION_POLICY,
            "istio-system",
            "everything",
            json!({ "action": "AUDIT", "rules": [{}] }),
        ),
    ];
    all.into_iter()
        .chain(more)
        .map(|(kind, namespace, name, spec)| {
            let meta = json!({ "namespace": namespace, "name": name, "uid": name, "resourceVersion": "1",
                "annotations": { "argocd.argoproj.io/tracking-id": "shop" } });
            let object = json!({ "apiVersion": format!("{}/v1", kind.group), "kind": kind.kind, "metadata": meta, "spec": spec });
            (Ref::new(kind, namespace, name), object.into())
        })
        .collect()
}
