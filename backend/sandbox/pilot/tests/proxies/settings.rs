//! What the mesh's own settings say about security.

use crate::bench::{Bench, get};
use crate::conditions::{mesh, policy, status};

fn settings(bench: &mut Bench, text: &str) {
    let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": text}});
    bench.apply(&map.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn mutual_tls_may_be_left_to_rules() {
    let mut bench = mesh().await;
    let mutual = async |bench: &Bench| {
        let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
        (answer.status, answer.body.contains("URI=spiffe://"))
    };
    assert_eq!(mutual(&bench).await, (200, true));
    settings(&mut bench, "enableAutoMtls: false");
    bench.settle().await;
    let seen = mutual(&bench).await;
    println!("enableAutoMtls: false → {seen:?}");
    assert_eq!(seen, (200, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_read_as_the_mesh_says() {
    let mut bench = mesh().await;
    bench.apply(&policy("secret", "{action: DENY, rules: [{to: [{operation: {paths: ['/secret*']}}]}]}"));
    for (normalization, expect) in [
        ("NONE", [403, 200, 200, 200]),
        ("BASE", [403, 403, 200, 200]),
        ("MERGE_SLASHES", [403, 403, 403, 200]),
        ("DECODE_AND_MERGE_SLASHES", [403, 403, 403, 403]),
    ] {
        settings(&mut bench, &format!("pathNormalization: {{normalization: {normalization}}}"));
        bench.settle().await;
        let mut seen = Vec::new();
        for path in ["/secret/x", "/open/../secret/x", "//secret/x", "/open%2f..%2fsecret/x"] {
            seen.push(status(&bench, &format!("plain {path}")).await.unwrap_or_default());
        }
        println!("{normalization}: {seen:?}");
        assert_eq!(seen, expect, "{normalization}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_domain_may_have_other_names() {
    let mut bench = mesh().await;
    bench.apply(&policy(
        "old",
        "{rules: [{from: [{source: {principals: [old.example/ns/demo/sa/client]}}]}]}",
    ));
    for (text, expect) in [("{}", [403, 403]), ("trustDomainAliases: [old.example]", [200, 403])] {
        settings(&mut bench, text);
        bench.settle().await;
        let seen = [status(&bench, "client").await, status(&bench, "guest.other").await]
            .map(Option::unwrap_or_default);
        println!("{text}: {seen:?}");
        assert_eq!(seen, expect, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_read_change_nothing() {
    let mut bench = mesh().await;
    let unknown = async |bench: &Bench| {
        bench.call("client", "10.96.0.10:9080", &get("/", "elsewhere.example", &[])).await.status
    };
    let only = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";
    for (text, said) in [
        (only, false),
        ("foo: [bar", true),
        ("outboundTrafficPolicy: {mode: ALLOW_ANY}\noutboundTrafficPolicy: {mode: ALLOW_ANY}\n", true),
        ("outboundTrafficPolicy: {mode: ALLOW_ALL}", true),
    ] {
        settings(&mut bench, text);
        bench.settle().await;
        assert_eq!(unknown(&bench).await, 502, "{text}");
        let words = bench.debug("/debug/untranslatedz").await.to_string();
        assert_eq!(
            words.contains("data.mesh cannot be read, and the settings before it stay in force"),
            said,
            "{words}"
        );
    }
    settings(&mut bench, "{}");
    bench.settle().await;
    assert_ne!(unknown(&bench).await, 502);
}

/// Policies and token rules at a Gateway of the Gateway API whose pods are the ingress gateway's.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_attached_to_a_gateway_guards_its_way_in() {
    let mut bench = mesh().await;
    let issuer = crate::tokens::Issuer::elliptic("door@shop.example");
    bench.apply(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec: {gatewayClassName: istio, listeners: [{name: any, port: 8080, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: door, namespace: demo}
spec: {parentRefs: [{name: door}], rules: [{backendRefs: [{name: web, port: 9080}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: door, namespace: demo}
spec:
  targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: door}]
  rules: [{from: [{source: {requestPrincipals: ['*']}}]}]
",
    );
    let tokens = serde_json::json!({
        "apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication",
            "metadata": {"name": "door", "namespace": "demo"},
        "spec": {"targetRefs": [{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "door"}],
            "jwtRules": [{"issuer": issuer.name(), "jwks": issuer.jwks()}]},
    });
    bench.apply(&tokens.to_string());
    bench.pod("gate", "istio=ingressgateway", 8080, true).await;
    bench.settle().await;
    let good = issuer.bearer(serde_json::json!({}));
    let old = issuer.bearer(serde_json::json!({"exp": 1_000_000_000}));
    for (token, expect) in [
        ("x-no: token", (403, "RBAC: access denied")),
        (&*old, (401, "Jwt is expired")),
        (&*good, (200, "web")),
    ] {
        let answer = bench.plain("gate", 8080, &get("/", "shop.example", &[token])).await.expect("an answer");
        let told = (answer.status, answer.body.lines().next().unwrap_or_default());
        println!("{token:.40} → {told:?}");
        assert_eq!(told, expect);
    }
    assert_eq!(status(&bench, "client").await, Some(200), "inside no token is needed");
}

/// A policy or a token rule may be attached to a Gateway of the Gateway API, by the label that its pods have.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_attached_to_a_gateway() {
    let mut bench = mesh().await;
    bench.apply(
        "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, \
    hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: demo}
spec: {hosts: ['*'], gateways: [door], http: [{route: [{destination: {host: web, port: {number: 9080}}}]}]}
",
    );
    for (gate, name) in [("front", "front"), ("back", "back")] {
        let labels = format!("istio=ingressgateway,gateway.networking.k8s.io/gateway-name={name}");
        bench.pod(gate, &labels, 8080, true).await;
    }
    let refs = |kind: &str, group: &str, name: &str| {
        policy(
            "attached",
            &format!(
                "{{targetRefs: [{{kind: {kind}, group: '{group}', name: {name}}}], action: DENY, rules: \
                    [{{}}]}}"
            ),
        )
    };
    bench.apply(&refs("Gateway", "gateway.networking.k8s.io", "front"));
    bench.settle().await;
    for (gate, expect) in [("front", 403), ("back", 200)] {
        let answer = bench.plain(gate, 8080, &get("/", "shop.example", &[])).await.expect("an answer");
        println!("{gate}: {} {}", answer.status, answer.body.lines().next().unwrap_or_default());
        assert_eq!(answer.status, expect, "{gate}");
    }
    assert_eq!(status(&bench, "client").await, Some(200), "not behind the gateways");
    bench.apply(&refs("Service", "", "web"));
    bench.settle().await;
    assert_eq!(status(&bench, "client").await, Some(200));
    let told = bench.debug("/debug/untranslatedz").await.to_string();
    println!("{told}");
    assert!(told.contains("targetRefs to a Service has no effect in the sandbox"), "{told}");
}
