use super::*;
use crate::plan::{Plan, Stop};
use crate::{Change, Edit, Objects, demo};
use serde_json::json;

fn workload() -> Operated {
    Operated::Workload {
        name: "reviews-v3".into(),
        object: Ref::new(&kinds::DEPLOYMENT, "bookinfo", "reviews-v3"),
    }
}

fn namespace() -> Operated {
    Operated::Namespace(Ref::new(&kinds::NAMESPACE, "", "bookinfo"))
}

fn changed(objects: Objects, at: &Operated, wish: impl FnOnce(&mut Wish)) -> Result<Option<Change>, Stop> {
    let mesh = Mesh::read(objects, None);
    let was = at.now(&mesh);
    let mut wanted = was.clone();
    wish(&mut wanted);
    let mut made = Plan::new(&mesh);
    plan(&mut made, at, &was, &wanted);
    made.change()
}

fn edit(change: &Change) -> Value {
    let Edit::Patch(patch) = &change.steps[0].edit else { panic!("{change:?}") };
    json!(patch)
}

/// Bookinfo with something else in one of its objects.
fn with(at: &Ref, path: &str, value: Value) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let mut object = (*objects.get(at).unwrap().0).clone();
    let (above, key) = path.rsplit_once('/').unwrap();
    object.pointer_mut(above).unwrap()[key] = value;
    objects.insert(at.clone(), object.into());
    objects
}

#[test]
fn scale_says_what_ends_and_who_decides() {
    let change =
        changed(demo::bookinfo_objects(), &workload(), |wish| wish.replicas = Some(2)).unwrap().unwrap();
    assert_eq!(change.title, "reviews-v3 runs 2 pods instead of 1");
    let expect = json!([{ "op": "test", "path": "/spec/replicas", "value": 1 },
        { "op": "replace", "path": "/spec/replicas", "value": 2 }]);
    assert_eq!(edit(&change), expect);
    assert!(change.steps[0].is_ours() && change.is_of_workloads() && change.evidence.probes.is_empty());
    let mut objects = demo::bookinfo_objects();
    let scaler = json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "namespace": "bookinfo", "name": "reviews" },
        "spec": { "scaleTargetRef": { "kind": "Deployment", "name": "reviews-v3" }, "minReplicas": 2, "maxReplicas": 5 } });
    objects.extend(demo::by_ref([scaler]));
    let change = changed(objects, &workload(), |wish| wish.replicas = Some(0)).unwrap().unwrap();
    assert_eq!(change.title, "reviews-v3 runs no pod instead of 1");
    let expect = [
        "No pod is left: callers get 503",
        "HorizontalPodAutoscaler reviews decides how many there are (2 to 5): it puts its own number back",
    ];
    assert_eq!(change.warnings, expect);
    let helm = json!({ "app.kubernetes.io/managed-by": "Helm" });
    let change = changed(with(workload().object(), "/metadata/labels", helm), &workload(), |wish| {
        wish.replicas = Some(3);
    });
    let warnings = change.unwrap().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.starts_with("Helm manages")), "{warnings:?}");
}

#[test]
fn a_restart_is_what_kubectl_writes() {
    let change = changed(demo::bookinfo_objects(), &workload(), |wish| wish.restarted = Some("now".into()));
    let change = change.unwrap().unwrap();
    let expect = json!([{ "op": "test", "path": "/metadata/generation", "value": 1 },
        { "op": "add", "path": "/spec/template/metadata/annotations", "value": { RESTARTED: "now" } }]);
    assert_eq!(edit(&change), expect);
    assert!(change.warnings[0].contains("503") && change.warnings[1] == "A restart cannot be undone");
    assert_eq!((change.steps[0].is_ours(), change.lasts().is_some()), (true, true));
    for (path, value, expect) in [
        ("/spec/strategy", json!({ "type": "Recreate" }), "All pods (1) end before new ones start"),
        ("/spec/replicas", json!(3), "All 3 pods are replaced"),
        ("/spec/replicas", json!(0), "It has no pods now"),
    ] {
        let objects = with(workload().object(), path, value);
        let change =
            changed(objects, &workload(), |wish| wish.restarted = Some("now".into())).unwrap().unwrap();
        assert!(change.warnings[0].starts_with(expect), "{:?}", change.warnings);
    }
    let paused = with(workload().object(), "/spec/paused", json!(true));
    let stop = changed(paused, &workload(), |wish| wish.restarted = Some("now".into())).unwrap_err();
    assert!(matches!(stop, Stop::NotYet(why) if why.contains("is paused")));
}

