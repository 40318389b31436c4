//! Bookinfo's objects.

use serde_json::{Value, json};

const CREATED: &str = "2025-12-31T23:00:00Z";

/// Name, version, service account.
const WORKLOADS: [(&str, &str, &str); 6] = [
    ("productpage", "v1", "bookinfo-productpage"),
    ("details", "v1", "bookinfo-details"),
    ("reviews", "v1", "bookinfo-reviews"),
    ("reviews", "v2", "bookinfo-reviews"),
    ("reviews", "v3", "bookinfo-reviews"),
    ("ratings", "v1", "bookinfo-ratings"),
];

pub(super) fn bookinfo() -> Vec<Value> {
    let mut all = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": meta("", "bookinfo", json!({ "istio-injection": "enabled" })) }),
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": meta("", "istio-system", json!({})) }),
        service("istio-system", "istiod", "istiod", &[("grpc-xds", 15010), ("http-monitoring", 15014)]),
        service("istio-system", "istio-ingressgateway", "istio-ingressgateway", &[("http2", 80)]),
    ];
    for app in ["productpage", "details", "reviews", "ratings"] {
        all.push(service("bookinfo", app, app, &[("http", 9080)]));
    }
    for (app, version, account) in WORKLOADS {
        let name = format!("{app}-{version}");
        let labels = json!({ "app": app, "version": version });
        all.push(deployment("bookinfo", &name, &labels, account));
        all.push(pod("bookinfo", &name, &labels, account, &[app, "istio-proxy"]));
    }
    let gateway = json!({ "app": "istio-ingressgateway", "istio": "ingressgateway" });
    all.push(deployment("istio-system", "istio-ingressgateway", &gateway, "istio-ingressgateway"));
    all.push(pod("istio-system", "istio-ingressgateway", &gateway, "istio-ingressgateway", &["istio-proxy"]));
    let istiod = json!({ "app": "istiod", "istio": "pilot" });
    all.push(deployment("istio-system", "istiod", &istiod, "istiod"));
    all.push(pod("istio-system", "istiod", &istiod, "istiod", &["discovery"]));
    all.extend([
        istio(
            "networking.istio.io/v1",
            "Gateway",
            "bookinfo-gateway",
            json!({
                "selector": { "istio": "ingressgateway" },
                "servers": [{ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["*"] }],
            }),
        ),
        istio(
            "networking.istio.io/v1",
            "VirtualService",
            "bookinfo",
            json!({
                "hosts": ["*"],
                "gateways": ["bookinfo-gateway"],
                "http": [{
                    "match": [{ "uri": { "exact": "/productpage" } }, { "uri": { "prefix": "/static" } }],
                    "route": [{ "destination": { "host": "productpage", "port": { "number": 9080 } } }],
                }],
            }),
        ),
        istio(
            "networking.istio.io/v1",
            "VirtualService",
            "reviews",
            json!({
                "hosts": ["reviews"],
                "http": [
                    {
                        "match": [{ "headers": { "end-user": { "exact": "jason" } } }],
                        "route": [{ "destination": { "host": "reviews", "subset": "v2" } }],
                    },
                    {
                        "name": "everyone",
                        "timeout": "10s",
                        "corsPolicy": { "allowMethods": ["GET"], "allowOrigins": [{ "exact": "https://books.example" }] },
                        "route": [
                            { "destination": { "host": "reviews", "subset": "v1" }, "weight": 50 },
                            { "destination": { "host": "reviews", "subset": "v2" }, "weight": 30 },
                            { "destination": { "host": "reviews", "subset": "v3" }, "weight": 20 },
                        ],
                    },
                ],
            }),
        ),
        istio(
            "networking.istio.io/v1",
            "DestinationRule",
            "reviews",
            json!({
                "host": "reviews",
                "trafficPolicy": { "loadBalancer": { "simple": "RANDOM" } },
                "subsets": [
                    { "name": "v1", "labels": { "version": "v1" } },
                    { "name": "v2", "labels": { "version": "v2" } },
                    { "name": "v3", "labels": { "version": "v3" } },
                ],
            }),
        ),
    ]);
    all
}

pub(super) fn meta(namespace: &str, name: &str, labels: Value) -> Value {
    let mut meta = json!({
        "name": name,
        "uid": format!("uid-{namespace}-{name}"),
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": CREATED,
        "labels": labels,
    });
    if !namespace.is_empty() {
        meta["namespace"] = namespace.into();
    }
    meta
}

fn istio(api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": meta("bookinfo", name, json!({})), "spec": spec })
}

pub(super) fn service(namespace: &str, name: &str, app: &str, ports: &[(&str, u32)]) -> Value {
    let port = |(name, port): &(&str, u32)| json!({ "name": name, "protocol": "TCP", "port": port, "targetPort": port });
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(namespace, name, json!({ "app": app, "service": app })),
        "spec": { "ports": ports.iter().map(port).collect::<Vec<_>>(), "selector": { "app": app }, "type": "ClusterIP" },
    })
}

pub(super) fn deployment(namespace: &str, name: &str, labels: &Value, account: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(namespace, name, labels.clone()),
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": { "serviceAccountName": account } },
        },
        "status": { "replicas": 1, "readyReplicas": 1 },
    })
}

pub(super) fn pod(
    namespace: &str,
    workload: &str,
    labels: &Value,
    account: &str,
    containers: &[&str],
) -> Value {
    pod_named(namespace, workload, "aaaaa", labels, account, containers)
}

/// A ready pod of a Deployment; its ReplicaSet's hash is "6f8d7c9b4".
pub(super) fn pod_named(
    namespace: &str,
    workload: &str,
    suffix: &str,
    labels: &Value,
    account: &str,
    containers: &[&str],
) -> Value {
    let hash = "6f8d7c9b4";
    let set = format!("{workload}-{hash}");
    let mut meta = meta(namespace, &format!("{set}-{suffix}"), labels.clone());
    meta["labels"]["pod-template-hash"] = hash.into();
    meta["ownerReferences"] = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": format!("uid-{set}"), "controller": true }]);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {
            "serviceAccountName": account,
            "containers": containers.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
    })
}
