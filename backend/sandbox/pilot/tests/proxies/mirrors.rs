//! Dark launch: copies of requests go elsewhere, and callers see nothing of it.

use crate::bench::Bench;
use crate::world::{who, within};
use crate::{rules, two_versions};

const V1: &str = "route: [{destination: {host: web, subset: v1}}]";

/// Sends requests, and says how many of them each of the pods got.
async fn copies(bench: &Bench, requests: usize, pods: &[&str]) -> Vec<usize> {
    pods.iter().for_each(|pod| drop(bench.heard(pod)));
    for _ in 0..requests {
        let answer = bench.web("/copied", &[]).await;
        assert_eq!((answer.status, who(&answer)), (200, "web-v1"), "callers see v1 only");
    }
    bench.idle("client").await;
    pods.iter().map(|pod| bench.heard(pod).len()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_gets_copies_and_callers_see_nothing() {
    let mut bench = two_versions().await;
    bench.apply(&rules(&format!("[{{mirror: {{host: web, subset: v2}}, {V1}}}]")));
    bench.settle().await;
    let counts = copies(&bench, 20, &["web-v1", "web-v2"]).await;
    println!("all: {counts:?}");
    assert_eq!(counts, [20, 20]);
    // As istiod has it: the copy keeps its host, belongs to the same trace, and is not sampled.
    bench.web("/marked", &[]).await;
    bench.idle("client").await;
    let copy = bench.heard("web-v2").pop().expect("the copy");
    let original = bench.heard("web-v1").pop().expect("the original");
    let trace = |text: &str| {
        text.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap_or_default().to_owned()
    };
    println!("original: {} copy: {}", trace(&original), trace(&copy));
    assert!(copy.contains("\nhost: web:9080\n"), "{copy}");
    assert_eq!(trace(&copy).split('-').nth(1), trace(&original).split('-').nth(1), "one trace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_copied_and_several_mirrors_too() {
    let mut bench = two_versions().await;
    bench.pod("web-v3", "app=other,version=v3", 9080, false).await;
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: demo}\n\
         spec: {clusterIP: 10.96.0.13, selector: {app: other}, ports: [{name: http, port: 9080}]}\n",
    );
    let mirror = |what: &str| rules(&format!("[{{{what}, {V1}}}]"));
    for (what, share) in [
        ("mirror: {host: web, subset: v2}, mirrorPercentage: {value: 50}", 0.5),
        ("mirror: {host: web, subset: v2}, mirrorPercent: 25", 0.25),
        ("mirror: {host: web, subset: v2}, mirrorPercentage: {value: 0}", 0.0),
    ] {
        bench.apply(&mirror(what));
        bench.settle().await;
        let counts = copies(&bench, 300, &["web-v1", "web-v2"]).await;
        println!("{what}: {counts:?} of 300");
        assert!(counts[0] == 300 && within(counts[1], 300, share), "{what}: {counts:?}");
    }
    bench.apply(&mirror(
        "mirrors: [{destination: {host: web, subset: v2}}, {destination: {host: other}, percentage: {value: \
            30}}]",
    ));
    bench.settle().await;
    let counts = copies(&bench, 300, &["web-v2", "web-v3"]).await;
    println!("several: {counts:?} of 300");
    assert!(counts[0] == 300 && within(counts[1], 300, 0.3), "{counts:?}");
}
