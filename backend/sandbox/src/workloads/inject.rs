//! Sidecar injection: who gets one, and what it adds to the pod.

use super::names::time;
use istio::{Object, canonical};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The container that is Envoy.
pub(crate) const PROXY: &str = "istio-proxy";
const STATUS: &str = "sidecar.istio.io/status";
const INJECT: &str = "sidecar.istio.io/inject";

/// The control plane's revision, by which namespaces and pods may ask for its sidecars.
const REVISION: &str = "default";
const REVISION_LABEL: &str = "istio.io/rev";
/// Namespaces whose pods never get one.
const CLUSTERS_OWN: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Whether Istio would put a sidecar beside this pod. A pod that says no has none; else its namespace's
/// labels decide, and the pod's own only where the namespace has none.
pub(crate) fn wanted(pod: &Object, namespace: Option<&Object>) -> bool {
    let own = pod.label(INJECT);
    if own.or_else(|| pod.annotation(INJECT)) == Some("false")
        || pod.spec()["hostNetwork"] == true
        || CLUSTERS_OWN.contains(&pod.namespace())
    {
        return false;
    }
    let label = |key: &str| namespace.and_then(|namespace| namespace.label(key));
    match (label("istio-injection"), label(REVISION_LABEL)) {
        (Some(said), _) => said == "enabled",
        (None, Some(revision)) => revision == REVISION,
        (None, None) => {
            pod.label(REVISION_LABEL).map_or(own == Some("true"), |revision| revision == REVISION)
        }
    }
}

/// Whether the pod runs Envoy, as a sidecar or as a gateway.
pub(crate) fn has_proxy(pod: &Object) -> bool {
    containers(pod).any(|container| container["name"] == PROXY)
}

/// Whether the pod is nothing but a proxy.
pub(crate) fn is_gateway(pod: &Object) -> bool {
    has_proxy(pod) && containers(pod).count() == 1
}

/// The pod's containers.
pub(crate) fn containers(pod: &Object) -> impl Iterator<Item = &Value> {
    pod.spec()["containers"].as_array().into_iter().flatten()
}

/// The workload that a pod belongs to: its Deployment, else its own name.
pub(crate) fn workload(pod: &Object) -> String {
    let owner =
        pod.0.pointer("/metadata/ownerReferences/0/name").and_then(Value::as_str).unwrap_or(pod.name());
    let hash = pod.label("pod-template-hash").unwrap_or_default();
    owner.strip_suffix(&format!("-{hash}")).unwrap_or(owner).to_owned()
}

/// The pod with a sidecar, as Istio's webhook leaves it.
pub(crate) fn inject(pod: &mut Value) {
    let object = Object::from(pod.clone());
    let app = containers(&object)
        .next()
        .and_then(|container| container["name"].as_str())
        .unwrap_or_default()
        .to_owned();
    let workload = object
        .0
        .pointer("/metadata/ownerReferences/0/name")
        .and_then(Value::as_str)
        .unwrap_or(object.name())
        .to_owned();
    let hash = object.label("pod-template-hash").unwrap_or_default();
    let workload = workload.strip_suffix(&format!("-{hash}")).unwrap_or(&workload).to_owned();
    let labels = object.labels();
    let canonical = canonical::service(&labels, &workload);
    let revision = canonical::revision(&labels);

    let metadata = &mut pod["metadata"];
    metadata["labels"]["security.istio.io/tlsMode"] = json!("istio");
    metadata["labels"]["service.istio.io/canonical-name"] = json!(canonical);
    metadata["labels"]["service.istio.io/canonical-revision"] = json!(revision);
    let status = json!({"initContainers": null, "containers": [PROXY], "volumes": null, "imagePullSecrets": null, "revision": "default"});
    for (key, value) in [
        ("kubectl.kubernetes.io/default-container", app.as_str()),
        ("kubectl.kubernetes.io/default-logs-container", app.as_str()),
        ("prometheus.io/path", "/stats/prometheus"),
        ("prometheus.io/port", "15020"),
        ("prometheus.io/scrape", "true"),
        (STATUS, &status.to_string()),
    ] {
        metadata["annotations"][key] = json!(value);
    }
    let of_pod = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}});
    let ports: Vec<&Value> =
        containers(&object).filter_map(|container| container["ports"].as_array()).flatten().collect();
    let apps: Vec<&str> = containers(&object).filter_map(|container| container["name"].as_str()).collect();
    let owner = format!("kubernetes://apis/apps/v1/namespaces/{}/deployments/{workload}", object.namespace());
    let proxy = json!({
        "name": PROXY,
        "image": "binnacle/proxy",
        "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local", "--concurrency", "1"],
        "ports": [{"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"}],
        "env": [
            of_pod("POD_NAME", "metadata.name"),
            of_pod("POD_NAMESPACE", "metadata.namespace"),
            of_pod("INSTANCE_IP", "status.podIP"),
            of_pod("SERVICE_ACCOUNT", "spec.serviceAccountName"),
            of_pod("HOST_IP", "status.hostIP"),
            {"name": "ISTIO_META_POD_PORTS", "value": json!(ports).to_string()},
            {"name": "ISTIO_META_APP_CONTAINERS", "value": apps.join(",")},
            {"name": "ISTIO_META_CLUSTER_ID", "value": "Kubernetes"},
            of_pod("ISTIO_META_NODE_NAME", "spec.nodeName"),
            {"name": "ISTIO_META_INTERCEPTION_MODE", "value": "REDIRECT"},
            {"name": "ISTIO_META_WORKLOAD_NAME", "value": workload},
            {"name": "ISTIO_META_OWNER", "value": owner},
            {"name": "ISTIO_META_MESH_ID", "value": "cluster.local"},
            {"name": "TRUST_DOMAIN", "value": "cluster.local"},
        ],
        "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021, "scheme": "HTTP"}, "periodSeconds": 2, "failureThreshold": 30},
    });
    if let Some(containers) = pod["spec"]["containers"].as_array_mut() {
        containers.push(proxy);
    }
}

