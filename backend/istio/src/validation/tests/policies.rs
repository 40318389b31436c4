//! Policies, reports, extensions, proxy settings.

use super::{expect, refusal, table, validate, with};
use serde_json::{Value, json};

#[test]
fn what_policies_are_attached_to() {
    for (kind, base) in [
        ("AuthorizationPolicy", json!({})),
        ("RequestAuthentication", json!({})),
        ("Telemetry", json!({})),
        ("WasmPlugin", json!({"url": "oci://a/b"})),
        ("TrafficExtension", json!({"lua": {"inlineCode": "x"}})),
    ] {
        let of = |fields: Value| with(base.clone(), &fields);
        let reference =
            |fields: Value| json!({"targetRefs": [with(json!({"kind": "Service", "name": "a"}), &fields)]});
        table(
            kind,
            of,
            &[
                (json!({"selector": {"matchLabels": {"app": "a"}}}), ""),
                (json!({"selector": {}}), "warns: workload selector specified without labels"),
                (
                    json!({"selector": {"matchLabels": {"a*": "b"}}}),
                    "wildcard is not supported in selector: \"a*=b\"",
                ),
                (
                    json!({"selector": {"matchLabels": {"": "b"}}}),
                    "empty key is not supported in selector: \"=b\"",
                ),
                (reference(json!({})), ""),
                (reference(json!({"kind": "Gateway", "group": "gateway.networking.k8s.io"})), ""),
                (reference(json!({"kind": "Pod"})), "targetRef must be to one of"),
                (reference(json!({"name": ""})), "targetRef name must be set"),
                (reference(json!({"namespace": "b"})), "targetRef namespace must not be set"),
                (
                    with(reference(json!({})), &json!({"selector": {}})),
                    "only one of targetRefs or workloadSelector can be set",
                ),
            ],
        );
    }
}

#[test]
fn authorization() {
    let same = |spec: Value| spec;
    let all = json!([{}]);
    table(
        "AuthorizationPolicy",
        same,
        &[
            (json!({}), ""),
            (json!({"rules": all}), ""),
            (
                json!({"action": "DENY"}),
                "invalid policy a.n: DENY action without `rules` is meaningless as it will never be triggered",
            ),
            (
                json!({"action": "CUSTOM", "provider": {"name": "p"}}),
                "CUSTOM action without `rules` is meaningless",
            ),
            (json!({"action": "CUSTOM", "rules": all}), "`provider.name` must not be empty"),
            (json!({"action": "CUSTOM", "provider": {"name": "p"}, "rules": all}), ""),
            (
                json!({"provider": {"name": "p"}, "rules": all}),
                "`provider` must not be with non CUSTOM action, found ALLOW",
            ),
        ],
    );
    let custom = |rule: Value| json!({"action": "CUSTOM", "provider": {"name": "p"}, "rules": [rule]});
    table(
        "AuthorizationPolicy",
        custom,
        &[
            (
                json!({"from": [{"source": {"namespaces": ["a"]}}]}),
                "From.Namespaces is currently not supported with CUSTOM action",
            ),
            (
                json!({"when": [{"key": "request.auth.principal", "values": ["a"]}]}),
                "request.auth.principal is currently not supported with CUSTOM",
            ),
        ],
    );
    let from = |source: Value| json!({"rules": [{"from": [{"source": source}]}]});
    table(
        "AuthorizationPolicy",
        from,
        &[
            (json!({"principals": ["cluster.local/ns/a/sa/b"], "ipBlocks": ["10.0.0.0/8", "::1"]}), ""),
            (json!({"serviceAccounts": ["a/b"], "trustDomains": ["c"]}), ""),
            (json!({}), "`from.source` must not be empty, found at rule 0"),
            (json!({"ipBlocks": ["here"]}), "bad IP address (here)"),
            (json!({"notRemoteIpBlocks": ["10.0.0.0/99"]}), "bad CIDR range (10.0.0.0/99)"),
            (json!({"namespaces": [""]}), "empty value not allowed, found in Namespaces"),
            (json!({"serviceAccounts": ["a/b/c"]}), "invalid service account \"a/b/c\""),
        ],
    );
    let to = |operation: Value| json!({"rules": [{"to": [{"operation": operation}]}]});
    table(
        "AuthorizationPolicy",
        to,
        &[
            (json!({"methods": ["GET"], "paths": ["/a/*", "/b/{*}/c", "/{**}"], "ports": ["80"]}), ""),
            (json!({}), "`to.operation` must not be empty, found at rule 0"),
            (json!({"ports": ["http"]}), "bad port (http)"),
            (json!({"notPorts": ["70000"]}), "bad port (70000)"),
            (
                json!({"paths": ["/a/{b}"]}),
                "invalid or unsupported path /a/{b}, found in Paths. Contains '{' or '}' beyond a supported path template",
            ),
            (json!({"notPaths": ["/{**}/{*}"]}), "found in NotPaths"),
            (json!({"hosts": [""]}), "empty value not allowed, found in Hosts"),
        ],
    );
    let when = |condition: Value| json!({"rules": [{"when": [condition]}]});
    table(
        "AuthorizationPolicy",
        when,
        &[
            (json!({"key": "request.headers[user-agent]", "values": ["a*"]}), ""),
            (json!({"key": "request.auth.claims[iss]", "notValues": ["a"]}), ""),
            (json!({"key": "source.ip", "values": ["10.0.0.0/8"]}), ""),
            (json!({"key": "", "values": ["a"]}), "`key` must not be empty"),
            (
                json!({"key": "source.ip"}),
                "at least one of `values` or `notValues` must be set for key source.ip",
            ),
            (
                json!({"key": "weather", "values": ["a"]}),
                "invalid `value` for `key` weather: unknown attribute: weather",
            ),
            (json!({"key": "source.ip", "values": ["here"]}), "bad IP address (here)"),
            (
                json!({"key": "destination.port", "notValues": ["x"]}),
                "invalid `notValue` for `key` destination.port: bad port (x)",
            ),
            (json!({"key": "request.headers[x", "values": ["a"]}), "should have format a[b]"),
        ],
    );
    // Empty lists are none, as protobuf has it.
    for rule in [json!({"from": []}), json!({"to": []}), json!({"from": [], "to": [], "when": []})] {
        expect("AuthorizationPolicy", json!({"rules": [rule]}), "");
    }
    expect(
        "AuthorizationPolicy",
        json!({"rules": [{"to": [{}]}]}),
        "`to.operation` must not be nil, found at rule 0",
    );
    let deny = |rule: Value| json!({"action": "DENY", "rules": [rule]});
    let warning = "warns: configured AuthorizationPolicy will deny all traffic to TCP ports under its scope";
    table(
        "AuthorizationPolicy",
        deny,
        &[
            (json!({"to": [{"operation": {"methods": ["GET"]}}]}), warning),
            (json!({"to": [{"operation": {"methods": ["GET"], "ports": ["80"]}}]}), ""),
            (json!({"from": [{"source": {"requestPrincipals": ["*"]}}]}), warning),
            (json!({"from": [{"source": {"namespaces": ["a"]}}]}), ""),
        ],
    );
}

