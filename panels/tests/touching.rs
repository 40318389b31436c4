//! What the detail says of VirtualServices and Gateways beside their names.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::Queryable as _;
use mesh::{Mesh, Ref, demo, kinds};
use panels::Selected;
use serde_json::{Value, json};
use support::detail::{detail, frames};
use support::{World, service};

fn with(objects: impl IntoIterator<Item = Value>) -> World {
    let mut all = demo::bookinfo_objects();
    all.extend(demo::by_ref(objects));
    let mut scene = demo::scene();
    scene.mesh = std::sync::Arc::new(Mesh::read(all, None));
    World::new(scene)
}

fn rules(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "spec": spec, "metadata":
        { "name": name, "namespace": "bookinfo", "creationTimestamp": "2099-01-01T00:00:00Z" } })
}

#[test]
fn rules_that_do_nothing_say_why() {
    let to = json!([{ "destination": { "host": "reviews" } }]);
    let late = rules("late", json!({ "hosts": ["reviews"], "http": [{ "route": to }] }));
    let hollow = rules("hollow", json!({ "hosts": ["details"], "tcp": [{ "match": [{ "port": 1 }] }] }));
    let mut bench = detail(with([late, hollow]).select(service("reviews")));
    frames(&mut bench);
    bench.get_by_label("VirtualService bookinfo/late");
    bench.get_by_label("In force for calls inside the mesh");
    bench.get_by_label("No effect on calls inside the mesh: VirtualService bookinfo/reviews is older");
    // The object itself says so too.
    let late = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "late");
    bench.state_mut().0.selected = Some(Selected::Object(late));
    frames(&mut bench);
    bench.get_by_label("No effect on calls inside the mesh: VirtualService bookinfo/reviews is older");
    bench.state_mut().0.selected = Some(service("details"));
    frames(&mut bench);
    bench.get_by_label("No destination in spec.tcp[0]");
}

#[test]
fn a_gateway_says_that_its_selector_matches_nothing() {
    let gateway = |name: &str, value: &str| {
        let server = json!({ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["*"] });
        let spec = json!({ "selector": { "istio": value }, "servers": [server] });
        json!({ "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": spec,
            "metadata": { "name": name, "namespace": "bookinfo" } })
    };
    let at = |name: &str| Selected::Object(Ref::new(&kinds::GATEWAY, "bookinfo", name));
    let mut bench = detail(with([gateway("broken", "a, b"), gateway("lost", "nobody")]).select(at("broken")));
    frames(&mut bench);
    bench.get_by_label(
        "No effect: the selector asks for istio = “a, b”, which is no valid label value: it matches nothing",
    );
    bench.state_mut().0.selected = Some(at("lost"));
    frames(&mut bench);
    bench.get_by_label("No effect: the selector istio = nobody matches no pod of a gateway");
}
