//! Names and places that are not a service's own: other names of it, hosts that no service has, subsets by
//! where pods stand.

use crate::bench::get;
use crate::world::{policy_of, rules_of, who};
use crate::{rules, two_versions};
use serde_json::json;
use std::sync::Arc;

/// Services that are other names.
const ALIASES: &str = "
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: demo}
spec: {type: ExternalName, externalName: front.other.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: other}
spec: {type: ExternalName, externalName: web.demo.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: ring, namespace: demo}
spec: {type: ExternalName, externalName: ring.demo.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: away, namespace: demo}
spec: {type: ExternalName, externalName: away.example}
";

#[tokio::test(flavor = "multi_thread")]
async fn an_external_name_is_another_name_of_a_service() {
    let mut bench = two_versions().await;
    bench.apply(ALIASES);
    bench.apply(&rules("[{route: [{destination: {host: web, subset: v2}}]}]"));
    bench.settle().await;
    // Its DNS name leads to the address of the service in the end, and the service's rules hold.
    for host in ["shop:9080", "shop.demo:9080", "front.other:9080", "front.other.svc.cluster.local:9080"] {
        let answer = bench.call("client", "10.96.0.10:9080", &get("/", host, &[])).await;
        assert_eq!((answer.status, who(&answer)), (200, "web-v2"), "{host}");
    }
    let unknown = bench.call("client", "10.96.0.10:9080", &get("/", "front:9080", &[])).await;
    assert_ne!(who(&unknown), "web-v2", "a short name is its own namespace's");
    // A rule may lead to it, too.
    bench.apply(&rules("[{route: [{destination: {host: shop, subset: v1}}]}]"));
    bench.settle().await;
    let answer = bench.web("/", &[]).await;
    assert_eq!((answer.status, who(&answer)), (200, "web-v1"));
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(said.contains("away.example") && !said.contains("front.other"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_service_is_served_at_port_80() {
    let mut bench = two_versions().await;
    let plain = "apiVersion: v1\nkind: Service\nmetadata: {name: plain, namespace: demo}\n\
        spec: {clusterIP: 10.96.0.30, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 9080}]}\n";
    bench.apply(plain);
    bench.apply(&rules_of(
        "made.up",
        "[{route: [{destination: {host: web, subset: v1, port: {number: 9080}}}]}]",
    ));
    bench.settle().await;
    let at = async |port: &str| {
        bench.call("client", &format!("10.96.0.30:{port}"), &get("/", "made.up", &[])).await
    };
    let answer = at("80").await;
    assert_eq!((answer.status, who(&answer)), (200, "web-v1"));
    let other = bench.try_call("client", "10.96.0.10:9080", &get("/", "made.up:9080", &[])).await;
    assert!(other.is_ok_and(|answer| answer.status != 200), "at another port nobody knows it");
}

#[tokio::test(flavor = "multi_thread")]
async fn subsets_may_be_where_pods_stand() {
    let mut bench = two_versions().await;
    for (node, zone) in [("one", "z1"), ("two", "z2")] {
        let labels = json!({"topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": zone});
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}});
        bench.apply(&node.to_string());
    }
    for (pod, node) in [("web-v1", "one"), ("web-v2", "two")] {
        Arc::make_mut(&mut bench.pods.get_mut(pod).expect("the pod").object)["spec"]["nodeName"] =
            json!(node);
    }
    let mut rule: serde_json::Value = serde_json::from_str(&policy_of("web", "{}")).expect("JSON");
    rule["spec"]["subsets"] = json!([
        {"name": "near", "labels": {"topology.kubernetes.io/zone": "z2"}},
        {"name": "region", "labels": {"topology.kubernetes.io/region": "r1", "version": "v1"}},
        {"name": "nowhere", "labels": {"topology.kubernetes.io/zone": "z9"}},
    ]);
    bench.apply(&rule.to_string());
    for (subset, expect) in [("near", Some("web-v2")), ("region", Some("web-v1")), ("nowhere", None)] {
        bench.apply(&rules(&format!("[{{route: [{{destination: {{host: web, subset: {subset}}}}}]}}]")));
        bench.settle().await;
        for _ in 0..6 {
            let answer = bench.web("/", &[]).await;
            let seen = (answer.status == 200).then(|| who(&answer));
            assert_eq!(seen, expect, "{subset}: {} {}", answer.status, answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_headless_service_are_called_one_by_one() {
    let mut bench = two_versions().await;
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: demo}\n\
         spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 9080}]}\n",
    );
    bench.settle().await;
    let dump = bench.debug("/debug/config_dump?proxyID=client.demo").await.to_string();
    assert!(dump.contains("*.db.demo.svc.cluster.local"), "pods have names below the service's");
    for (pod, host) in
        [("web-v1", "web-v1.db:9080"), ("web-v2", "web-v2.db.demo.svc.cluster.local:9080"), ("web-v2", "db")]
    {
        let real = format!("x-envoy-original-dst-host: 127.0.0.1:{}", bench.pods[pod].ports["9080"]);
        let at = format!("{}:9080", bench.pods[pod].ip);
        for _ in 0..4 {
            let answer = bench.call("client", &at, &get("/", host, &[&real])).await;
            assert_eq!((answer.status, who(&answer)), (200, pod), "{host}: {}", answer.body);
            assert!(
                answer.body.contains("URI=spiffe://cluster.local/ns/demo/sa/client"),
                "mutual TLS: {}",
                answer.body
            );
        }
    }
}
