use super::*;
use crate::any_json::any_json;
use crate::{Change, Edit, Mesh, Objects, Ref, Stored, demo, plan::Plan, plan::Stop};
use istio::object::shown;
use istio::{Object, kinds};
use proptest::prelude::*;
use serde_json::json;

fn at() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")
}

/// A mesh with one object, which has what the server gives.
fn mesh(spec: &Value) -> Mesh {
    let object = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {
        "name": "reviews", "namespace": "bookinfo", "uid": "u", "resourceVersion": "7", "generation": 3,
        "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" } },
        "spec": spec, "status": { "observedGeneration": 3 } });
    Mesh::read(Objects::from_iter([(at(), object.into())]), None)
}

/// The change that makes a document of an object true, whatever istiod would say of it.
fn rewritten(mesh: &Mesh, wanted: &Value) -> Result<Option<Change>, Stop> {
    let object = mesh.objects()[&at()].clone();
    let mut work = Work::on(at(), "networking.istio.io/v1".into(), object.clone());
    let title = words(&rewrite(&mut work, "", &shown(&object), wanted));
    Ok(work.step()?.map(|step| Change { title, steps: vec![step], ..Change::default() }))
}

fn edited(mesh: &Mesh, edit: impl FnOnce(&mut Value)) -> Change {
    let mut wanted = shown(&mesh.objects()[&at()]);
    edit(&mut wanted);
    rewritten(mesh, &wanted).unwrap().unwrap()
}

/// What becomes of an object by a change, as the server does it; `None` where a guard does not hold.
fn done(change: &Change, object: &Object) -> Option<Object> {
    let Edit::Patch(patch) = &change.steps[0].edit else { panic!("{change:?}") };
    let mut value = (*object.0).clone();
    json_patch::patch(&mut value, patch).ok().map(|()| value.into())
}

/// kubectl's note is the whole object: it stands in no guard, and so neither in the journal.
#[test]
fn an_annotation_beside_kubectls_note() {
    let mesh = mesh(&json!({}));
    let change = edited(&mesh, |object| object["metadata"]["annotations"] = json!({ "team": "books" }));
    let Edit::Patch(patch) = &change.steps[0].edit else { panic!("{change:?}") };
    assert_eq!(
        json!(patch),
        json!([{ "op": "test", "path": "/metadata/resourceVersion", "value": "7" },
            { "op": "add", "path": "/metadata/annotations/team", "value": "books" }])
    );
}

fn check_laws(spec: &Value, wanted: &Value) {
    let mesh = mesh(spec);
    let before = &mesh.objects()[&at()];
    let mut document = shown(before);
    assert_eq!(rewritten(&mesh, &document).unwrap(), None, "who changes nothing writes nothing");
    document["spec"] = wanted.clone();
    let Some(change) = rewritten(&mesh, &document).unwrap() else {
        assert_eq!(spec, wanted);
        return;
    };
    let after = done(&change, before).unwrap_or_else(|| panic!("{spec} → {wanted}: {change:?}"));
    assert_eq!(after.spec(), wanted, "{change:?}");
    assert_eq!(change.steps[0].after.as_ref().unwrap().spec(), after.spec(), "what was promised");
    assert_eq!((after.status(), after.resource_version()), (before.status(), "7"));
    assert_eq!(done(&change, &after), None, "it fits once: {spec} → {wanted}: {change:?}");
    let stored = Stored { before: Some(before.clone()), after: Some(after.clone()) };
    let undone = done(&change.inverse(&[Some(stored)]).unwrap(), &after).unwrap();
    assert_eq!(undone.spec().to_string(), spec.to_string(), "byte for byte");
}

proptest! {
    #[test]
    fn any_document_becomes_any_other_and_back(one in any_json(), other in any_json()) {
        check_laws(&json!({ "a": one, "kept": 1 }), &json!({ "a": other, "kept": 1 }));
    }
    #[test]
    fn lists_become_others(one in prop::collection::vec(0_u8..4, 0..9), other in prop::collection::vec(0_u8..4, 0..9)) {
        let rows = |of: &[u8]| of.iter().map(|row| json!({ "name": row, "x": 1 })).collect::<Value>();
        check_laws(&json!({ "http": one }), &json!({ "http": other }));
        check_laws(&json!({ "http": rows(&one) }), &json!({ "http": rows(&other) }));
    }
}

