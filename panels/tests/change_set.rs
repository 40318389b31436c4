//! Several changes in the bar: drafts join and leave, the order is told, all are pushed as one. And pushes
//! that were cut off.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::edit::{self, FaultSpec, Mode, Scope, Status};
use mesh::journal::Past;
use mesh::ledger::Judged;
use mesh::split::Split;
use mesh::{Change, ChangeId, Fact, Problem, Standing, Stored, Theirs, demo};
use panels::change_bar::ChangeBar;
use panels::changes::{Changes, View};
use panels::{Intent, Panel as _};
use support::{World, harness};

fn split(shares: [u32; 3]) -> Change {
    let mesh = demo::bookinfo();
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    let rule = edit::rules(&mesh, reviews).pop().unwrap();
    let wanted = Split::new(["v1", "v2", "v3"].into_iter().zip(shares)).unwrap();
    edit::split(&mesh, &rule.at, &wanted).unwrap()
}

fn abort() -> Change {
    let mesh = demo::bookinfo();
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    let rule = edit::rules(&mesh, reviews).pop().unwrap();
    edit::fault(&mesh, &rule.at, None, FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) })
        .unwrap()
}

fn strict() -> Change {
    edit::mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap()
}

const SPLIT: ChangeId = ChangeId(1);
const ABORT: ChangeId = ChangeId(2);
const STRICT: ChangeId = ChangeId(3);

type Bar<'a> = Harness<'a, (World, ChangeBar)>;

fn bar<'a>(world: World) -> Bar<'a> {
    harness(world, ChangeBar::default(), [1280.0, 800.0], |ui, bar: &mut ChangeBar, world| {
        let cx = world.cx();
        bar.keys(ui.ctx(), &cx);
        egui::Panel::bottom("bar").exact_size(panels::change_bar::HEIGHT).show(ui, |ui| bar.ui(ui, &cx, &[]));
        cx.intents.each(|intent| bar.follow(intent));
    })
}

fn with(changes: impl IntoIterator<Item = (ChangeId, Change)>) -> World {
    let world = World::bookinfo();
    for (id, change) in changes {
        world.intents.send(Intent::Check(id, Box::new(change)));
    }
    world
}

fn click(bench: &mut Bar<'_>, label: &str) {
    bench.get_by_label(label).click();
    bench.run_steps(3);
}

#[test]
fn all_changes_are_pushed_as_one() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80])), (STRICT, strict())]));
    bench.get_by_label_contains("2 changes: reviews: v1 50 → 10 %");
    bench.state_mut().0.wishes();
    let pending = bench.state().0.ledger.pending().unwrap().id;
    click(&mut bench, "Push all 2 changes");
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Push(pending)]);
}

#[test]
fn the_list_says_each_change_and_the_order() {
    let mut bench = bar(with([(STRICT, strict()), (SPLIT, split([10, 10, 80]))]));
    click(&mut bench, "List changes");
    bench.get_by_label("reviews: v1 50 → 10 %, v2 30 → 10 %, v3 20 → 80 % of all other calls");
    bench.get_by_label("Mutual TLS of the mesh becomes STRICT instead of PERMISSIVE");
    bench.get_by_label("Written in this order");
    let place = |name: &str| bench.get_by_label(name).rect().top();
    assert!(
        place("VirtualService bookinfo/reviews") < place("PeerAuthentication istio-system/default"),
        "routes before policies, whatever was made first"
    );
    bench.get_by_label("after what it refers to");
}

#[test]
fn one_change_is_taken_out() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80])), (ABORT, abort())]));
    click(&mut bench, "List changes");
    bench.state_mut().0.wishes();
    click(&mut bench, "Take out All other calls to reviews fail with 503");
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Dismiss(ABORT)]);
    // What is left looks as a single change does.
    bench.get_by_label("Push");
    assert!(bench.query_by_label("List changes").is_none() && bench.query_by_label("Close list").is_none());
}

