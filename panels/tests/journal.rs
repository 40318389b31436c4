//! The journal in the window: ways back to an earlier moment, and what is told of earlier runs and of others.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use jiff::SignedDuration;
use mesh::edit::{self, Mode, Scope};
use mesh::journal::Past;
use mesh::split::Split;
use mesh::writes::{Deed, Write};
use mesh::{Change, ChangeId, Fact, Moment, Problem, Restore, Stored, Theirs, demo};
use panels::change_bar::ChangeBar;
use panels::changes::Changes;
use panels::intent::Export;
use panels::shell::leaving::{self, Answer, Unfinished};
use panels::{Intent, Panel as _};
use std::sync::Arc;
use support::{World, harness};

fn split(shares: [u32; 3]) -> Change {
    let mesh = demo::bookinfo();
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    let rule = edit::rules(&mesh, reviews).pop().unwrap();
    let wanted = Split::new(["v1", "v2", "v3"].into_iter().zip(shares)).unwrap();
    edit::split(&mesh, &rule.at, &wanted).unwrap()
}

fn strict() -> Change {
    edit::mtls(&demo::bookinfo(), &Scope::Mesh, Some(Mode::Strict)).unwrap()
}

fn bar<'a>(world: World) -> Harness<'a, (World, ChangeBar)> {
    harness(world, ChangeBar::default(), [1280.0, 800.0], |ui, bar: &mut ChangeBar, world| {
        let cx = world.cx();
        egui::Panel::bottom("bar").exact_size(panels::change_bar::HEIGHT).show(ui, |ui| bar.ui(ui, &cx, &[]));
        cx.intents.each(|intent| bar.follow(intent));
    })
}

/// An undo whose place was written again since leads to the way back that there is.
#[test]
fn a_refused_undo_offers_the_way_back_that_exists() {
    let mut world = World::bookinfo();
    let id = world.checked(split([10, 10, 80]));
    let change = world.ledger.get(id).unwrap().change.clone();
    world.ledger.sent(id, demo::NOW);
    let of = change.evidence.proxies().len();
    let acked = Fact::Acked { acked: of, of, waiting: Vec::new() };
    for fact in [Fact::Accepted(Stored::as_wanted(&change)), Fact::Seen, acked, Fact::Live] {
        world.ledger.record(id, &fact, demo::NOW);
    }
    let undo = ChangeId::fresh();
    let stored: Vec<_> = Stored::as_wanted(&change).into_iter().map(Some).collect();
    world.ledger.open(undo, change.inverse(&stored).unwrap(), Some(id), demo::NOW);
    let problem = Problem::new("reviews was not changed", "weight was 10, now it is 40", "Make it anew");
    let theirs = Theirs { at: change.steps[0].at.clone(), now: change.steps[0].after.clone() };
    world.ledger.record(undo, &Fact::Conflict { theirs, problem }, demo::NOW);
    let mut objects = demo::bookinfo_objects();
    objects.insert(change.steps[0].at.clone(), change.steps[0].after.clone().unwrap());
    world.now_has(objects);
    let restore = Intent::Restore(Restore { to: Moment::Before(id), only: vec![change.steps[0].at.clone()] });
    let mut bench = bar(world);
    assert!(
        bench.query_by_label("Rebuild on theirs").is_none() && bench.query_by_label("Try again").is_none()
    );
    bench.get_by_label("Restore to before it").click();
    bench.run_steps(3);
    assert_eq!(bench.state_mut().0.wishes(), std::slice::from_ref(&restore));
    bench.get_by_label("Diff").click();
    bench.run_steps(3);
    assert!(bench.query_by_label("Rebuild on theirs").is_none());
    assert_eq!(bench.get_all_by_label("Restore to before it").count(), 2);
}

#[test]
fn a_push_of_an_earlier_run_that_still_syncs_is_in_the_bar() {
    let change = split([10, 10, 80]);
    let (id, sent) = (ChangeId(9), demo::NOW);
    let facts = [Fact::Accepted(Vec::new()), Fact::Seen].map(|fact| (sent, fact)).into();
    let past = Past { id, run: sent, change, parts: Vec::new(), undoes: None, sent, facts };
    let mut world = World::bookinfo();
    world.ledger.record(id, &Fact::Remembered(Box::new(past.clone())), sent);
    let bench = bar(world);
    bench.get_by_label_contains("reviews: v1 50 → 10 %");
    assert!(bench.query_by_label("No change is pending").is_none());
    // Nobody waits for one of yesterday.
    let mut world = World::bookinfo();
    let old = Past { sent: sent - jiff::SignedDuration::from_hours(20), ..past };
    world.ledger.record(id, &Fact::Remembered(Box::new(old)), sent);
    bar(world).get_by_label("No change is pending");
}

