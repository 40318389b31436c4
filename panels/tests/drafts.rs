//! Drafts beside the bar: what cannot be pushed is told there, what was dropped or edited comes back, and all of
//! them are there again in the next run.
#![allow(clippy::unwrap_used)]

mod support;

use egui::{Event, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::edit::{Mode, Scope, mtls};
use mesh::journal::Cluster;
use mesh::{Edit, Fact, Hidden, Objects, Problem, Ref, Stored, Unseen, demo, kinds};
use panels::change_bar::ChangeBar;
use panels::detail::{Detail, KeptDrafts};
use panels::{Intent, Selected};
use std::sync::Arc;
use support::{World, harness, service};

type Bench<'a> = Harness<'a, (World, (Detail, ChangeBar))>;

fn window<'a>(world: World) -> Bench<'a> {
    with(world, Detail::default())
}

fn with<'a>(world: World, detail: Detail) -> Bench<'a> {
    harness(world, (detail, ChangeBar::default()), [1280.0, 2600.0], |ui, (detail, bar), world: &World| {
        let cx = world.cx();
        bar.keys(ui.ctx(), &cx);
        let held = detail.held(&cx);
        egui::Panel::bottom("bar")
            .exact_size(panels::change_bar::HEIGHT)
            .show(ui, |ui| bar.ui(ui, &cx, &held));
        detail.ui(ui, &cx);
        cx.intents.each(|intent| {
            detail.follow(intent, &cx);
            bar.follow(intent);
        });
    })
}

fn frames(bench: &mut Bench<'_>) {
    bench.run_steps(4);
}

fn click(bench: &mut Bench<'_>, label: &str) {
    bench.get_by_label(label).click();
    frames(bench);
}

/// Nobody has the keyboard.
fn press(bench: &mut Bench<'_>, modifiers: Modifiers, key: Key) {
    bench.ctx.memory_mut(|memory| {
        if let Some(focused) = memory.focused() {
            memory.surrender_focus(focused);
        }
    });
    bench.key_press_modifiers(modifiers, key);
    frames(bench);
}

fn share(bench: &Bench<'_>) -> f64 {
    bench.get_by_label("reviews v3 share").accesskit_node().numeric_value().unwrap()
}

/// One step to the right.
fn more(bench: &mut Bench<'_>, times: u32) {
    bench.get_by_label("reviews v3 share").focus();
    bench.step();
    for _ in 0..times {
        bench.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
        bench.step();
    }
    frames(bench);
}

/// What waits for Push, in whatever order it was made.
fn pending(bench: &Bench<'_>) -> Option<String> {
    let parts = &bench.state().0.ledger.pending()?.parts;
    let mut titles: Vec<&str> = parts.iter().map(|part| &*part.title).collect();
    titles.sort_unstable();
    Some(titles.join("; "))
}

fn reviews() -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")
}

fn without_reviews() -> Objects {
    let mut objects = demo::bookinfo_objects();
    objects.remove(&reviews());
    objects
}

/// A push that is live, so that it has an undo.
fn pushed(world: &mut World) {
    let id = world.checked(mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap());
    let stored = Stored::as_wanted(&world.ledger.get(id).unwrap().change);
    world.ledger.sent(id, demo::NOW);
    [Fact::Accepted(stored), Fact::Seen].iter().for_each(|fact| world.ledger.record(id, fact, demo::NOW));
}

#[test]
fn an_invalid_draft_is_in_the_bar_and_no_earlier_push() {
    let mut world = World::bookinfo().select(Selected::Object(reviews()));
    pushed(&mut world);
    let mut bench = window(world);
    bench.get_by_label("Undo");
    let field = "YAML of VirtualService bookinfo/reviews";
    let was = bench.get_by_label(field).accesskit_node().value().unwrap();
    bench.get_by_label(field).focus();
    frames(&mut bench);
    bench.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.event(Event::Paste(was.replace("weight: 50", "weight: -50")));
    bench.run_steps(60);
    bench.get_by_label("Cannot be pushed: YAML of VirtualService bookinfo/reviews");
    assert!(bench.query_by_label("Undo").is_none(), "the earlier push is out of sight");
    assert!(bench.query_by_label("Push").is_none());
    click(&mut bench, "Reset draft");
    assert_eq!(bench.get_by_label(field).accesskit_node().value().unwrap(), was);
    bench.get_by_label("Undo");
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    bench.get_by_label("Cannot be pushed: YAML of VirtualService bookinfo/reviews");
}

#[test]
fn a_draft_whose_object_is_gone_is_created_again() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    let wanted = pending(&bench).unwrap();
    bench.state_mut().0.selected = None;
    bench.state_mut().0.now_has(without_reviews());
    frames(&mut bench);
    bench.get_by_label_contains("Cannot be pushed: Traffic split of reviews");
    bench.get_by_label_contains("What it is for was deleted");
    assert_eq!(pending(&bench), None);
    bench.state_mut().0.wishes();
    click(&mut bench, "Create again");
    let change = bench.state_mut().0.checks().pop().unwrap();
    let Edit::Create(made) = &change.steps[0].edit else { panic!("{:?}", change.steps[0].edit) };
    assert_eq!(made["spec"]["http"][1]["route"][2]["weight"], 50);
    assert_eq!(pending(&bench), Some(wanted));
    // Other news take nothing of it away.
    let mut objects = without_reviews();
    objects.remove(&Ref::new(&kinds::SERVICE, "bookinfo", "details"));
    bench.state_mut().0.now_has(objects);
    frames(&mut bench);
    bench.get_by_label("Push");

    // It is pushed: the draft is true.
    let mut objects = demo::bookinfo_objects();
    let id = bench.state().0.ledger.pending().unwrap().id;
    bench.state_mut().0.ledger.sent(id, demo::NOW);
    objects.insert(reviews(), change.steps[0].after.clone().unwrap());
    bench.state_mut().0.now_has(objects);
    bench.state_mut().0.selected = Some(service("reviews"));
    frames(&mut bench);
    assert!(share(&bench) == 50.0 && bench.query_by_label("not pushed").is_none());
}