#[test]
fn injection_of_a_workload() {
    let change =
        changed(demo::bookinfo_objects(), &workload(), |wish| wish.inject = Some(false)).unwrap().unwrap();
    assert_eq!(change.title, "reviews-v3 gives its pods no sidecar");
    let place = "/spec/template/metadata/labels/sidecar.istio.io~1inject";
    assert_eq!(edit(&change)[1], json!({ "op": "add", "path": place, "value": "false" }));
    assert!(
        change.warnings.iter().any(|warning| warning.starts_with("Without a sidecar")),
        "{:?}",
        change.warnings
    );
    let labels = json!({ "istio-injection": "disabled" });
    let objects = with(namespace().object(), "/metadata/labels", labels);
    let change = changed(objects, &workload(), |wish| wish.inject = Some(true)).unwrap().unwrap();
    let counts =
        "Namespace bookinfo says istio-injection=disabled, which counts for more: new pods get no sidecar";
    assert!(change.warnings.iter().any(|warning| warning == counts), "{:?}", change.warnings);
}

#[test]
fn injection_of_a_namespace_is_for_new_pods() {
    let change =
        changed(demo::bookinfo_objects(), &namespace(), |wish| wish.inject = Some(false)).unwrap().unwrap();
    assert_eq!(change.title, "Namespace bookinfo gives its pods no sidecar");
    let place = "/metadata/labels/istio-injection";
    let expect = json!([{ "op": "test", "path": place, "value": "enabled" }, { "op": "replace", "path": place, "value": "disabled" }]);
    assert_eq!(edit(&change), expect);
    let expect = [
        "Pods that are made from now on get no sidecar, unless they ask for one",
        "6 pods that run with a sidecar keep it until they are restarted",
    ];
    assert_eq!(change.warnings, expect);
    let change = changed(demo::bookinfo_objects(), &namespace(), |wish| {
        (wish.inject, wish.revision) = (None, Some("canary".into()));
    });
    let change = change.unwrap().unwrap();
    let operations = edit(&change);
    assert_eq!(operations[2], json!({ "op": "remove", "path": place }));
    assert_eq!(
        operations[3],
        json!({ "op": "add", "path": "/metadata/labels/istio.io~1rev", "value": "canary" })
    );
    assert!(change.warnings.iter().any(|warning| warning.starts_with("No istiod of revision canary")));
    assert!(change.steps[0].is_ours());
}

#[test]
fn a_pod_is_deleted_whatever_it_says_of_itself() {
    let object = demo::bookinfo_objects()
        .keys()
        .find(|at| at.kind == &kinds::POD && at.name.starts_with("ratings"))
        .unwrap()
        .clone();
    let at = Operated::Pod { workload: "ratings-v1".into(), object, proxy: true };
    let change = changed(demo::bookinfo_objects(), &at, |wish| wish.deleted = true).unwrap().unwrap();
    assert!(matches!(&change.steps[0].edit, Edit::Delete { resource_version: None, uid } if !uid.is_empty()));
    assert!(
        change.warnings[0].contains("only pod") && change.warnings[1].contains("cannot be undone"),
        "{:?}",
        change.warnings
    );
    assert!(change.steps[0].is_ours());
    assert_eq!(changed(demo::bookinfo_objects(), &at, |_| {}), Ok(None));
}
