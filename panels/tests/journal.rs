//! The journal in the window: ways back to an earlier moment, and what is told of earlier runs and of others.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::edit::{self, Mode, Scope};
use mesh::journal::Past;
use mesh::split::Split;
use mesh::{Change, ChangeId, Fact, Moment, Problem, Restore, Stored, demo};
use panels::change_bar::ChangeBar;
use panels::changes::Changes;
use panels::{Intent, Panel as _};
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
        egui::Panel::bottom("bar").exact_size(panels::change_bar::HEIGHT).show(ui, |ui| bar.ui(ui, &cx));
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
    let now = change.steps[0].after.clone();
    world.ledger.record(undo, &Fact::Conflict { now, problem }, demo::NOW);
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

#[test]
fn every_change_that_was_written_is_a_moment_to_go_back_to() {
    let mut world = World::bookinfo();
    let mut push = |change: Change| {
        let id = world.checked(change.clone());
        world.ledger.sent(id, demo::NOW);
        world.ledger.record(id, &Fact::Accepted(Stored::as_wanted(&change)), demo::NOW);
        id
    };
    let (first, last) = (push(split([10, 10, 80])), push(strict()));
    let reviews = split([10, 10, 80]).steps[0].at.clone();
    let mut bench = harness(world, Changes::default(), [900.0, 700.0], |ui, panel, world| {
        panel.ui(ui, &world.cx());
    });
    for (menu, item, to, only) in [
        (
            "Restore to reviews: v1",
            "Everything to here: as it was after this change",
            Moment::After(first),
            vec![],
        ),
        (
            "Restore to reviews: v1",
            "Only VirtualService bookinfo/reviews to here",
            Moment::After(first),
            vec![reviews],
        ),
        ("Restore to Mutual", "Everything as it was before this change", Moment::Before(last), vec![]),
    ] {
        bench.get_by_label_contains(menu).click();
        bench.run_steps(3);
        bench.get_by_label(item).click();
        bench.run_steps(3);
        assert_eq!(bench.state_mut().0.wishes(), [Intent::Restore(Restore { to, only })]);
    }
    bench.get_by_label_contains("Restore to Mutual").click();
    bench.run_steps(3);
    let here = bench.get_by_label("Everything to here: as it was after this change");
    assert!(here.accesskit_node().is_disabled(), "nothing came after the last one");
}
