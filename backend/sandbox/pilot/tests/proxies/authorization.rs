//! AuthorizationPolicy: who is let through, seen by callers.

use crate::bench::{Bench, get};
use crate::two_versions;

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: demo}}\nspec: {spec}\n---\n"
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
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: [cluster.local/ns/demo/sa/client]}}], to: [{operation: {methods: [GET], paths: ['/open*']}}]}]}",
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
    bench.apply(&policy("no-jason", "{action: DENY, rules: [{when: [{key: 'request.headers[end-user]', values: [jason]}]}]}"));
    bench.settle().await;
    let refused = async { while status(&bench, "/", &["end-user: jason"]).await != 403 {} };
    tokio::time::timeout(crate::bench::PATIENCE, refused).await.expect("jason is refused");
    assert_eq!(status(&bench, "/", &["end-user: anna"]).await, 200);
    let versions = ["web-v1", "web-v2"].map(|pod| bench.log_line(pod, "rbac_access_denied"));
    let (line, _, _) = futures::future::select_all(versions.map(Box::pin)).await;
    assert!(line.contains("403 - rbac_access_denied_matched_policy[ns[demo]-policy[no-jason]-rule[0]]"), "{line}");
}
