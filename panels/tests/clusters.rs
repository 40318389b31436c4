//! Drafts that were kept: they go on in the cluster that they were made in, and none is lost.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::journal::Cluster;
use mesh::{Edit, Hidden, Problem, Ref, Unseen, demo, kinds};
use panels::detail::{Detail, KeptDrafts};
use panels::{Intent, Selected};
use std::sync::Arc;
use support::drafts::{
    Bench, click, frames, more, next_run, pending, pushed, reviews, share, window, with, without_reviews,
};
use support::{World, service};

/// Drafts outlive the connection: they are here when this cluster is connected to again, and only then.
#[test]
fn drafts_of_editors_outlive_the_connection() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    let wanted = pending(&bench);
    let scene = bench.state().0.scene.clone();
    for cluster in [None, Some(Cluster::sandbox("another"))] {
        let (world, _) = bench.state_mut();
        (world.scene.context, world.scene.cluster) = ("another".into(), cluster);
        world.ledger = mesh::Ledger::default();
        frames(&mut bench);
        assert_eq!(pending(&bench), None);
        bench.get_by_label("No change is pending");
    }
    // Its context may be called otherwise by now.
    bench.state_mut().0.scene = mesh::Scene { context: "renamed".into(), ..scene };
    frames(&mut bench);
    assert_eq!((pending(&bench), share(&bench)), (wanted, 50.0));
}

fn cluster(uid: &str) -> Cluster {
    Cluster { uid: Some(uid.into()), server: "https://127.0.0.1:6443".into(), ca: "ca".into() }
}

/// Bookinfo in a cluster with this uid; contexts of several are called the same.
fn bookinfo_in(uid: &str) -> World {
    let mut world = World::bookinfo();
    (world.scene.context, world.scene.cluster) = ("default".into(), Some(cluster(uid)));
    world
}

/// The text of the editor of an object.
const TEXT: &str = "YAML of VirtualService bookinfo/reviews";

fn text(bench: &Bench<'_>) -> String {
    bench.get_by_label(TEXT).accesskit_node().value().unwrap()
}

/// Writes another text of the object that is selected.
fn write(bench: &mut Bench<'_>, text: String) {
    bench.get_by_label(TEXT).focus();
    frames(bench);
    bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.event(Event::Paste(text));
    bench.run_steps(60);
}

#[test]
fn drafts_of_another_cluster_of_the_same_name_are_held_and_not_lost() {
    let mut bench = window(bookinfo_in("one").select(service("reviews")));
    more(&mut bench, 3);
    let wanted = pending(&bench);
    bench.state_mut().0.selected = Some(Selected::Object(reviews()));
    frames(&mut bench);
    let changed = text(&bench).replacen("spec:\n", "spec:\n  exportTo: ['*']\n", 1);
    write(&mut bench, changed);
    let new = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "mine");
    let made = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: mine\n  \
        namespace: bookinfo\nspec:\n  hosts: [mine]\n  http:\n  - route:\n    - destination: {host: reviews}\n";
    bench.state_mut().0.intents.send(Intent::Draft(new, made.into()));
    frames(&mut bench);
    let kept = bench.state().1.0.kept();
    let all = pending(&bench);
    assert!(all.as_ref().is_some_and(|all| all.contains("mine")), "{all:?}");

    let mut other = with(bookinfo_in("two"), next_run(&bench));
    frames(&mut other);
    assert_eq!(pending(&other), None, "nothing of it is applied");
    other.get_by_label_contains("Cannot be pushed: Traffic split of reviews");
    other.get_by_label_contains("(+ 2 more)");
    other.get_by_label_contains("another cluster, which was called the same");
    assert_eq!(other.state().1.0.kept(), kept, "nor lost");
    let again = with(bookinfo_in("one"), next_run(&other));
    assert_eq!(pending(&again), all, "where it was made, it goes on");

    // A push is not hidden by them.
    pushed(&mut other.state_mut().0);
    frames(&mut other);
    other.get_by_label("Undo");

    // The user says that it is the same.
    let mut anew = with(bookinfo_in("three"), next_run(&again));
    for _ in 0..3 {
        click(&mut anew, "Discard draft");
    }
    anew.get_by_label("No change is pending");
    let mut anew = with(bookinfo_in("three").select(service("reviews")), next_run(&again));
    assert_eq!(share(&anew), 20.0);
    click(&mut anew, "Take over");
    assert_eq!((pending(&anew), share(&anew)), (wanted, 50.0));
}