/// A world in which two changes were pushed; their ids.
fn pushed() -> (World, ChangeId, ChangeId) {
    let mut world = World::bookinfo();
    let mut push = |change: Change| {
        let id = world.checked(change.clone());
        world.ledger.sent(id, demo::NOW);
        world.ledger.record(id, &Fact::Accepted(Stored::as_wanted(&change)), demo::NOW);
        id
    };
    let (first, last) = (push(split([10, 10, 80])), push(strict()));
    (world, first, last)
}

type Journal<'a> = Harness<'a, (World, Changes)>;

fn journal<'a>(world: World) -> Journal<'a> {
    harness(world, Changes::default(), [900.0, 700.0], |ui, panel: &mut Changes, world| {
        panel.ui(ui, &world.cx());
    })
}

fn click(bench: &mut Journal<'_>, label: &str) {
    bench.get_by_label_contains(label).click();
    bench.run_steps(3);
}

#[test]
fn every_change_that_was_written_is_a_moment_to_go_back_to() {
    let (world, first, last) = pushed();
    let reviews = split([10, 10, 80]).steps[0].at.clone();
    let mut bench = journal(world);
    let here = "Everything to here: as it was after this change";
    let only = "Only VirtualService bookinfo/reviews to here";
    for (row, menu, item, to, only) in [
        ("reviews, Binnacle", "Restore to reviews: v1", here, Moment::After(first), vec![]),
        ("reviews, Binnacle", "Restore to reviews: v1", only, Moment::After(first), vec![reviews]),
        (
            "default, Binnacle",
            "Restore to Mutual",
            "Everything as it was before this change",
            Moment::Before(last),
            vec![],
        ),
    ] {
        click(&mut bench, row);
        click(&mut bench, menu);
        bench.get_by_label(item).click();
        bench.run_steps(3);
        assert_eq!(bench.state_mut().0.wishes(), [Intent::Restore(Restore { to, only })]);
    }
    click(&mut bench, "Restore to Mutual");
    assert!(bench.get_by_label(here).accesskit_node().is_disabled(), "nothing came after the last one");
}

/// What kubectl wrote, what was deleted, and a write of ours as the watch tells it.
fn with_others() -> World {
    let (mut world, first, _) = pushed();
    let ours = world.ledger.get(first).unwrap().stored[0].clone().unwrap();
    let (before, after) = (ours.before, ours.after);
    let at = split([10, 10, 80]).steps[0].at.clone();
    let write = |by: Option<&str>, deed, what: &[&str], secs| Write {
        at: at.clone(),
        by: by.map(str::to_owned),
        when: demo::NOW - SignedDuration::from_secs(secs),
        heard: demo::NOW,
        deed,
        what: what.iter().map(|&place| place.to_owned()).collect(),
        before: before.clone(),
        after: after.clone(),
    };
    let mut writes = vec![
        write(Some("kubectl-edit"), Deed::Changed, &["http.1.timeout none → 3s", "a", "b", "c"], 5),
        write(Some(mesh::writes::MANAGER), Deed::Changed, &["ours, told again"], 4),
        write(Some("istio-operator"), Deed::Before, &["spec.hosts"], 3600),
    ];
    writes.push(Write { at: strict().steps[0].at.clone(), ..write(None, Deed::Deleted, &[], 3) });
    world.scene.writes = Arc::new(writes);
    world
}

