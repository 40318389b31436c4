//! Deployments: one ReplicaSet for each pod template, and a rolling change from the old ones to the new one.

use super::names::{template_hash, time};
use super::snapshot::{Act, News, adopted, keeps_its_pods, owned_by, owner, takes, uid, with_status};
use istio::Object;
use jiff::Timestamp;
use serde_json::{Value, json};

const REVISION: &str = "deployment.kubernetes.io/revision";
const CAUSE: &str = "kubernetes.io/change-cause";
const HASH: &str = "pod-template-hash";
/// Reasons of the condition Progressing.
const PROGRESSING: &str = "ReplicaSetUpdated";
const LATE: &str = "ProgressDeadlineExceeded";

/// What one Deployment needs next. `sets` are all ReplicaSets.
pub(crate) fn plan(deployment: &Object, sets: &[Object], now: Timestamp) -> Vec<Act> {
    // Sets that nobody controls are taken in, and seen as its own the next time.
    let orphans = sets.iter().filter(|set| takes(deployment, set));
    let mut acts: Vec<Act> = orphans.map(|set| Act::Replace(adopted(set, deployment))).collect();
    if !acts.is_empty() || !keeps_its_pods(deployment) {
        return acts;
    }
    let own: Vec<&Object> = sets.iter().filter(|set| owner(set) == Some(uid(deployment))).collect();
    let template = &deployment.spec()["template"];
    let hash = template_hash(template);
    let name = format!("{}-{hash}", deployment.name());
    let (mut new, mut old): (Vec<&Object>, Vec<&Object>) = own.iter().partition(|set| set.name() == name);
    if new.is_empty() {
        // One that was taken in may have this template under another name.
        let (same, others) = old.into_iter().partition(|set| template_hash(&without_hash(set)) == hash);
        (new, old) = (same, others);
    }
    let wanted = count(deployment.spec(), "replicas", 1);

    let last_revision = own.iter().filter_map(|set| revision(set)).max().unwrap_or(0);
    if deployment.spec()["paused"] == true && !own.is_empty() {
        return paused(deployment, wanted, new.first().copied(), &own, now);
    }
    let Some(new) = new.first() else {
        let revision = last_revision + 1;
        let first = if old.is_empty() { wanted } else { rolling(deployment, wanted, None, &old).0 };
        acts.push(Act::Create(replica_set(deployment, &name, &hash, first, revision)));
        acts.push(scaled(deployment, &name, 0, first));
        return acts;
    };
    if deployment.annotation(REVISION) != new.annotation(REVISION) {
        let mut changed = (*deployment.0).clone();
        changed["metadata"]["annotations"][REVISION] = json!(new.annotation(REVISION));
        return vec![Act::Replace(changed)];
    }
    // A template that comes back is the newest revision again.
    if revision(new) < Some(last_revision) {
        let mut changed = (*new.0).clone();
        changed["metadata"]["annotations"][REVISION] = json!((last_revision + 1).to_string());
        return vec![Act::Replace(changed)];
    }
    if let Some(cause) = deployment.annotation(CAUSE).filter(|cause| new.annotation(CAUSE) != Some(cause)) {
        let mut changed = (*new.0).clone();
        changed["metadata"]["annotations"][CAUSE] = json!(cause);
        return vec![Act::Replace(changed)];
    }

    let (new_size, old_sizes) = rolling(deployment, wanted, Some(new), &old);
    for (set, size) in std::iter::once((new, new_size)).chain(old.iter().zip(old_sizes)) {
        let is = count(set.spec(), "replicas", 0);
        if is != size {
            let mut changed = (*set.0).clone();
            changed["spec"]["replicas"] = json!(size);
            acts.push(Act::Replace(changed));
            acts.push(scaled(deployment, set.name(), is, size));
        }
    }
    acts.extend(forgotten(deployment, &old));
    acts.extend(with_status(deployment, &status(deployment, wanted, Some(new), &own, now)));
    acts
}

/// The template of a set, as the Deployment wrote it.
fn without_hash(set: &Object) -> Value {
    let mut template = set.spec()["template"].clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.shift_remove(HASH);
    }
    template
}