/// Now, for the fields that hold a time.
pub(crate) fn now() -> String {
    time(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_decide_who_gets_a_sidecar() {
        let namespace = |labels: Value| Object::from(json!({"metadata": {"name": "n", "labels": labels}}));
        let pod = |labels: Value| Object::from(json!({"metadata": {"labels": labels}}));
        for (pod_labels, namespace_labels, expect) in [
            (json!({}), json!({"istio-injection": "enabled"}), true),
            (json!({}), json!({"istio-injection": "disabled", "istio.io/rev": "default"}), false),
            (json!({}), json!({"istio.io/rev": "default"}), true),
            (json!({}), json!({"istio.io/rev": "canary"}), false),
            (json!({}), json!({}), false),
            (json!({INJECT: "false"}), json!({"istio-injection": "enabled"}), false),
            (json!({INJECT: "false"}), json!({"istio.io/rev": "default"}), false),
            (json!({INJECT: "true"}), json!({}), true),
            (json!({INJECT: "true"}), json!({"istio-injection": "disabled"}), false),
            (json!({"istio.io/rev": "default"}), json!({}), true),
            (json!({"istio.io/rev": "canary", INJECT: "true"}), json!({}), false),
            (json!({"istio.io/rev": "default", INJECT: "false"}), json!({}), false),
        ] {
            let said = wanted(&pod(pod_labels.clone()), Some(&namespace(namespace_labels.clone())));
            assert_eq!(said, expect, "pod {pod_labels} in {namespace_labels}");
        }
        assert!(!wanted(&pod(json!({})), None));
        let of_the_node = Object::from(json!({"spec": {"hostNetwork": true}}));
        assert!(!wanted(&of_the_node, Some(&namespace(json!({"istio-injection": "enabled"})))));
    }

    #[test]
    fn an_injected_pod_names_its_workload() {
        let mut pod = json!({"kind": "Pod", "metadata": {"name": "reviews-v2-abc-x", "namespace": "bookinfo",
                "labels": {"app": "reviews", "version": "v2", "pod-template-hash": "abc"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "reviews-v2-abc"}]},
            "spec": {"containers": [{"name": "reviews"}]}});
        inject(&mut pod);
        let pod = Object::from(pod);
        assert!(has_proxy(&pod) && !is_gateway(&pod));
        assert_eq!(pod.label("service.istio.io/canonical-revision"), Some("v2"));
        let env = pod.spec()["containers"][1]["env"].as_array().unwrap();
        let named = |name: &str| env.iter().find(|variable| variable["name"] == name).unwrap();
        assert_eq!(named("ISTIO_META_WORKLOAD_NAME")["value"], "reviews-v2");
        assert_eq!(named("POD_NAMESPACE")["valueFrom"]["fieldRef"]["fieldPath"], "metadata.namespace");
        assert_eq!(named("ISTIO_META_APP_CONTAINERS")["value"], "reviews");
    }
}
