//! Checks of which pods have a proxy, and which should.

use super::{Check, Found, Look, Severity, World};
use crate::{Ref, kinds};
use istio::kinds::{INJECT, INJECTION, REVISION};
use istio::{Object, owner};
use serde_json::Value;

/// The label by which a namespace or a pod is in ambient mode.
const DATAPLANE: &str = "istio.io/dataplane-mode";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "NamespaceNotInjected",
        codes: &["IST0102"],
        severity: Severity::Info,
        what: "The pods of a namespace get no proxy",
        why: "Istio sees and steers nothing of them.",
        next: "Label the namespace istio-injection=enabled and restart its workloads, if they belong to the mesh.",
        of: &[&kinds::NAMESPACE],
        reads: &[&kinds::NAMESPACE, &kinds::POD],
        look: Look::All(namespace_not_injected),
    },
    Check {
        name: "PodWithoutProxy",
        codes: &["IST0103"],
        severity: Severity::Warning,
        what: "A pod has no proxy, though its namespace asks for one",
        why: "It was made before the label, or the injector was away: no rule holds for it, and STRICT servers \
              refuse it.",
        next: "Restart its workload.",
        of: &[&kinds::POD],
        reads: &[&kinds::NAMESPACE, &kinds::POD],
        look: Look::All(pod_without_proxy),
    },
    Check {
        name: "NamespaceLabelsContradict",
        codes: &["IST0123"],
        severity: Severity::Warning,
        what: "A namespace has several labels that say how its pods join the mesh",
        why: "istio-injection counts before istio.io/rev; ambient and sidecars exclude each other.",
        next: "Keep one of them.",
        of: &[&kinds::NAMESPACE],
        reads: &[],
        look: Look::Each(namespace_labels),
    },
    Check {
        name: "PodLabelsContradict",
        codes: &["KIA1311", "KIA1315"],
        severity: Severity::Error,
        what: "A pod asks for a sidecar and for ambient mode",
        why: "A pod with a sidecar is left out of ambient mode.",
        next: "Keep one of both labels.",
        of: &[&kinds::POD],
        reads: &[],
        look: Look::Each(pod_labels),
    },
    Check {
        name: "ImageAutoWithoutInjection",
        codes: &["IST0146", "IST0147"],
        severity: Severity::Error,
        what: "A pod's image is \"auto\", and nothing puts the proxy's in its place",
        why: "The image does not exist: the pod never starts.",
        next: "Let the injector see the pod: the namespace's label, or sidecar.istio.io/inject: \"true\" on the pod.",
        of: &[&kinds::POD, &kinds::DEPLOYMENT],
        reads: &[&kinds::NAMESPACE],
        look: Look::Each(image_auto),
    },
];

/// How a namespace's pods join the mesh.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joins {
    Sidecars,
    Ambient,
    No,
}

fn joins(namespace: &Object) -> Joins {
    match (namespace.label(INJECTION), namespace.label(REVISION), namespace.label(DATAPLANE)) {
        (_, _, Some("ambient")) => Joins::Ambient,
        (Some("enabled"), ..) => Joins::Sidecars,
        (Some(_), ..) => Joins::No,
        (None, Some(_), _) => Joins::Sidecars,
        _ => Joins::No,
    }
}

/// A namespace that is no part of the cluster itself.
fn namespace<'a>(world: &World<'a>, at: &Ref) -> Option<&'a Object> {
    let own = *at.name == *world.mesh.root_namespace()
        || at.name.starts_with("kube-")
        || *at.name == *"local-path-storage";
    world.mesh.objects().get(at).filter(|_| !own)
}

fn namespaces<'a>(world: &World<'a>) -> impl Iterator<Item = (&'a Ref, &'a Object)> {
    let all = world.mesh.objects().of_kind(&kinds::NAMESPACE);
    all.filter_map(|(at, _)| Some((at, namespace(world, at)?))).collect::<Vec<_>>().into_iter()
}

fn namespace_not_injected(world: &World<'_>, found: &mut Found) {
    for (at, object) in namespaces(world) {
        let said = [INJECTION, REVISION, DATAPLANE].iter().any(|label| object.label(label).is_some());
        let mut all = world.within(&at.name).peekable();
        if !said && all.peek().is_some() && !all.any(|one| one.pods.iter().any(|pod| pod.sidecar)) {
            found.add(at, "metadata.labels", format!("The pods of {} get no proxy", at.name));
        }
    }
}

fn pod_without_proxy(world: &World<'_>, found: &mut Found) {
    for (at, object) in namespaces(world) {
        if joins(object) != Joins::Sidecars {
            continue;
        }
        for (pod, object) in world.mesh.objects().within(&kinds::POD, &at.name) {
            let said = |key: &str| object.label(key).or_else(|| object.annotation(key));
            let refuses = said(INJECT) == Some("false") || object.label(DATAPLANE) == Some("ambient");
            let host = object.spec()["hostNetwork"] == Value::Bool(true);
            // What has ended, or is about to go, is not restarted; Jobs come and go by themselves.
            let phase = object.status()["phase"].as_str().unwrap_or_default();
            let over = matches!(phase, "Succeeded" | "Failed")
                || object.0.pointer("/metadata/deletionTimestamp").is_some();
            let workload = owner::of(object);
            let known = world.mesh.workload(&at.name, workload.workload);
            let has = known
                .is_none_or(|one| one.pods.iter().any(|it| it.name == pod.name && it.sidecar) || one.gateway);
            if !refuses && !host && !over && !has {
                found.add(pod, "", format!("Pod {} of {} has no proxy", pod.name, at.name));
            }
        }
    }
}

fn namespace_labels(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = namespace(world, at) else { return };
    let said: Vec<&str> = [INJECTION, REVISION, DATAPLANE]
        .into_iter()
        .filter(|label| object.label(label).is_some_and(|value| !value.is_empty() && value != "none"))
        .collect();
    // Not to be injected, and in ambient mode, is one wish.
    let one = said == [INJECTION, DATAPLANE] && object.label(INJECTION) != Some("enabled");
    if said.len() > 1 && !one {
        found.add(at, "metadata.labels", format!("{} has {}", at.name, said.join(" and ")));
    }
}

fn pod_labels(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    if object.label(DATAPLANE) == Some("ambient") && object.label(INJECT) == Some("true") {
        found.add(at, "metadata.labels", format!("Pod {} asks for a sidecar and for ambient mode", at.name));
    }
}

fn image_auto(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    let pod = match *at.kind == kinds::POD {
        true => &*object.0,
        false => object.0.pointer("/spec/template").unwrap_or(&Value::Null),
    };
    let mut images = pod["spec"]["containers"].as_array().into_iter().flatten();
    if !images.any(|one| one["image"] == "auto") {
        return;
    }
    let own = pod["metadata"]["labels"][INJECT].as_str();
    let namespace = world.mesh.objects().get(&Ref::new(&kinds::NAMESPACE, "", &at.namespace));
    let injected = match own {
        Some(said) => said == "true",
        None => namespace.is_some_and(|object| joins(object) == Joins::Sidecars),
    };
    if !injected {
        found.add(at, "", format!("{} has image auto, and the injector does not see it", at.name));
    }
}
