//! EndpointSlices and Endpoints: which pods stand behind a Service.

use super::names::letters_of;
use super::snapshot::{Act, Snapshot, ending, owned_by, ready, selector, uid};
use istio::{Object, Selects};
use serde_json::{Value, json};

/// What one Service needs next.
pub(crate) fn plan(service: &Object, all: &Snapshot) -> Vec<Act> {
    if !service.spec()["selector"].is_object() || service.spec()["type"] == "ExternalName" {
        return Vec::new();
    }
    let wanted = selector(service);
    let selects = Selects::gathering(&wanted);
    let mut pods: Vec<&Object> = all
        .pods
        .iter()
        .filter(|pod| {
            pod.namespace() == service.namespace()
                && selects.fits(|key| pod.label(key))
                && address(pod).is_some()
        })
        .collect();
    pods.sort_by_key(|pod| address(pod).map(ToOwned::to_owned));
    let mut acts = Vec::new();
    let slice = slice(service, &pods);
    acts.extend(made_so(&all.endpoint_slices, slice, &["endpoints", "ports"]));
    acts.extend(made_so(&all.endpoints, endpoints(service, &pods), &["subsets"]));
    acts
}

/// Creates the object, or replaces those members of it that differ.
fn made_so(known: &[Object], wanted: Value, members: &[&str]) -> Option<Act> {
    let wanted = Object::from(wanted);
    let Ok(at) = known.binary_search_by(|known| known.name().cmp(wanted.name())) else {
        return Some(Act::Create((*wanted.0).clone()));
    };
    let known = &known[at];
    let member = |of: &Object, name: &&str| of.0.get(*name).cloned().unwrap_or(Value::Null);
    if members.iter().all(|name| member(known, name) == member(&wanted, name)) {
        return None;
    }
    let mut changed = (*known.0).clone();
    for name in members {
        changed[*name] = member(&wanted, name);
    }
    Some(Act::Replace(changed))
}

fn slice(service: &Object, pods: &[&Object]) -> Value {
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let (ready, ending) = (ready(pod), ending(pod));
            json!({
                "addresses": [address(pod)],
                "conditions": {"ready": ready && !ending, "serving": ready, "terminating": ending},
                "targetRef": target(pod),
                "nodeName": pod.spec()["nodeName"],
            })
        })
        .collect();
    let mut labels = json!(service.labels());
    labels["endpointslice.kubernetes.io/managed-by"] = json!("endpointslice-controller.k8s.io");
    labels["kubernetes.io/service-name"] = json!(service.name());
    let mut end = letters_of(uid(service));
    end.truncate(5);
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{}-{end}", service.name()),
            "generateName": format!("{}-", service.name()),
            "namespace": service.namespace(),
            "labels": labels,
            "ownerReferences": owned_by(service, "v1"),
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports(service, pods),
    })
}

fn endpoints(service: &Object, pods: &[&Object]) -> Value {
    let of = |wanted: bool| -> Vec<Value> {
        let pods = pods.iter().filter(|pod| !ending(pod) && ready(pod) == wanted);
        pods.map(
            |pod| json!({"ip": address(pod), "nodeName": pod.spec()["nodeName"], "targetRef": target(pod)}),
        )
        .collect()
    };
    let (up, down) = (of(true), of(false));
    let mut subset = json!({});
    if !up.is_empty() {
        subset["addresses"] = json!(up);
    }
    if !down.is_empty() {
        subset["notReadyAddresses"] = json!(down);
    }
    let subsets = if up.is_empty() && down.is_empty() {
        Value::Null
    } else {
        subset["ports"] = ports(service, pods);
        json!([subset])
    };
    json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": service.name(),
            "namespace": service.namespace(),
            "labels": service.labels(),
            "ownerReferences": owned_by(service, "v1"),
        },
        "subsets": subsets,
    })
}

/// The service's ports as the pods have them.
fn ports(service: &Object, pods: &[&Object]) -> Value {
    let ports = service.spec()["ports"].as_array().into_iter().flatten().filter_map(|port| {
        let target = match &port["targetPort"] {
            Value::String(name) => json!(pods.iter().find_map(|pod| named_port(pod, name))?),
            Value::Null => port["port"].clone(),
            number => number.clone(),
        };
        let name = port.get("name").cloned().unwrap_or_else(|| json!(""));
        Some(json!({"name": name, "port": target, "protocol": port.get("protocol").cloned().unwrap_or_else(|| json!("TCP"))}))
    });
    Value::Array(ports.collect())
}

fn named_port(pod: &Object, name: &str) -> Option<u64> {
    let containers = pod.spec()["containers"].as_array()?.iter();
    let mut ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    ports.find(|port| port["name"] == name)?["containerPort"].as_u64()
}

fn target(pod: &Object) -> Value {
    json!({"kind": "Pod", "namespace": pod.namespace(), "name": pod.name(), "uid": uid(pod)})
}

fn address(pod: &Object) -> Option<&str> {
    pod.status()["podIP"].as_str().filter(|address| !address.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, ip: &str, ready: &str) -> Object {
        Object::from(
            json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": {"app": "a", "x": "y"}},
            "spec": {"nodeName": "sandbox", "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": ready}]}}),
        )
    }

    #[test]
    fn endpoints_follow_the_pods_that_a_service_selects() {
        let service = Object::from(
            json!({"kind": "Service", "metadata": {"name": "a", "namespace": "shop", "uid": "u"},
            "spec": {"selector": {"app": "a"}, "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]}}),
        );
        let mut all = Snapshot {
            pods: vec![pod("a-1", "10.244.0.2", "True"), pod("a-2", "10.244.0.3", "False")],
            ..Snapshot::default()
        };
        let acts = plan(&service, &all);
        let [Act::Create(slice), Act::Create(endpoints)] = &acts[..] else { panic!("{acts:?}") };
        assert_eq!(slice["endpoints"].as_array().unwrap().len(), 2);
        assert_eq!(slice["endpoints"][1]["conditions"]["ready"], false);
        assert_eq!(slice["ports"][0]["port"], 8080, "the name stands for the container's port");
        assert_eq!(endpoints["subsets"][0]["notReadyAddresses"][0]["ip"], "10.244.0.3");

        all.endpoint_slices = vec![Object::from(slice.clone())];
        all.endpoints = vec![Object::from(endpoints.clone())];
        assert_eq!(plan(&service, &all), [], "nothing more to do");
        all.pods.pop();
        let acts = plan(&service, &all);
        assert!(matches!(&acts[..], [Act::Replace(_), Act::Replace(_)]), "{acts:?}");
    }
}
