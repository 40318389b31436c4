//! Ways into the mesh and out of it that none of us wrote, for the laws of editors.

use istio::{Object, kinds};
use mesh::Ref;
use mesh::graph::NodeId;
use panels::Selected;
use serde_json::{Value, json};

/// Editors of them.
pub(crate) const EDITORS: [&str; 3] = ["Way in", "External service", "Visibility"];

/// What they are tried on: a gateway, a service outside, and where calls to unknown hosts end.
pub(crate) fn things() -> [Selected; 4] {
    [
        Selected::Service("istio-system".into(), "istio-ingressgateway".into()),
        Selected::Service("bookinfo".into(), "pay.example".into()),
        Selected::Service("bookinfo".into(), "machines.example".into()),
        Selected::Node(NodeId::External("PassthroughCluster".into())),
    ]
}

/// A service outside of the mesh that is called over TLS, and another way in, with odd parts.
pub(crate) fn objects() -> Vec<(Ref, Object)> {
    // Lists are longer than those of samples: rows of lists that are as long as before are the same ones.
    let entry = json!({ "hosts": ["pay.example"], "location": "MESH_EXTERNAL", "resolution": "STATIC", "x": 1,
        "ports": [{ "number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8443, "x": null },
            { "number": 81, "name": "http-81", "protocol": "HTTP" }],
        "endpoints": [{ "address": "192.0.2.1", "labels": { "a": "b" }, "x": [1] }, { "address": "192.0.2.2" },
            { "address": "192.0.2.3", "ports": { "http": 8444 } }] });
    let rule = json!({ "host": "pay.example", "subsets": [],
        "trafficPolicy": { "tls": { "mode": "SIMPLE", "sni": "pay", "caCertificates": "/ca.crt", "x": 1 } } });
    let way = json!({ "selector": { "istio": "ingressgateway" }, "servers": [
        { "port": { "number": 443, "name": "tls", "protocol": "HTTPS", "x": 1 }, "hosts": ["old.example", "*.old"],
            "tls": { "mode": "SIMPLE", "credentialName": "old", "maxProtocolVersion": "TLSV1_2", "x": 1 } },
        { "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["./old.example"], "x": null },
        { "port": { "number": 80, "name": "more", "protocol": "HTTP" }, "hosts": ["more.example"] }] });
    let host = "istio-ingressgateway.istio-system.svc.cluster.local";
    let edge = json!({ "gatewayClassName": "istio", "addresses": [{ "type": "Hostname", "value": host, "x": 1 }, { "type": "IPAddress", "value": "192.0.2.9" }],
        "listeners": [{ "name": "web", "port": 80, "protocol": "HTTP", "hostname": "*.edge.example", "x": 1 },
            { "name": "more", "port": 80, "protocol": "HTTP", "hostname": "more.example",
                "allowedRoutes": { "namespaces": { "from": "All", "x": 1 }, "kinds": [] } },
            { "name": "shop", "port": 80, "protocol": "HTTP", "hostname": "shop.example" }] });
    let to = json!([{ "backendRefs": [{ "name": "productpage", "port": 9080 }] }]);
    let route = json!({ "parentRefs": [{ "name": "edge" }], "hostnames": ["a.edge.example", "shop.example"], "rules": to });
    let machines = json!({ "hosts": ["machines.example"], "location": "MESH_INTERNAL", "resolution": "STATIC",
        "ports": [{ "number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080, "x": 1 }],
        "workloadSelector": { "labels": { "app": "machines" } } });
    let machine = json!({ "address": "192.0.2.20", "labels": { "app": "machines" }, "ports": { "http": 8090 },
        "serviceAccount": "vm", "x": 1 });
    let all: [(&'static istio::Kind, &str, Value); 7] = [
        (&kinds::SERVICE_ENTRY, "machines", machines),
        (&kinds::WORKLOAD_ENTRY, "machines", machine),
        (&kinds::SERVICE_ENTRY, "pay", entry),
        (&kinds::DESTINATION_RULE, "pay", rule),
        (&kinds::GATEWAY, "old", way),
        (&kinds::API_GATEWAY, "edge", edge),
        (&kinds::HTTP_ROUTE, "edge", route),
    ];
    let made = |(kind, name, spec): (&'static istio::Kind, &str, Value)| {
        let meta = json!({ "namespace": "bookinfo", "name": name, "uid": name, "resourceVersion": "1" });
        let version = format!("{}/v1", kind.group);
        let object = json!({ "apiVersion": version, "kind": kind.kind, "metadata": meta, "spec": spec });
        (Ref::new(kind, "bookinfo", name), object.into())
    };
    all.into_iter().map(made).collect()
}
