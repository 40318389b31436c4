//! The editor of workloads: its switch, what it says beforehand, and what bars it.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::{Answer, Problem, Read, Ref, demo, kinds};
use panels::{Intent, Selected};
use std::sync::Arc;
use support::World;
use support::detail::{Bench, detail, frames};

const FIELDS: [&str; 3] = ["pods of ratings-v1", "restart ratings-v1", "sidecars of ratings-v1"];

fn opened<'a>(world: World) -> Bench<'a> {
    let mut bench = detail(world.select(Selected::Workload("bookinfo".into(), "ratings-v1".into())));
    bench.get_by_label("Workload").click();
    frames(&mut bench);
    bench
}

fn barred(bench: &Bench<'_>) -> bool {
    let disabled = FIELDS.map(|name| bench.get_by_label(name).accesskit_node().is_disabled());
    assert!(disabled.iter().all(|one| *one == disabled[0]), "{disabled:?}");
    disabled[0]
}

#[test]
fn nothing_can_be_changed_before_it_is_allowed() {
    let mut bench = opened(World::bookinfo());
    assert!(barred(&bench));
    bench.get_by_label_contains("While this is off nothing below can be changed");
    bench.get_by_label("restart ratings-v1").click();
    bench.get_by_label("allow workload changes").click();
    frames(&mut bench);
    let wishes = bench.state_mut().0.wishes();
    assert!(matches!(wishes[..], [Intent::AllowWorkloads(true)]), "{wishes:?}");
    bench.state_mut().0.workloads = true;
    frames(&mut bench);
    assert!(!barred(&bench));
}

#[test]
fn it_says_beforehand_what_it_does() {
    let mut bench = opened(World { workloads: true, ..World::bookinfo() });
    bench.get_by_label("restart ratings-v1").click();
    frames(&mut bench);
    bench.get_by_label_contains("callers may see 503");
    bench.get_by_label("A restart cannot be undone");
    let changes = bench.state_mut().0.checks();
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].title.as_str(), changes[0].steps.len()), ("ratings-v1 is restarted", 1));
    bench.get_by_label("restart ratings-v1").click();
    frames(&mut bench);
    assert!(
        matches!(bench.state_mut().0.wishes()[..], [Intent::Dismiss(_)]),
        "pressed again, it is not wanted"
    );
}

#[test]
fn read_only_and_missing_rights_bar_it_and_say_so() {
    let world = || World { workloads: true, ..World::bookinfo() };
    let bench = opened(World { read_only: true, ..world() });
    assert!(barred(&bench) && bench.get_by_label("allow workload changes").accesskit_node().is_disabled());
    let mut world = world();
    let read = Read::May("patch", Ref::new(&kinds::DEPLOYMENT, "bookinfo", "ratings-v1"));
    let missing =
        Problem::new("It cannot be changed", "This login may not patch deployments", "Ask for the right");
    world.scene.answers.take(demo::NOW, read, Ok(Answer::May(Arc::new(Some(missing)))));
    let bench = opened(world);
    assert!(barred(&bench));
    bench.get_by_label("This login may not patch deployments. Ask for the right");
}