/// A paused Deployment makes no step from one template to the next, but it can be scaled: the newest set that
/// has pods gets more or fewer.
fn paused(
    deployment: &Object,
    wanted: u64,
    new: Option<&Object>,
    own: &[&Object],
    now: Timestamp,
) -> Vec<Act> {
    let size = |set: &Object| count(set.spec(), "replicas", 0);
    let total: u64 = own.iter().map(|set| size(set)).sum();
    let newest = own.iter().max_by_key(|set| (size(set) > 0, revision(set)));
    let mut acts = Vec::new();
    if let Some(newest) = newest.filter(|_| total != wanted) {
        let (is, to) = (size(newest), (size(newest) + wanted).saturating_sub(total));
        let mut changed = (*newest.0).clone();
        changed["spec"]["replicas"] = json!(to);
        acts.push(Act::Replace(changed));
        acts.push(scaled(deployment, newest.name(), is, to));
    }
    acts.extend(with_status(deployment, &status(deployment, wanted, new, own, now)));
    acts
}

/// The oldest sets without pods, when there are more of them than the Deployment wants to remember.
fn forgotten(deployment: &Object, old: &[&Object]) -> Vec<Act> {
    let limit = usize::try_from(count(deployment.spec(), "revisionHistoryLimit", 10)).unwrap_or(usize::MAX);
    let unused =
        |set: &&&Object| count(set.spec(), "replicas", 0) == 0 && count(set.status(), "replicas", 0) == 0;
    let mut unused: Vec<&&Object> = old.iter().filter(unused).collect();
    unused.sort_by_key(|set| revision(set));
    let too_many = unused.len().saturating_sub(limit);
    unused[..too_many].iter().map(|set| Act::Delete((**set).clone())).collect()
}

/// How large the new set and each of the old ones should be now.
fn rolling(deployment: &Object, wanted: u64, new: Option<&Object>, old: &[&Object]) -> (u64, Vec<u64>) {
    let old_sizes: Vec<u64> = old.iter().map(|set| count(set.spec(), "replicas", 0)).collect();
    let strategy = &deployment.spec()["strategy"];
    if strategy["type"] == "Recreate" {
        // The old ones have to be gone, not only on their way.
        let left = |set: &&Object| {
            count(set.status(), "replicas", 0) + count(set.status(), "terminatingReplicas", 0)
        };
        let left: u64 = old.iter().map(left).sum();
        return (if left == 0 { wanted } else { 0 }, vec![0; old.len()]);
    }
    let surge = share(&strategy["rollingUpdate"]["maxSurge"], wanted, true);
    // One of the two must allow a step.
    let missing =
        share(&strategy["rollingUpdate"]["maxUnavailable"], wanted, false).max(u64::from(surge == 0));
    let is = new.map_or(0, |set| count(set.spec(), "replicas", 0));
    let others: u64 = old_sizes.iter().sum();
    let new_size =
        if is > wanted { wanted } else { wanted.min((wanted + surge).saturating_sub(others)).max(is) };

    let ready = |set: &Object| count(set.status(), "readyReplicas", 0);
    let ready_now = new.map_or(0, ready) + old.iter().map(|set| ready(set)).sum::<u64>();
    let mut spare = ready_now.saturating_sub(wanted.saturating_sub(missing));
    let shrunk = old.iter().zip(old_sizes).map(|(set, size)| {
        // Pods that are not ready serve nobody: they may go at once.
        let idle = size.saturating_sub(ready(set));
        let go = (size - idle).min(spare);
        spare -= go;
        size - idle - go
    });
    (new_size, shrunk.collect())
}

/// A number or a percentage of the wanted replicas; 25 % when it is not said.
fn share(value: &Value, of: u64, up: bool) -> u64 {
    let percent = match value {
        Value::Number(number) => return number.as_u64().unwrap_or(0),
        Value::String(text) => text.trim_end_matches('%').parse().unwrap_or(25),
        _ => 25,
    };
    if up { (of * percent).div_ceil(100) } else { of * percent / 100 }
}

fn replica_set(deployment: &Object, name: &str, hash: &str, replicas: u64, revision: u64) -> Value {
    let mut template = deployment.spec()["template"].clone();
    template["metadata"]["labels"][HASH] = json!(hash);
    let mut selector = deployment.spec()["selector"].clone();
    selector["matchLabels"][HASH] = json!(hash);
    let mut annotations = json!({
        "deployment.kubernetes.io/desired-replicas": replicas.to_string(),
        REVISION: revision.to_string(),
    });
    if let Some(cause) = deployment.annotation(CAUSE) {
        annotations[CAUSE] = json!(cause);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": deployment.namespace(),
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": owned_by(deployment, "apps/v1"),
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    })
}

fn scaled(deployment: &Object, set: &str, from: u64, to: u64) -> Act {
    let how = if to > from { "up" } else { "down" };
    Act::Tell(News {
        about: deployment.clone(),
        kind: "Normal",
        reason: "ScalingReplicaSet",
        message: format!("Scaled {how} replica set {set} from {from} to {to}"),
        source: "deployment-controller",
    })
}

