//! Ways into the mesh and out of it that none of us wrote, for the laws of editors.

use istio::{Object, kinds};
use mesh::Ref;
use mesh::graph::NodeId;
use panels::Selected;
use serde_json::{Value, json};

/// Editors of them.
pub(crate) const EDITORS: [&str; 2] = ["Way in", "External service"];

/// What they are tried on: a gateway, a service outside, and where calls to unknown hosts end.
pub(crate) fn things() -> [Selected; 3] {
    [
        Selected::Service("istio-system".into(), "istio-ingressgateway".into()),
        Selected::Service("bookinfo".into(), "pay.example".into()),
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
    let all: [(&'static istio::Kind, &str, Value); 3] = [
        (&kinds::SERVICE_ENTRY, "pay", entry),
        (&kinds::DESTINATION_RULE, "pay", rule),
        (&kinds::GATEWAY, "old", way),
    ];
    let made = |(kind, name, spec): (&'static istio::Kind, &str, Value)| {
        let meta = json!({ "namespace": "bookinfo", "name": name, "uid": name, "resourceVersion": "1" });
        let object = json!({ "apiVersion": "networking.istio.io/v1", "kind": kind.kind, "metadata": meta, "spec": spec });
        (Ref::new(kind, "bookinfo", name), object.into())
    };
    all.into_iter().map(made).collect()
}
