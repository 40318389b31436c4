//! The card of the first minutes.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use mesh::edit::{rules, split};
use mesh::evidence::Measured;
use mesh::{ChangeId, Fact, Stored, demo};
use panels::first_steps::FirstSteps;
use panels::{Intent, Selected};
use support::{World, harness};

fn card<'a>(world: World, over: bool) -> Harness<'a, (World, FirstSteps)> {
    harness(world, FirstSteps::new(over), [400.0, 300.0], |ui, card: &mut FirstSteps, world| {
        card.ui(ui, &world.cx());
    })
}

fn sandbox() -> World {
    let mut world = World::bookinfo();
    world.scene.sandbox = true;
    world
}

#[test]
fn steps_are_ticked_as_they_are_done_and_the_card_goes() {
    let mut bench = card(sandbox(), false);
    bench.run_steps(2);
    bench.get_by_label("Step 1: Move reviews v3 to 50 %, to do");
    bench.get_by_label("Select reviews").click();
    bench.run_steps(2);
    let reviews = Selected::Service("bookinfo".into(), "reviews".into());
    assert_eq!(bench.state_mut().0.wishes(), [Intent::Select(Some(reviews))]);
    let change = {
        let mesh = &bench.state().0.scene.mesh;
        let rule = rules(mesh, mesh.service("bookinfo", "reviews").unwrap()).remove(1);
        let mut shares = split::current(mesh, &rule.at).unwrap();
        let v3 = shares.shares().iter().position(|share| share.name == "v3").unwrap();
        shares.set(v3, 50);
        mesh::edit::split(mesh, &rule.at, &shares).unwrap()
    };
    let after = change.steps[0].after.clone();
    let id = ChangeId::fresh();
    bench.state_mut().0.ledger.open(id, change, None, demo::NOW);
    bench.run_steps(2);
    bench.get_by_label("Step 1: Move reviews v3 to 50 %, done");
    bench.get_by_label("Step 2: Push: the bar below says how far it has come, to do");
    let ledger = &mut bench.state_mut().0.ledger;
    ledger.record(id, &Fact::Checked(Vec::new()), demo::NOW);
    ledger.sent(id, demo::NOW);
    ledger.record(id, &Fact::Accepted(vec![Stored::returned(after)]), demo::NOW);
    bench.run_steps(2);
    bench.get_by_label("Step 2: Push: the bar below says how far it has come, done");
    bench.get_by_label("Step 3: Watch the calls follow, to do");
    bench.state_mut().0.wishes();
    let all = Fact::Acked { acked: 1, of: 1, waiting: Vec::new() };
    bench.state_mut().0.ledger.record(id, &all, demo::NOW);
    bench.state_mut().0.ledger.record(id, &Fact::Live, demo::NOW);
    bench.state_mut().0.ledger.record(id, &Fact::Measured(Measured::default()), demo::NOW);
    bench.run_steps(2);
    bench.get_by_label("Step 3: Watch the calls follow, done");
    assert_eq!(bench.state_mut().0.wishes(), [Intent::FirstStepsDone], "it is remembered, once");
    // It does not go by itself: what stands below it would jump. What is selected next takes its place.
    bench.run_steps(80);
    bench.get_by_label("Step 3: Watch the calls follow, done");
    bench.state_mut().0.selected = Some(Selected::Service("bookinfo".into(), "ratings".into()));
    bench.run_steps(2);
    assert!(bench.query_by_label_contains("Step").is_none());
}

#[test]
fn it_is_for_a_sandbox_that_may_be_changed() {
    let absent = |world: World, over: bool| {
        let mut bench = card(world, over);
        bench.run_steps(2);
        bench.query_by_label_contains("Step 1").is_none()
    };
    let mut cluster = sandbox();
    cluster.scene.sandbox = false;
    assert!(absent(cluster, false), "a cluster of somebody's");
    assert!(absent(sandbox(), true), "done in an earlier run");
    let mut locked = sandbox();
    locked.read_only = true;
    assert!(absent(locked, false));
    assert!(!absent(sandbox(), false));
}
