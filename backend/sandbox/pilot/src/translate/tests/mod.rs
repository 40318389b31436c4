//! Tables: a small world in, what matters out.

mod security;
mod traffic;

use super::target::Target;
use super::translate;
use crate::read;
use crate::registry::{Known, Registry};
use crate::world::World;
use crate::xds::Resources;
use serde_json::{Value, json};
use std::sync::Arc;

/// A client, and a service `web` with two versions; all with sidecars. `gate` is a gateway.
const WORLD: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {clusterIP: 10.96.0.10, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 9080}]}
---
apiVersion: v1
kind: Service
metadata: {name: store, namespace: demo}
spec: {clusterIP: 10.96.0.11, selector: {app: store}, ports: [{name: tcp-db, port: 3306}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: demo, labels: {app: client}, annotations: {sandbox.binnacle.dev/ports: '{"15000":1,"15001":2,"8080":3,"app/8080":4}'}}
spec: {serviceAccountName: client}
status: {podIP: 10.244.0.5}
---
apiVersion: v1
kind: Pod
metadata: {name: web-v1, namespace: demo, labels: {app: web, version: v1}, annotations: {sandbox.binnacle.dev/ports: '{"15000":11,"15001":12,"9080":13,"app/9080":14}'}}
spec: {serviceAccountName: web}
status: {podIP: 10.244.0.6}
---
apiVersion: v1
kind: Pod
metadata: {name: web-v2, namespace: demo, labels: {app: web, version: v2}, annotations: {sandbox.binnacle.dev/ports: '{"15000":21,"15001":22,"9080":23,"app/9080":24}'}}
spec: {serviceAccountName: web}
status: {podIP: 10.244.0.7}
---
apiVersion: v1
kind: Pod
metadata: {name: gate, namespace: demo, labels: {istio: ingressgateway}, annotations: {sandbox.binnacle.dev/ports: '{"15000":31,"8080":33}'}}
spec: {serviceAccountName: gate}
status: {podIP: 10.244.0.8}
"#;

fn registry(more: &str) -> Registry {
    let read = |yaml: &str| serde_saphyr::from_multiple::<Value>(yaml).expect("YAML");
    let objects = read(WORLD).into_iter().chain(read(more)).filter(|object| !object.is_null()).map(Arc::new);
    read::read(&World { revision: 1, objects: objects.collect() }, &mut Known::default())
}

/// What a pod is told; everything must be encodable.
#[track_caller]
fn told(pod: &str, more: &str) -> Resources {
    let registry = registry(more);
    let workload = registry.workload("demo", pod).expect("the pod");
    let made = translate(&Target::new(&registry, workload));
    for resource in [&made.clusters, &made.endpoints, &made.listeners, &made.routes].into_iter().flatten() {
        if let Err(error) = wire::any(resource) {
            panic!("{error}\n{resource:#}");
        }
    }
    made
}

fn find<'a>(resources: &'a [Value], name: &str) -> &'a Value {
    let named = |resource: &&Value| resource["name"] == name || resource["cluster_name"] == name;
    resources.iter().find(named).unwrap_or(&Value::Null)
}

/// The routes that the client has for `web`.
#[track_caller]
fn web_routes(more: &str) -> Vec<Value> {
    let made = told("client", more);
    let hosts = find(&made.routes, "80")["virtual_hosts"].as_array().cloned().unwrap_or_default();
    let web = hosts
        .into_iter()
        .find(|host| host["name"] == "web.demo.svc.cluster.local:80")
        .expect("the virtual host");
    web["routes"].as_array().cloned().unwrap_or_default()
}

/// A VirtualService for `web` with this `http`.
fn rules(http: &str) -> String {
    let http: Value = serde_saphyr::from_str(http).expect("YAML");
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "web", "namespace": "demo"},
        "spec": {"hosts": ["web"], "http": http},
    })
    .to_string()
}
