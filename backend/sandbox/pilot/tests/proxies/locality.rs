//! Locality: near endpoints before far ones, shares by place, labels that must agree; and who takes over.

use crate::bench::{Bench, PATIENCE};
use crate::world::{mesh_config, outside, policy, policy_of, rules_of, tally, within};
use serde_json::{Value, json};
use std::sync::Arc;

const OUTLIERS: &str = "outlierDetection: {consecutive5xxErrors: 1, interval: 100s, baseEjectionTime: 100s, \
    maxEjectionPercent: 100}";

/// A client in r1/z1, and `web` in the same zone, in another one of its region, and in two other regions.
async fn places() -> Bench {
    let mut bench = Bench::start().await;
    bench.apply(crate::WEB);
    bench.pod("client", "app=client,version=v2,istio-locality=r1.z1.s1", 8080, false).await;
    for (name, place) in
        [("near", "r1.z1.s1"), ("zone", "r1.z2.s1"), ("far", "r2.z1.s1"), ("farther", "r3.z1.s1")]
    {
        let version = if name == "far" { "v2" } else { "v1" };
        bench
            .pod(
                &format!("web-{name}"),
                &format!("app=web,version={version},istio-locality={place}"),
                9080,
                false,
            )
            .await;
    }
    bench.apply(&rules_of("web", "[{retries: {attempts: 0}, route: [{destination: {host: web}}]}]"));
    bench
}

/// Who answers, when those who are sick fail.
async fn answering(bench: &Bench, sick: &str) -> Vec<String> {
    let fail = format!("fail-at: {sick}");
    // Those who fail are left out at once.
    let out = async { while bench.answered(8, &[&fail]).await.contains(&"503".into()) {} };
    tokio::time::timeout(PATIENCE, out).await.expect("the sick are left out");
    let seen = bench.answered(40, &[]).await;
    tally(&seen).into_keys().map(str::to_owned).collect()
}

async fn ruled(bench: &mut Bench, text: &str) {
    bench.apply(&policy(text));
    bench.settle().await;
}

const ALL: [&str; 4] = ["web-far", "web-farther", "web-near", "web-zone"];