#[test]
fn a_newer_change_of_a_draft_takes_the_place_of_its_older_one() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80])), (SPLIT, split([30, 30, 40]))]));
    bench.get_by_label_contains("v3 of reviews gets 40 % instead of 20 %");
    bench.get_by_label("Push");
    assert_eq!(bench.state_mut().0.ledger.entries().len(), 1);
}

#[test]
fn two_that_write_the_same_place_are_not_pushed() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80])), (ABORT, split([30, 30, 40]))]));
    let why = "both write spec.http.1.route.0.weight of VirtualService bookinfo/reviews";
    bench.get_by_label_contains(why);
    assert!(bench.get_by_label("Push all 2 changes").accesskit_node().is_disabled());
    assert!(bench.query_by_label("Try again").is_none());
    bench.state_mut().0.intents.send(Intent::Dismiss(SPLIT));
    bench.run_steps(3);
    assert!(!bench.get_by_label("Push").accesskit_node().is_disabled());
}

#[test]
fn each_change_says_what_the_dry_run_says_of_it() {
    let mut world = World::bookinfo();
    world.ledger.put(SPLIT, split([10, 10, 80]), &demo::bookinfo(), demo::NOW);
    let (id, _) = world.ledger.put(STRICT, strict(), &demo::bookinfo(), demo::NOW).unwrap();
    let refusal = Problem::new("PeerAuthentication was not created", "You may not", "Ask");
    world.ledger.record(id, &Fact::Judged(0, Judged::Passed(Vec::new())), demo::NOW);
    world.ledger.record(id, &Fact::Judged(1, Judged::Refused(refusal.clone())), demo::NOW);
    world.ledger.record(id, &Fact::Refused(refusal), demo::NOW);
    let mut bench = bar(world);
    click(&mut bench, "List changes");
    assert_eq!(
        bench.get_all_by_label_contains("PeerAuthentication was not created: You may not").count(),
        2,
        "in the bar, and beside its change"
    );
}

/// Where buttons that act stand.
fn acting(bench: &Bar<'_>) -> Vec<(String, egui::Rect)> {
    let names = ["Push", "Push all 2 changes", "Undo", "Try again", "Finish", "Drop all 2 changes"];
    let all = names.iter().flat_map(|name| bench.query_all_by_label(name).map(|node| (*name, node.rect())));
    all.map(|(name, rect)| (name.to_owned(), rect)).collect()
}

#[test]
fn a_double_click_on_push_pushes_and_does_nothing_else() {
    for changes in
        [vec![(SPLIT, split([10, 10, 80]))], vec![(SPLIT, split([10, 10, 80])), (STRICT, strict())]]
    {
        let mut bench = bar(with(changes));
        let [(_, push)] = &acting(&bench)[..] else { panic!("{:?}", acting(&bench)) };
        let push = *push;
        let id = bench.state().0.ledger.pending().unwrap().id;
        let change = bench.state().0.ledger.get(id).unwrap().change.clone();
        bench.state_mut().0.ledger.sent(id, demo::NOW);
        for fact in [None, Some(Fact::Accepted(Stored::as_wanted(&change))), Some(Fact::Live)] {
            fact.iter().for_each(|fact| bench.state_mut().0.ledger.record(id, fact, demo::NOW));
            bench.run_steps(3);
            let there = acting(&bench);
            assert!(there.iter().any(|(name, _)| name == "Undo"), "{there:?}");
            assert!(there.iter().all(|(_, rect)| !rect.contains(push.center())), "{push} {there:?}");
        }
    }
}

#[test]
fn several_drafts_are_dropped_only_when_that_is_said_twice() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80])), (STRICT, strict())]));
    bench.state_mut().0.wishes();
    let x = bench.get_by_label("Drop all changes…").rect();
    click(&mut bench, "Drop all changes…");
    assert!(
        acting(&bench).iter().all(|(_, rect)| !rect.contains(x.center())),
        "a double click drops nothing"
    );
    click(&mut bench, "Keep them");
    assert_eq!(bench.state_mut().0.wishes(), []);
    let id = bench.state().0.ledger.pending().unwrap().id;
    click(&mut bench, "Drop all changes…");
    click(&mut bench, "Drop all 2 changes");
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Dismiss(id)]);
}