#[test]
fn the_annotation_for_dry_runs() {
    let said = |kind: &str, value: &str, spec: Value| {
        let annotations = json!({"istio.io/dry-run": value});
        let metadata = json!({"name": "a", "namespace": "n", "annotations": annotations});
        let found = validate("security.istio.io", kind, &json!({"metadata": metadata, "spec": spec}));
        refusal(&found)
    };
    assert_eq!(said("AuthorizationPolicy", "true", json!({"rules": [{}]})), "");
    assert!(
        said("AuthorizationPolicy", "perhaps", json!({}))
            .contains("n/a has annotation istio.io/dry-run with invalid value (perhaps)")
    );
    assert!(
        said("AuthorizationPolicy", "true", json!({"action": "AUDIT"}))
            .contains("only supports action ALLOW/DENY, found action AUDIT")
    );
    assert!(
        said("PeerAuthentication", "true", json!({}))
            .contains("n/a has unsupported annotation istio.io/dry-run")
    );
}

#[test]
fn authentication() {
    let peer = |spec: Value| spec;
    let selector = json!({"matchLabels": {"app": "a"}});
    table(
        "PeerAuthentication",
        peer,
        &[
            (json!({"mtls": {"mode": "STRICT"}}), ""),
            (json!({"selector": selector, "portLevelMtls": {"80": {"mode": "DISABLE"}}}), ""),
            (
                json!({"portLevelMtls": {"80": {}}}),
                "mesh/namespace peer authentication cannot have port level mTLS",
            ),
            (
                json!({"selector": selector, "portLevelMtls": {}}),
                "port level mTLS, if defined, must have at least one element",
            ),
            (json!({"selector": selector, "portLevelMtls": {"0": {}}}), "port must be in range 1..65535"),
        ],
    );
    let rule = |fields: Value| json!({"jwtRules": [with(json!({"issuer": "i"}), &fields)]});
    table(
        "RequestAuthentication",
        rule,
        &[
            (
                json!({"jwksUri": "https://a.example/keys", "fromHeaders": [{"name": "x", "prefix": "y "}]}),
                "",
            ),
            (json!({"jwks": "{\"keys\":[]}"}), ""),
            (json!({"issuer": ""}), "issuer must be set"),
            (json!({"audiences": [""]}), "audience must be non-empty string"),
            (json!({"jwksUri": "ftp://a"}), "URI scheme \"ftp\" is not supported"),
            (json!({"jwks": "{"}), "jwks parse error"),
            (json!({"jwks": "{}"}), "jwks parse error: no keys are in it"),
            (json!({"fromHeaders": [{"name": ""}]}), "location header name must be non-empty string"),
            (json!({"fromParams": [""]}), "location query must be non-empty string"),
            (json!({"fromCookies": [""]}), "cookie name must be non-empty string"),
            (
                json!({"outputClaimToHeaders": [{"header": "x"}]}),
                "outputClaimToHeaders header and claim value must be non-empty string",
            ),
            (
                json!({"outputClaimToHeaders": [{"header": "x y", "claim": "z"}]}),
                "header name x y is not a valid header name",
            ),
            (json!({"timeout": "1us"}), "duration must be greater than 1ms"),
        ],
    );
}