/// Earlier versions noted the context only.
#[test]
fn drafts_of_nobody_knows_which_cluster_are_held() {
    let mut bench = window(bookinfo_in("one").select(service("reviews")));
    more(&mut bench, 3);
    let mut kept = serde_json::to_value(bench.state().1.0.kept()).unwrap();
    kept["forms"][0].as_object_mut().unwrap().remove("cluster").unwrap();
    let mut detail = Detail::default();
    detail.recall(serde_json::from_value(kept.clone()).unwrap());
    let bench = with(bookinfo_in("one"), detail);
    assert_eq!(pending(&bench), None);
    bench.get_by_label_contains("did not note of which cluster it is");
    bench.get_by_label("Take over");
    assert_eq!(serde_json::to_value(bench.state().1.0.kept()).unwrap(), kept);
}

/// A text of an earlier run, and what there is of its object now.
fn next_run_with(change: impl FnOnce(&mut World)) -> Bench<'static> {
    let mut bench = window(World::bookinfo().select(Selected::Object(reviews())));
    let changed = text(&bench).replace("weight: 50", "weight: 49");
    write(&mut bench, changed);
    assert!(bench.state().1.0.kept() != KeptDrafts::default());
    let mut world = World::bookinfo();
    change(&mut world);
    with(world, next_run(&bench))
}

#[test]
fn a_text_of_an_object_that_is_gone_is_kept_and_told_of() {
    let mut bench = next_run_with(|world| world.now_has(without_reviews()));
    bench.get_by_label_contains("Cannot be pushed: YAML of VirtualService bookinfo/reviews");
    bench.get_by_label_contains("What it is for was deleted");
    let again = with(World::bookinfo(), next_run(&bench));
    assert!(pending(&again).is_some(), "also over two runs");
    click(&mut bench, "Create again");
    let change = bench.state_mut().0.checks().pop().unwrap();
    let Edit::Create(made) = &change.steps[0].edit else { panic!("{:?}", change.steps[0].edit) };
    assert!(made.to_string().contains("49"));
}

#[test]
fn a_text_of_an_object_that_cannot_be_seen_waits() {
    let hide = |world: &mut World| {
        world.now_has(without_reviews());
        let why = Problem::new("VirtualServices may not be read", "403", "Ask for the right");
        let mut unseen = Unseen::default();
        unseen.hide(&kinds::VIRTUAL_SERVICE, Hidden { but: Default::default(), why });
        let mesh = (*world.scene.mesh).clone().seeing_all_but(&Arc::new(unseen));
        world.scene.mesh = Arc::new(mesh);
    };
    let mut bench = next_run_with(hide);
    bench.get_by_label_contains("Cannot be pushed: YAML of VirtualService bookinfo/reviews");
    bench.get_by_label_contains("VirtualServices may not be read");
    let kept = bench.state().1.0.kept();
    assert!(kept != KeptDrafts::default());
    bench.state_mut().0.now_has(demo::bookinfo_objects());
    frames(&mut bench);
    assert!(pending(&bench).is_some());
}

/// Whatever makes it anew from a repository gives it another uid.
#[test]
fn a_text_of_an_object_that_was_made_anew_goes_on() {
    let bench = next_run_with(|world| {
        let mut objects = demo::bookinfo_objects();
        let mut object = (*objects[&reviews()].0).clone();
        object["metadata"]["uid"] = "another".into();
        objects.insert(reviews(), object.into());
        world.now_has(objects);
    });
    assert!(pending(&bench).is_some());
}