#[test]
fn keys_push_and_take_the_last_edit_back() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80])), (STRICT, strict())]));
    bench.state_mut().0.wishes();
    bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    bench.run_steps(3);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::UndoEdit]);
    let id = bench.state().0.ledger.pending().unwrap().id;
    bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    bench.run_steps(3);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Push(id)]);
}

#[test]
fn what_was_undone_says_so_and_does_not_come_back() {
    let mut world = World::bookinfo();
    let id = world.checked(split([10, 10, 80]));
    let change = world.ledger.get(id).unwrap().change.clone();
    world.ledger.sent(id, demo::NOW);
    world.ledger.record(id, &Fact::Accepted(Stored::as_wanted(&change)), demo::NOW);
    let undo = ChangeId::fresh();
    let inverse = change.inverse(&world.ledger.get(id).unwrap().stored).unwrap();
    let taken_back = Fact::Accepted(Stored::as_wanted(&inverse));
    world.ledger.open(undo, inverse, Some(id), demo::NOW);
    world.ledger.sent(undo, demo::NOW);
    world.ledger.record(id, &Fact::Unknowable(Problem::new("a", "b", "c")), demo::NOW);
    let said = |world: &World| View::of(&world.cx()).rows.pop().unwrap().stage;
    assert_eq!(said(&world), "Being undone", "the undo is only sent");
    let of = change.evidence.proxies().len();
    let acked = Fact::Acked { acked: of, of, waiting: Vec::new() };
    let mut unknown = World::bookinfo();
    unknown.ledger = world.ledger.clone();
    [taken_back.clone(), Fact::Unknowable(Problem::new("a", "b", "c"))]
        .iter()
        .for_each(|fact| unknown.ledger.record(undo, fact, demo::NOW));
    assert_eq!(said(&unknown), "Undo not confirmed");
    [taken_back, Fact::Seen, acked, Fact::Live]
        .iter()
        .for_each(|fact| world.ledger.record(undo, fact, demo::NOW));
    let row = View::of(&world.cx()).rows.pop().unwrap();
    assert_eq!((row.stage, row.undone, row.undo, row.trouble.as_str()), ("Undone", true, false, ""));
    let mut bench = bar(world);
    click(&mut bench, "Dismiss");
    bench.get_by_label("No change is pending");
}

#[test]
fn the_diff_is_over_all_objects() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80])), (STRICT, strict())]));
    click(&mut bench, "Diff");
    bench.get_by_label_contains("Diff of VirtualService bookinfo/reviews");
    bench.get_by_label_contains("Diff of PeerAuthentication istio-system/default");
}

/// A push of an earlier run, as the connection tells it.
fn cut_off(standings: Vec<Standing>) -> World {
    let mut set = mesh::ChangeSet::default();
    set.put(SPLIT, split([10, 10, 80]));
    set.put(STRICT, strict());
    let change = set.whole(&demo::bookinfo()).unwrap();
    let id = ChangeId(9);
    let (run, sent) = (demo::NOW - jiff::SignedDuration::from_hours(2), demo::NOW);
    let parts = set.parts(&change);
    let past = Past { id, run, change, parts, undoes: None, sent, facts: Vec::new() };
    let mut world = World::bookinfo();
    world.ledger.record(id, &Fact::Remembered(Box::new(past)), demo::NOW);
    world.ledger.record(id, &Fact::CutOff(standings), demo::NOW);
    world
}

fn half() -> World {
    let stored = Stored::as_wanted(&split([10, 10, 80])).remove(0);
    cut_off(vec![Standing::Written(stored), Standing::Untouched])
}

