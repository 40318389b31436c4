//! What the proxies of a mesh hold, as the control plane makes it, with no proxy running: laws about changes
//! are tried on it by the hundred.

use istio::Object;
use mesh::{Change, Edit, Objects};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The config dump of every proxy, by its name.
pub fn dumps(objects: &Objects) -> BTreeMap<String, Value> {
    let objects = objects.iter().zip(1_u32..).map(|((_, object), number)| Arc::new(placed(object, number)));
    let objects = objects.chain([Arc::new(mesh_config())]);
    pilot::config_dumps(&pilot::World { revision: 1, objects: objects.collect() })
}

/// A mesh in which somebody can be asked: "sample-ext-authz-http".
fn mesh_config() -> Value {
    let mesh = "extensionProviders: [{name: sample-ext-authz-http, envoyExtAuthzHttp: \
        {service: details.bookinfo.svc.cluster.local, port: 9080}}]";
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "istio", "namespace": "istio-system" },
        "data": { "mesh": mesh } })
}

/// The objects after a change, as the server would store them.
///
/// # Panics
/// When a patch does not fit.
pub fn after(objects: &Objects, change: &Change) -> Objects {
    let mut objects = objects.clone();
    for step in &change.steps {
        match &step.edit {
            Edit::Patch(patch) => {
                let mut value = (*objects.get(&step.at).expect("it is there").0).clone();
                json_patch::patch(&mut value, patch).expect("it fits");
                // The version of what Kubernetes' own objects say; those of Istio are guarded by what they say.
                if let (true, Some(generation)) =
                    (step.is_of_workload(), value["metadata"]["generation"].as_i64())
                {
                    value["metadata"]["generation"] = (generation + 1).into();
                }
                objects.insert(step.at.clone(), value.into());
            }
            Edit::Create(value) => {
                let mut value = value.clone();
                value["metadata"]["uid"] = format!("uid-{}", step.at).into();
                value["metadata"]["resourceVersion"] = "2".into();
                // Younger than all that was there: where several count, age decides.
                value["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
                objects.insert(step.at.clone(), value.into());
            }
            Edit::Delete { .. } => drop(objects.remove(&step.at)),
        }
    }
    objects
}

/// An object with the addresses and ports that a kubelet gives; samples have none.
fn placed(object: &Object, number: u32) -> Value {
    let mut value = (*object.0).clone();
    match value["kind"].as_str() {
        Some("Pod") if value["status"]["podIP"].is_null() => {
            value["status"]["podIP"] = format!("10.244.{}.{}", number / 250, number % 250 + 1).into();
            let containers = value["spec"]["containers"].as_array().cloned().unwrap_or_default();
            let proxied = containers.iter().any(|container| container["name"] == "istio-proxy");
            let ports = json!({ "15000": 1, "15001": 2, "80": 3, "443": 6, "9080": 4, "app/9080": 5 });
            if proxied {
                value["metadata"]["annotations"][pilot::PORTS_ANNOTATION] = ports.to_string().into();
            }
        }
        Some("Service") if value["spec"]["clusterIP"].is_null() => {
            value["spec"]["clusterIP"] = format!("10.96.{}.{}", number / 250, number % 250 + 1).into();
        }
        _ => {}
    }
    value
}
