//! A small cluster as `kubectl` likes to look at: a node, a deployment with a history, pods, a service,
//! routes, an event.

use apiserver::Store;
use serde_json::{Value, json};

use crate::harness::{pod, routes};

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": image,
            "ports": [{"containerPort": 80, "name": "http"}]}]}})
}

/// Fills a store with it.
pub(crate) fn fill(store: &Store) {
    let made = |object: Value| store.create(object).unwrap();
    made(json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "sandbox", "labels": {"kubernetes.io/hostname": "sandbox"}},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}],
                   "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                       "capacity": {"cpu": "2", "memory": "4Gi", "pods": "110"},
                   "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"},
                       "nodeInfo": {"kubeletVersion": "v1.36.2"}}}));
    let deployment = made(json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"},
            "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": template("web:2")}}));
    for (revision, replicas) in [(1, 0), (2, 1)] {
        let set = made(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": format!("web-{revision}"), "namespace": "default", "labels": {"app": "web"},
                "annotations": {"deployment.kubernetes.io/revision": revision.to_string()},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web",
                    "uid": deployment["metadata"]["uid"], "controller": true}]},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                "template": template(&format!("web:{revision}"))},
            "status": {"replicas": replicas, "readyReplicas": replicas}}));
        if revision == 2 {
            let mut one = pod("web-2-a");
            one["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
                "name": "web-2", "uid": set["metadata"]["uid"], "controller": true}]);
            let one = made(one);
            made(json!({"apiVersion": "v1", "kind": "Event",
                    "metadata": {"name": "web-2-a.1", "namespace": "default"}, "type": "Normal",
                "reason": "Started", "message": "Started container web", "count": 1,
                    "source": {"component": "kubelet"},
                "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z",
                "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "web-2-a",
                    "namespace": "default", "uid": one["metadata"]["uid"]}}));
        }
    }
    made(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8080,
            "targetPort": "http"}]}}));
    made(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "web-1", "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"}},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["10.244.0.9"], "conditions": {"ready": true},
            "targetRef": {"kind": "Pod", "name": "web-2-a", "namespace": "default"}}]}));
    made(
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": "10.244.0.9"}], "ports": [{"name": "http", "port": 80}]}]}),
    );
    made(routes("reviews", 90, 10));
    made(json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": "reviews", "namespace": "default"},
        "spec": {"host": "reviews", "subsets": [{"name": "v1", "labels": {"version": "v1"}}]}}));
    settle(store);
}

/// Does what a controller would: the deployments say that they are where they should be.
pub(crate) fn settle(store: &Store) {
    for deployment in store.list("Deployment") {
        let text = |name: &str| deployment["metadata"][name].as_str().unwrap().to_owned();
        store
            .modify("Deployment", &text("namespace"), &text("name"), |object| {
                let wanted = object["spec"]["replicas"].clone();
                object["status"] = json!({"observedGeneration": object["metadata"]["generation"],
                    "replicas": wanted,
                    "updatedReplicas": wanted, "readyReplicas": wanted, "availableReplicas": wanted,
                    "conditions": [{"type": "Available", "status": "True",
                        "reason": "MinimumReplicasAvailable"}]});
            })
            .unwrap();
    }
}
