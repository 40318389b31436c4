//! Whether pods are as a change wants them: by what their controllers say of them, as `kubectl rollout status`
//! reads it, and by the pods themselves where one was deleted.

use crate::change::{Edit, Step};
use crate::model::{Objects, is_ready, waits};
use istio::{Object, Ref, kinds, owner};
use serde_json::Value;

/// How far the pods of a change have come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Pods that are as they are to be, and ready.
    pub ready: usize,
    /// Pods that there are to be.
    pub of: usize,
    /// Whether all is as it is to be, and nothing of the old is left.
    pub done: bool,
    /// Pods that are not ready.
    pub waiting: Vec<String>,
    /// Why it does not go on, in Kubernetes' words.
    pub stuck: Option<String>,
}

/// How far the pods have come of all steps that replace, add or take away pods; `None` where none does.
pub fn rollout(steps: &[Step], objects: &Objects) -> Option<Rollout> {
    let each = steps.iter().filter_map(|step| one(step, objects));
    each.reduce(|mut all, one| {
        all.ready += one.ready;
        all.of += one.of;
        all.done &= one.done;
        all.waiting.extend(one.waiting);
        all.stuck = all.stuck.or(one.stuck);
        all
    })
}

fn one(step: &Step, objects: &Objects) -> Option<Rollout> {
    match &step.edit {
        Edit::Patch(_) if step.at.kind == &kinds::DEPLOYMENT || step.at.kind == &kinds::STATEFUL_SET => Some(
            objects
                .get(&step.at)
                .map_or_else(Rollout::default, |object| controlled(&step.at, object, objects)),
        ),
        Edit::Delete { uid, .. } if step.at.kind == &kinds::POD => Some(deleted(step, uid, objects)),
        _ => None,
    }
}

/// How many pods an object of this kind wants.
pub fn wanted(object: &Object) -> usize {
    let said = object.spec().get("replicas").map_or(Some(1), Value::as_u64);
    said.and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
}

fn controlled(at: &Ref, object: &Object, objects: &Objects) -> Rollout {
    let count = |field: &str| {
        object
            .status()
            .get(field)
            .and_then(Value::as_u64)
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0)
    };
    let of = wanted(object);
    let seen =
        object.status().get("observedGeneration").and_then(Value::as_i64).unwrap_or(0) >= object.generation();
    let (all, updated, ready) = (count("replicas"), count("updatedReplicas"), count("readyReplicas"));
    // A StatefulSet may leave its first pods as they are.
    let partition = object.0.pointer("/spec/updateStrategy/rollingUpdate/partition").and_then(Value::as_u64);
    let old = partition.and_then(|first| usize::try_from(first).ok()).unwrap_or(0).min(of);
    let done = seen && all == of && updated >= of - old && ready == of;
    // Of those that are ready some may be old ones: only what is certain counts.
    let new = updated.min(ready.saturating_sub(all.saturating_sub(updated))).min(of);
    let ready = if done {
        of
    } else if seen {
        new
    } else {
        0
    };
    let waiting = if done { Vec::new() } else { unready(at, objects) };
    let stuck = if done { None } else { stuck(object).or_else(|| reason(&waiting, at, objects)) };
    Rollout { ready, of, done, waiting, stuck }
}

fn deleted(step: &Step, uid: &str, objects: &Objects) -> Rollout {
    let uid_of = |pod: &Object| pod.0.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
    let gone = objects.get(&step.at).is_none_or(|now| uid_of(now).as_deref() != Some(uid));
    let Some(made_by) = step.before.as_ref().and_then(|pod| controller(&step.at.namespace, pod)) else {
        return Rollout { done: gone, ..Rollout::default() };
    };
    let of = objects.get(&made_by).map_or(0, wanted);
    let others = pods(&made_by, objects).filter(|(_, pod)| uid_of(pod).as_deref() != Some(uid));
    let ready = others.filter(|(_, pod)| is_ready(pod)).count().min(of);
    let waiting = unready(&made_by, objects);
    let stuck = reason(&waiting, &made_by, objects);
    Rollout { ready, of, done: gone && ready == of, waiting, stuck }
}

/// What makes a pod, if it is a kind that is watched.
pub fn controller(namespace: &str, pod: &Object) -> Option<Ref> {
    let made_by = owner::of(pod);
    let kind =
        [&kinds::DEPLOYMENT, &kinds::STATEFUL_SET].into_iter().find(|kind| kind.kind == made_by.kind)?;
    Some(Ref::new(kind, namespace, made_by.object))
}

fn pods<'a>(of: &'a Ref, objects: &'a Objects) -> impl Iterator<Item = (&'a Ref, &'a Object)> {
    let near = objects.within(&kinds::POD, &of.namespace);
    near.filter(move |(_, pod)| controller(&of.namespace, pod).as_ref() == Some(of))
}

fn unready(of: &Ref, objects: &Objects) -> Vec<String> {
    pods(of, objects).filter(|(_, pod)| !is_ready(pod)).map(|(at, _)| at.name.to_string()).collect()
}

/// What the controller says of its own trouble.
fn stuck(object: &Object) -> Option<String> {
    if object.spec().get("paused") == Some(&Value::Bool(true)) {
        return Some("It is paused: its pods are not replaced".to_owned());
    }
    let conditions = object.status().get("conditions").and_then(Value::as_array)?;
    let text = |condition: &Value, key: &str| {
        condition.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let fails = conditions.iter().find(|condition| {
        matches!(
            (text(condition, "type").as_str(), text(condition, "status").as_str()),
            ("Progressing", "False") | ("ReplicaFailure", "True")
        )
    })?;
    Some(format!("{}: {}", text(fails, "reason"), text(fails, "message")))
}

/// Why one of these pods is not ready, where Kubernetes says it.
fn reason(waiting: &[String], of: &Ref, objects: &Objects) -> Option<String> {
    waiting.iter().find_map(|name| {
        let pod = objects.get(&Ref::new(&kinds::POD, &of.namespace, name))?;
        Some(format!("{name}: {}", waits(pod)?))
    })
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
