use super::*;
use crate::Ref;
use istio::kinds;
use serde_json::json;

fn step(operations: Value) -> Step {
    let spec = json!({ "hosts": ["reviews"], "http": [
        { "name": "a", "route": [{ "weight": 100 }] },
        { "name": "b", "route": [{ "weight": 50 }, { "weight": 50 }] } ], "subsets": [{ "name": "v1" }] });
    let before = crate::Object::from(json!({ "spec": spec }));
    let patch: Patch = serde_json::from_value(operations).unwrap();
    let mut after = (*before.0).clone();
    json_patch::patch(&mut after, &patch).unwrap();
    Step {
        at: Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "reviews"),
        api_version: "networking.istio.io/v1".into(),
        edit: Edit::Patch(patch),
        before: Some(before),
        after: Some(after.into()),
    }
}

fn test(path: &str, value: Value) -> Value {
    json!({ "op": "test", "path": path, "value": value })
}
fn add(path: &str, value: Value) -> Value {
    json!({ "op": "add", "path": path, "value": value })
}
fn set(path: &str, value: Value) -> Value {
    json!({ "op": "replace", "path": path, "value": value })
}
fn remove(path: &str) -> Value {
    json!({ "op": "remove", "path": path })
}

/// What both patches make of the spec, in whatever order the user made them.
#[track_caller]
fn check(one: &[Value], two: &[Value], expect: Value) {
    let (one, two) = (step(one.into()), step(two.into()));
    for steps in [[&one, &two], [&two, &one]] {
        let merged = merge(&steps).unwrap();
        let after = merged.after.unwrap();
        for (place, value) in expect.as_object().unwrap() {
            assert_eq!(after.0.pointer(place).unwrap_or(&Value::Null), value, "{place} of {}", after.0);
        }
    }
}

#[track_caller]
fn check_clash(one: &[Value], two: &[Value], place: &str) {
    let (one, two) = (step(one.into()), step(two.into()));
    for steps in [[&one, &two], [&two, &one]] {
        let clash = merge(&steps).unwrap_err();
        assert_eq!((clash.first, clash.second, &*clash.place), (0, 1, place));
    }
}

#[test]
fn a_guard_states_what_the_user_saw_not_what_the_set_writes() {
    let rule = json!({ "name": "b", "route": [{ "weight": 50 }, { "weight": 50 }] });
    let split =
        [set("/spec/http/1/route/0/weight", json!(80)), set("/spec/http/1/route/1/weight", json!(20))];
    let fault = [test("/spec/http/1", rule), add("/spec/http/1/fault", json!("f"))];
    check(
        &split,
        &fault,
        json!({ "/spec/http/1/route/0/weight": 80, "/spec/http/1/route/1/weight": 20, "/spec/http/1/fault": "f" }),
    );
    let merged = merge(&[&step(split.to_vec().into()), &step(fault.to_vec().into())]).unwrap();
    let Edit::Patch(patch) = merged.edit else { panic!() };
    assert!(matches!(patch.0[0], PatchOperation::Test(_)) && patch.0.len() == 4, "guards come first");
}

#[test]
fn a_rule_that_comes_or_goes_moves_no_other_edit() {
    let weight = [set("/spec/http/1/route/0/weight", json!(80))];
    let names = |names: [&str; 3]| json!({ "/spec/http/0/name": names[0], "/spec/http/1/name": names[1], "/spec/http/2/name": names[2] });
    let mut expect = names(["new", "a", "b"]);
    expect["/spec/http/2/route/0/weight"] = json!(80);
    check(&[add("/spec/http/0", json!({ "name": "new" }))], &weight, expect.clone());
    // Two that come, before different rules.
    check(
        &[add("/spec/http/0", json!({ "name": "new" }))],
        &[add("/spec/http/1", json!({ "name": "other" }))],
        json!({ "/spec/http/0/name": "new", "/spec/http/1/name": "a", "/spec/http/2/name": "other", "/spec/http/3/name": "b" }),
    );
    check(
        &[remove("/spec/http/0")],
        &weight,
        json!({ "/spec/http/0/route/0/weight": 80, "/spec/http/1": null }),
    );
    check(
        &[remove("/spec/http/1")],
        &[add("/spec/http/1", json!({ "name": "new" }))],
        json!({ "/spec/http/0/name": "a", "/spec/http/1/name": "new", "/spec/http/2": null }),
    );
}

#[test]
fn what_both_need_is_declared_once() {
    let subset = |name: &str| add("/spec/subsets/-", json!({ "name": name }));
    let one = step([subset("v2"), subset("v3")].to_vec().into());
    let two = step([subset("v3"), subset("v4")].to_vec().into());
    let after = merge(&[&one, &two]).unwrap().after.unwrap();
    let names: Vec<&str> =
        after.spec()["subsets"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["v1", "v2", "v3", "v4"]);
    let gone = [remove("/spec/http/0"), remove("/spec/http/0")];
    check(&gone, &[add("/spec/x", json!(1))], json!({ "/spec/http": [], "/spec/x": 1 }));
}

#[test]
fn one_place_is_written_once() {
    let weight = |weight: u32| [set("/spec/http/1/route/0/weight", json!(weight))];
    check_clash(&weight(80), &weight(70), "spec.http.1.route.0.weight");
    check_clash(&weight(80), &[set("/spec/http/1/route", json!([]))], "spec.http.1.route.0.weight");
    check_clash(&weight(80), &[remove("/spec/http/1")], "spec.http.1.route.0.weight");
    check_clash(&[set("/spec/http", json!([]))], &[add("/spec/http/0", json!({}))], "spec.http.0");
    check(&weight(80), &weight(80), json!({ "/spec/http/1/route/0/weight": 80 }));
}

#[test]
fn whole_objects_are_made_and_deleted_once() {
    let create = |value: Value| Step { edit: Edit::Create(value), before: None, ..step(json!([])) };
    assert!(merge(&[&create(json!(1)), &create(json!(1))]).is_ok());
    let clash = Overlap { first: 0, second: 1, place: String::new() };
    assert_eq!(merge(&[&create(json!(1)), &create(json!(2))]), Err(clash));
    let delete = || Edit::Delete { uid: "u".into(), resource_version: None };
    let delete = |()| Step { edit: delete(), after: None, ..step(json!([])) };
    assert!(merge(&[&delete(()), &delete(())]).is_ok());
    assert!(merge(&[&step(json!([add("/spec/x", json!(1))])), &delete(())]).is_err());
}

#[test]
fn a_draft_on_an_older_version_is_merged_where_both_fit() {
    let mut old = step(json!([test("/spec/hosts", json!(["reviews"])), add("/spec/x", json!(1))]));
    let mut spec = (*old.before.clone().unwrap().0).clone();
    spec["spec"]["hosts"] = json!(["other"]);
    let new = step(json!([add("/spec/y", json!(2))]));
    old.before = Some(spec.into());
    let merged = merge(&[&old, &new]).unwrap();
    assert_eq!(merged.before, new.before);
    let mut unfit = step(json!([add("/spec/y", json!(2))]));
    unfit.before = old.before.clone();
    assert!(merge(&[&old, &unfit]).is_err(), "neither was seen as the first needs it");
}