#[tokio::test(flavor = "multi_thread")]
async fn the_next_near_takes_over() {
    let mut bench = places().await;
    ruled(&mut bench, "{loadBalancer: {simple: RANDOM}}").await;
    let spread = answering(&bench, "").await;
    println!("without outlierDetection: {spread:?}");
    assert_eq!(spread, ALL);
    ruled(&mut bench, &format!("{{{OUTLIERS}}}")).await;
    for (sick, expect) in
        [("", vec!["web-near"]), ("web-near", vec!["web-zone"]), ("web-zone", vec!["web-far", "web-farther"])]
    {
        let seen = answering(&bench, sick).await;
        println!("{sick:?} left out: {seen:?}");
        assert_eq!(seen, expect);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_that_is_named_takes_over() {
    let mut bench = places().await;
    ruled(
        &mut bench,
        &format!("{{{OUTLIERS}, loadBalancer: {{simple: RANDOM, localityLbSetting: {{enabled: false}}}}}}"),
    )
    .await;
    let spread = answering(&bench, "").await;
    println!("switched off: {spread:?}");
    assert_eq!(spread, ALL);
    ruled(
        &mut bench,
        &format!("{{{OUTLIERS}, loadBalancer: {{localityLbSetting: {{failover: [{{from: r1, to: r3}}]}}}}}}"),
    )
    .await;
    for (sick, expect) in
        [("", "web-near"), ("web-near", "web-zone"), ("web-zone", "web-farther"), ("web-farther", "web-far")]
    {
        let seen = answering(&bench, sick).await;
        println!("failover r1 to r3, {sick:?} left out: {seen:?}");
        assert_eq!(seen, [expect]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_by_place() {
    let mut bench = places().await;
    ruled(
        &mut bench,
        "{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {distribute: [{from: 'r9/*', to: {'r9/*': \
            100}}, \
           {from: 'r1/z1/*', to: {'r1/z1/*': 70, 'r2/*': 30}}]}}}",
    )
    .await;
    let seen = bench.answered(300, &[]).await;
    println!("70 near, 30 far: {:?}", tally(&seen));
    assert!(tally(&seen).len() == 2 && within(tally(&seen)["web-near"], 300, 0.7), "{:?}", tally(&seen));
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_agree_come_first() {
    let mut bench = places().await;
    let priority = |labels: &str| {
        format!("{{{OUTLIERS}, loadBalancer: {{localityLbSetting: {{failoverPriority: {labels}}}}}}}")
    };
    ruled(&mut bench, &priority("[version]")).await;
    for (sick, expect) in [("", vec!["web-far"]), ("web-far", vec!["web-farther", "web-near", "web-zone"])] {
        let seen = answering(&bench, sick).await;
        println!("by version, {sick:?} left out: {seen:?}");
        assert_eq!(seen, expect);
    }
    // Whoever is left out stays so under another rule: a new proxy.
    let mut bench = places().await;
    ruled(
        &mut bench,
        &priority("['version=v1', topology.kubernetes.io/region, topology.kubernetes.io/zone]"),
    )
    .await;
    for (sick, expect) in
        [("", "web-near"), ("web-near", "web-zone"), ("web-zone", "web-farther"), ("web-farther", "web-far")]
    {
        let seen = answering(&bench, sick).await;
        println!("by version=v1, region, zone, {sick:?} left out: {seen:?}");
        assert_eq!(seen, [expect]);
    }
}

fn preferring(distribution: &str) -> String {
    let mut service: Value = serde_saphyr::from_multiple::<Value>(crate::WEB).expect("YAML").remove(0);
    service["spec"]["trafficDistribution"] = json!(distribution);
    service.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_over_service_over_mesh() {
    let mut bench = places().await;
    // The Service prefers near ones even if nobody is ever left out; when they are gone, others take over.
    bench.apply(&preferring("PreferClose"));
    ruled(&mut bench, "{loadBalancer: {simple: RANDOM}}").await;
    let near = answering(&bench, "").await;
    let gone = bench.pods.remove("web-near").expect("the pod");
    bench.apply(&preferring("PreferClose"));
    bench.settle().await;
    let after = answering(&bench, "").await;
    println!("trafficDistribution PreferClose: {near:?}, and when it is gone {after:?}");
    assert_eq!((near, after), (vec!["web-near".to_owned()], vec!["web-zone".to_owned()]));
    bench.pods.insert("web-near".into(), gone);
    // The rule's own setting goes before it.
    ruled(&mut bench, "{loadBalancer: {simple: RANDOM, localityLbSetting: {enabled: false}}}").await;
    let off = answering(&bench, "").await;
    println!("and switched off by the DestinationRule: {off:?}");
    assert_eq!(off, ALL);
    // The mesh's holds where neither says anything.
    bench.apply(&preferring("Any"));
    bench.apply(&mesh_config("localityLbSetting: {distribute: [{from: 'r1/*', to: {'r2/*': 100}}]}"));
    ruled(&mut bench, "{loadBalancer: {simple: RANDOM}}").await;
    let mesh = answering(&bench, "").await;
    bench.apply(&preferring("PreferClose"));
    bench.settle().await;
    let service = answering(&bench, "").await;
    println!("meshConfig sends r1 to r2: {mesh:?}; the Service prefers near ones: {service:?}");
    assert_eq!((mesh, service), (vec!["web-far".to_owned()], vec!["web-near".to_owned()]));
    bench.apply(&preferring("Any"));
    bench.apply(&mesh_config("localityLbSetting: {enabled: false}"));
    ruled(&mut bench, &format!("{{{OUTLIERS}, loadBalancer: {{simple: RANDOM}}}}")).await;
    let off = answering(&bench, "").await;
    println!("switched off in the mesh: {off:?}");
    assert_eq!(off, ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_service_entries_have_places() {
    let mut bench = crate::two_versions().await;
    for (node, zone) in [("one", "z1"), ("two", "z2")] {
        let labels = json!({"topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": zone});
        bench.apply(
            &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}})
                .to_string(),
        );
    }
    for (pod, node) in [("client", "two"), ("web-v1", "one"), ("web-v2", "two")] {
        Arc::make_mut(&mut bench.pods.get_mut(pod).expect("the pod").object)["spec"]["nodeName"] =
            json!(node);
    }
    ruled(&mut bench, &format!("{{{OUTLIERS}}}")).await;
    let seen = answering(&bench, "").await;
    println!("on the same Node's zone: {seen:?}");
    assert_eq!(seen, ["web-v2"]);
    let ports = [bench.outsider("away"), bench.outsider("close")];
    let mut entry: Value = serde_json::from_str(&outside("HTTP", &ports)).expect("JSON");
    entry["spec"]["endpoints"][0]["locality"] = json!("r2/z9");
    entry["spec"]["endpoints"][1]["locality"] = json!("r1/z2");
    bench.apply(&entry.to_string());
    bench.apply(&policy_of("outside.example", &format!("{{{OUTLIERS}}}")));
    bench.apply(&rules_of(
        "outside.example",
        "[{retries: {attempts: 0}, route: [{destination: {host: outside.example}}]}]",
    ));
    bench.settle().await;
    let ask = async |headers: &[&str]| {
        let answer = bench.outside("/", headers).await;
        format!("{} {}", answer.status, crate::world::who(&answer))
    };
    let before = [ask(&[]).await, ask(&["fail-at: close"]).await];
    let away = async { while ask(&[]).await != "200 away" {} };
    tokio::time::timeout(PATIENCE, away).await.expect("the far one takes over");
    println!("endpoints of a ServiceEntry: {before:?}, then \"200 away\"");
    assert_eq!(before, ["200 close", "503 close"]);
}
