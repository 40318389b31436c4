//! What a change of a workload does to its pods and its callers, said before it is pushed.

use super::workload::{Operated, Wish, counted, revisions};
use crate::rollout::{controller, wanted};
use crate::{Mesh, Object, Part, Ref, Workload};
use istio::kinds::{self, INJECTION, REVISION};
use serde_json::Value;

/// What a wish does, in sentences.
pub fn told(mesh: &Mesh, at: &Operated, was: &Wish, wish: &Wish) -> Vec<String> {
    let mut told = Vec::new();
    match at {
        Operated::Workload { name, object } => {
            let Some(now) = mesh.objects().get(object) else { return told };
            let relabelled = (&wish.inject, &wish.revision) != (&was.inject, &was.revision);
            let restarts = wish.restarted != was.restarted;
            if relabelled || restarts {
                told.push(replaced(object, now));
            }
            if restarts {
                told.push("A restart cannot be undone".to_owned());
            }
            if relabelled {
                let workload = mesh.workload(&object.namespace, name);
                told.extend(injected(mesh, object, wish, workload.is_some_and(|workload| workload.gateway)));
            }
            if let Some(replicas) = wish.replicas.filter(|_| wish.replicas != was.replicas) {
                told.extend(scaled(mesh, object, wanted(now), replicas as usize));
            }
        }
        Operated::Namespace(object) if wish != was => told.extend(of_namespace(mesh, object, wish)),
        Operated::Pod { object, .. } if wish.deleted => told.extend(of_pod(mesh, object)),
        Operated::Pod { .. } | Operated::Namespace(_) => {}
    }
    told
}

/// How the pods of a template that becomes another are replaced.
fn replaced(at: &Ref, object: &Object) -> String {
    let text = |path: &str| object.0.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let pods = wanted(object);
    let stateful = at.kind == &kinds::STATEFUL_SET;
    match pods {
        0 => "It has no pods now: none is replaced".to_owned(),
        _ if text("/spec/strategy/type") == "Recreate" => {
            format!("All pods ({pods}) end before new ones start: callers get 503 until those are ready")
        }
        _ if text("/spec/updateStrategy/type") == "OnDelete" => {
            "Its pods stay as they are until each is deleted: its strategy is OnDelete".to_owned()
        }
        1 if stateful => {
            "Its only pod ends before the new one starts: callers get 503 until that is ready".to_owned()
        }
        1 => "Its only pod is replaced: callers may see 503 while the new one takes over".to_owned(),
        _ if stateful => format!("All {pods} pods are replaced, one after the other, the last one first"),
        _ => format!("All {pods} pods are replaced, a few at a time"),
    }
}

fn injected(mesh: &Mesh, at: &Ref, wish: &Wish, gateway: bool) -> Vec<String> {
    let mut told = Vec::new();
    let namespace = mesh.objects().get(&Ref::new(&kinds::NAMESPACE, "", &at.namespace));
    let label = |name: &str| namespace.and_then(|namespace| namespace.label(name));
    let place = &at.namespace;
    match (wish.inject, label(INJECTION), label(REVISION)) {
        (Some(false), ..) => {}
        (_, Some("enabled"), _) if wish.revision.is_some() => told.push(format!(
            "Namespace {place} says {INJECTION}=enabled, which counts for more than a revision of its pods"
        )),
        (Some(true), Some(other), _) if other != "enabled" => told.push(format!(
            "Namespace {place} says {INJECTION}={other}, which counts for more: new pods get no sidecar"
        )),
        (None, Some("enabled"), _) | (None, None, Some(_)) => {
            told.push(format!("Namespace {place} decides then: new pods get a sidecar"));
        }
        (None, ..) if wish.revision.is_none() => {
            told.push(format!("Namespace {place} decides then: new pods get no sidecar"));
        }
        _ => {}
    }
    if wish.inject == Some(false) {
        told.push(if gateway {
            "It is a gateway: its pods are nothing but a proxy, and do not start without one".to_owned()
        } else {
            "Without a sidecar its policies do not hold, its calls are not measured by it, and whoever insists on \
             mutual TLS refuses them"
                .to_owned()
        });
    }
    told.extend(unknown(mesh, wish));
    told
}