#[test]
fn reports_and_extensions() {
    let same = |spec: Value| spec;
    let over = |tag: Value| json!({"metrics": [{"overrides": [{"tagOverrides": {"a": tag}}]}]});
    table(
        "Telemetry",
        same,
        &[
            (
                json!({"accessLogging": [{"providers": [{"name": "envoy"}], "filter": {"expression": "response.code >= 400"}}]}),
                "",
            ),
            (json!({"accessLogging": [{"providers": [{}]}]}), "providers.name may not be empty"),
            (
                json!({"accessLogging": [{"filter": {"expression": "response.code >= (400"}}]}),
                "failed to parse CEL expression",
            ),
            (
                json!({"accessLogging": [{"filter": {"expression": "a == 'b"}}]}),
                "failed to parse CEL expression",
            ),
            (
                json!({"tracing": [{"randomSamplingPercentage": 101}]}),
                "randomSamplingPercentage must be in range [0.0, 100.0]",
            ),
            (json!({"tracing": [{}, {}]}), "warns: multiple tracing is not currently supported"),
            (
                json!({"tracing": [{"providers": [{"name": "a"}, {"name": "b"}]}]}),
                "warns: multiple providers is not currently supported",
            ),
            (
                json!({"tracing": [{"customTags": {"": {"literal": {"value": "x"}}}}]}),
                "tag name may not be empty",
            ),
            (
                json!({"tracing": [{"customTags": {"a": {"literal": {"value": ""}}}}]}),
                "literal tag value may not be empty",
            ),
            (json!({"tracing": [{"customTags": {"a": {"header": {}}}}]}), "header tag name may not be empty"),
            (
                json!({"tracing": [{"customTags": {"a": {"environment": {}}}}]}),
                "environment tag name may not be empty",
            ),
            (over(json!({"operation": "UPSERT", "value": "x"})), ""),
            (over(json!({"operation": "UPSERT"})), "tagOverrides.value must be set when operation is UPSERT"),
            (
                over(json!({"operation": "REMOVE", "value": "x"})),
                "tagOverrides.value may only be set when operation is UPSERT",
            ),
            (
                json!({"metrics": [{"overrides": [{"match": {"customMetric": ""}}]}]}),
                "customMetric may not be empty",
            ),
        ],
    );
    let wasm = |fields: Value| with(json!({"url": "oci://a.example/b:1"}), &fields);
    table(
        "WasmPlugin",
        wasm,
        &[
            (
                json!({"url": "a.example/b:1", "sha256": "a".repeat(64), "match": [{"ports": [{"number": 80}]}]}),
                "",
            ),
            (json!({"url": ""}), "url field needs to be set"),
            (json!({"url": "ftp://a.example"}), "url contains unsupported scheme: ftp"),
            (json!({"sha256": "abc"}), "sha256 field must be 64 characters long"),
            (json!({"sha256": "g".repeat(64)}), "sha256 field must match [a-f0-9]{64} pattern"),
            (
                json!({"imagePullSecret": "a".repeat(254)}),
                "imagePullSecret field must be less than 253 characters long",
            ),
            (
                json!({"pluginName": "a".repeat(257)}),
                "pluginName field must be less than 255 characters long",
            ),
            (json!({"vmConfig": {"env": [{"name": "A"}, {"name": "A"}]}}), "duplicate env"),
            (json!({"vmConfig": {"env": [{"name": ""}]}}), "spec.vmConfig.env invalid"),
            (
                json!({"vmConfig": {"env": [{"name": "A", "value": "x", "valueFrom": "HOST"}]}}),
                "value may only be set when valueFrom is INLINE",
            ),
            (json!({"match": [{"ports": [{"number": 0}]}]}), "port number 0 must be in the range"),
        ],
    );
    table(
        "TrafficExtension",
        same,
        &[
            (json!({"wasm": {"url": "file:///a"}}), ""),
            (json!({}), "exactly one of wasm or lua must be set"),
            (json!({"lua": {}}), "lua.inlineCode must be set"),
            (json!({"wasm": {"url": "ftp://a"}}), "url contains unsupported scheme: ftp"),
        ],
    );
    table(
        "ProxyConfig",
        same,
        &[
            (json!({"concurrency": 0, "selector": {"matchLabels": {"a": "b"}}}), ""),
            (json!({"concurrency": -1}), "concurrency must be greater than or equal to 0"),
            (json!({"selector": {"matchLabels": {"a": "*"}}}), "wildcard is not supported in selector"),
        ],
    );
}
