//! StatefulSets: pods with numbers for names, made and replaced in their order. They have no storage: the
//! sandbox has no volumes that outlive a pod.

use super::deployments::count;
use super::names::template_hash;
use super::snapshot::{
    Act, News, adopted, ending, keeps_its_pods, owned_by, owner, picks, ready, takes, uid, with_status,
};
use istio::Object;
use serde_json::{Value, json};

/// The revision that a pod was made by.
pub(super) const REVISION: &str = "controller-revision-hash";

/// What one StatefulSet needs next. `pods` are all pods.
pub(crate) fn plan(set: &Object, pods: &[Object]) -> Vec<Act> {
    let revision = format!("{}-{}", set.name(), template_hash(&set.spec()["template"]));
    let first = set.spec()["ordinals"]["start"].as_u64().unwrap_or(0);
    let wanted = first..first + count(set.spec(), "replicas", 1);
    let number = |pod: &Object| pod.name().strip_prefix(set.name())?.strip_prefix('-')?.parse::<u64>().ok();
    let here = |pod: &&Object| pod.namespace() == set.namespace() && number(pod).is_some();
    let own = |pod: &&Object| owner(pod) == Some(uid(set)) && picks(set, pod) != Some(false);
    let mut acts: Vec<Act> = pods
        .iter()
        .filter(|pod| here(pod) && takes(set, pod))
        .map(|pod| Act::Replace(adopted(pod, set)))
        .collect();
    let mut mine: Vec<(u64, &Object)> =
        pods.iter().filter(|pod| here(pod) && own(pod)).filter_map(|pod| Some((number(pod)?, pod))).collect();
    mine.sort_by_key(|(number, _)| *number);
    if acts.is_empty() && keeps_its_pods(set) && !ending(set) {
        acts.extend(step(set, &mine, pods, &revision, wanted.clone()));
    }
    acts.extend(with_status(set, &status(set, &mine, &revision, wanted)));
    acts
}

/// The next pods to make or to delete: one at a time, unless the set wants them all at once.
fn step(
    set: &Object,
    mine: &[(u64, &Object)],
    pods: &[Object],
    revision: &str,
    wanted: std::ops::Range<u64>,
) -> Vec<Act> {
    let at_once = set.spec()["podManagementPolicy"] == "Parallel";
    let mut acts = Vec::new();
    for number in wanted.clone() {
        let name = format!("{}-{number}", set.name());
        match pods.iter().find(|pod| (pod.namespace(), pod.name()) == (set.namespace(), name.as_str())) {
            Some(pod) if at_once || (ready(pod) && !ending(pod)) => {}
            // Its turn comes when this one is ready, or gone.
            Some(_) => return acts,
            None => {
                let message = format!("create Pod {name} in StatefulSet {} successful", set.name());
                acts.extend([
                    tell(set, "SuccessfulCreate", message),
                    Act::Create(pod(set, &name, number, revision)),
                ]);
                if !at_once {
                    return acts;
                }
            }
        }
    }
    if mine.iter().any(|(_, pod)| ending(pod)) && !at_once {
        return acts;
    }
    for (_, pod) in mine.iter().rev().filter(|(number, pod)| !wanted.contains(number) && !ending(pod)) {
        acts.extend(deleted(set, pod));
        if !at_once {
            return acts;
        }
    }
    let strategy = &set.spec()["updateStrategy"];
    if acts.is_empty()
        && strategy["type"] != "OnDelete"
        && mine.iter().all(|(_, pod)| ready(pod) && !ending(pod))
    {
        let from = strategy["rollingUpdate"]["partition"].as_u64().unwrap_or(0);
        let old =
            mine.iter().rev().find(|(number, pod)| *number >= from && pod.label(REVISION) != Some(revision));
        acts.extend(old.into_iter().flat_map(|(_, pod)| deleted(set, pod)));
    }
    acts
}

fn deleted(set: &Object, pod: &Object) -> [Act; 2] {
    let message = format!("delete Pod {} in StatefulSet {} successful", pod.name(), set.name());
    [tell(set, "SuccessfulDelete", message), Act::Delete(pod.clone())]
}

