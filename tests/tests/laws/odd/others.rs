//! Odd objects of security, of what is seen, and of other tools.

use super::{Cases, object};
use serde_json::{Value, json};

pub(super) fn security() -> Cases {
    let peers = |name: &str, spec: Value| object("security.istio.io/v1", "PeerAuthentication", name, spec);
    let access = |name: &str, spec: Value| object("security.istio.io/v1", "AuthorizationPolicy", name, spec);
    let reviews = json!({ "matchLabels": { "app": "reviews" } });
    vec![
        (
            "a mode of a port, and none above",
            vec![peers(
                "reviews",
                json!({ "selector": reviews, "mtls": { "mode": "UNSET" }, "portLevelMtls": { "9080": { "mode": "DISABLE" } } }),
            )],
        ),
        (
            "two modes of a namespace",
            vec![
                peers("default", json!({ "mtls": { "mode": "STRICT" } })),
                peers("other", json!({ "mtls": { "mode": "PERMISSIVE" } })),
            ],
        ),
        ("a mode that is null", vec![peers("default", json!({ "mtls": null }))]),
        (
            "empty lists, and nothing at all",
            vec![
                access("nothing", json!({})),
                access(
                    "lists",
                    json!({ "selector": reviews, "rules": [{ "from": [], "to": [], "when": [] }] }),
                ),
            ],
        ),
        (
            "by where it stands",
            vec![access(
                "target",
                json!({ "targetRefs": [{ "group": "", "kind": "Service", "name": "reviews" }],
                "action": "ALLOW", "rules": [{ "from": [{ "source": { "notPrincipals": ["*"], "ipBlocks": ["10.0.0.0/8"] } }] }] }),
            )],
        ),
        (
            "thirty rules that deny",
            vec![access(
                "many",
                json!({ "action": "DENY", "rules": (0..30).map(|number| json!({ "to": [{ "operation": {
                "paths": [format!("/private/{number}/*")], "notMethods": ["GET"] } }],
                "when": [{ "key": "request.headers[x]", "notValues": ["1", "2"] }] })).collect::<Vec<_>>() }),
            )],
        ),
        (
            "tokens, some of them null",
            vec![object(
                "security.istio.io/v1",
                "RequestAuthentication",
                "tokens",
                json!({ "selector": reviews,
                "jwtRules": [{ "issuer": "a", "jwks": "{\"keys\":[]}", "audiences": null, "fromHeaders": null,
                    "outputClaimToHeaders": [{ "header": "x-sub", "claim": "sub" }] }, { "issuer": "a", "jwks": "{\"keys\":[]}" }] }),
            )],
        ),
    ]
}

pub(super) fn more() -> Cases {
    let sidecar = |name: &str, spec: Value| object("networking.istio.io/v1", "Sidecar", name, spec);
    vec![
        (
            "what is seen, twice",
            vec![
                sidecar("default", json!({ "egress": [{ "hosts": ["./*", "istio-system/*"] }] })),
                sidecar(
                    "reviews",
                    json!({ "workloadSelector": { "labels": { "app": "reviews" } },
                    "egress": [{ "port": { "number": 9080, "protocol": "HTTP", "name": "x" }, "hosts": ["~/*"] }, { "hosts": ["./ratings.bookinfo.svc.cluster.local"] }],
                    "outboundTrafficPolicy": { "mode": "REGISTRY_ONLY" } }),
                ),
            ],
        ),
        (
            "filters of other tools",
            vec![object(
                "networking.istio.io/v1alpha3",
                "EnvoyFilter",
                "lua",
                json!({
                "workloadSelector": { "labels": { "app": "reviews" } }, "priority": -10,
                "configPatches": [
                    { "applyTo": "HTTP_FILTER", "match": { "context": "SIDECAR_INBOUND", "listener": { "filterChain": { "filter": {
                        "name": "envoy.filters.network.http_connection_manager", "subFilter": { "name": "envoy.filters.http.router" } } } } },
                        "patch": { "operation": "INSERT_BEFORE", "value": { "name": "envoy.filters.http.lua", "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                            "default_source_code": { "inline_string": "function envoy_on_request(handle) end" } } } } },
                    { "applyTo": "CLUSTER", "patch": null } ] }),
            )],
        ),
    ]
}
