//! ReplicaSets: as many pods as wanted.

use super::deployments::count;
use super::names::suffix;
use super::snapshot::{
    Act, News, adopted, ending, keeps_its_pods, owned_by, owner, picks, ready, takes, uid, with_status,
};
use istio::Object;
use rand::Rng;
use serde_json::{Value, json};

/// What one ReplicaSet needs next. `pods` are all pods.
pub(crate) fn plan(set: &Object, pods: &[Object], chance: &mut impl Rng) -> Vec<Act> {
    // A pod that leaves counts no more: another one takes its place at once.
    let (leaving, own): (Vec<&Object>, Vec<&Object>) =
        pods.iter().filter(|pod| owner(pod) == Some(uid(set))).partition(|pod| ending(pod));
    let (mut own, gone): (Vec<&Object>, Vec<&Object>) =
        own.into_iter().partition(|pod| picks(set, pod) != Some(false));
    let wanted = usize::try_from(count(set.spec(), "replicas", 1)).unwrap_or(usize::MAX);
    // A pod whose labels were changed is let go: it lives on by itself, and another one takes its place.
    let mut acts: Vec<Act> = gone.into_iter().map(|pod| Act::Replace(without_owner(pod))).collect();
    // One that nobody controls is taken in.
    for pod in pods.iter().filter(|pod| takes(set, pod)) {
        acts.push(Act::Replace(adopted(pod, set)));
        own.push(pod);
    }
    let makes = keeps_its_pods(set);
    if !makes && own.len() < wanted {
        let message = "Error creating: `selector` does not match template `labels`".to_owned();
        acts.push(Act::Tell(News { kind: "Warning", ..news(set, "FailedCreate", message) }));
    }
    for _ in own.len()..if makes { wanted } else { 0 } {
        let pod = pod(set, chance);
        acts.push(tell(
            set,
            "SuccessfulCreate",
            format!("Created pod: {}", pod["metadata"]["name"].as_str().unwrap_or_default()),
        ));
        acts.push(Act::Create(pod));
    }
    if own.len() > wanted {
        // Those that serve nobody go first, then the youngest.
        own.sort_by_key(|pod| (ready(pod), std::cmp::Reverse(created(pod))));
        for pod in &own[..own.len() - wanted] {
            acts.push(tell(set, "SuccessfulDelete", format!("Deleted pod: {}", pod.name())));
            acts.push(Act::Delete((*pod).clone()));
        }
    }
    let ready = own.iter().filter(|pod| ready(pod)).count();
    let mut status = json!({"replicas": own.len(), "terminatingReplicas": leaving.len(), "observedGeneration": set.generation()});
    if !own.is_empty() {
        status["fullyLabeledReplicas"] = json!(own.len());
    }
    if ready > 0 {
        status["readyReplicas"] = json!(ready);
        status["availableReplicas"] = json!(ready);
    }
    acts.extend(with_status(set, &status));
    acts
}

fn without_owner(pod: &Object) -> Value {
    let mut free = (*pod.0).clone();
    if let Some(metadata) = free["metadata"].as_object_mut() {
        metadata.remove("ownerReferences");
    }
    free
}

fn created(pod: &Object) -> String {
    pod.0.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A new pod of the set's template, with a name of its own.
pub(super) fn pod(set: &Object, chance: &mut impl Rng) -> Value {
    let template = &set.spec()["template"];
    let base = format!("{}-", set.name());
    let mut metadata = template["metadata"].clone();
    metadata["generateName"] = json!(base);
    metadata["name"] = json!(base + &suffix(chance));
    metadata["namespace"] = json!(set.namespace());
    metadata["ownerReferences"] = owned_by(set, "apps/v1");
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}})
}

fn tell(set: &Object, reason: &'static str, message: String) -> Act {
    Act::Tell(news(set, reason, message))
}

fn news(set: &Object, reason: &'static str, message: String) -> News {
    News { about: set.clone(), kind: "Normal", reason, message, source: "replicaset-controller" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn pods_are_made_and_removed_until_there_are_as_many_as_wanted() {
        let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let set = |replicas: u64| {
            Object::from(
                json!({"kind": "ReplicaSet", "metadata": {"name": "r-x", "namespace": "bookinfo", "uid": "s1"},
                "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": "r"}}, "spec": {}}}}),
            )
        };
        let made: Vec<Object> = plan(&set(2), &[], &mut chance)
            .into_iter()
            .filter_map(|act| if let Act::Create(pod) = act { Some(Object::from(pod)) } else { None })
            .collect();
        assert_eq!(made.len(), 2);
        assert_ne!(made[0].name(), made[1].name());
        assert!(made[0].name().starts_with("r-x-") && made[0].label("app") == Some("r"));

        let mut first = (*made[0].0).clone();
        first["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        let pods = [Object::from(first), made[1].clone()];
        let gone: Vec<String> = plan(&set(1), &pods, &mut chance)
            .into_iter()
            .filter_map(|act| if let Act::Delete(pod) = act { Some(pod.name().to_owned()) } else { None })
            .collect();
        assert_eq!(gone, [made[1].name()], "the one that is not ready");

        let mut choosy = (*set(2).0).clone();
        choosy["spec"]["selector"] = json!({"matchLabels": {"app": "r"}});
        let mut taken_out = (*pods[0].0).clone();
        taken_out["metadata"]["labels"]["app"] = json!("debug");
        let acts = plan(&Object::from(choosy), &[Object::from(taken_out), pods[1].clone()], &mut chance);
        let [Act::Replace(free), Act::Tell(_), Act::Create(_), ..] = &acts[..] else { panic!("{acts:?}") };
        assert!(free["metadata"].get("ownerReferences").is_none(), "{free}");
    }

    #[test]
    fn a_set_takes_in_pods_that_nobody_controls_and_makes_none_that_are_not_its_own() {
        let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let set = |label: &str| {
            Object::from(
                json!({"kind": "ReplicaSet", "metadata": {"name": "r-x", "namespace": "bookinfo", "uid": "s1"},
                "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "r"}},
                    "template": {"metadata": {"labels": {"app": label}}, "spec": {}}}}),
            )
        };
        let pod = |name: &str, namespace: &str| {
            Object::from(
                json!({"kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": "r"}}}),
            )
        };
        let pods = [pod("orphan", "bookinfo"), pod("elsewhere", "other")];
        let acts = plan(&set("r"), &pods, &mut chance);
        let [Act::Replace(taken), Act::Tell(_), Act::Create(_), ..] = &acts[..] else { panic!("{acts:?}") };
        assert_eq!(
            (&taken["metadata"]["name"], &taken["metadata"]["ownerReferences"][0]["uid"]),
            (&json!("orphan"), &json!("s1"))
        );

        let acts = plan(&set("other"), &[], &mut chance);
        assert!(!acts.iter().any(|act| matches!(act, Act::Create(_))), "{acts:?}");
        assert!(
            acts.iter().any(|act| matches!(act, Act::Tell(News { reason: "FailedCreate", .. }))),
            "{acts:?}"
        );
    }
}
