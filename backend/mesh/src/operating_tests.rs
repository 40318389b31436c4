use super::*;
use crate::Ref;
use crate::stored::Stored;
use istio::{Kind, kinds};

fn deployment(replicas: u32, labels: Value, notes: Option<Value>) -> Object {
    let mut template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "app", "image": "a" }] } });
    if let Some(notes) = notes {
        template["metadata"]["annotations"] = notes;
    }
    json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": "shop", "name": "cart", "uid": "u", "generation": 3, "resourceVersion": "9",
            "annotations": { "note": "password" } },
        "spec": { "replicas": replicas, "template": template } })
    .into()
}

fn step(kind: &'static Kind, edit: Edit, before: Option<Object>) -> Step {
    let after = match (&edit, &before) {
        (Edit::Patch(patch), Some(before)) => crate::stored::applies(patch, &before.0).map(Object::from),
        _ => None,
    };
    Step { at: Ref::new(kind, "shop", "cart"), api_version: "apps/v1".into(), edit, before, after }
}

fn patch(value: Value) -> Edit {
    Edit::Patch(serde_json::from_value(value).unwrap())
}

/// Whatever is not named by the row of its kind is not written, however it is put.
#[test]
fn only_named_places_are_written() {
    let replicas = json!({ "op": "replace", "path": "/spec/replicas", "value": 2 });
    let restart = json!({ "op": "add", "path": "/spec/template/metadata/annotations",
        "value": { "kubectl.kubernetes.io/restartedAt": "now" } });
    let secret = json!({ "op": "add", "path": "/spec/template/metadata/annotations",
        "value": { "kubectl.kubernetes.io/restartedAt": "now", "other": "x" } });
    let image = json!({ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil" });
    let whole = json!({ "op": "replace", "path": "/spec", "value": { "replicas": 2 } });
    let moved = json!({ "op": "move", "path": "/spec/replicas", "from": "/spec/template" });
    for (operations, expect) in [
        (vec![&replicas], true),
        (vec![&replicas, &restart], true),
        (vec![&replicas, &image], false),
        (vec![&secret], false),
        (vec![&whole], false),
        (vec![&moved], false),
    ] {
        let step = step(&kinds::DEPLOYMENT, patch(json!(operations)), None);
        assert_eq!(step.is_ours(), expect, "{operations:?}");
    }
    let delete = || Edit::Delete { uid: "u".into(), resource_version: None };
    for (kind, expect) in [(&kinds::POD, true), (&kinds::DEPLOYMENT, false), (&kinds::NAMESPACE, false)] {
        assert_eq!(step(kind, delete(), None).is_ours(), expect, "delete {kind}");
        assert!(!step(kind, Edit::Create(json!({ "spec": {} })), None).is_ours(), "create {kind}");
    }
    assert!(!step(&kinds::SERVICE, delete(), None).is_ours());
    assert!(step(&kinds::VIRTUAL_SERVICE, delete(), None).is_ours());
}

#[test]
fn a_label_comes_and_goes_and_others_stay() {
    let inject = "/spec/template/metadata/labels/sidecar.istio.io~1inject";
    let before = deployment(1, json!({ "app": "cart" }), None);
    let add = json!([{ "op": "test", "path": "/metadata/generation", "value": 3 },
        { "op": "add", "path": inject, "value": "false" }]);
    let there = step(&kinds::DEPLOYMENT, patch(add), Some(before.clone()));
    let after = there.after.clone().unwrap();
    let back = back(kinds::DEPLOYMENT.operates.unwrap(), &after.0, &before.0).unwrap();
    let expect =
        json!([{ "op": "test", "path": inject, "value": "false" }, { "op": "remove", "path": inject }]);
    assert_eq!(json!(back), expect);
    let again = super::back(kinds::DEPLOYMENT.operates.unwrap(), &before.0, &after.0).unwrap();
    assert_eq!(json!(again)[0], json!({ "op": "test", "path": "/metadata/generation", "value": 3 }));
    let other = deployment(4, json!({ "app": "cart", "sidecar.istio.io/inject": "false" }), None);
    assert!(crate::ledger::stands(&there, Some(&other)), "what others write elsewhere does not hide it");
    assert!(!crate::ledger::stands(&there, Some(&before)));
}

#[test]
fn a_restart_is_not_taken_back_and_what_went_with_it_is() {
    let before = deployment(1, json!({ "app": "cart" }), None);
    let restart = json!({ "op": "add", "path": "/spec/template/metadata/annotations",
        "value": { "kubectl.kubernetes.io/restartedAt": "now" } });
    let replicas = json!({ "op": "replace", "path": "/spec/replicas", "value": 2 });
    let change = |operations: Value| Change {
        steps: vec![step(&kinds::DEPLOYMENT, patch(operations), Some(before.clone()))],
        ..Change::default()
    };
    let alone = change(json!([restart]));
    assert_eq!(alone.lasts(), Some(RESTARTED));
    let stored = Stored::as_wanted(&alone).into_iter().map(Some).collect::<Vec<_>>();
    assert_eq!(alone.inverse(&stored).unwrap_err().why, RESTARTED);
    let both = change(json!([restart, replicas]));
    assert_eq!(both.lasts(), None);
    let stored = Stored::as_wanted(&both).into_iter().map(Some).collect::<Vec<_>>();
    let undo = both.inverse(&stored).unwrap();
    let Edit::Patch(patch) = &undo.steps[0].edit else { panic!() };
    let expect = json!([{ "op": "test", "path": "/spec/replicas", "value": 2 },
        { "op": "replace", "path": "/spec/replicas", "value": 1 }]);
    assert_eq!(json!(patch), expect);
}

#[test]
fn a_deleted_pod_is_not_made_again() {
    let edit = Edit::Delete { uid: "u".into(), resource_version: None };
    let change = Change { steps: vec![step(&kinds::POD, edit, None)], ..Change::default() };
    assert_eq!(change.lasts(), Some(POD_GONE));
    assert_eq!(change.inverse(&[Some(Stored::default())]).unwrap_err().why, POD_GONE);
    let leaving = json!({ "metadata": { "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z" } });
    assert!(crate::ledger::stands(&change.steps[0], Some(&leaving.into())), "it is given time to end");
    let another = Object::from(json!({ "metadata": { "uid": "another" } }));
    assert!(
        crate::ledger::stands(&change.steps[0], Some(&another)),
        "a StatefulSet gives its name to another"
    );
}

#[test]
fn nothing_else_of_a_workload_is_kept() {
    let notes = json!({ "kubectl.kubernetes.io/restartedAt": "then", "other": "password" });
    let kept = kept(
        kinds::DEPLOYMENT.operates.unwrap(),
        &deployment(2, json!({ "app": "cart", "istio.io/rev": "x" }), Some(notes)),
    );
    let expect = json!({ "spec": { "replicas": 2, "template": { "metadata": {
        "labels": { "istio.io/rev": "x" }, "annotations": { "kubectl.kubernetes.io/restartedAt": "then" } } } } });
    assert_eq!(Value::Object(kept), expect);
}

#[test]
fn a_label_can_be_put_back_into_what_is_kept() {
    let of = kinds::NAMESPACE.operates.unwrap();
    let named = |labels: Value| {
        Object::from(json!({ "metadata": { "name": "shop", "resourceVersion": "3", "labels": labels } }))
    };
    let (was, now) =
        (named(json!({ "istio-injection": "enabled", "team": "x" })), named(json!({ "team": "x" })));
    let [was, now] = [was, now].map(|object| {
        let mut kept = kept(of, &object);
        kept["metadata"]["resourceVersion"] = "3".into();
        Value::Object(kept)
    });
    let patch = back(of, &now, &was).unwrap();
    assert_eq!(crate::stored::applies(&patch, &now), Some(was));
}
