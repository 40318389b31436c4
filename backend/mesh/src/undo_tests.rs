use super::*;
use istio::Ref;
use istio::kinds;

fn object(spec: Value) -> Object {
    json!({ "metadata": { "namespace": "shop", "name": "cart", "uid": "u", "resourceVersion": "7" }, "spec": spec })
        .into()
}

/// A change of one step from one spec to another, and the spec after its undo, where the server had `before`
/// and made `after` of it.
#[track_caller]
fn check(seen: Value, wanted: Value, patch: Value, before: Option<Value>, after: Value, expect: Value) {
    let step = Step {
        at: Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart"),
        api_version: "networking.istio.io/v1".into(),
        edit: Edit::Patch(serde_json::from_value(patch).unwrap()),
        before: Some(object(seen)),
        after: Some(object(wanted)),
    };
    let change = Change { steps: vec![step], ..Change::default() };
    let stored = Stored { before: before.map(object), after: Some(object(after)) };
    let undo = change.inverse(&[Some(stored)]).unwrap();
    assert_eq!(undo.steps[0].after.as_ref().unwrap().spec().to_string(), expect.to_string());
}

fn weight() -> Value {
    json!([{ "op": "test", "path": "/spec/weight", "value": 10 },
        { "op": "replace", "path": "/spec/weight", "value": 25 }])
}

/// A colleague changed another field after we had looked and before we wrote.
#[test]
fn what_somebody_else_wrote_between_look_and_push_stays() {
    let (seen, wanted) = (json!({ "weight": 10 }), json!({ "weight": 25 }));
    let (theirs, after) =
        (json!({ "weight": 10, "timeout": "3s" }), json!({ "weight": 25, "timeout": "3s" }));
    check(seen.clone(), wanted.clone(), weight(), Some(theirs.clone()), after.clone(), theirs.clone());
    // The same between our reading and our writing.
    check(seen.clone(), wanted.clone(), weight(), Some(seen.clone()), after.clone(), theirs.clone());
    // The same where nobody read it.
    check(seen, wanted, weight(), None, after, theirs);
}

#[test]
fn what_the_server_made_of_it_otherwise_goes_back_to_what_it_had() {
    let (seen, wanted) = (json!({ "weight": 10 }), json!({ "weight": 25 }));
    let defaulted = json!({ "weight": 25.5, "mode": "DEFAULT" });
    check(seen.clone(), wanted, weight(), Some(seen.clone()), defaulted, seen);
}

/// The answer was lost, the server stored something else than was asked, and a colleague's field is there
/// that the user had not seen: nobody knows what was there right before, so nothing is guessed.
#[test]
fn what_the_user_saw_is_nothing_to_go_back_to() {
    let step = Step {
        at: Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart"),
        api_version: "networking.istio.io/v1".into(),
        edit: Edit::Patch(serde_json::from_value(weight()).unwrap()),
        before: Some(object(json!({ "weight": 10 }))),
        after: Some(object(json!({ "weight": 25 }))),
    };
    let change = Change { steps: vec![step], ..Change::default() };
    let now = object(json!({ "weight": 25.5, "timeout": "3s" }));
    let undo = |before: Option<Object>| change.inverse(&[Some(Stored { before, after: Some(now.clone()) })]);
    let problem = undo(None).unwrap_err();
    assert_eq!(problem.what, "VirtualService shop/cart cannot be put back");
    // Where it was read right before the write, that is what to go back to.
    let before = object(json!({ "weight": 10, "timeout": "3s" }));
    let back = undo(Some(before.clone())).unwrap().steps.remove(0).after.unwrap();
    assert_eq!(back.spec(), before.spec());
}

#[test]
fn what_was_not_written_is_not_undone() {
    let step = |name: &str| Step {
        at: Ref::new(&kinds::VIRTUAL_SERVICE, "shop", name),
        api_version: "networking.istio.io/v1".into(),
        edit: Edit::Create(json!({})),
        before: None,
        after: Some(object(json!({}))),
    };
    let change = Change { steps: ["a", "b", "c"].map(step).into(), ..Change::default() };
    let stored = Some(Stored::returned(Some(object(json!({})))));
    let undo = change.inverse(&[stored.clone(), None, stored]).unwrap();
    let names: Vec<&str> = undo.steps.iter().map(|step| &*step.at.name).collect();
    assert_eq!(names, ["c", "a"]);
}

/// "Undo: v1 50 → 26 %" told the opposite of what it did.
#[test]
fn an_undo_names_what_it_takes_back() {
    let change = Change { title: "v1 50 → 26 %".into(), ..Change::default() };
    let undo = change.inverse(&[]).unwrap();
    assert_eq!(undo.title, "Undo of “v1 50 → 26 %”");
    assert_eq!(undo.inverse(&[]).unwrap().title, change.title, "what is done again is what it was");
}

/// Labels were taken away whole; a colleague has put others there since, or written elsewhere.
#[test]
fn a_block_goes_back_only_where_nothing_stands() {
    let meta = |version: &str, labels: Option<Value>| -> Object {
        let mut object = json!({ "metadata": { "namespace": "shop", "name": "cart", "resourceVersion": version },
            "spec": { "weight": 10 } });
        if let Some(labels) = labels {
            object["metadata"]["labels"] = labels;
        }
        object.into()
    };
    let then = meta("7", Some(json!({ "app": "cart" })));
    let patch = json!([{ "op": "remove", "path": "/metadata/labels" }]);
    let step = Step {
        at: Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart"),
        api_version: "networking.istio.io/v1".into(),
        edit: Edit::Patch(serde_json::from_value(patch).unwrap()),
        before: Some(then.clone()),
        after: Some(meta("7", None)),
    };
    let stored = Stored { before: Some(then.clone()), after: Some(meta("8", None)) };
    let undo = back(&step, &stored).unwrap();
    let Edit::Patch(patch) = &undo.edit else { panic!("{undo:?}") };
    assert_eq!(undo.after.as_ref().unwrap().labels(), then.labels());
    let theirs = meta("9", Some(json!({ "team": "shop" })));
    assert_eq!((applies(patch, &theirs.0), taken_back(patch, &theirs.0)), (None, None), "their labels stay");
    let mut elsewhere = (*meta("9", None).0).clone();
    elsewhere["spec"]["weight"] = 25.into();
    let mut both = elsewhere.clone();
    both["metadata"]["labels"] = json!({ "app": "cart" });
    assert_eq!(taken_back(patch, &elsewhere), Some(both));
}