fn two_rules() -> Value {
    json!({ "hosts": ["reviews"], "odd": { "kept": [1, null] }, "http": [
        { "name": "a", "timeout": "1s", "odd": 1, "route": [{ "destination": { "host": "reviews" }, "weight": 10 },
            { "destination": { "host": "ratings" }, "weight": 90 }] },
        { "name": "b", "retries": { "attempts": 1 }, "route": [{ "destination": { "host": "reviews" } }] }] })
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Value), title: &str, patch: &Value) {
    let change = edited(&mesh(&two_rules()), edit);
    let Edit::Patch(made) = &change.steps[0].edit else { panic!() };
    let writes = made.0.iter().filter(|one| !matches!(one, json_patch::PatchOperation::Test(_)));
    assert_eq!((json!(writes.collect::<Vec<_>>()), &*change.title), (patch.clone(), title));
}

#[test]
fn only_what_differs_is_written() {
    check(
        |it| it["spec"]["http"][0]["route"][0]["weight"] = 20.into(),
        "spec.http[0].route[0].weight is 20 instead of 10",
        &json!([{ "op": "replace", "path": "/spec/http/0/route/0/weight", "value": 20 }]),
    );
    check(
        |it| drop(it["spec"]["http"][0].as_object_mut().unwrap().shift_remove("timeout")),
        "spec.http[0].timeout goes",
        &json!([{ "op": "remove", "path": "/spec/http/0/timeout" }]),
    );
    check(
        |it| it["spec"]["http"].as_array_mut().unwrap().insert(1, json!({ "name": "new" })),
        "spec.http[1] comes",
        &json!([{ "op": "add", "path": "/spec/http/1", "value": { "name": "new" } }]),
    );
    check(
        |it| {
            it["spec"]["http"].as_array_mut().unwrap().remove(0);
            it["spec"]["http"][0]["retries"]["attempts"] = 3.into();
        },
        "spec.http[0] and spec.http[0].retries.attempts change",
        &json!([{ "op": "remove", "path": "/spec/http/0" },
            { "op": "replace", "path": "/spec/http/0/retries/attempts", "value": 3 }]),
    );
    check(
        |it| it["metadata"]["labels"] = json!({ "team": "a/b" }),
        "metadata.labels comes",
        &json!([{ "op": "add", "path": "/metadata/labels", "value": { "team": "a/b" } }]),
    );
    check(
        |it| it["metadata"]["annotations"] = json!({ "a/b": "c" }),
        "metadata.annotations.a/b is c",
        &json!([{ "op": "add", "path": "/metadata/annotations/a~1b", "value": "c" }]),
    );
}

/// Labels and notes go back as they were, too; what was not shown of them stays.
#[test]
fn labels_go_back() {
    let mesh = mesh(&two_rules());
    let before = &mesh.objects()[&at()];
    let change = edited(&mesh, |it| {
        it["metadata"]["labels"] = json!({ "team": "a" });
        it["metadata"]["annotations"] = json!({ "note": "b" });
    });
    let after = done(&change, before).unwrap();
    assert_eq!((after.label("team"), after.annotations().len()), (Some("a"), 2));
    let stored = Stored { before: Some(before.clone()), after: Some(after.clone()) };
    let undone = done(&change.inverse(&[Some(stored)]).unwrap(), &after).unwrap();
    assert_eq!(undone.0["metadata"], before.0["metadata"]);
}

#[test]
fn what_somebody_else_changes_elsewhere_stays_and_the_same_field_is_refused() {
    let mesh = mesh(&two_rules());
    let change = edited(&mesh, |it| it["spec"]["http"][0]["route"][0]["weight"] = 20.into());
    let theirs = |edit: &dyn Fn(&mut Value)| {
        let mut value = (*mesh.objects()[&at()].0).clone();
        edit(&mut value);
        Object::from(value)
    };
    let elsewhere = theirs(&|it| {
        it["spec"]["http"][0]["timeout"] = "9s".into();
        it["spec"]["http"][1]["odd"] = 2.into();
        it["metadata"]["resourceVersion"] = "8".into();
    });
    let both = done(&change, &elsewhere).unwrap();
    assert_eq!(
        (&both.spec()["http"][0]["timeout"], &both.spec()["http"][1]["odd"]),
        (&json!("9s"), &json!(2))
    );
    assert_eq!(both.spec()["http"][0]["route"][0]["weight"], 20);
    let same = theirs(&|it| it["spec"]["http"][0]["route"][0]["weight"] = 30.into());
    assert_eq!(done(&change, &same), None);
    let moved = theirs(&|it| it["spec"]["http"].as_array_mut().unwrap().insert(0, json!({ "name": "c" })));
    assert_eq!(done(&change, &moved), None, "another rule stands there now");
    let added = edited(&mesh, |it| it["spec"]["http"][1]["timeout"] = "2s".into());
    let too = theirs(&|it| it["spec"]["http"][1]["timeout"] = "3s".into());
    assert_eq!(done(&added, &too), None, "both have added it");
}