#[test]
fn a_push_that_was_cut_off_comes_first() {
    let mut bench = bar(half());
    bench.get_by_label("A push of 2 objects was cut off: 1 of 2 written");
    bench.state_mut().0.intents.send(Intent::Check(ABORT, Box::new(abort())));
    bench.run_steps(3);
    bench.get_by_label("A push of 2 objects was cut off: 1 of 2 written");
    bench.state_mut().0.wishes();
    for (press, sent) in [
        ("Finish", Intent::Finish(ChangeId(9))),
        ("Undo", Intent::Undo(ChangeId(9))),
        ("Leave it as it is", Intent::Leave(ChangeId(9))),
    ] {
        click(&mut bench, press);
        assert_eq!(bench.state_mut().0.wishes(), [sent]);
    }
    // It was left: what is pending is shown again.
    bench.get_by_label_contains("All other calls to reviews fail with 503");
}

#[test]
fn what_nobody_wrote_is_not_undone_and_what_others_wrote_is_not_finished() {
    let bench = bar(cut_off(vec![Standing::Untouched, Standing::Untouched]));
    assert!(bench.get_by_label("Undo").accesskit_node().is_disabled());
    let bench = bar(cut_off(vec![Standing::Changed(None), Standing::Untouched]));
    bench.get_by_label_contains("VirtualService bookinfo/reviews was changed by somebody else since");
    assert!(bench.get_by_label("Finish").accesskit_node().is_disabled());
}

#[test]
fn what_is_finished_goes_the_usual_way() {
    let mut world = half();
    world.ledger.sent(ChangeId(9), demo::NOW);
    let mut bench = bar(world);
    assert!(bench.query_by_label("Finish").is_none());
    bench.get_by_label_contains("2 changes: reviews: v1 50 → 10 %");
    let stored = Stored::as_wanted(&bench.state().0.ledger.get(ChangeId(9)).unwrap().change);
    bench.state_mut().0.ledger.record(ChangeId(9), &Fact::Accepted(stored), demo::NOW);
    bench.run_steps(2);
    click(&mut bench, "Undo");
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Undo(ChangeId(9))]);
}

#[test]
fn a_lost_answer_is_said() {
    let mut world = with([(SPLIT, split([10, 10, 80]))]);
    world.ledger.put(SPLIT, split([10, 10, 80]), &demo::bookinfo(), demo::NOW);
    let id = world.ledger.pending().unwrap().id;
    world.ledger.sent(id, demo::NOW);
    let unsure =
        Problem::new("It is not known yet whether reviews was changed", "The connection broke", "Wait");
    world.ledger.record(id, &Fact::Unsure(unsure), demo::NOW);
    world.intents.take();
    let bench = bar(world);
    bench.get_by_label_contains("It is not known yet whether reviews was changed: The connection broke");
    assert!(bench.get_by_label("Dismiss").accesskit_node().is_disabled(), "it is under way");
}

#[test]
fn the_ledger_keeps_a_set_and_earlier_runs_together() {
    let mut world = half();
    for change in [(SPLIT, split([10, 10, 80])), (ABORT, abort())] {
        world.ledger.put(change.0, change.1, &demo::bookinfo(), demo::NOW);
    }
    let view = View::of(&world.cx());
    let told: Vec<_> =
        view.rows.iter().map(|row| (row.parts.len(), row.cut_off, row.run.is_some(), row.undo)).collect();
    assert_eq!(told, [(2, false, false, false), (2, true, true, true)]);
    let mut bench = harness(world, Changes::default(), [900.0, 700.0], |ui, panel, world| {
        panel.ui(ui, &world.cx());
    });
    bench.get_by_label_contains("1 change of this run");
    bench.get_by_label_contains("All other calls to reviews fail with 503, ");
    bench.get_by_label_contains("VirtualService bookinfo/reviews, Binnacle, earlier run").click();
    bench.run_steps(3);
    bench.get_by_label_contains("From the run that began");
    bench.get_by_label("Finish A push of 2 objects was cut off: 1 of 2 written").click();
    bench.run_steps(2);
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Finish(ChangeId(9))]);
}

