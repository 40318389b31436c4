//! Mutual TLS modes, seen by those who call without it.

use crate::bench::{Bench, get};
use crate::two_versions;

fn policy(mode: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: default, namespace: \
            demo}}\nspec: {{mtls: {{mode: {mode}}}}}\n"
    )
}

/// What a caller without a sidecar sees, and what one with a sidecar sees.
async fn seen(bench: &Bench) -> (Option<u16>, u16, bool) {
    let outside = bench.plain("web-v1", 9080, &get("/", "web:9080", &[])).await;
    let inside = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    (outside.ok().map(|answer| answer.status), inside.status, inside.body.contains("URI=spiffe://"))
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_take_what_they_say() {
    let mut bench = two_versions().await;
    assert_eq!(seen(&bench).await, (Some(200), 200, true), "without a policy both are taken");
    for (mode, expect) in [
        ("STRICT", (None, 200, true)),
        ("PERMISSIVE", (Some(200), 200, true)),
        ("DISABLE", (Some(200), 200, false)),
        ("STRICT", (None, 200, true)),
    ] {
        bench.apply(&policy(mode));
        bench.settle().await;
        let outside = bench.plain("web-v1", 9080, &get("/", "web:9080", &[])).await;
        assert_eq!(
            outside.ok().map(|answer| answer.status),
            expect.0,
            "{mode}: new connections follow at once"
        );
        // Connections that were open already are drained.
        let drained = async { while seen(&bench).await != expect {} };
        let waited = tokio::time::timeout(crate::bench::PATIENCE, drained).await;
        assert!(waited.is_ok(), "{mode}: {:?}", seen(&bench).await);
    }
    bench.delete("PeerAuthentication", "demo", "default");
    bench.settle().await;
    let drained = async { while seen(&bench).await != (Some(200), 200, true) {} };
    tokio::time::timeout(crate::bench::PATIENCE, drained).await.expect("as if there had never been a policy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not_believed() {
    let mut bench = two_versions().await;
    // web's identity changes in the API only: its certificate is still the old one until it is told.
    bench.apply(
        r"
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: demo}
spec: {host: web, trafficPolicy: {tls: {mode: DISABLE}}}
",
    );
    bench.apply(&policy("STRICT"));
    bench.settle().await;
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert_eq!(answer.status, 503, "plain text by a DestinationRule is refused by STRICT: {}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_selects_holds_in_its_own_namespace_and_a_port_may_differ() {
    let mut bench = two_versions().await;
    let selecting = |namespace: &str, rest: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: web, namespace: {namespace}}}\n\
             spec: {{selector: {{matchLabels: {{app: web}}}}, mtls: {{mode: STRICT}}{rest}}}\n"
        )
    };
    // One of the root namespace selects only there, though without a selector it would be the mesh's.
    bench.apply(&selecting("istio-system", ""));
    bench.settle().await;
    assert_eq!(seen(&bench).await, (Some(200), 200, true), "web of demo is not meant");
    bench.apply(&selecting("demo", ""));
    bench.settle().await;
    let strict = async { while seen(&bench).await != (None, 200, true) {} };
    tokio::time::timeout(crate::bench::PATIENCE, strict).await.expect("its own namespace's holds");
    bench.apply(&selecting("demo", ", portLevelMtls: {9080: {mode: PERMISSIVE}}"));
    bench.settle().await;
    let open = async { while seen(&bench).await != (Some(200), 200, true) {} };
    tokio::time::timeout(crate::bench::PATIENCE, open).await.expect("the port has a mode of its own");
}