fn status(set: &Object, mine: &[(u64, &Object)], revision: &str, wanted: std::ops::Range<u64>) -> Value {
    let alive: Vec<&Object> = mine.iter().map(|(_, pod)| *pod).filter(|pod| !ending(pod)).collect();
    let up = alive.iter().filter(|pod| ready(pod)).count();
    let updated = alive.iter().filter(|pod| pod.label(REVISION) == Some(revision)).count();
    let all = u64::try_from(updated).ok() == Some(wanted.end - wanted.start) && updated == alive.len();
    let known = set.status()["currentRevision"].as_str().filter(|_| !all).unwrap_or(revision);
    let current = alive.iter().filter(|pod| pod.label(REVISION) == Some(known)).count();
    json!({
        "observedGeneration": set.generation(),
        "replicas": alive.len(),
        "readyReplicas": up,
        "availableReplicas": up,
        "currentReplicas": current,
        "updatedReplicas": updated,
        "currentRevision": known,
        "updateRevision": revision,
        "collisionCount": 0,
    })
}

fn pod(set: &Object, name: &str, number: u64, revision: &str) -> Value {
    let template = &set.spec()["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = json!(name);
    metadata["namespace"] = json!(set.namespace());
    metadata["ownerReferences"] = owned_by(set, "apps/v1");
    metadata["labels"][REVISION] = json!(revision);
    metadata["labels"]["statefulset.kubernetes.io/pod-name"] = json!(name);
    metadata["labels"]["apps.kubernetes.io/pod-index"] = json!(number.to_string());
    let mut spec = template["spec"].clone();
    spec["hostname"] = json!(name);
    if let Some(service) = set.spec()["serviceName"].as_str().filter(|service| !service.is_empty()) {
        spec["subdomain"] = json!(service);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}})
}

fn tell(set: &Object, reason: &'static str, message: String) -> Act {
    Act::Tell(News { about: set.clone(), kind: "Normal", reason, message, source: "statefulset-controller" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: u64, image: &str) -> Object {
        Object::from(json!({"kind": "StatefulSet", "metadata": {"name": "db", "namespace": "n", "uid": "s"},
            "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"image": image}]}}}}))
    }

    fn made(acts: &[Act]) -> Vec<&str> {
        acts.iter()
            .filter_map(
                |act| if let Act::Create(pod) = act { pod["metadata"]["name"].as_str() } else { None },
            )
            .collect()
    }

    fn gone(acts: &[Act]) -> Vec<&str> {
        acts.iter()
            .filter_map(|act| if let Act::Delete(pod) = act { Some(pod.name()) } else { None })
            .collect()
    }

    fn running(acts: &[Act], is_ready: &str) -> Object {
        let pod =
            acts.iter().find_map(|act| if let Act::Create(pod) = act { Some(pod.clone()) } else { None });
        let mut pod = pod.unwrap();
        pod["status"] = json!({"conditions": [{"type": "Ready", "status": is_ready}]});
        Object::from(pod)
    }

    #[test]
    fn pods_come_and_go_one_after_the_other() {
        let acts = plan(&set(2, "a:1"), &[]);
        assert_eq!(made(&acts), ["db-0"]);
        let mut pods = vec![running(&acts, "False")];
        assert_eq!(made(&plan(&set(2, "a:1"), &pods)), Vec::<&str>::new(), "the first is not ready yet");
        pods[0] = running(&acts, "True");
        let acts = plan(&set(2, "a:1"), &pods);
        assert_eq!(made(&acts), ["db-1"]);
        pods.push(running(&acts, "True"));
        let acts = plan(&set(2, "a:1"), &pods);
        let [Act::Replace(done)] = &acts[..] else { panic!("{acts:?}") };
        assert_eq!(
            (&done["status"]["readyReplicas"], &done["status"]["currentReplicas"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(gone(&plan(&set(0, "a:1"), &pods)), ["db-1"], "the last first");
        let acts = plan(&set(2, "a:2"), &pods);
        assert_eq!((gone(&acts), made(&acts)), (vec!["db-1"], vec![]), "replaced from the last on");
    }

    #[test]
    fn all_at_once_where_the_set_says_so() {
        let mut parallel = (*set(3, "a:1").0).clone();
        parallel["spec"]["podManagementPolicy"] = json!("Parallel");
        assert_eq!(made(&plan(&Object::from(parallel), &[])), ["db-0", "db-1", "db-2"]);
    }
}
