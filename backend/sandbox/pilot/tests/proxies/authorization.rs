//! AuthorizationPolicy: who is let through, seen by callers.

use crate::bench::{Bench, get};
use crate::conditions::status as status_of;
use crate::two_versions;

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: \
            demo}}\nspec: {spec}\n---\n"
    )
}

async fn status(bench: &Bench, path: &str, headers: &[&str]) -> u16 {
    bench.call("client", "10.96.0.10:9080", &get(path, "web:9080", headers)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn deny_all_then_allow() {
    let mut bench = two_versions().await;
    bench.apply(&policy("deny-all", "{}"));
    bench.settle().await;
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "RBAC: access denied"));
    bench.apply(&policy(
        "allow-client",
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: \
            [cluster.local/ns/demo/sa/client]}}], to: [{operation: {methods: [GET], paths: ['/open*']}}]}]}",
    ));
    bench.settle().await;
    // Connections that were open before are drained: they end with the old answer.
    let allowed = async { while status(&bench, "/open/door", &[]).await != 200 {} };
    tokio::time::timeout(crate::bench::PATIENCE, allowed).await.expect("the client is let through");
    assert_eq!(status(&bench, "/closed", &[]).await, 403);
    let stranger = bench.plain("web-v1", 9080, &get("/open", "web:9080", &[])).await.expect("an answer");
    assert_eq!(stranger.status, 403, "without a certificate nobody is the client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_names_its_rule() {
    let mut bench = two_versions().await;
    bench.apply(&policy(
        "no-jason",
        "{action: DENY, rules: [{when: [{key: 'request.headers[end-user]', values: [jason]}]}]}",
    ));
    bench.settle().await;
    let refused = async { while status(&bench, "/", &["end-user: jason"]).await != 403 {} };
    tokio::time::timeout(crate::bench::PATIENCE, refused).await.expect("jason is refused");
    assert_eq!(status(&bench, "/", &["end-user: anna"]).await, 200);
    let versions = ["web-v1", "web-v2"].map(|pod| bench.log_line(pod, "rbac_access_denied"));
    let (line, _, _) = futures::future::select_all(versions.map(Box::pin)).await;
    assert!(
        line.contains("403 - rbac_access_denied_matched_policy[ns[demo]-policy[no-jason]-rule[0]]"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nothing_and_denials_first() {
    let mut bench = crate::conditions::mesh().await;
    for (what, spec, with, expect) in [
        ("allow nothing", "{}", "", 403),
        ("allow all", "{rules: [{}]}", "", 200),
        ("deny all", "{action: DENY, rules: [{}]}", "", 403),
        (
            "deny before allow",
            "{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}",
            "{rules: [{}]}",
            403,
        ),
        (
            "allow one of several",
            "{rules: [{to: [{operation: {methods: [POST]}}]}]}",
            "{rules: [{to: [{operation: {methods: [GET]}}]}]}",
            200,
        ),
        ("of another workload", "{selector: {matchLabels: {app: other}}}", "", 200),
        ("audit", "{action: AUDIT, rules: [{}]}", "", 200),
    ] {
        bench.apply(&policy("first", spec));
        if !with.is_empty() {
            bench.apply(&policy("second", with));
        }
        bench.settle().await;
        let seen = status_of(&bench, "client").await;
        println!("{what}: {seen:?}");
        assert_eq!(seen, Some(expect), "{what}");
        if !with.is_empty() {
            bench.delete("AuthorizationPolicy", "demo", "second");
        }
    }
    bench.delete("AuthorizationPolicy", "demo", "first");
    // The root namespace's hold everywhere, those of others nowhere else.
    for (namespace, expect) in [("other", 200), ("istio-system", 403)] {
        bench.apply(
            &policy("wide", "{action: DENY, rules: [{}]}")
                .replace("namespace: demo", &format!("namespace: {namespace}")),
        );
        bench.settle().await;
        assert_eq!(status_of(&bench, "client").await, Some(expect), "{namespace}");
    }
}

fn dry(name: &str, spec: &str) -> String {
    policy(name, spec).replace("metadata: {", "metadata: {annotations: {istio.io/dry-run: 'true'}, ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_denies_nothing_and_is_counted() {
    let mut bench = crate::conditions::mesh().await;
    bench.apply(&dry("would-deny", "{action: DENY, rules: [{to: [{operation: {paths: [/x]}}]}]}"));
    bench.apply(&dry("would-allow", "{rules: [{to: [{operation: {methods: [POST]}}]}]}"));
    bench.settle().await;
    for caller in ["client /x", "client /x", "client /y", "client POST /y"] {
        assert_eq!(status_of(&bench, caller).await, Some(200), "{caller}");
    }
    let stats = bench.admin("web", "/stats?filter=istio_dry_run").await;
    println!("{stats}");
    for count in [
        "istio_dry_run_deny_.shadow_denied: 2",
        "istio_dry_run_deny_.shadow_allowed: 2",
        "istio_dry_run_allow_.shadow_allowed: 1",
        "istio_dry_run_allow_.shadow_denied: 3",
    ] {
        assert!(stats.contains(&format!("http.inbound_0.0.0.0_9080.rbac.{count}")), "{count}");
    }
    // What it would have done is noted for each request, and may be asked for.
    let key = "experimental.envoy.filters.http.rbac[istio_dry_run_deny_shadow_engine_result]";
    bench.apply(&policy("by-note", &format!("{{rules: [{{when: [{{key: '{key}', values: [allowed]}}]}}]}}")));
    bench.settle().await;
    let seen = (status_of(&bench, "client /x").await, status_of(&bench, "client /y").await);
    println!("noted as denied: {:?}, as allowed: {:?}", seen.0, seen.1);
    assert_eq!(seen, (Some(403), Some(200)));
}