#[test]
fn a_draft_whose_object_is_gone_is_discarded() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    bench.state_mut().0.selected = None;
    bench.state_mut().0.now_has(without_reviews());
    frames(&mut bench);
    click(&mut bench, "Discard draft");
    bench.get_by_label("No change is pending");
}

#[test]
fn what_was_dropped_comes_back() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    for button in [true, false] {
        click(&mut bench, "Dismiss");
        assert_eq!((pending(&bench), share(&bench)), (None, 20.0));
        bench.get_by_label_contains("Dropped, not written: ");
        if button {
            click(&mut bench, "Bring it back");
        } else {
            press(&mut bench, Modifiers::COMMAND, Key::Z);
        }
        assert!(pending(&bench).is_some() && share(&bench) == 50.0);
        assert!(bench.query_by_label_contains("Dropped, not written").is_none());
    }
    // All of a set is dropped at once, and comes back at once.
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    let both = pending(&bench).unwrap();
    click(&mut bench, "Drop all changes…");
    click(&mut bench, "Drop all 2 changes");
    assert_eq!(pending(&bench), None);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(pending(&bench), Some(both));
}

#[test]
fn edits_are_taken_back_one_by_one_in_whatever_editor() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 1);
    more(&mut bench, 2);
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    let all = pending(&bench);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert!(pending(&bench).unwrap().ends_with("of all other calls"), "{:?}", pending(&bench));
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(share(&bench), 40.0);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!((share(&bench), pending(&bench)), (20.0, None));
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(share(&bench), 20.0, "nothing is left");
    for _ in 0..4 {
        press(&mut bench, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    }
    assert_eq!((share(&bench), pending(&bench)), (50.0, all));
    let id = bench.state().0.ledger.pending().unwrap().id;
    bench.state_mut().0.intents.send(Intent::Push(id));
    bench.state_mut().0.ledger.sent(id, demo::NOW);
    frames(&mut bench);
    bench.state_mut().0.wishes();
    press(&mut bench, Modifiers::COMMAND, Key::Z);
    assert_eq!(share(&bench), 50.0, "what was pushed is taken back by Undo");
}

/// What is kept, as the next run reads it.
fn next_run(bench: &Bench<'_>) -> Detail {
    let kept = serde_json::to_string(&bench.state().1.0.kept()).unwrap();
    let mut detail = Detail::default();
    detail.recall(serde_json::from_str::<KeptDrafts>(&kept).unwrap());
    detail
}

#[test]
fn drafts_of_editors_are_there_in_the_next_run() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    click(&mut bench, "Timeouts and retries");
    click(&mut bench, "timeout of reviews, set");
    let wanted = pending(&bench);
    let mut bench = with(World::bookinfo(), next_run(&bench));
    assert_eq!(pending(&bench), wanted, "before anything is selected");
    bench.state_mut().0.selected = Some(service("reviews"));
    frames(&mut bench);
    assert_eq!(share(&bench), 50.0);

    // Somebody else wrote elsewhere meanwhile, or there; or it is gone.
    let mut elsewhere = demo::bookinfo_objects();
    let mut object = (*elsewhere[&reviews()].0).clone();
    object["spec"]["http"][1]["mirror"] = serde_json::json!({ "host": "reviews", "subset": "v1" });
    elsewhere.insert(reviews(), object.clone().into());
    let mut world = World::bookinfo();
    world.now_has(elsewhere.clone());
    let again = with(world, next_run(&bench));
    assert_eq!(pending(&again), wanted);
    object["spec"]["http"][1]["route"][2]["weight"] = 21.into();
    object["spec"]["http"][1]["route"][0]["weight"] = 49.into();
    elsewhere.insert(reviews(), object.into());
    let mut world = World::bookinfo();
    world.now_has(elsewhere);
    let again = with(world, next_run(&bench));
    assert!(
        pending(&again).is_some_and(|title| !title.contains("v3 of reviews gets")),
        "{:?}",
        pending(&again)
    );
    again.get_by_label_contains("Not among them: Traffic split of reviews");
}

#[test]
fn a_draft_of_what_is_not_there_in_the_next_run_is_told_of() {
    let mut bench = window(World::bookinfo().select(service("reviews")));
    more(&mut bench, 3);
    let mut world = World::bookinfo();
    let mut objects = demo::bookinfo_objects();
    objects.remove(&Ref::new(&kinds::SERVICE, "bookinfo", "reviews"));
    world.now_has(objects);
    let mut bench = with(world, next_run(&bench));
    bench.get_by_label_contains("Cannot be pushed: Traffic split of reviews");
    bench.state_mut().0.now_has(demo::bookinfo_objects());
    frames(&mut bench);
    assert!(pending(&bench).is_some(), "it has come back");
}

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

/// What stood on disk before editors had any there.
#[test]
fn older_files_are_read() {
    assert_eq!(serde_json::from_str::<KeptDrafts>("[]").unwrap(), KeptDrafts::default());
}
