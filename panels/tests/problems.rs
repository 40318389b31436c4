//! What is wrong with the configuration: the list, a problem in full, and the way to its object.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use mesh::{Object, Ref, demo, kinds};
use panels::problems::Problems;
use panels::selection::PanelId;
use panels::{Intent, Panel as _, Selected};
use serde_json::json;
use support::{World, harness};

/// Bookinfo with a route to a subset that is not there, and a fault of half the calls besides.
fn broken() -> World {
    let mut world = World::bookinfo();
    let mut objects = demo::bookinfo_objects();
    let ratings = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "ratings", "namespace": "bookinfo" },
        "spec": { "hosts": ["ratings"], "http": [{ "route": [{ "destination": { "host": "ratings", "subset": "v9" }, "weight": 50 }] }] } });
    objects.insert(at(), Object::from(ratings));
    world.now_has(objects);
    world
}

fn at() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "ratings")
}

fn panel<'a>(world: World) -> Harness<'a, (World, Problems)> {
    harness(world, Problems::default(), [1000.0, 700.0], |ui, panel, world| panel.ui(ui, &world.cx()))
}

#[test]
fn a_problem_leads_to_its_object() {
    let mut bench = panel(broken());
    bench.get_by_label_contains("ratings has no subset v9").click();
    bench.run_steps(3);
    bench.get_by_label_contains("The caller's own proxy answers such calls with 503");
    bench.get_by_label_contains("SubsetNotFound, IST0101, KIA1107");
    bench.get_by_label(&format!("Open {}", at())).click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    assert!(wishes.contains(&Intent::Open(PanelId::Objects)), "{wishes:?}");
    assert!(wishes.contains(&Intent::Select(Some(Selected::Object(at())))), "{wishes:?}");
}

#[test]
fn a_check_that_is_left_out_can_be_had_back() {
    let mut bench = panel(broken());
    let told = |bench: &Harness<'_, (World, Problems)>, text| bench.query_by_label_contains(text).is_some();
    assert!(told(&bench, "1 error") && told(&bench, "1 remark"));
    bench.get_by_label_contains("ratings has no subset v9").click();
    bench.run_steps(3);
    bench.get_by_label("Leave out SubsetNotFound").click();
    bench.run_steps(3);
    assert!(!told(&bench, "ratings has no subset v9") && told(&bench, "0 errors"));
    let kept = bench.state().1.kept().unwrap();
    let mut again = Problems::default();
    again.recall(kept);
    let bench = harness(broken(), again, [1000.0, 700.0], |ui, panel: &mut Problems, world| {
        panel.ui(ui, &world.cx());
    });
    assert!(!told(&bench, "ratings has no subset v9") && told(&bench, "Checks that are left out"));
}

#[test]
fn a_problem_is_mended_by_a_draft() {
    let mut world = World::bookinfo();
    let mut objects = demo::bookinfo_objects();
    let reviews = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "ratings", "namespace": "bookinfo", "uid": "r", "resourceVersion": "1" },
        "spec": { "hosts": ["ratings"], "http": [{ "route": [{ "destination": { "host": "ratngs" } }] }] } });
    objects.insert(at(), Object::from(reviews));
    world.now_has(objects);
    let mut bench = panel(world);
    bench.get_by_label_contains("No service has the host ratngs").click();
    bench.run_steps(3);
    bench.get_by_label(&format!("Send calls to ratings, in {}", at())).click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    let mends = wishes.iter().find_map(|wish| match wish {
        Intent::Mend(of, fix) if *of == at() => Some(fix.clone()),
        _ => None,
    });
    let fix = mends.unwrap_or_else(|| panic!("{wishes:?}"));
    let object = bench.state().0.cx().scene.mesh.objects()[&at()].clone();
    assert_eq!(fix.on(&object.0).unwrap()["spec"]["http"][0]["route"][0]["destination"]["host"], "ratings");
}
