//! Policies, reports, extensions.

use serde_json::{Value, json};

use super::{table, with};

/// The rules that all policies share about what they are attached to.
fn attachment(kind: &str, base: &Value, single: bool) {
    let of = |more: Value| with(base.clone(), more);
    let labels = |key: &str, value: &str| of(json!({"selector": {"matchLabels": {key: value}}}));
    let good = labels("app", "a");
    let reference =
        |namespace: &str| json!({"kind": "Service", "group": "", "name": "a", "namespace": namespace});
    let mut rows = vec![
        (
            good.clone(),
            labels("a*", "a"),
            "spec.selector.matchLabels: Invalid value: \"object\": wildcard not allowed in label key match",
        ),
        (
            good.clone(),
            labels("", "a"),
            "spec.selector.matchLabels: Invalid value: \"object\": key must not be empty",
        ),
        (
            good,
            labels("app", "a*"),
            "spec.selector.matchLabels.app: Invalid value: \"a*\": wildcard not allowed in label value match",
        ),
        (
            of(json!({"targetRefs": [{"kind": "Service", "name": "a"}]})),
            of(json!({"targetRefs": [{"kind": "Service", "name": "a"}], "selector": {}})),
            "spec: Invalid value: \"object\": only one of targetRefs or selector can be set",
        ),
        (
            of(json!({"targetRefs": [reference("")]})),
            of(json!({"targetRefs": [reference("other")]})),
            "spec.targetRefs[0].namespace: Invalid value: \"other\": cross namespace referencing is not \
                currently supported",
        ),
        (
            of(json!({"targetRefs": [reference("")]})),
            of(json!({"targetRefs": [{"kind": "Service"}]})),
            "spec.targetRefs[0].name: Required value",
        ),
        (
            of(json!({"targetRefs": [reference("")]})),
            of(json!({"targetRefs": [{"kind": "1", "name": "a"}]})),
            "spec.targetRefs[0].kind: Invalid value: \"1\": spec.targetRefs[0].kind in body should match \
                '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$'",
        ),
    ];
    if single {
        rows.push((
            of(json!({"targetRef": reference("")})),
            of(json!({"targetRef": reference("other")})),
            "spec.targetRef.namespace: Invalid value: \"other\": cross namespace referencing is not \
                currently supported",
        ));
    }
    table(kind, rows);
}

#[test]
fn what_policies_are_attached_to() {
    attachment("AuthorizationPolicy", &json!({}), true);
    attachment("RequestAuthentication", &json!({}), true);
    attachment("Telemetry", &json!({}), true);
    attachment("WasmPlugin", &json!({"url": "oci://a.example/x:1"}), true);
    attachment("TrafficExtension", &json!({"lua": {"inlineCode": "x"}}), false);
}

