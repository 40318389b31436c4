//! EnvoyFilters that cannot be carried out: said with a reason, and without harm to anything else.

use crate::bench::{Bench, get};
use crate::envoy_filter::{filter, insert, lua};
use crate::two_versions;

const ROUTER: &str = "envoy.filters.http.router";

async fn reasons(bench: &Bench) -> Vec<String> {
    let page = bench.debug("/debug/untranslatedz").await;
    let rows = page.as_array().expect("rows");
    let ours = rows
        .iter()
        .filter(|row| row["object"].as_str().is_some_and(|object| object.starts_with("EnvoyFilter")));
    ours.map(|row| format!("{}: {}", row["object"], row["reason"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_patch_is_left_out_alone_and_said() {
    let mut bench = two_versions().await;
    let good = "function envoy_on_response(handle)\n  handle:headers():add(\"x-good\", \"yes\")\nend";
    let bad = "function envoy_on_response(handle) this is no Lua";
    let unknown = "{name: smoke, typed_config: {'@type': \
        type.googleapis.com/envoy.extensions.filters.http.smoke.v3.Smoke}}";
    let patches = [
        insert("SIDECAR_OUTBOUND", "INSERT_BEFORE", ROUTER, &lua(bad)),
        insert("SIDECAR_OUTBOUND", "INSERT_BEFORE", ROUTER, &lua(good)),
        insert("SIDECAR_OUTBOUND", "INSERT_BEFORE", ROUTER, unknown),
        insert("SIDECAR_OUTBOUND", "INSERT_BEFORE", "envoy.filters.http.missing", &lua(good)),
        insert("GATEWAY", "INSERT_BEFORE", ROUTER, &lua(good)),
        "{applyTo: BOOTSTRAP, patch: {operation: MERGE, value: {}}}".to_owned(),
        "{applyTo: CLUSTER, match: {cluster: {service: web.demo.svc.cluster.local}}, \
           patch: {operation: MERGE, value: {connect_timeout: soon}}}"
            .to_owned(),
    ];
    bench.apply(&filter(
        "mixed",
        "workloadSelector: {labels: {app: client}},",
        &format!("[{}]", patches.join(", ")),
    ));
    bench.settle().await;
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    let said = reasons(&bench).await;
    println!("{}\n{}", answer.head, said.join("\n"));
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("x-good: yes"), "the good one holds: {}", answer.head);
    let expected = [
        ("configPatches[0]: Envoy refuses it: ", true),
        ("configPatches[1]", false),
        ("configPatches[2]: patch.value cannot be read as", true),
        ("configPatches[3]: nothing in the configuration of any proxy fits its match", true),
        ("configPatches[4]: no connected proxy is selected", true),
        ("configPatches[5]: applyTo BOOTSTRAP is not carried out", true),
        ("configPatches[6]: patch.value cannot be read as", true),
    ];
    for (text, there) in expected {
        assert_eq!(said.iter().any(|line| line.contains(text)), there, "{text}: {said:#?}");
    }

    // What is applied afterwards still reaches the proxy, and mending the patch is enough.
    bench.apply(&crate::rules("[{directResponse: {status: 299}}]"));
    bench.settle().await;
    assert_eq!(bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await.status, 299);
    let mended = insert("SIDECAR_OUTBOUND", "INSERT_BEFORE", ROUTER, &lua(good));
    bench.apply(&filter("mixed", "workloadSelector: {labels: {app: client}},", &format!("[{mended}]")));
    bench.settle().await;
    assert_eq!(reasons(&bench).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_envoy_refuses_are_sent_without_the_patch() {
    let mut bench = two_versions().await;
    // Encodes, but Envoy wants a status of at least 200.
    let patch = "[{applyTo: HTTP_ROUTE, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {portNumber: \
        9080}}, \
         patch: {operation: INSERT_FIRST, value: {match: {prefix: /}, direct_response: {status: 7}}}}]";
    bench.apply(&filter("routes", "", patch));
    bench.settle().await;
    let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    let said = reasons(&bench).await;
    println!("{} {said:#?}", answer.status);
    assert_eq!(answer.status, 200);
    assert!(said.iter().any(|line| line.contains("configPatches[0]: Envoy refuses it")), "{said:#?}");
}