fn status(deployment: &Object, wanted: u64, new: Option<&Object>, own: &[&Object], now: Timestamp) -> Value {
    let total = |field: &str| own.iter().map(|set| count(set.status(), field, 0)).sum::<u64>();
    let (replicas, ready) = (total("replicas"), total("readyReplicas"));
    let of_new = |field: &str| new.map_or(0, |new| count(new.status(), field, 0));
    let updated = of_new("replicas");
    let available = ready >= wanted;
    let done = updated == wanted && replicas == wanted && of_new("readyReplicas") == wanted;
    let new_set = new.map_or("", Object::name);
    let counts = [replicas, updated, ready];
    let before =
        ["replicas", "updatedReplicas", "readyReplicas"].map(|field| count(deployment.status(), field, 0));
    let known = known(deployment, "Progressing");
    // Somebody who wishes for something else starts the clock anew.
    let anew = deployment.status()["observedGeneration"] != deployment.generation();
    let moved =
        anew || counts != before || known.is_none_or(|known| known["reason"] == "NewReplicaSetAvailable");
    let late = !moved && known.is_some_and(|known| is_late(deployment, known, now));
    let progressing = if deployment.spec()["paused"] == true {
        ("Unknown", "DeploymentPaused", "Deployment is paused".to_owned())
    } else if done {
        ("True", "NewReplicaSetAvailable", format!("ReplicaSet \"{new_set}\" has successfully progressed."))
    } else if late {
        ("False", LATE, format!("ReplicaSet \"{new_set}\" has timed out progressing."))
    } else {
        ("True", PROGRESSING, format!("ReplicaSet \"{new_set}\" is progressing."))
    };
    let mut progressing = condition(deployment, "Progressing", now, progressing);
    if moved && progressing["reason"] == PROGRESSING {
        progressing["lastUpdateTime"] = json!(time(now));
    }
    let conditions = json!([
        condition(
            deployment,
            "Available",
            now,
            if available {
                ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
            } else {
                (
                    "False",
                    "MinimumReplicasUnavailable",
                    "Deployment does not have minimum availability.".to_owned(),
                )
            }
        ),
        progressing,
    ]);
    let mut status = json!({
        "observedGeneration": deployment.generation(),
        "replicas": replicas,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "terminatingReplicas": total("terminatingReplicas"),
        "conditions": conditions,
    });
    if ready < wanted {
        status["unavailableReplicas"] = json!(wanted - ready);
    }
    status
}

/// Whether a rollout is not complete, and has a time by which it should move.
pub(super) fn on_its_way(deployment: &Object) -> bool {
    known(deployment, "Progressing").is_some_and(|condition| condition["reason"] == PROGRESSING)
}

/// Whether it has stood still for longer than it may.
fn is_late(deployment: &Object, progressing: &Value, now: Timestamp) -> bool {
    if progressing["reason"] == LATE {
        return true;
    }
    let may = count(deployment.spec(), "progressDeadlineSeconds", 600);
    let since = progressing["lastUpdateTime"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    since.is_some_and(|since| now.duration_since(since).as_secs() > i64::try_from(may).unwrap_or(i64::MAX))
}

fn known<'a>(deployment: &'a Object, kind: &str) -> Option<&'a Value> {
    deployment.status()["conditions"].as_array()?.iter().find(|known| known["type"] == kind)
}

/// A condition, which keeps its times while it says the same.
fn condition(
    deployment: &Object,
    kind: &str,
    now: Timestamp,
    (value, reason, message): (&str, &str, String),
) -> Value {
    let known = known(deployment, kind);
    if let Some(known) = known.filter(|known| {
        known["status"] == value && known["reason"] == reason && known["message"] == message.as_str()
    }) {
        return known.clone();
    }
    let same_value = known.filter(|known| known["status"] == value);
    let since = same_value.map_or_else(|| json!(time(now)), |known| known["lastTransitionTime"].clone());
    json!({
        "type": kind,
        "status": value,
        "lastUpdateTime": time(now),
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    })
}

fn revision(set: &Object) -> Option<u64> {
    set.annotation(REVISION)?.parse().ok()
}

/// A count in a spec or status.
pub(super) fn count(of: &Value, field: &str, unset: u64) -> u64 {
    of.get(field).and_then(Value::as_u64).unwrap_or(unset)
}

#[cfg(test)]
mod tests;
