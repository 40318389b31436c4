//! Workloads: pods gathered by their owner, with the app and version that Istio gives them.

use super::{Mesh, Pod, Workload};
use istio::{Object, kinds};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels that differ between the pods of one workload.
const PER_REVISION: [&str; 4] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
];

type Workloads = BTreeMap<(Arc<str>, Arc<str>), Workload>;

/// All workloads. Those of namespaces in which nothing changed are taken from `previous` (of the same Gateways).
pub(super) fn read(mesh: &Mesh, previous: Option<&Mesh>) -> Workloads {
    let selectors =
        mesh.gateways.values().map(|gateway| &gateway.selector).filter(|selector| !selector.is_empty());
    let selectors: Vec<&BTreeMap<String, String>> = selectors.collect();
    let mut workloads = Workloads::new();
    for namespace in &mesh.namespaces {
        let same = |kind, previous: &Mesh| mesh.objects.shares(&previous.objects, kind, namespace);
        match previous.filter(|previous| same(&kinds::POD, previous) && same(&kinds::DEPLOYMENT, previous)) {
            Some(previous) => {
                let first = (namespace.clone(), "".into());
                let known = previous.workloads.range(first..).take_while(|((of, _), _)| of == namespace);
                workloads.extend(known.map(|(key, workload)| (key.clone(), workload.clone())));
            }
            None => read_namespace(mesh, namespace, &selectors, &mut workloads),
        }
    }
    workloads
}

fn read_namespace(
    mesh: &Mesh,
    namespace: &Arc<str>,
    gateways: &[&BTreeMap<String, String>],
    workloads: &mut Workloads,
) {
    let mut found = Workloads::new();
    for (at, pod) in mesh.objects.within(&kinds::POD, namespace) {
        let phase = text(pod, "/status/phase");
        if phase == "Succeeded" || phase == "Failed" {
            continue; // what is over serves nobody
        }
        let (owner, name) = owner(pod);
        let workload = found.entry((at.namespace.clone(), name.clone())).or_insert_with(|| {
            workload(&at.namespace, &name, owner, pod.0.as_ref(), text(pod, "/spec/serviceAccountName"))
        });
        workload.pods.push(Pod {
            name: at.name.clone(),
            ready: ready(pod),
            phase: phase_of(pod, phase),
            sidecar: sidecar(pod),
        });
    }
    for (at, deployment) in mesh.objects.within(&kinds::DEPLOYMENT, namespace) {
        let template = deployment.0.pointer("/spec/template").unwrap_or(&Value::Null);
        let account = text(deployment, "/spec/template/spec/serviceAccountName");
        let workload = found
            .entry((at.namespace.clone(), at.name.clone()))
            .or_insert_with(|| workload(&at.namespace, &at.name, "Deployment", template, account));
        let replicas = deployment.0.pointer("/spec/replicas").map_or(Some(1), Value::as_u64);
        workload.wanted = replicas.and_then(|replicas| u32::try_from(replicas).ok());
    }
    for workload in found.values_mut() {
        workload.gateway =
            is_gateway(workload) || gateways.iter().any(|selector| selects(selector, &workload.labels));
    }
    workloads.append(&mut found);
}

/// Whether all labels of a selector are there. An empty selector selects nothing here.
pub(crate) fn selects(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn workload(namespace: &Arc<str>, name: &Arc<str>, owner: &str, pod: &Value, account: &str) -> Workload {
    let mut labels = Object(Arc::new(
        pod.get("metadata").map_or(Value::Null, |meta| serde_json::json!({ "metadata": meta })),
    ))
    .labels();
    for label in PER_REVISION {
        labels.remove(label);
    }
    let first = |keys: &[&str]| {
        keys.iter().find_map(|key| labels.get(*key).filter(|value| !value.is_empty())).cloned()
    };
    let app = first(&["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"]);
    let version = first(&["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"]);
    Workload {
        namespace: namespace.clone(),
        name: name.clone(),
        owner: owner.to_owned(),
        app: app.unwrap_or_else(|| name.to_string()),
        version: version.unwrap_or_else(|| "latest".to_owned()),
        labels,
        service_account: if account.is_empty() { "default" } else { account }.to_owned(),
        pods: Vec::new(),
        wanted: None,
        gateway: false,
        mtls: (String::new(), None),
    }
}

/// Kind and name of what owns a pod: a ReplicaSet's Deployment is told by the pod's template hash.
fn owner(pod: &Object) -> (&str, Arc<str>) {
    let owners =
        pod.0.pointer("/metadata/ownerReferences").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let controller = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    let Some(owner) = owners.iter().find(controller).or_else(|| owners.first()) else {
        return ("Pod", pod.name().into());
    };
    let field = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (field("kind"), field("name"));
    if kind == "ReplicaSet"
        && let Some(hash) = pod.label("pod-template-hash")
        && let Some(deployment) = name.strip_suffix(hash).and_then(|name| name.strip_suffix('-'))
    {
        return ("Deployment", deployment.into());
    }
    if name.is_empty() { ("Pod", pod.name().into()) } else { (kind, name.into()) }
}

/// Whether a pod has a proxy: a container, or an init container that is restarted for ever (a native sidecar).
fn sidecar(pod: &Object) -> bool {
    let list = |at: &str| pod.0.pointer(at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let proxy = |container: &&Value| container.get("name").and_then(Value::as_str) == Some("istio-proxy");
    let native = |container: &Value| container.get("restartPolicy").and_then(Value::as_str) == Some("Always");
    list("/spec/containers").iter().any(|container| proxy(&container))
        || list("/spec/initContainers").iter().filter(proxy).any(native)
}

fn ready(pod: &Object) -> bool {
    let conditions =
        pod.0.pointer("/status/conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is =
        |condition: &Value, key: &str, value: &str| condition.get(key).and_then(Value::as_str) == Some(value);
    let terminating = pod.0.pointer("/metadata/deletionTimestamp").is_some();
    !terminating
        && conditions
            .iter()
            .any(|condition| is(condition, "type", "Ready") && is(condition, "status", "True"))
}

fn phase_of(pod: &Object, phase: &str) -> String {
    let terminating = pod.0.pointer("/metadata/deletionTimestamp").is_some();
    match phase {
        _ if terminating => "Terminating",
        "" => "Unknown",
        phase => phase,
    }
    .to_owned()
}

fn is_gateway(workload: &Workload) -> bool {
    let label = |key: &str| workload.labels.get(key).map(String::as_str);
    matches!(label("istio"), Some("ingressgateway" | "egressgateway" | "eastwestgateway"))
        || matches!(label("operator.istio.io/component"), Some("IngressGateways" | "EgressGateways"))
        || label("gateway.networking.k8s.io/gateway-name").is_some()
}

fn text<'a>(object: &'a Object, at: &str) -> &'a str {
    object.0.pointer(at).and_then(Value::as_str).unwrap_or_default()
}
