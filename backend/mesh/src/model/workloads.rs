//! Workloads: pods gathered by their owner, with the app and version that Istio gives them.

use super::objects::Changed;
use super::{Objects, Pod, Workload};
use istio::mtls::Mode;
use istio::{Object, Ref, canonical, kinds};
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

/// Workloads that changes of pods and deployments touch, by namespace and name; of each its pods that came
/// (or changed) and went.
pub(super) type Touched<'a> = BTreeMap<(Arc<str>, Arc<str>), BTreeMap<Arc<str>, Option<&'a Object>>>;

/// Which workloads changes touch. A pod of which only such things changed as nobody reads touches none.
pub(super) fn touched<'a>(changes: &[Changed<'a>]) -> Touched<'a> {
    let mut touched = Touched::new();
    for change in changes {
        let key = |name: Arc<str>| (change.at.namespace.clone(), name);
        let pod = change.at.name.clone();
        match change.at.kind {
            kind if kind == &kinds::DEPLOYMENT => {
                touched.entry(key(pod)).or_default();
            }
            kind if kind == &kinds::POD && !reads_the_same(change) => {
                if let Some(was) = change.was.filter(|pod| !over(pod)) {
                    touched.entry(key(owner(was).1)).or_default().insert(pod.clone(), None);
                }
                if let Some(now) = change.now.filter(|pod| !over(pod)) {
                    touched.entry(key(owner(now).1)).or_default().insert(pod, Some(now));
                }
            }
            _ => {}
        }
    }
    touched
}

/// Whether a pod says the same as before, as far as a workload, or a service in front of it, reads it.
fn reads_the_same(change: &Changed<'_>) -> bool {
    let (Some(was), Some(now)) = (change.was, change.now) else { return false };
    let read = |pod: &'_ Object| {
        let (kind, name) = owner(pod);
        (kind.to_owned(), name, over(pod), self::pod(&change.at.name, pod), pod.labels())
    };
    let same = |at: &str| was.0.pointer(at) == now.0.pointer(at);
    same("/spec/containers") && same("/spec/serviceAccountName") && read(was) == read(now)
}

/// A workload as its pods and its Deployment tell it; `None` when it has neither. `was` is what it was before
/// these of its pods came or went.
pub(super) fn gather(
    objects: &Objects,
    (namespace, name): (&Arc<str>, &Arc<str>),
    was: Option<&Workload>,
    moved: &BTreeMap<Arc<str>, Option<&Object>>,
) -> Option<Workload> {
    let stayed = was.map_or(&[][..], |was| &was.pods).iter().filter(|pod| !moved.contains_key(&pod.name));
    let stayed = stayed
        .filter_map(|pod| Some((&pod.name, objects.get(&Ref::new(&kinds::POD, namespace, &pod.name))?)));
    let came = moved.iter().filter_map(|(pod, object)| Some((pod, (*object)?)));
    let mut pods: Vec<(&Arc<str>, &Object)> = stayed.chain(came).collect();
    pods.sort_unstable_by_key(|(name, _)| *name);
    let deployment = objects.get(&Ref::new(&kinds::DEPLOYMENT, namespace, name));
    let mut workload = match (pods.first(), deployment) {
        (Some((_, pod)), _) => {
            workload(namespace, name, owner(pod).0, &pod.0, text(pod, "/spec/serviceAccountName"))
        }
        (None, Some(deployment)) => {
            let template = deployment.0.pointer("/spec/template").unwrap_or(&Value::Null);
            let account = text(deployment, "/spec/template/spec/serviceAccountName");
            workload(namespace, name, "Deployment", template, account)
        }
        (None, None) => return None,
    };
    workload.pods = pods.into_iter().map(|(name, object)| pod(name, object)).collect();
    if let Some(deployment) = deployment {
        let replicas = deployment.0.pointer("/spec/replicas").map_or(Some(1), Value::as_u64);
        workload.wanted = replicas.and_then(|replicas| u32::try_from(replicas).ok());
    }
    Some(workload)
}

fn pod(name: &Arc<str>, object: &Object) -> Pod {
    Pod {
        name: name.clone(),
        ready: ready(object),
        phase: phase_of(object, text(object, "/status/phase")),
        sidecar: sidecar(object),
        restarts: containers(object).filter_map(|one| one.get("restartCount")?.as_u64()).sum::<u64>() as u32,
    }
}

/// What Kubernetes says of a pod's containers.
fn containers(pod: &Object) -> impl Iterator<Item = &Value> {
    let list = |at: &str| pod.0.pointer(at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list("/status/initContainerStatuses").iter().chain(list("/status/containerStatuses"))
}

/// Why a container waits or has ended ("CrashLoopBackOff", "ImagePullBackOff", "OOMKilled"), if one of a pod that runs does.
fn ails(pod: &Object) -> Option<&str> {
    let told = |at: &'static str| {
        containers(pod)
            .filter_map(move |container| container.pointer(at).and_then(Value::as_str))
            .find(|reason| !matches!(*reason, "" | "Completed" | "PodInitializing" | "ContainerCreating"))
    };
    told("/state/waiting/reason").or_else(|| told("/state/terminated/reason"))
}

/// Whether a pod has ended: what is over serves nobody.
fn over(pod: &Object) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

fn workload(namespace: &Arc<str>, name: &Arc<str>, owner: &str, pod: &Value, account: &str) -> Workload {
    let mut labels = Object(Arc::new(
        pod.get("metadata").map_or(Value::Null, |meta| serde_json::json!({ "metadata": meta })),
    ))
    .labels();
    for label in PER_REVISION {
        labels.remove(label);
    }
    Workload {
        namespace: namespace.clone(),
        name: name.clone(),
        owner: owner.to_owned(),
        app: canonical::service(&labels, name).to_owned(),
        version: canonical::revision(&labels).to_owned(),
        labels,
        service_account: if account.is_empty() { "default" } else { account }.to_owned(),
        pods: Vec::new(),
        wanted: None,
        gateway: false,
        mtls: (Mode::Permissive, None),
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

/// Whether a pod has a proxy: a container, or an init container that is restarted for ever (a native
/// sidecar).
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
        "Pending" | "Running" if let Some(reason) = ails(pod) => reason,
        "" => "Unknown",
        phase => phase,
    }
    .to_owned()
}

/// Whether a workload says of itself that it is a gateway.
pub(super) fn is_gateway(workload: &Workload) -> bool {
    let label = |key: &str| workload.labels.get(key).map(String::as_str);
    matches!(label("istio"), Some("ingressgateway" | "egressgateway" | "eastwestgateway"))
        || matches!(label("operator.istio.io/component"), Some("IngressGateways" | "EgressGateways"))
        || label("gateway.networking.k8s.io/gateway-name").is_some()
}

fn text<'a>(object: &'a Object, at: &str) -> &'a str {
    object.0.pointer(at).and_then(Value::as_str).unwrap_or_default()
}
