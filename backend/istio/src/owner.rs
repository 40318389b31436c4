//! Which workload a pod belongs to, as Istio's injection names it: by this name metrics and traces know it.

use crate::Object;
use serde_json::Value;

/// The label by which a pod names its workload itself.
pub const WORKLOAD_NAME: &str = "service.istio.io/workload-name";

/// Controllers whose pods have names that are made up, so that the controller's own name counts.
const CONTROLLERS: [&str; 5] = ["ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job"];

/// A pod's workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// "Deployment", "Rollout", "CronJob", "Pod", …
    pub kind: &'a str,
    /// The name of the object that makes the pods.
    pub object: &'a str,
    /// The name that Istio calls the workload by: the object's, unless the pod's label says otherwise.
    pub workload: &'a str,
}

/// The workload of a pod.
pub fn of(pod: &Object) -> Owner<'_> {
    let (kind, object) = made_by(pod);
    Owner { kind, object, workload: named(pod.0.pointer("/metadata/labels")).unwrap_or(object) }
}

/// The name that the labels of a pod, or of a template for pods, give the workload.
pub fn named(labels: Option<&Value>) -> Option<&str> {
    labels?.get(WORKLOAD_NAME)?.as_str().filter(|name| !name.is_empty())
}

fn made_by(pod: &Object) -> (&str, &str) {
    let owners = pod.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let controller = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    let own = ("Pod", pod.name());
    let Some(owner) = owners.into_iter().flatten().find(controller) else { return own };
    let field = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (field("kind"), field("name"));
    // Others may give their pods names of their own: then those count.
    let made_up =
        pod.0.pointer("/metadata/generateName").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if name.is_empty() || !(made_up || CONTROLLERS.contains(&kind)) {
        return own;
    }
    let without = |label: &str| {
        let hash = pod.label(label).filter(|hash| !hash.is_empty())?;
        name.strip_suffix(hash)?.strip_suffix('-')
    };
    let found = match kind {
        "ReplicaSet" => without("pod-template-hash")
            .map(|name| ("Deployment", name))
            .or_else(|| without("rollouts-pod-template-hash").map(|name| ("Rollout", name))),
        "ReplicationController" => pod
            .label("deploymentconfig")
            .filter(|name| !name.is_empty())
            .map(|name| ("DeploymentConfig", name)),
        "Job" => scheduled(name).map(|name| ("CronJob", name)),
        _ => None,
    };
    found.unwrap_or((kind, name))
}

/// The CronJob of a Job, whose name ends with the time: eight to ten digits.
fn scheduled(job: &str) -> Option<&str> {
    let (name, time) = job.rsplit_once('-')?;
    let is_time = (8..=10).contains(&time.len()) && time.bytes().all(|digit| digit.is_ascii_digit());
    (is_time && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(labels: Value, owner: Value, expect: (&str, &str)) {
        let pod = Object::from(json!({ "kind": "Pod", "metadata": {
            "name": "web-x", "labels": labels, "ownerReferences": [{ "kind": "Node", "name": "n" }, owner] } }));
        let found = of(&pod);
        assert_eq!((found.kind, found.workload), expect);
    }

    fn by(kind: &str, name: &str) -> Value {
        json!({ "kind": kind, "name": name, "controller": true })
    }

    #[test]
    fn by_what_controls_it() {
        check(json!({}), json!({ "kind": "ReplicaSet", "name": "web" }), ("Pod", "web-x"));
        check(json!({ "pod-template-hash": "6b7" }), by("ReplicaSet", "web-6b7"), ("Deployment", "web"));
        check(
            json!({ "pod-template-hash": "other" }),
            by("ReplicaSet", "web-6b7"),
            ("ReplicaSet", "web-6b7"),
        );
        check(
            json!({ "rollouts-pod-template-hash": "6b7" }),
            by("ReplicaSet", "web-6b7"),
            ("Rollout", "web"),
        );
        check(
            json!({ "deploymentconfig": "web" }),
            by("ReplicationController", "web-3"),
            ("DeploymentConfig", "web"),
        );
        check(json!({}), by("ReplicationController", "web-3"), ("ReplicationController", "web-3"));
        check(json!({}), by("Job", "tidy-28912345"), ("CronJob", "tidy"));
        check(json!({}), by("Job", "tidy-1234567"), ("Job", "tidy-1234567"));
        check(json!({}), by("StatefulSet", "db"), ("StatefulSet", "db"));
        check(json!({}), by("StrimziPodSet", "kafka"), ("Pod", "web-x"));
    }

    #[test]
    fn by_its_own_label_first() {
        let labels = json!({ "pod-template-hash": "6b7", WORKLOAD_NAME: "shop" });
        check(labels, by("ReplicaSet", "web-6b7"), ("Deployment", "shop"));
    }
}