/// A revision of which no istiod is seen.
fn unknown(mesh: &Mesh, wish: &Wish) -> Option<String> {
    let (wanted, known) = (wish.revision.as_deref()?, revisions(mesh));
    let told = format!(
        "No istiod of revision {wanted} is seen: unless it is a tag of another one, pods get no sidecar"
    );
    (!known.contains(wanted)).then_some(told)
}

fn scaled(mesh: &Mesh, at: &Ref, was: usize, now: usize) -> Vec<String> {
    let mut told = Vec::new();
    match now {
        0 => told.push("No pod is left: callers get 503".to_owned()),
        _ if now < was => {
            told.push(format!(
                "{} less: calls that are just being answered there may fail",
                counted(was - now)
            ));
        }
        _ => told.push(format!("{} more: calls come as soon as all is ready there", counted(now - was))),
    }
    if at.kind == &kinds::STATEFUL_SET && now < was {
        told.push("The last ones end, and their volumes stay".to_owned());
    }
    match scaler(mesh, at) {
        Some((name, range)) => told.push(format!(
            "HorizontalPodAutoscaler {name} decides how many there are ({range}): it puts its own number back"
        )),
        None => told.extend(mesh.unseen(&kinds::AUTOSCALER, &at.namespace).map(|why| {
            format!("Whether a HorizontalPodAutoscaler decides how many there are is not known: {}", why.why)
        })),
    }
    told
}

/// What decides how many pods there are, and in which range.
fn scaler<'a>(mesh: &'a Mesh, at: &Ref) -> Option<(&'a str, String)> {
    let mut near = mesh.objects().within(&kinds::AUTOSCALER, &at.namespace);
    let (_, scaler) = near.find(|(_, object)| {
        let target = &object.spec()["scaleTargetRef"];
        target["kind"] == at.kind.kind && target["name"] == *at.name
    })?;
    let count = |field: &str| scaler.spec().get(field).and_then(Value::as_u64).unwrap_or(1);
    Some((scaler.name(), format!("{} to {}", count("minReplicas"), count("maxReplicas"))))
}

fn of_namespace(mesh: &Mesh, at: &Ref, wish: &Wish) -> Vec<String> {
    let workloads = || mesh.part(&at.name).into_iter().flat_map(Part::workloads);
    let pods = |sidecar: bool| {
        let own = |workload: &&std::sync::Arc<Workload>| !workload.gateway;
        workloads()
            .filter(own)
            .flat_map(|workload| &workload.pods)
            .filter(|pod| pod.sidecar == sidecar)
            .count()
    };
    let will = wish.inject.unwrap_or(wish.revision.is_some());
    let what = if will { "a sidecar" } else { "no sidecar, unless they ask for one" };
    let mut told = vec![format!("Pods that are made from now on get {what}")];
    let others = pods(!will);
    if others > 0 {
        let (have, keep) = if will { ("without", "none") } else { ("with", "it") };
        told.push(format!(
            "{} that run {have} a sidecar keep {keep} until they are restarted",
            counted(others)
        ));
    }
    if wish.inject.is_some() && wish.revision.is_some() {
        told.push(format!("{INJECTION} counts for more than the revision"));
    }
    told.extend(unknown(mesh, wish));
    told
}

fn of_pod(mesh: &Mesh, at: &Ref) -> Vec<String> {
    let made_by = mesh.objects().get(at).and_then(|pod| controller(&at.namespace, pod));
    let pods = made_by.as_ref().and_then(|made_by| mesh.objects().get(made_by)).map(wanted);
    let mut told = match (made_by, pods) {
        (Some(made_by), Some(1)) => vec![format!(
            "It is the only pod that {made_by} wants: callers may see 503 until the new one is ready"
        )],
        (Some(made_by), _) => vec![format!("{made_by} makes another one at once")],
        (None, _) => vec![
            "No Deployment or StatefulSet is known to make another one: it may be gone for good".to_owned(),
        ],
    };
    told.push("It cannot be undone, and no PodDisruptionBudget is asked".to_owned());
    told
}
