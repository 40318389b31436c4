use super::*;
use crate::change::{Change, Edit, Step};
use crate::demo::{self, by_ref};
use crate::evidence::{MadeRoute, Owner, Upstream, Want};
use crate::plan::HttpRule;
use crate::split::Split;
use crate::{Mesh, Ref, Service, Stored};
use istio::kinds;
use proptest::prelude::*;
use serde_json::{Value, json};

fn reviews(mesh: &Mesh) -> &Service {
    mesh.service("bookinfo", "reviews").unwrap()
}

fn at(mesh: &Mesh, service: &str, number: usize) -> HttpRule {
    rules(mesh, mesh.service("bookinfo", service).unwrap())[number].at.clone()
}

fn dragged(mesh: &Mesh, rule: &HttpRule, name: &str, to: u32) -> Option<Change> {
    let mut shares = split::current(mesh, rule).unwrap();
    let index = shares.shares().iter().position(|share| share.name == name).unwrap();
    shares.set(index, to);
    split::split(mesh, rule, &shares)
}

/// The mesh after a change, as the server would store it.
pub(super) fn after(mesh: &Mesh, change: &Change) -> Mesh {
    let mut objects = mesh.objects().clone();
    for step in &change.steps {
        match (&step.edit, objects.get(&step.at)) {
            (Edit::Patch(patch), Some(object)) => {
                let mut value = (*object.0).clone();
                json_patch::patch(&mut value, patch).unwrap();
                assert_eq!(Some(&value), step.after.as_ref().map(|object| &*object.0));
                objects.insert(step.at.clone(), value.into());
            }
            (Edit::Create(value), None) => {
                let mut value = value.clone();
                value["metadata"]["uid"] = "given".into();
                value["metadata"]["resourceVersion"] = "7".into();
                objects.insert(step.at.clone(), value.into());
            }
            (Edit::Delete { uid, .. }, Some(object)) => {
                assert_eq!(object.0.pointer("/metadata/uid").and_then(Value::as_str), Some(&**uid));
                objects.remove(&step.at);
            }
            other => panic!("{} does not fit: {other:?}", step.at),
        }
    }
    Mesh::read(objects, Some(mesh))
}

pub(super) fn bytes(mesh: &Mesh) -> Vec<(Ref, String)> {
    mesh.objects().iter().map(|(at, object)| (at.clone(), object.spec().to_string())).collect()
}

/// What the server made of each step.
fn stored(mesh: &Mesh, change: &Change) -> Vec<Option<Stored>> {
    let of = |step: &Step| Some(Stored::returned(mesh.objects().get(&step.at).cloned()));
    change.steps.iter().map(of).collect()
}

/// Every change can be undone to the byte, and undone again.
#[track_caller]
pub(super) fn check_undo(mesh: &Mesh, change: &Change) {
    let done = after(mesh, change);
    assert_ne!(bytes(mesh), bytes(&done));
    let applied = stored(&done, change);
    let undo = change.inverse(&applied).unwrap();
    let undone = after(&done, &undo);
    assert_eq!(bytes(mesh), bytes(&undone));
    assert_eq!(undo.evidence, change.evidence.inverse());
    let applied = stored(&undone, &undo);
    let redo = after(&undone, &undo.inverse(&applied).unwrap());
    assert_eq!(bytes(&done), bytes(&redo));
}