#[test]
fn what_others_wrote_stands_beside_ours_and_ours_only_once() {
    let mut bench = journal(with_others());
    bench.get_by_label_contains("2 changes of this run");
    bench.get_by_label_contains("3 writes of others");
    bench.get_by_label("VirtualService bookinfo/reviews, 3 rows");
    bench.get_by_label("PeerAuthentication istio-system/default, 2 rows");
    bench.get_by_label_contains(
        "wrote spec.hosts before we looked, VirtualService bookinfo/reviews, istio-operator",
    );
    bench.get_by_label("deleted, PeerAuthentication istio-system/default, not told");
    assert!(bench.query_by_label_contains("told again").is_none());
    click(&mut bench, "http.1.timeout none → 3s, a, b and 1 more, ");
    bench.get_by_label("kubectl-edit changed VirtualService bookinfo/reviews");
    bench.get_by_label_contains("Diff of VirtualService bookinfo/reviews");
    assert!(bench.query_by_label_contains("Undo ").is_none(), "what takes it back waits for Push");
    click(&mut bench, "Restore VirtualService bookinfo/reviews to before it");
    let wishes = bench.state_mut().0.wishes();
    let [Intent::TakeBack(write)] = &wishes[..] else { panic!("{wishes:?}") };
    assert_eq!(write.by.as_deref(), Some("kubectl-edit"));
    click(&mut bench, "wrote spec.hosts before we looked, ");
    let restore = bench.get_by_label("Restore VirtualService bookinfo/reviews to before it");
    assert!(restore.accesskit_node().is_disabled(), "nobody knows what was there before");

    bench.get_by_label("Whose changes").click();
    bench.run_steps(3);
    bench.get_by_label("Binnacle").click();
    bench.run_steps(3);
    assert!(bench.query_by_label_contains("kubectl-edit").is_none());
    bench.get_by_label("VirtualService bookinfo/reviews, 1 row");
    bench.get_by_label("By object").click();
    bench.run_steps(3);
    assert!(bench.query_by_label("VirtualService bookinfo/reviews, 1 row").is_none());
}

/// What is saved is what is in sight.
#[test]
fn the_journal_is_saved_as_csv_and_json() {
    let mut bench = journal(with_others());
    let mut saved = |item: &str| {
        bench.get_by_label("Export changes").click();
        bench.run_steps(3);
        bench.get_by_label(item).click();
        bench.run_steps(3);
        let [Intent::Save(Export::Journal(_, make), None)] = &bench.state_mut().0.wishes()[..] else {
            panic!("nothing is saved")
        };
        make()
    };
    let csv = saved("Save as CSV…");
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("time,who,objects,what,state,"), "{csv}");
    assert_eq!(lines.len(), 1 + 5, "{csv}");
    assert!(
        csv.contains(",kubectl-edit,VirtualService bookinfo/reviews,\"http.1.timeout none → 3s, a, b, c\",")
    );
    let json: serde_json::Value = serde_json::from_str(&saved("Save as JSON…")).unwrap();
    let ours = json.as_array().unwrap().iter().filter(|line| line["who"] == "binnacle").count();
    assert_eq!((json.as_array().unwrap().len(), ours), (5, 2));
}

/// The question before the window closes.
fn question(world: World, editing: bool) -> Option<Harness<'static, (World, Option<Answer>)>> {
    Unfinished::of(&world.ledger, editing)?;
    Some(harness(world, None, [900.0, 700.0], move |ui, answer: &mut Option<Answer>, world| {
        let unfinished = Unfinished::of(&world.ledger, editing).unwrap();
        *answer = leaving::ui(ui, &unfinished, true).or(*answer);
    }))
}

#[test]
fn what_would_be_lost_is_asked_before_the_window_closes() {
    assert!(question(World::bookinfo(), false).is_none(), "nothing is lost");
    let (world, first, _) = pushed();
    assert!(question(world, false).is_none(), "what is stored is followed by the next run");
    question(World::bookinfo(), true).unwrap().get_by_label_contains("An editor holds what was not pushed");

    let draft = || {
        let mut world = World::bookinfo();
        world.ledger.put(first, split([10, 10, 80]), &demo::bookinfo(), demo::NOW);
        world
    };
    let mut bench = question(draft(), true).unwrap();
    bench.get_by_label_contains("A change was not pushed");
    bench.get_by_label_contains("reviews: v1 50 → 10 %");
    bench.key_press(egui::Key::Escape);
    bench.run_steps(3);
    assert_eq!(bench.state().1, Some(Answer::Stay));
    for (button, answer) in [("Keep open", Answer::Stay), ("Close anyway", Answer::Leave)] {
        let mut bench = question(draft(), true).unwrap();
        bench.get_by_label(button).click();
        bench.run_steps(3);
        assert_eq!(bench.state().1, Some(answer));
    }
    // The way that loses nothing has the keyboard.
    let mut bench = question(draft(), true).unwrap();
    bench.key_press(egui::Key::Enter);
    bench.run_steps(3);
    assert_eq!(bench.state().1, Some(Answer::Stay));

    let mut world = draft();
    let id = world.ledger.pending().unwrap().id;
    world.ledger.sent(id, demo::NOW);
    question(world, true).unwrap().get_by_label_contains("A push is under way");
}
