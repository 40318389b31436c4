use super::*;

fn deployment(replicas: u64, image: &str) -> Object {
    Object::from(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "reviews-v1", "namespace": "bookinfo", "uid": "d1", "generation": 1, "annotations": {REVISION: "1"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "reviews"}},
            "template": {"metadata": {"labels": {"app": "reviews"}}, "spec": {"containers": [{"image": image}]}}},
    }))
}

/// The set that the Deployment makes, with so many pods, of which so many are ready.
fn set_of(deployment: &Object, size: u64, ready: u64) -> Object {
    let Some(Act::Create(mut set)) = plan(deployment, &[], Timestamp::UNIX_EPOCH).into_iter().next() else {
        panic!("a set is made first")
    };
    set["spec"]["replicas"] = json!(size);
    set["status"] = json!({"replicas": size, "readyReplicas": ready});
    Object::from(set)
}

fn sizes(acts: &[Act]) -> Vec<(String, u64)> {
    let sets = acts.iter().filter_map(|act| match act {
        Act::Create(set) | Act::Replace(set) if set["kind"] == "ReplicaSet" => Some(set),
        _ => None,
    });
    sets.map(|set| {
        let image = set.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap();
        (image.to_owned(), set["spec"]["replicas"].as_u64().unwrap())
    })
    .collect()
}

#[test]
fn a_new_deployment_gets_a_set_and_a_scaled_one_resizes_it() {
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(sizes(&plan(&deployment(2, "a"), &[], at)), [("a".to_owned(), 2)]);
    let set = set_of(&deployment(2, "a"), 2, 2);
    assert_eq!(sizes(&plan(&deployment(2, "a"), std::slice::from_ref(&set), at)), []);
    assert_eq!(sizes(&plan(&deployment(5, "a"), std::slice::from_ref(&set), at)), [("a".to_owned(), 5)]);
    assert_eq!(sizes(&plan(&deployment(0, "a"), &[set], at)), [("a".to_owned(), 0)]);
}

#[test]
fn a_new_image_rolls_one_step_at_a_time() {
    let at = Timestamp::UNIX_EPOCH;
    let (before, mut after) = (deployment(1, "a"), (*deployment(1, "b").0).clone());
    after["metadata"]["annotations"][REVISION] = json!("2");
    let after = Object::from(after);
    let newer = |size, ready| {
        let mut set = (*set_of(&after, size, ready).0).clone();
        set["metadata"]["annotations"][REVISION] = json!("2");
        Object::from(set)
    };
    let old = set_of(&before, 1, 1);
    assert_eq!(
        sizes(&plan(&after, std::slice::from_ref(&old), at)),
        [("b".to_owned(), 1)],
        "one more at first"
    );
    assert_eq!(
        sizes(&plan(&after, &[old.clone(), newer(1, 0)], at)),
        [],
        "the old one stays until the new one is ready"
    );
    assert_eq!(sizes(&plan(&after, &[old, newer(1, 1)], at)), [("a".to_owned(), 0)]);
}

#[test]
fn a_paused_deployment_is_scaled_but_not_rolled() {
    let at = Timestamp::UNIX_EPOCH;
    let old = set_of(&deployment(1, "a"), 1, 1);
    let mut paused = (*deployment(3, "b").0).clone();
    paused["spec"]["paused"] = json!(true);
    let acts = plan(&Object::from(paused), &[old], at);
    assert_eq!(sizes(&acts), [("a".to_owned(), 3)]);
    let Some(Act::Replace(told)) = acts.last() else { panic!("{acts:?}") };
    assert_eq!(told["status"]["conditions"][1]["reason"], "DeploymentPaused");
}

#[test]
fn old_revisions_are_forgotten_beyond_the_limit() {
    let at = Timestamp::UNIX_EPOCH;
    let mut wish = (*deployment(1, "now").0).clone();
    wish["spec"]["revisionHistoryLimit"] = json!(1);
    wish["metadata"]["annotations"][REVISION] = json!("9");
    let wish = Object::from(wish);
    let numbered = |set: &Object, revision: u64| {
        let mut set = (*set.0).clone();
        set["metadata"]["annotations"][REVISION] = json!(revision.to_string());
        Object::from(set)
    };
    let old = |image: &str, revision| numbered(&set_of(&deployment(1, image), 0, 0), revision);
    let sets = [old("a", 3), old("b", 1), old("c", 2), numbered(&set_of(&wish, 1, 1), 9)];
    let gone: Vec<_> = plan(&wish, &sets, at)
        .into_iter()
        .filter_map(|act| if let Act::Delete(set) = act { revision(&set) } else { None })
        .collect();
    assert_eq!(gone, [1, 2]);
}

#[test]
fn a_rollout_that_stands_still_is_late() {
    let mut wish = (*deployment(1, "a").0).clone();
    wish["spec"]["progressDeadlineSeconds"] = json!(5);
    let set = set_of(&Object::from(wish.clone()), 1, 0);
    let mut reasons = Vec::new();
    for second in [0, 4, 6, 20] {
        let acts = plan(
            &Object::from(wish.clone()),
            std::slice::from_ref(&set),
            Timestamp::from_second(second).unwrap(),
        );
        if let Some(Act::Replace(told)) = acts.last() {
            wish["status"] = told["status"].clone();
        }
        reasons.push(wish["status"]["conditions"][1]["reason"].clone());
    }
    assert_eq!(reasons, [PROGRESSING, PROGRESSING, LATE, LATE]);
    let ready = set_of(&Object::from(wish.clone()), 1, 1);
    let acts = plan(&Object::from(wish), &[ready], Timestamp::from_second(30).unwrap());
    let Some(Act::Replace(told)) = acts.last() else { panic!("{acts:?}") };
    assert_eq!(told["status"]["conditions"][1]["reason"], "NewReplicaSetAvailable");
}

#[test]
fn the_status_says_how_far_it_is_and_settles() {
    let at = Timestamp::UNIX_EPOCH;
    let set = set_of(&deployment(1, "a"), 1, 1);
    let acts = plan(&deployment(1, "a"), std::slice::from_ref(&set), at);
    let [Act::Replace(changed)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(
        (&changed["status"]["readyReplicas"], &changed["status"]["conditions"][0]["status"]),
        (&json!(1), &json!("True"))
    );
    let later = Timestamp::from_second(60).unwrap();
    assert_eq!(plan(&Object::from(changed.clone()), &[set], later), [], "nothing more to do");
}
