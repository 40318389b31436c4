//! DaemonSets: one pod on each node, and the sandbox has one node.

use super::names::template_hash;
use super::snapshot::{
    Act, News, adopted, ending, keeps_its_pods, owner, picks, ready, takes, uid, with_status,
};
use super::stateful_sets::REVISION;
use super::{node, replica_sets};
use istio::Object;
use rand::Rng;
use serde_json::{Value, json};

/// What one DaemonSet needs next. `pods` are all pods.
pub(crate) fn plan(set: &Object, pods: &[Object], chance: &mut impl Rng) -> Vec<Act> {
    let revision = template_hash(&set.spec()["template"]);
    let mut acts: Vec<Act> =
        pods.iter().filter(|pod| takes(set, pod)).map(|pod| Act::Replace(adopted(pod, set))).collect();
    let own: Vec<&Object> =
        pods.iter().filter(|pod| owner(pod) == Some(uid(set)) && picks(set, pod) != Some(false)).collect();
    let alive: Vec<&Object> = own.iter().copied().filter(|pod| !ending(pod)).collect();
    let wanted = usize::from(fits_node(set));
    let current = |pod: &Object| pod.label(REVISION) == Some(revision.as_str());
    if acts.is_empty() && !ending(set) {
        // The old one goes before the new one comes: they share the node.
        let replaces = set.spec()["updateStrategy"]["type"] != "OnDelete";
        let surplus = alive.iter().skip(wanted);
        let outdated = alive.iter().take(wanted).filter(|pod| replaces && !current(pod));
        for pod in surplus.chain(outdated) {
            acts.extend([
                tell(set, "SuccessfulDelete", format!("Deleted pod: {}", pod.name())),
                Act::Delete((*pod).clone()),
            ]);
        }
        if own.is_empty() && wanted > 0 && keeps_its_pods(set) {
            let pod = pod(set, &revision, chance);
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            acts.extend([tell(set, "SuccessfulCreate", format!("Created pod: {name}")), Act::Create(pod)]);
        }
    }
    let up = alive.iter().filter(|pod| ready(pod)).count();
    let mut status = json!({
        "observedGeneration": set.generation(),
        "desiredNumberScheduled": wanted,
        "currentNumberScheduled": alive.len().min(wanted),
        "numberMisscheduled": 0,
        "numberReady": up,
        "numberAvailable": up,
        "updatedNumberScheduled": alive.iter().filter(|pod| current(pod)).count(),
    });
    if up < wanted {
        status["numberUnavailable"] = json!(wanted - up);
    }
    acts.extend(with_status(set, &status));
    acts
}

/// Whether the node has all labels that the pods ask for.
fn fits_node(set: &Object) -> bool {
    let asked =
        set.spec().pointer("/template/spec/nodeSelector").and_then(Value::as_object).into_iter().flatten();
    let labels = node::labels();
    asked.into_iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn pod(set: &Object, revision: &str, chance: &mut impl Rng) -> Value {
    let mut pod = replica_sets::pod(set, chance);
    pod["metadata"]["labels"][REVISION] = json!(revision);
    pod["metadata"]["labels"]["pod-template-generation"] = json!(set.generation().to_string());
    pod
}

fn tell(set: &Object, reason: &'static str, message: String) -> Act {
    Act::Tell(News { about: set.clone(), kind: "Normal", reason, message, source: "daemonset-controller" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn one_pod_stands_on_the_node_and_gives_way_to_its_successor() {
        let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let set = |image: &str, os: &str| {
            Object::from(json!({"kind": "DaemonSet", "metadata": {"name": "d", "namespace": "n", "uid": "s"},
                "spec": {"selector": {"matchLabels": {"app": "d"}}, "template": {"metadata": {"labels": {"app": "d"}},
                    "spec": {"nodeSelector": {"kubernetes.io/os": os}, "containers": [{"image": image}]}}}}))
        };
        let here = std::env::consts::OS;
        let acts = plan(&set("a:1", here), &[], &mut chance);
        let [Act::Tell(_), Act::Create(pod), Act::Replace(told)] = &acts[..] else { panic!("{acts:?}") };
        assert_eq!(told["status"]["desiredNumberScheduled"], 1);
        let pods = [Object::from(pod.clone())];
        assert!(
            !plan(&set("a:1", here), &pods, &mut chance).iter().any(|act| !matches!(act, Act::Replace(_)))
        );
        let acts = plan(&set("a:2", here), &pods, &mut chance);
        assert!(matches!(&acts[..], [Act::Tell(_), Act::Delete(_), Act::Replace(_)]), "{acts:?}");
        let acts = plan(&set("a:1", "plan9"), &[], &mut chance);
        assert!(matches!(&acts[..], [Act::Replace(_)]), "{acts:?}");
    }
}
