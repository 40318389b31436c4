//! Pictures, made one on the other.

use super::super::place::place;
use super::*;
use crate::kit::Status;
use mesh::graph::GraphType;

/// One pod that is not ready any more is one card, and the picture is the one that is made of everything.
#[test]
fn one_pod_is_one_card() {
    let scene = mesh::demo::synthetic_scene(120, 165);
    let order = |mesh: &Arc<Mesh>| Order::of(mesh, scene.traffic.value().cloned(), mesh::demo::NOW);
    let mut maker = Maker::default();
    let before = maker.make(&order(&scene.mesh));
    let mut objects = scene.mesh.objects().clone();
    let (at, pod) = objects.within(&mesh::kinds::POD, "team-001").next().unwrap();
    let (at, mut pod) = (at.clone(), (*pod.0).clone());
    pod["status"]["conditions"][0]["status"] = "False".into();
    objects.insert(at, pod.into());
    let mesh = Arc::new(mesh::Mesh::read(objects, Some(&scene.mesh)));
    let after = maker.make(&order(&mesh));
    let whole = Maker::default().make(&order(&mesh));
    let (Drawn::Picture(mut was), Drawn::Cards(view, changed), Drawn::Picture(whole)) =
        (before.drawn, after.drawn, whole.drawn)
    else {
        panic!("one card, not all of it");
    };
    assert_eq!((changed.len(), &view), (1, &whole.view));
    assert_eq!(view.cards[changed[0]].status, Status::Failing);
    assert!(Arc::ptr_eq(&view.lines, &was.view.lines));
    was.renew(view, &changed);
    assert_eq!(was.view, whole.view);
}

/// An order of this part of Bookinfo's traffic.
fn order_of(graph_type: GraphType, anew: usize, part: impl Fn(&mesh::traffic::Path) -> bool) -> Order {
    let scene = mesh::demo::scene();
    let mut traffic = mesh::traffic::Traffic::clone(scene.traffic.value().unwrap());
    traffic.flows.retain(|path, _| part(path));
    let options = GraphOptions { graph_type, ..GraphOptions::default() };
    Order { options, anew, ..Order::of(&scene.mesh, Some(traffic.into()), mesh::demo::NOW) }
}

/// What one type of graph looks like says nothing of where things stand in another.
#[test]
fn each_type_of_graph_is_placed_for_itself() {
    let mut maker = Maker::default();
    for graph_type in [GraphType::VersionedApp, GraphType::Workload, GraphType::Service, GraphType::Workload]
    {
        let made = maker.make(&order_of(graph_type, 0, |_| true));
        assert_eq!(*made.placement, place(&made.graph), "{graph_type:?}");
    }
}

#[test]
fn put_in_order_anew_lets_nothing_stand() {
    let mut maker = Maker::default();
    let to_details = |path: &mesh::traffic::Path| &*path.destination.app == "details";
    maker.make(&order_of(GraphType::VersionedApp, 0, |path| !to_details(path)));
    let kept = maker.make(&order_of(GraphType::VersionedApp, 0, |_| true));
    assert_ne!(*kept.placement, place(&kept.graph), "one edge more moves nothing");
    let anew = maker.make(&order_of(GraphType::VersionedApp, 1, |_| true));
    assert_eq!(*anew.placement, place(&anew.graph));
}