pub(super) fn patch(change: &Change, step: usize) -> Value {
    match &change.steps[step].edit {
        Edit::Patch(patch) => serde_json::to_value(patch).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_in_words() {
    let mesh = demo::bookinfo();
    let said = |service: &str| -> Vec<String> {
        let rules = rules(&mesh, mesh.service("bookinfo", service).unwrap());
        rules.iter().map(|rule| format!("{}: {:?}", rule.words, rule.shares)).collect()
    };
    assert_eq!(
        said("reviews"),
        [
            r#"calls with end-user = jason: [("v1", 0), ("v2", 100), ("v3", 0)]"#,
            r#"all other calls: [("v1", 50), ("v2", 30), ("v3", 20)]"#
        ]
    );
    assert_eq!(said("ratings"), [r#"all calls: [("v1", 0)]"#]);
    assert_eq!(
        said("productpage"),
        [
            r#"all calls from inside the mesh: [("v1", 0)]"#,
            r#"calls with path = /productpage, or path = /static… entering by bookinfo-gateway: [("v1", 0), ("all versions", 100)]"#
        ]
    );
}

#[test]
fn weights_are_patched_with_guards() {
    let mesh = demo::bookinfo();
    let change = dragged(&mesh, &at(&mesh, "reviews", 1), "v3", 80).unwrap();
    assert_eq!(change.title, "reviews: v1 50 → 13 %, v2 30 → 7 %, v3 20 → 80 % of all other calls");
    insta::assert_snapshot!(patch(&change, 0), @r#"[{"op":"test","path":"/spec/http/1/route","value":[{"destination":{"host":"reviews","subset":"v1"},"weight":50},{"destination":{"host":"reviews","subset":"v2"},"weight":30},{"destination":{"host":"reviews","subset":"v3"},"weight":20}]},{"op":"replace","path":"/spec/http/1/route/0/weight","value":13},{"op":"replace","path":"/spec/http/1/route/1/weight","value":7},{"op":"replace","path":"/spec/http/1/route/2/weight","value":80}]"#);
    let [probe] = &change.evidence.probes[..] else { panic!("{:?}", change.evidence) };
    assert_eq!(probe.proxies.len(), 6, "the ingress gateway has no routes of it");
    let Owner::Routes { of, made, .. } = &probe.owner else { panic!("{probe:?}") };
    assert_eq!(of.to_string(), "VirtualService bookinfo/reviews");
    let meant = |route: &MadeRoute| matches!(route, MadeRoute::One { meant: true, .. });
    assert_eq!(made.iter().map(meant).collect::<Vec<_>>(), [false, true]);
    let share = |subset: &str, weight| {
        let host = "reviews.bookinfo.svc.cluster.local".into();
        (Upstream { host, subset: subset.into(), port: None }, weight)
    };
    assert_eq!(probe.want, Want::Weights(vec![share("v1", 13), share("v2", 7), share("v3", 80)]));
    let yaml = istio::object::yaml(change.steps[0].after.as_ref().unwrap());
    assert!(yaml.contains("weight: 80") && yaml.contains("corsPolicy") && !yaml.contains("uid"), "{yaml}");
    check_undo(&mesh, &change);
    assert_eq!(dragged(&mesh, &at(&mesh, "reviews", 1), "v3", 20), None, "no change");
}

#[test]
fn a_version_without_a_row_gets_one() {
    let mesh = demo::bookinfo();
    let change = dragged(&mesh, &at(&mesh, "reviews", 0), "v3", 25).unwrap();
    assert_eq!(
        change.title,
        "v3 of reviews gets 25 % instead of 0 %, v2 75 % instead of 100 % of calls with end-user = jason"
    );
    let rule = after(&mesh, &change).virtual_service(&change.steps[0].at).unwrap().http[0].clone();
    let rows: Vec<_> =
        rule.route.iter().map(|row| (row.destination.subset.clone().unwrap(), row.weight.unwrap())).collect();
    assert_eq!(rows, [("v2".into(), 75), ("v3".into(), 25)]);
    check_undo(&mesh, &change);
}

fn without(kinds: &[&str]) -> Mesh {
    let mut objects = demo::bookinfo_objects();
    objects.retain(|at, _| !kinds.contains(&at.kind.kind) || &*at.name == "bookinfo");
    Mesh::read(objects, None)
}

#[test]
fn missing_routing_is_made_subsets_first() {
    let mesh = without(&["VirtualService", "DestinationRule"]);
    let change = dragged(&mesh, &at(&mesh, "reviews", 0), "v3", 80).unwrap();
    assert_eq!(change.title, "reviews gets a split of all calls: v1 10 %, v2 10 %, v3 80 %");
    let made: Vec<String> = change.steps.iter().map(|step| step.at.to_string()).collect();
    assert_eq!(made, ["DestinationRule bookinfo/reviews", "VirtualService bookinfo/reviews"]);
    assert_eq!(change.steps[0].api_version, "networking.istio.io/v1");
    let done = after(&mesh, &change);
    assert!(reviews(&done).subsets.iter().all(|subset| subset.declared));
    assert_eq!(
        rules(&done, reviews(&done))[0].shares,
        [("v1".into(), 10), ("v2".into(), 10), ("v3".into(), 80)]
    );
    check_undo(&mesh, &change);
}

#[test]
fn a_missing_subset_is_declared_where_its_rule_is() {
    let mesh = {
        let mut objects = demo::bookinfo_objects();
        let rule = Ref::new(&kinds::DESTINATION_RULE, "bookinfo", "reviews");
        let mut value = (*objects[&rule].0).clone();
        value["spec"]["subsets"].as_array_mut().unwrap().pop();
        objects.insert(rule, value.into());
        Mesh::read(objects, None)
    };
    let change = dragged(&mesh, &at(&mesh, "reviews", 0), "v3", 25).unwrap();
    assert_eq!(
        change.steps.iter().map(|step| step.at.kind.kind).collect::<Vec<_>>(),
        ["DestinationRule", "VirtualService"]
    );
    let done = after(&mesh, &change);
    assert!(reviews(&done).subsets[2].declared);
    let rule = done.destination_rule(&change.steps[0].at).unwrap();
    assert!(rule.traffic_policy.is_some(), "what was there stays");
    check_undo(&mesh, &change);
}

#[test]
fn a_fault_for_all_calls() {
    let mesh = demo::bookinfo();
    let wanted = FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) };
    let change = fault(&mesh, &at(&mesh, "ratings", 0), None, wanted).unwrap();
    assert_eq!(change.title, "All calls to ratings fail with 503");
    assert_eq!(
        change.steps[0].after.as_ref().unwrap().spec(),
        &json!({ "hosts": ["ratings"], "http": [{ "fault": { "abort": { "percentage": { "value": 100 }, "httpStatus": 503 } },
            "route": [{ "destination": { "host": "ratings" } }] }] })
    );
    check_undo(&mesh, &change);
    let done = after(&mesh, &change);
    let ratings = done.service("bookinfo", "ratings").unwrap();
    let rule = rules(&done, ratings)[0].clone();
    assert_eq!(rule.fault, wanted);
    assert_eq!(fault(&done, &rule.at, None, wanted), None);
    let slow = FaultSpec { delay: Some((2500, 50.0)), ..wanted };
    let change = fault(&done, &rule.at, None, slow).unwrap();
    assert_eq!(change.title, "50 % of all calls to ratings wait 2.5 s, 100 % fail with 503");
    check_undo(&done, &change);
    let gone = fault(&done, &rule.at, None, FaultSpec::default()).unwrap();
    assert_eq!(gone.title, "All calls to ratings lose their fault");
    check_undo(&done, &gone);
}

#[test]
fn a_fault_for_one_header_is_a_rule_of_its_own_and_goes_with_it() {
    let mesh = demo::bookinfo();
    let wanted = FaultSpec { delay: Some((7000, 100.0)), abort: None };
    let header = HeaderIs { name: "End-User".into(), value: "tester".into() };
    let change = fault(&mesh, &at(&mesh, "reviews", 1), Some(&header), wanted).unwrap();
    assert_eq!(change.title, "Calls with End-User = tester to reviews wait 7 s");
    check_undo(&mesh, &change);
    let done = after(&mesh, &change);
    let found = rules(&done, reviews(&done));
    assert_eq!(found.len(), 3);
    assert_eq!((&*found[1].words, found[1].fault), ("calls with end-user = tester", wanted));
    assert_eq!(found[1].shares, found[2].shares);
    let copy = &done.objects()[&change.steps[0].at].spec()["http"][1];
    assert_eq!(copy["corsPolicy"], done.objects()[&change.steps[0].at].spec()["http"][2]["corsPolicy"]);
    let gone = fault(&done, &found[1].at, None, FaultSpec::default()).unwrap();
    assert_eq!(bytes(&after(&done, &gone)), bytes(&mesh));
    check_undo(&done, &gone);
}

#[test]
fn fault_edits_keep_what_they_do_not_know() {
    let mut objects = demo::bookinfo_objects();
    let route = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut value = (*objects[&route].0).clone();
    value["spec"]["http"][1]["fault"] =
        json!({ "abort": { "httpStatus": 500, "percentage": { "value": 10.5, "x": 1 }, "y": 2 }, "z": 3 });
    objects.insert(route.clone(), value.into());
    let mesh = Mesh::read(objects, None);
    let wanted = FaultSpec { delay: None, abort: Some((Status::Http(418), 10.5)) };
    let change = fault(&mesh, &at(&mesh, "reviews", 1), None, wanted).unwrap();
    let fault = &after(&mesh, &change).objects()[&route].spec()["http"][1]["fault"].clone();
    assert_eq!(
        fault,
        &json!({ "abort": { "httpStatus": 418, "percentage": { "value": 10.5, "x": 1 }, "y": 2 }, "z": 3 })
    );
    check_undo(&mesh, &change);
}

#[test]
fn managed_objects_are_told() {
    let told = |key: &str, meta: Value| {
        let mut objects = demo::bookinfo_objects();
        let route = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
        let mut value = (*objects[&route].0).clone();
        value["metadata"][key] = meta;
        objects.insert(route, value.into());
        let mesh = Mesh::read(objects, None);
        dragged(&mesh, &at(&mesh, "reviews", 1), "v3", 80).unwrap().warnings.join("\n")
    };
    assert!(
        told("annotations", json!({ "argocd.argoproj.io/tracking-id": "x" }))
            .starts_with("Argo CD Application x manages VirtualService bookinfo/reviews")
    );
    assert!(told("labels", json!({ "app.kubernetes.io/managed-by": "Helm" })).starts_with("Helm manages"));
    assert!(
        told("annotations", json!({ "meta.helm.sh/release-name": "books" }))
            .starts_with("Helm release books manages")
    );
    assert!(
        told("labels", json!({ "kustomize.toolkit.fluxcd.io/name": "apps" }))
            .starts_with("Flux Kustomization apps manages")
    );
    assert_eq!(told("labels", json!({})), "");
}

#[test]
fn an_edit_by_somebody_else_is_not_overwritten() {
    let mesh = demo::bookinfo();
    let change = dragged(&mesh, &at(&mesh, "reviews", 1), "v3", 80).unwrap();
    let Edit::Patch(patch) = &change.steps[0].edit else { panic!() };
    let mut theirs = (*mesh.objects()[&change.steps[0].at].0).clone();
    theirs["spec"]["http"][1]["route"][0]["weight"] = 60.into();
    assert!(json_patch::patch(&mut theirs, patch).is_err());
    let mut unrelated = (*mesh.objects()[&change.steps[0].at].0).clone();
    unrelated["metadata"]["labels"]["team"] = "books".into();
    unrelated["spec"]["http"][1]["timeout"] = "3s".into();
    json_patch::patch(&mut unrelated, patch).unwrap();
    let undo = change.inverse(&[Some(Stored::returned(Some(unrelated.clone().into())))]).unwrap();
    let Edit::Patch(patch) = &undo.steps[0].edit else { panic!() };
    let mut undone = unrelated.clone();
    json_patch::patch(&mut undone, patch).unwrap();
    let rule = &undone["spec"]["http"][1];
    assert_eq!((&rule["timeout"], &rule["route"][2]["weight"]), (&json!("3s"), &json!(20)), "theirs stays");
    unrelated["spec"]["http"][1]["route"][2]["weight"] = 70.into();
    assert!(json_patch::patch(&mut unrelated, patch).is_err(), "their later weight stays");
}

/// Istio makes no call wait or fail for a fault that does not say how many.
#[test]
fn a_fault_without_a_percentage_acts_on_no_call() {
    let mut objects = demo::bookinfo_objects();
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut object = (*objects[&at].0).clone();
    let fault = json!({ "abort": { "httpStatus": 503 }, "delay": { "fixedDelay": "7s" } });
    object["spec"]["http"][0]["fault"] = fault.clone();
    objects.insert(at, object.into());
    let mesh = Mesh::read(objects, None);
    let service = mesh.service("bookinfo", "reviews").unwrap();
    let rule = &rules(&mesh, service)[0];
    let none = FaultSpec { delay: Some((7000, 0.0)), abort: Some((Status::Http(503), 0.0)) };
    assert_eq!(rule.fault, none);
    assert_eq!(super::fault(&mesh, &rule.at, None, none), None, "that is what is there");
    let all = FaultSpec { delay: Some((7000, 0.0)), abort: Some((Status::Http(503), 100.0)) };
    let change = super::fault(&mesh, &rule.at, None, all).unwrap();
    let after = change.steps[0].after.as_ref().unwrap();
    let mut expect = fault;
    expect["abort"]["percentage"] = json!({ "value": 100 });
    assert_eq!(after.spec()["http"][0]["fault"], expect);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))] // each reads a whole mesh several times

    /// Any shares, any shape of the rows: the patch fits, the total is 100, unknown fields stay, and undo
    /// restores the bytes.
    #[test]
    fn any_split_can_be_made_and_undone(
        weights in prop::collection::vec(prop::option::of(0..200u32), 1..4),
        wanted in prop::collection::vec(0..200u32, 3),
    ) {
        let mut objects = demo::bookinfo_objects();
        let route = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
        let mut value = (*objects[&route].0).clone();
        let rows = weights.iter().enumerate().map(|(index, weight)| {
            let mut row = json!({ "unknown": index, "destination": { "subset": format!("v{}", index + 1), "host": "reviews", "port": { "number": 9080 } } });
            if let Some(weight) = weight { row["weight"] = (*weight).into(); }
            row
        });
        value["spec"]["http"][1]["route"] = rows.collect();
        objects.insert(route.clone(), value.into());
        let mesh = Mesh::read(by_ref(objects.iter().map(|(_, object)| (*object.0).clone())), None);
        let rule = at(&mesh, "reviews", 1);
        let wanted = Split::new(["v1", "v2", "v3"].into_iter().zip(wanted)).unwrap();
        let now = split::current(&mesh, &rule).unwrap();
        match split::split(&mesh, &rule, &wanted) {
            None => prop_assert!(now.weights() == wanted.weights()),
            Some(change) => {
                prop_assert!(now.weights() != wanted.weights());
                let done = after(&mesh, &change);
                let shares = split::current(&done, &rule).unwrap();
                prop_assert!(shares.weights() == wanted.weights());
                let rows = done.objects()[&route].spec().pointer("/http/1/route").and_then(Value::as_array).unwrap();
                let total: u64 = rows.iter().map(|row| row["weight"].as_u64().unwrap_or(100)).sum();
                prop_assert_eq!(total, 100);
                for (index, row) in rows.iter().take(weights.len()).enumerate() {
                    prop_assert_eq!(&row["unknown"], &json!(index));
                }
                check_undo(&mesh, &change);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))] // each reads a whole mesh several times

    /// Whatever stands in the objects: editors offer what they can, and what they offer can be done and
    /// undone.
    #[test]
    fn odd_objects_can_be_edited_or_are_left_alone(
        rules_spec in prop::collection::vec(crate::any_json::any_json(), 1..4),
        policy_spec in crate::any_json::any_json(),
        number in 0..4usize,
    ) {
        let spec = json!({ "hosts": ["reviews"], "http": rules_spec });
        let object = |kind: &str, api: &str, name: &str, spec: Value| json!({ "apiVersion": api, "kind": kind,
            "metadata": { "namespace": "bookinfo", "name": name, "uid": "u", "resourceVersion": "1" }, "spec": spec });
        let mut objects = demo::bookinfo_objects();
        objects.extend(by_ref([
            object("VirtualService", "networking.istio.io/v1", "reviews", spec),
            object("PeerAuthentication", "security.istio.io/v1", "default", policy_spec),
        ]));
        let mesh = Mesh::read(objects, None);
        let service = reviews(&mesh);
        let mut changes = Vec::new();
        for rule in rules(&mesh, service) {
            if let Some(mut shares) = split::current(&mesh, &rule.at) {
                shares.set(number, 37);
                changes.extend(split::split(&mesh, &rule.at, &shares));
            }
            let wanted = FaultSpec { delay: None, abort: Some((Status::Http(418), 12.5)) };
            changes.extend(fault(&mesh, &rule.at, None, wanted));
            changes.extend(fault(&mesh, &rule.at, Some(&HeaderIs { name: "a".into(), value: "b".into() }), wanted));
        }
        for mode in [None, Some(Mode::Strict), Some(Mode::Permissive)] {
            changes.extend(mtls(&mesh, &Scope::Namespace("bookinfo".into()), mode));
        }
        for change in &changes {
            check_undo(&mesh, change);
        }
    }
}

#[test]
fn shares_declare_what_nobody_declares() {
    let mesh = demo::bookinfo();
    let mut objects = mesh.objects().clone();
    objects.remove(&Ref::new(&kinds::DESTINATION_RULE, "bookinfo", "reviews"));
    let mesh = Mesh::read(objects, Some(&mesh));
    let rule = rules(&mesh, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap().at;
    let shares = Split::new([("v1", 10), ("v2", 0), ("v3", 90)]).unwrap();
    let change = split(&mesh, &rule, &shares).unwrap();
    let made = change.steps.iter().find(|step| step.at.kind == &kinds::DESTINATION_RULE).unwrap();
    let made = made.after.as_ref().unwrap().spec()["subsets"].as_array().unwrap().clone();
    let names: Vec<&str> = made.iter().filter_map(|subset| subset["name"].as_str()).collect();
    assert_eq!(names, ["v1", "v3"], "{:?}", change.warnings);
    let lost =
        change.warnings.iter().any(|warning| warning.contains("v2 of reviews fail: no DestinationRule"));
    assert!(lost, "{:?}", change.warnings);
}
