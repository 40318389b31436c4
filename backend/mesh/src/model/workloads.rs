//! Workloads: pods gathered by their owner, with the app and version that Istio gives them.

use super::objects::Changed;
use super::{Objects, Pod, Workload};
use istio::mtls::Mode;
use istio::{Object, Ref, canonical, kinds, owner};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels that differ between the pods of one workload.
const PER_REVISION: [&str; 10] = [
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
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
            kind if kind == &kinds::DEPLOYMENT || kind == &kinds::STATEFUL_SET => {
                for deployment in change.was.into_iter().chain(change.now) {
                    touched.entry(key(made(deployment).unwrap_or(&pod).into())).or_default();
                }
            }
            kind if kind == &kinds::POD && !reads_the_same(change) => {
                if let Some(was) = change.was.filter(|pod| !over(pod)) {
                    touched.entry(key(owner::of(was).workload.into())).or_default().insert(pod.clone(), None);
                }
                if let Some(now) = change.now.filter(|pod| !over(pod)) {
                    touched.entry(key(owner::of(now).workload.into())).or_default().insert(pod, Some(now));
                }
            }
            _ => {}
        }
    }
    touched
}

/// Whether a pod says the same as before, as far as a workload, or a service in front of it, reads it.
fn reads_the_same<'a>(change: &Changed<'a>) -> bool {
    let (Some(was), Some(now)) = (change.was, change.now) else { return false };
    let read = |pod: &'a Object| (owner::of(pod), over(pod), self::pod(&change.at.name, pod), pod.labels());
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
    let deployment = deployment(objects, (namespace, name), pods.first().map(|(_, pod)| owner::of(pod)));
    let mut workload = match (pods.first(), deployment) {
        (Some((_, pod)), _) => {
            workload(namespace, name, owner::of(pod).kind, &pod.0, text(pod, "/spec/serviceAccountName"))
        }
        (None, Some(deployment)) => {
            let template = deployment.0.pointer("/spec/template").unwrap_or(&Value::Null);
            let account = text(deployment, "/spec/template/spec/serviceAccountName");
            workload(namespace, name, deployment.kind(), template, account)
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

/// The name that a Deployment gives its workload by the label of its pods.
fn made(deployment: &Object) -> Option<&str> {
    owner::named(deployment.0.pointer("/spec/template/metadata/labels"))
}

/// The Deployment of a workload, which may have a name of its own.
fn deployment<'a>(
    objects: &'a Objects,
    (namespace, name): (&Arc<str>, &Arc<str>),
    owner: Option<owner::Owner<'_>>,
) -> Option<&'a Object> {
    let makes = |deployment: &&Object| made(deployment).unwrap_or(deployment.name()) == &**name;
    let of = |name: &str| objects.get(&Ref::new(&kinds::DEPLOYMENT, namespace, name)).filter(makes);
    match owner {
        Some(owner) if owner.kind == "Deployment" => of(owner.object),
        Some(owner) if owner.kind == kinds::STATEFUL_SET.kind => {
            objects.get(&Ref::new(&kinds::STATEFUL_SET, namespace, owner.object))
        }
        Some(_) => None,
        // Without pods only what makes them tells.
        None => {
            of(name).or_else(|| objects.get(&Ref::new(&kinds::STATEFUL_SET, namespace, name))).or_else(|| {
                let all = objects.within(&kinds::DEPLOYMENT, namespace).map(|(_, deployment)| deployment);
                all.filter(|deployment| made(deployment).is_some()).find(makes)
            })
        }
    }
}

fn pod(name: &Arc<str>, object: &Object) -> Pod {
    Pod {
        name: name.clone(),
        ready: is_ready(object),
        phase: phase_of(object, text(object, "/status/phase")),
        sidecar: sidecar(object),
        restarts: containers(object)
            .filter_map(|one| u32::try_from(one.get("restartCount")?.as_u64()?).ok())
            .fold(0, u32::saturating_add),
    }
}

/// What Kubernetes says of a pod's containers.
fn containers(pod: &Object) -> impl Iterator<Item = &Value> {
    let list = |at: &str| pod.0.pointer(at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list("/status/initContainerStatuses").iter().chain(list("/status/containerStatuses"))
}

/// Why a container waits or has ended ("CrashLoopBackOff", "ImagePullBackOff", "OOMKilled"), if one of a pod
/// that runs does.
pub(crate) fn waits(pod: &Object) -> Option<&str> {
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

/// Whether a pod has a proxy: a container, or an init container that is restarted for ever (a native
/// sidecar).
fn sidecar(pod: &Object) -> bool {
    let list = |at: &str| pod.0.pointer(at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let proxy = |container: &&Value| container.get("name").and_then(Value::as_str) == Some("istio-proxy");
    let native = |container: &Value| container.get("restartPolicy").and_then(Value::as_str) == Some("Always");
    list("/spec/containers").iter().any(|container| proxy(&container))
        || list("/spec/initContainers").iter().filter(proxy).any(native)
}

/// Whether a pod takes calls.
pub(crate) fn is_ready(pod: &Object) -> bool {
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
        "Pending" | "Running" if let Some(reason) = waits(pod) => reason,
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
