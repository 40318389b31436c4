use super::*;
use crate::demo;
use crate::plan::HttpRule;
use crate::split::Split;
use crate::{Mesh, Ref};
use serde_json::{Value, json};

fn at(mesh: &Mesh, service: &str, number: usize) -> HttpRule {
    rules(mesh, mesh.service("bookinfo", service).unwrap())[number].at.clone()
}

/// A service whose traffic enters by a gateway: the rule that takes it is meant; one for the mesh alone says
/// so.
#[test]
fn the_rule_that_takes_the_traffic_is_meant() {
    let mesh = demo::bookinfo();
    let usual = |service: &str| -> Vec<bool> {
        rules(&mesh, mesh.service("bookinfo", service).unwrap()).iter().map(|rule| rule.usual).collect()
    };
    assert_eq!((usual("productpage"), usual("ratings")), (vec![false, true], vec![true]));
    assert_eq!(usual("reviews"), [false, true]);
    let abort = FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) };
    let inside = fault(&mesh, &at(&mesh, "productpage", 0), None, abort).unwrap();
    assert!(
        inside
            .warnings
            .iter()
            .any(|warning| warning.starts_with("Calls that enter by a gateway are routed by")),
        "{:?}",
        inside.warnings
    );
    let entering = fault(&mesh, &at(&mesh, "productpage", 1), None, abort).unwrap();
    assert!(entering.warnings.is_empty(), "{:?}", entering.warnings);
    // A gateway's own calls come from outside: no rule for its host takes them.
    let gateway = mesh.services().find(|service| &*service.name == "istio-ingressgateway").unwrap();
    let rule = rules(&mesh, gateway).remove(0);
    assert!(rule.locked.unwrap().why.contains("from outside the mesh"));
    let mut plan = crate::plan::Plan::new(&mesh);
    crate::edit::fault::plan(&mut plan, &rule.at, None, abort);
    assert!(
        matches!(plan.change(), Err(crate::plan::Stop::NotYet(why)) if why.contains("from outside the mesh"))
    );
}

/// Nobody has a proxy: what is written acts nowhere, and that is said before.
#[test]
fn a_change_that_no_proxy_takes_says_so() {
    let mut objects = demo::bookinfo_objects();
    let pods: Vec<_> = objects.of_kind(&istio::kinds::POD).map(|(at, _)| at.clone()).collect();
    for at in pods {
        let mut pod = (*objects.get(&at).unwrap().0).clone();
        pod["spec"]["containers"].as_array_mut().unwrap().retain(|one| one["name"] != "istio-proxy");
        objects.insert(at, pod.into());
    }
    let mesh = Mesh::read(objects, None);
    let abort = FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) };
    let change = fault(&mesh, &at(&mesh, "ratings", 0), None, abort).unwrap();
    assert!(
        change.warnings.iter().any(|warning| warning.starts_with("No proxy would take it")),
        "{:?}",
        change.warnings
    );
}

/// What is shown is what is in force: a single destination gets all, thirds are thirds, and nothing is
/// nothing.
#[test]
fn weights_as_they_are_in_force() {
    let told = |rows: Value| {
        let mut objects = demo::bookinfo_objects();
        let route = Ref::new(&istio::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
        let mut value = (*objects.get(&route).unwrap().0).clone();
        value["spec"]["http"][1]["route"] = rows;
        objects.insert(route, value.into());
        let mesh = Mesh::read(objects, None);
        let shares = split::in_force(&mesh, &at(&mesh, "reviews", 1)).unwrap();
        shares.iter().map(|(name, percent)| format!("{name} {percent:.2}")).collect::<Vec<_>>().join(" ")
    };
    let row = |subset: &str, weight: u32| json!({ "destination": { "host": "reviews", "subset": subset }, "weight": weight });
    assert_eq!(told(json!([row("v1", 0)])), "v1 100.00");
    assert_eq!(told(json!([row("v1", 1), row("v2", 1), row("v3", 1)])), "v1 33.33 v2 33.33 v3 33.33");
    assert_eq!(told(json!([row("v1", 0), row("v2", 0)])), "v1 0.00 v2 0.00");
    assert_eq!(told(json!([row("v1", 3), row("v2", 1)])), "v1 75.00 v2 25.00");
}

#[test]
fn calls_for_a_version_without_pods_are_warned_of() {
    let mut objects = demo::bookinfo_objects();
    let pods: Vec<Ref> = objects.within(&istio::kinds::POD, "bookinfo").map(|(at, _)| at.clone()).collect();
    for at in pods.iter().filter(|at| at.name.starts_with("reviews-v3")) {
        objects.remove(at);
    }
    let mesh = Mesh::read(objects, None);
    let moved = |shares: [u32; 3]| {
        let shares = Split::new(["v1", "v2", "v3"].into_iter().zip(shares)).unwrap();
        split(&mesh, &at(&mesh, "reviews", 1), &shares).unwrap().warnings
    };
    assert_eq!(moved([80, 10, 10]), ["No pod of v3 is ready: 10 % of these calls would fail"]);
    assert!(moved([90, 10, 0]).is_empty());
}