#[test]
fn what_others_changed_meanwhile_is_said_before_the_push() {
    let mut bench = bar(with([(SPLIT, split([10, 10, 80]))]));
    bench.get_by_label("Push");
    let at = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut objects = demo::bookinfo_objects();
    let mut theirs = (*objects[&at].0).clone();
    theirs["metadata"]["labels"] = serde_json::json!({ "team": "books" });
    objects.insert(at.clone(), theirs.clone().into());
    bench.state_mut().0.now_has(objects.clone());
    bench.run_steps(3);
    bench.get_by_label("Push");
    theirs["spec"]["http"][1]["route"][0]["weight"] = 49.into();
    objects.insert(at.clone(), theirs.into());
    bench.state_mut().0.now_has(objects.clone());
    bench.run_steps(3);
    bench.get_by_label_contains("VirtualService bookinfo/reviews was changed since by somebody else");
    assert!(bench.query_by_label("Push").is_none());
    bench.state_mut().0.wishes();
    let id = bench.state().0.ledger.pending().unwrap().id;
    click(&mut bench, "Rebuild on theirs");
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Rebuild(id)]);
    objects.remove(&at);
    let mut bench = bar(with([(SPLIT, split([10, 10, 80]))]));
    bench.state_mut().0.now_has(objects);
    bench.run_steps(3);
    bench.get_by_label_contains("was changed since by somebody else");
}

/// An undo that was refused: the way back over what came later is offered only where it is one.
#[test]
fn restore_is_offered_where_it_goes() {
    let refused = |weight: u32| {
        let mut world = World::bookinfo();
        let id = world.checked(split([10, 10, 80]));
        let change = world.ledger.get(id).unwrap().change.clone();
        world.ledger.sent(id, demo::NOW);
        world.ledger.record(id, &Fact::Accepted(Stored::as_wanted(&change)), demo::NOW);
        world.ledger.record(id, &Fact::Unknowable(Problem::new("a", "b", "c")), demo::NOW);
        let undo = ChangeId::fresh();
        let inverse = change.inverse(&world.ledger.get(id).unwrap().stored).unwrap();
        world.ledger.open(undo, inverse, Some(id), demo::NOW);
        let mut now = (*change.steps[0].after.as_ref().unwrap().0).clone();
        now["spec"]["http"][1]["route"][0]["weight"] = weight.into();
        let problem = Problem::new("It was not undone", "Somebody else was first", "Look at it");
        let theirs = Theirs { at: change.steps[0].at.clone(), now: Some(now.clone().into()) };
        let conflict = Fact::Conflict { theirs, problem };
        world.ledger.record(undo, &conflict, demo::NOW);
        let mut objects = demo::bookinfo_objects();
        objects.insert(change.steps[0].at.clone(), now.into());
        world.now_has(objects);
        bar(world)
    };
    refused(10).get_by_label("Restore to before it");
    let mut bench = refused(33);
    assert!(bench.query_by_label("Restore to before it").is_none());
    click(&mut bench, "Diff");
    bench.get_by_label_contains("Nor can it be restored. Somebody else has written it since");
}

/// No editor could bring a way back again: it is dropped only when that is said twice.
#[test]
fn a_way_back_is_dropped_only_when_that_is_said_twice() {
    let mut bench = bar(World::bookinfo());
    let back = mesh::Restore { to: mesh::Moment::Before(SPLIT), only: Vec::new() };
    bench.state().0.intents.send(Intent::Restore(back));
    bench.state().0.intents.send(Intent::Check(SPLIT, Box::new(split([10, 10, 80]))));
    bench.run_steps(3);
    bench.state_mut().0.wishes();
    click(&mut bench, "Dismiss");
    assert_eq!(bench.state_mut().0.wishes(), []);
    click(&mut bench, "Drop it");
    let id = bench.state_mut().0.wishes();
    assert!(matches!(id[..], [Intent::Dismiss(_)]), "{id:?}");
    assert!(bench.query_by_label_contains("Dropped, not written").is_none());
}