#[test]
fn policies_and_reports() {
    let selected =
        json!({"selector": {"matchLabels": {"app": "a"}}, "portLevelMtls": {"80": {"mode": "STRICT"}}});
    table(
        "PeerAuthentication",
        vec![
            (
                selected.clone(),
                json!({"portLevelMtls": {"80": {}}}),
                "spec: Invalid value: \"object\": portLevelMtls requires selector",
            ),
            (
                selected.clone(),
                with(selected.clone(), json!({"portLevelMtls": {"70000": {}}})),
                "spec.portLevelMtls: Invalid value: \"object\": port must be between 1-65535",
            ),
            (
                selected.clone(),
                with(selected.clone(), json!({"portLevelMtls": {}})),
                "spec.portLevelMtls: Invalid value: 0: spec.portLevelMtls in body should have at least 1 \
                    properties",
            ),
            (
                selected,
                json!({"selector": {"matchLabels": {"app": "*"}}}),
                "spec.selector.matchLabels.app: Invalid value: \"*\": wildcard not allowed in label value \
                    match",
            ),
        ],
    );
    let source = |fields: Value| json!({"rules": [{"from": [{"source": fields}]}]});
    table(
        "AuthorizationPolicy",
        vec![(
            source(json!({"serviceAccounts": ["a/b"], "ipBlocks": ["1.1.1.1"]})),
            source(json!({"serviceAccounts": ["a/b"], "notNamespaces": ["a"]})),
            "spec.rules[0].from[0].source: Invalid value: \"object\": Cannot set serviceAccounts with \
                namespaces or principals",
        )],
    );
    let rule = |fields: Value| json!({"jwtRules": [with(json!({"issuer": "a"}), fields)]});
    table(
        "RequestAuthentication",
        vec![
            (
                rule(json!({"jwks": "{}"})),
                rule(json!({"jwks": "{}", "jwksUri": "https://a.example"})),
                "spec.jwtRules[0]: Invalid value: \"object\": only one of jwks or jwksUri can be set",
            ),
            (
                rule(json!({"timeout": "1s"})),
                rule(json!({"timeout": "0s"})),
                "spec.jwtRules[0].timeout: Invalid value: \"0s\": must be a valid duration greater than 1ms",
            ),
            (
                rule(json!({"jwksUri": "http://a.example/keys"})),
                rule(json!({"jwksUri": "ftp://a.example"})),
                "spec.jwtRules[0].jwksUri: Invalid value: \"ftp://a.example\": url must have scheme http:// \
                    or https://",
            ),
            (
                rule(json!({"jwks_uri": "http://a.example/keys"})),
                rule(json!({"jwks_uri": "a.example"})),
                "spec.jwtRules[0].jwks_uri: Invalid value: \"a.example\": url must have scheme http:// or \
                    https://",
            ),
            (
                rule(json!({})),
                rule(json!({"issuer": ""})),
                "spec.jwtRules[0].issuer: Invalid value: \"\": spec.jwtRules[0].issuer in body should be at \
                    least 1 chars long",
            ),
        ],
    );
    let over = |fields: Value| json!({"metrics": [{"overrides": [{"tagOverrides": {"a": fields}}]}]});
    table(
        "Telemetry",
        vec![
            (
                over(json!({"operation": "UPSERT", "value": "x"})),
                over(json!({"operation": "UPSERT"})),
                "spec.metrics[0].overrides[0].tagOverrides.a: Invalid value: \"object\": value must be set \
                    when operation is UPSERT",
            ),
            (
                over(json!({"operation": "REMOVE"})),
                over(json!({"operation": "REMOVE", "value": "x"})),
                "spec.metrics[0].overrides[0].tagOverrides.a: Invalid value: \"object\": value must not be \
                    set when operation is REMOVE",
            ),
            (
                json!({"metrics": [{"reportingInterval": "5s"}]}),
                json!({"metrics": [{"reportingInterval": "0s"}]}),
                "spec.metrics[0].reportingInterval: Invalid value: \"0s\": must be a valid duration greater \
                    than 1ms",
            ),
            (
                json!({"tracing": [{"randomSamplingPercentage": 99.5}]}),
                json!({"tracing": [{"randomSamplingPercentage": 101}]}),
                "spec.tracing[0].randomSamplingPercentage: Invalid value: 101: \
                    spec.tracing[0].randomSamplingPercentage in body should be less than or equal to 100",
            ),
            (
                json!({"tracing": [{"customTags": {"a": {"header": {"name": "x"}}}}]}),
                json!({"tracing": [{"customTags": {"a": {"header": {"name": "x"},
                    "literal": {"value": "y"}}}}]}),
                "<nil>: Invalid value: \"\": \"spec.tracing[0].customTags.a\" must validate one and only one \
                    schema (oneOf). Found 2 valid alternatives",
            ),
        ],
    );
    let wasm = |fields: Value| with(json!({"url": "oci://a.example/x"}), fields);
    let env = |variable: Value| wasm(json!({"vmConfig": {"env": [variable]}}));
    table(
        "WasmPlugin",
        vec![
            (
                wasm(json!({})),
                wasm(json!({"url": "ftp://a.example"})),
                "spec.url: Invalid value: \"ftp://a.example\": url must have schema one of [http, https, \
                    file, oci]",
            ),
            (
                env(json!({"name": "A", "valueFrom": "HOST"})),
                env(json!({"name": "A", "valueFrom": "HOST", "value": "x"})),
                "spec.vmConfig.env[0]: Invalid value: \"object\": value may only be set when valueFrom is \
                    INLINE",
            ),
            (wasm(json!({})), json!({}), "spec.url: Required value"),
            (
                wasm(json!({"match": [{"ports": [{"number": 80}]}]})),
                wasm(json!({"match": [{"ports": [{"number": 0}]}]})),
                "spec.match[0].ports[0].number: Invalid value: 0: spec.match[0].ports[0].number in body \
                    should be greater than or equal to 1",
            ),
        ],
    );
    table(
        "TrafficExtension",
        vec![
            (
                json!({"wasm": {"url": "a.example/x:1"}}),
                json!({"wasm": {"url": "a.example/x:1"}, "lua": {"inlineCode": "x"}}),
                "spec: Invalid value: \"object\": exactly one of wasm or lua must be set",
            ),
            (
                json!({"lua": {"inlineCode": "x"}}),
                json!({}),
                "spec: Invalid value: \"object\": exactly one of wasm or lua must be set",
            ),
            (
                json!({"wasm": {"url": "file:///x"}}),
                json!({"wasm": {"url": "gopher://a/x"}}),
                "spec.wasm.url: Invalid value: \"gopher://a/x\": url must have schema one of [http, https, \
                    file, oci]",
            ),
            (
                json!({"wasm": {"url": "file:///x", "vmConfig": {"env": [{"name": "A", "value": "x"}]}}}),
                json!({"wasm": {"url": "file:///x", "vmConfig": {"env": [{"name": "A", "value": "x",
                    "valueFrom": "HOST"}]}}}),
                "spec.wasm.vmConfig.env[0]: Invalid value: \"object\": value may only be set when valueFrom \
                    is INLINE",
            ),
        ],
    );
}
