use super::*;
use crate::Edit;
use serde_json::json;

fn deployment(spec: Value, status: Value) -> Object {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": "shop", "name": "cart", "uid": "d", "generation": 2 }, "spec": spec, "status": status })
    .into()
}

fn pod(name: &str, uid: &str, ready: bool, waits: Option<&str>) -> Object {
    let state = waits.map_or_else(|| json!({}), |reason| json!({ "waiting": { "reason": reason } }));
    json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "shop", "name": name, "uid": uid, "labels": { "pod-template-hash": "7" },
            "ownerReferences": [{ "kind": "ReplicaSet", "name": "cart-7", "controller": true }] },
        "status": { "phase": "Running", "containerStatuses": [{ "state": state }],
            "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] } })
    .into()
}

fn patched(kind: &'static istio::Kind) -> Step {
    let at = Ref::new(kind, "shop", "cart");
    let edit = Edit::Patch(json_patch::Patch(Vec::new()));
    Step { at, api_version: "apps/v1".into(), edit, before: None, after: None }
}

fn of(object: Object, pods: &[Object]) -> Rollout {
    let objects: Objects =
        pods.iter().cloned().chain([object]).map(|object| (object.at().unwrap(), object)).collect();
    rollout(&[patched(&kinds::DEPLOYMENT)], &objects).unwrap()
}

#[track_caller]
fn check(spec: Value, status: Value, expect: (usize, usize, bool)) {
    let now = of(deployment(spec, status), &[]);
    assert_eq!((now.ready, now.of, now.done), expect);
}

#[test]
fn what_a_deployment_says() {
    let status = |seen, replicas, updated, ready| json!({ "observedGeneration": seen, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready });
    let two = || json!({ "replicas": 2 });
    check(two(), status(1, 2, 2, 2), (0, 2, false)); // of the spec before
    check(two(), status(2, 2, 2, 2), (2, 2, true));
    check(two(), status(2, 3, 1, 2), (0, 2, false)); // both that are ready may be old ones
    check(two(), status(2, 3, 1, 3), (1, 2, false));
    check(two(), status(2, 3, 2, 3), (2, 2, false)); // an old one is still there
    check(two(), status(2, 2, 2, 1), (1, 2, false));
    check(
        json!({}),
        json!({ "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1 }),
        (1, 1, true),
    );
    check(json!({ "replicas": 0 }), json!({ "observedGeneration": 2 }), (0, 0, true));
    check(two(), json!({}), (0, 2, false));
    let partition = json!({ "replicas": 2, "updateStrategy": { "rollingUpdate": { "partition": 1 } } });
    check(partition, status(2, 2, 1, 2), (2, 2, true));
}

#[test]
fn why_it_does_not_go_on() {
    let late = json!({ "observedGeneration": 2, "conditions": [
        { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out" }] });
    let stuck = |object: Object, pods: &[Object]| of(object, pods).stuck.unwrap_or_default();
    assert_eq!(stuck(deployment(json!({}), late), &[]), "ProgressDeadlineExceeded: timed out");
    assert!(stuck(deployment(json!({ "paused": true }), json!({})), &[]).starts_with("It is paused"));
    let waits = pod("cart-7-a", "a", false, Some("ImagePullBackOff"));
    let now = of(deployment(json!({}), json!({ "observedGeneration": 2 })), &[waits]);
    assert_eq!((now.stuck.as_deref(), now.waiting.len()), (Some("cart-7-a: ImagePullBackOff"), 1));
}

#[test]
fn a_pod_that_was_deleted_is_replaced() {
    let gone = pod("cart-7-a", "a", true, None);
    let at = gone.at().unwrap();
    let edit = Edit::Delete { uid: "a".into(), resource_version: None };
    let step = Step { at, api_version: "v1".into(), edit, before: Some(gone.clone()), after: None };
    let with = |pods: &[Object]| {
        let all = pods.iter().cloned().chain([deployment(json!({ "replicas": 1 }), json!({}))]);
        let objects: Objects = all.map(|object| (object.at().unwrap(), object)).collect();
        let now = rollout(std::slice::from_ref(&step), &objects).unwrap();
        (now.ready, now.of, now.done)
    };
    let new = |ready| pod("cart-7-b", "b", ready, None);
    assert_eq!(with(std::slice::from_ref(&gone)), (0, 1, false));
    assert_eq!(with(&[gone, new(true)]), (1, 1, false));
    assert_eq!(with(&[new(false)]), (0, 1, false));
    assert_eq!(with(&[new(true)]), (1, 1, true));
    let bare = Step { before: None, ..step };
    assert!(rollout(&[bare], &Objects::new()).unwrap().done, "nothing makes it anew");
}

#[test]
fn labels_of_a_namespace_replace_nothing() {
    assert_eq!(
        rollout(&[patched(&kinds::NAMESPACE), patched(&kinds::VIRTUAL_SERVICE)], &Objects::new()),
        None
    );
}
