//! Hosts at a gateway: rules of several VirtualServices for one, short names, wildcards, and how Gateways are
//! named.

use crate::bench::{Bench, get};
use crate::two_versions;
use serde_json::json;

const DOOR: &str = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: door, namespace: \
    demo}\nspec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: \
    HTTP}, hosts: ['*']}]}\n";

async fn bench() -> Bench {
    let mut bench = two_versions().await;
    bench.pod_with("gate", "istio=ingressgateway", &[8080], None);
    bench.apply(DOOR);
    bench
}

/// A VirtualService of that age; its rules are `(path prefix, subset of web)`, for everything where the
/// prefix is "".
fn service(name: &str, second: u32, host: &str, gateways: &[&str], rules: &[(&str, &str)]) -> String {
    let rule = |(path, subset): &(&str, &str)| {
        let to = json!([{"destination": {"host": "web.demo.svc.cluster.local", "subset": subset,
            "port": {"number": 9080}}}]);
        if path.is_empty() {
            json!({"route": to})
        } else {
            json!({"match": [{"uri": {"prefix": path}}], "route": to})
        }
    };
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "demo",
            "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")},
        "spec": {"hosts": [host], "gateways": gateways, "http": rules.iter().map(rule).collect::<Vec<_>>()},
    })
    .to_string()
}

async fn asked(bench: &Bench, host: &str, path: &str) -> String {
    let answer = bench.plain("gate", 8080, &get(path, host, &[])).await.expect("an answer");
    format!("{host}{path} {} {}", answer.status, answer.body.lines().next().unwrap_or_default())
        .trim_end()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_everything_comes_last() {
    let mut bench = bench().await;
    bench.apply(&service("a-catch", 1, "shop.example", &["door"], &[("/details", "v2"), ("", "v1")]));
    bench.apply(&service(
        "b-more",
        2,
        "shop.example",
        &["demo/door", "mesh"],
        &[("/reviews", "v2"), ("", "v2")],
    ));
    bench.settle().await;
    let mut found = Vec::new();
    for path in ["/details", "/reviews", "/ratings"] {
        found.push(asked(&bench, "shop.example", path).await);
    }
    assert_eq!(
        found,
        [
            "shop.example/details 200 web-v2",
            "shop.example/reviews 200 web-v2",
            "shop.example/ratings 200 web-v1"
        ],
        "of two that take everything the older counts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn short_hosts_are_services_of_the_rules_namespace() {
    let mut bench = bench().await;
    bench.apply(&service("short", 1, "web", &["mesh", "door"], &[("", "v1")]));
    bench.settle().await;
    assert_eq!(
        [
            asked(&bench, "web.demo.svc.cluster.local", "/").await,
            asked(&bench, "web.demo.svc.cluster.local:8080", "/").await,
            asked(&bench, "web", "/").await
        ],
        ["web.demo.svc.cluster.local/ 200 web-v1", "web.demo.svc.cluster.local:8080/ 200 web-v1", "web/ 404"]
    );
    // A server may take the services of one domain only.
    bench.apply(&DOOR.replace("'*'", "'*.demo.svc.cluster.local'"));
    bench.settle().await;
    assert_eq!(
        asked(&bench, "web.demo.svc.cluster.local", "/").await,
        "web.demo.svc.cluster.local/ 200 web-v1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcard_hosts_are_met_with_the_servers_port() {
    let mut bench = bench().await;
    bench.apply(&service("wild", 1, "*.example", &["door"], &[("", "v2")]));
    bench.settle().await;
    assert_eq!(
        [asked(&bench, "foo.example", "/").await, asked(&bench, "foo.example:8080", "/").await],
        ["foo.example/ 200 web-v2", "foo.example:8080/ 200 web-v2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_are_named_in_every_way() {
    let mut bench = bench().await;
    for name in ["door", "demo/door", "./door", "door.demo", "door.demo.svc.cluster.local"] {
        bench.apply(&service("any", 1, "shop.example", &[name], &[("", "v1")]));
        bench.settle().await;
        assert_eq!(asked(&bench, "shop.example", "/").await, "shop.example/ 200 web-v1", "{name}");
    }
    for name in ["door.other", "other/door", "door.example.svc.cluster.local"] {
        bench.apply(&service("any", 1, "shop.example", &[name], &[("", "v1")]));
        bench.settle().await;
        assert_eq!(asked(&bench, "shop.example", "/").await, "shop.example/ 404", "{name}");
    }
}