#[test]
fn what_an_object_is_does_not_change() {
    let mesh = demo::bookinfo();
    let shown = shown(&mesh.objects()[&at()]);
    let stops = |path: &str, value: Value| {
        let mut wanted = shown.clone();
        match wanted.pointer_mut(path) {
            Some(place) => *place = value,
            None => wanted["metadata"]["finalizers"] = value,
        }
        let mut plan = Plan::new(&mesh);
        plan.rewrite(&at(), &wanted);
        let Err(Stop::NotYet(why)) = plan.change() else { panic!("{path}") };
        why
    };
    assert!(stops("/metadata/name", "other".into()).contains("clone it"));
    assert!(stops("/kind", "Gateway".into()).starts_with("kind of an object that is there"));
    assert!(stops("/metadata/finalizers", json!(["a"])).contains("finalizers"));
}

#[test]
fn what_is_made_says_what_it_is() {
    let mesh = demo::bookinfo();
    let make = |object: Value| {
        let mut plan = Plan::new(&mesh);
        plan.make(&object);
        plan.change()
    };
    let spec = json!({ "hosts": ["new"], "http": [{ "route": [{ "destination": { "host": "reviews" } }] }] });
    let object = |name: &str| {
        json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": name, "namespace": "bookinfo", "labels": { "a": "b" } }, "spec": spec.clone() })
    };
    let change = make(object("new")).unwrap().unwrap();
    assert_eq!(change.steps[0].edit, Edit::Create(object("new")));
    let why = |object: Value| match make(object) {
        Err(Stop::NotYet(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why(object("reviews")).contains("already"));
    assert!(why(object("")).contains("metadata.name is still to be said"));
    let mut pod = object("a");
    (pod["apiVersion"], pod["kind"]) = ("v1".into(), "Pod".into());
    assert!(why(pod).contains("never written"));
    let mut owned = object("a");
    owned["metadata"]["uid"] = "u".into();
    assert!(why(owned).contains("metadata.uid"));
}

/// What a document changes shows in the same proxies as what a form does. Who takes nothing of it is not known
/// to be nobody.
#[test]
fn a_document_reaches_whom_a_form_reaches() {
    let mesh = demo::bookinfo();
    let reviews = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let document = |edit: &dyn Fn(&mut Value)| {
        let mut wanted = shown(&mesh.objects()[&reviews]);
        edit(&mut wanted);
        let mut plan = Plan::new(&mesh);
        plan.rewrite(&reviews, &wanted);
        plan.change().unwrap().unwrap()
    };
    for edit in [
        (&|it: &mut Value| it["spec"]["http"][1]["timeout"] = "9s".into()) as &dyn Fn(&mut Value),
        &|it| it["spec"]["http"][1]["retries"] = json!({ "attempts": 4 }),
        &|it| it["spec"]["http"][1]["retries"] = json!({ "attempts": 0 }),
        &|it| {
            it["spec"]["http"][1]["fault"] =
                json!({ "abort": { "httpStatus": 503, "percentage": { "value": 5.0 } } });
        },
        &|it| it["spec"]["http"][1]["mirror"] = json!({ "host": "ratings" }),
    ] {
        let change = document(edit);
        assert_eq!(change.evidence.proxies().len(), 6, "{}", change.title);
        assert_eq!(change.warnings, Vec::<String>::new(), "{}", change.title);
    }
    let label = document(&|it| it["metadata"]["labels"] = json!({ "team": "books" }));
    assert!(label.evidence.is_none());
    assert_eq!(label.warnings, Vec::<String>::new());
}
